"""The rules of a clinic's patient tags."""

from datetime import datetime
from typing import Final

import attrs

from clinic_domain.clinics.errors import BlankName, DuplicateTag, TagNotFound, TooManyTags
from clinic_domain.clinics.model import Clinic, Tag
from clinic_domain.text import lowered
from clinic_domain.values import TagId

MAX_TAGS: Final = 50


def tag_name(text: str) -> str:
    """
    Return the name that a tag gets when *text* was typed (TAG-2).

    Raises:
        BlankName: nothing visible is left.
    """
    name = text.strip()
    if not name:
        raise BlankName
    return name


def tag_key(name: str) -> str:
    """
    Return what two names of one clinic must not share.

    The name without spaces, in lower case (TAG-3).
    """
    return lowered(name.replace(" ", ""))


def with_tag(clinic: Clinic, tag: Tag, now: datetime) -> Clinic:
    """
    Return *clinic* with another tag at the end.

    Raises:
        TooManyTags: it has all that it may have; checked first (TAG-4).
        DuplicateTag: another tag has the name (TAG-3).
    """
    tags = clinic.tags or ()
    if len(tags) >= MAX_TAGS:
        raise TooManyTags(clinic.id)
    _refuse_equal_name(clinic, tag)
    return attrs.evolve(clinic, tags=(*tags, tag), updated_time=now)


def with_renamed_tag(clinic: Clinic, tag: Tag, now: datetime) -> Clinic:
    """
    Return *clinic* with the tag of this id under its new name (TAG-5).

    Raises:
        DuplicateTag: another tag has the name; checked first.
        TagNotFound: the clinic has no such tag.
    """
    _refuse_equal_name(clinic, tag)
    if clinic.tag(tag.id) is None:
        raise TagNotFound(clinic.id, tag.id)
    tags = tuple(tag if old.id == tag.id else old for old in clinic.tags or ())
    return attrs.evolve(clinic, tags=tags, updated_time=now)


def without_tag(clinic: Clinic, tag_id: TagId, now: datetime) -> Clinic:
    """
    Return *clinic* without the tag, which it need not have.

    `last_deleted_tag` is set in any case: it makes the worker that follows the storage take the tag
    from the patients (TAG-7).
    """
    # A clinic that never had a tag still has never had one.
    tags = clinic.tags and tuple(tag for tag in clinic.tags if tag.id != tag_id)
    return attrs.evolve(clinic, tags=tags, last_deleted_tag=tag_id, updated_time=now)


def _refuse_equal_name(clinic: Clinic, tag: Tag) -> None:
    key = tag_key(tag.name)
    if any(other.id != tag.id and tag_key(other.name) == key for other in clinic.tags or ()):
        raise DuplicateTag(clinic.id)
