"""Clinicians as documents (section A2 of the clinicians chapter)."""

from typing import Final

from adapters.mongo.changes import Layout
from adapters.mongo.documents import (
    FLAG,
    MOMENT,
    NEVER,
    OBJECT_ID,
    TEXT,
    Document,
    Member,
    Presence,
    Shape,
    array_of,
)
from clinic_domain.clinicians.model import Clinician, RolesUpdate

_ROLES_UPDATE: Final = Shape(
    RolesUpdate,
    (
        Member("roles", "roles", array_of(TEXT), missing=()),
        Member("updated_by", "updatedBy", TEXT, missing=""),
    ),
)
_CLINICIAN: Final = Shape(
    Clinician,
    (
        Member("id", "_id", OBJECT_ID),
        Member("clinic_id", "clinicId", OBJECT_ID),
        Member("user_id", "userId", TEXT),
        Member("invite_id", "inviteId", TEXT),
        Member("email", "email", TEXT),
        Member("name", "name", TEXT, Presence.ALWAYS),
        Member("roles", "roles", array_of(TEXT), Presence.ALWAYS),
        Member("roles_updates", "rolesUpdates", array_of(_ROLES_UPDATE.codec()), Presence.FILLED),
        Member("is_service_account", "isServiceAccount", FLAG, Presence.FILLED),
        Member("created_time", "createdTime", MOMENT, missing=NEVER),
        Member("updated_time", "updatedTime", MOMENT, missing=NEVER),
    ),
)


def clinician_document(clinician: Clinician) -> Document:
    """Return the document of a clinician."""
    return _CLINICIAN.encode(clinician)


def clinician_of(document: Document) -> Clinician:
    """Return the clinician of a document. Raises Unreadable."""
    return _CLINICIAN.read(document)


CLINICIAN_LAYOUT: Final = Layout(appended=frozenset({"rolesUpdates"}))
