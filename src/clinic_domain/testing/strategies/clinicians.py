"""Strategies for clinicians."""

from typing import Any, Final

from hypothesis import strategies as st

from clinic_domain.clinicians.model import Clinician, Role, RolesUpdate
from clinic_domain.testing.strategies.values import (
    PLAIN_LETTERS,
    clinic_ids,
    invite_ids,
    record_ids,
    spans_of_time,
    texts,
    tuples_of,
    user_ids,
)
from clinic_domain.values import ClinicId, UserId

_CLINIC_IDS: Final = clinic_ids()
_USER_IDS: Final = user_ids()


def emails() -> st.SearchStrategy[str]:
    """Addresses in lower case, as records keep them."""
    names = st.text(PLAIN_LETTERS + "0123456789_+-", min_size=1, max_size=12)
    return st.builds("{}@{}".format, names, st.sampled_from(("example.com", "example.org")))


def roles() -> st.SearchStrategy[tuple[Role, ...]]:
    """Roles of a member, at least one, in any order."""
    return st.lists(st.sampled_from(Role), min_size=1, unique=True).map(tuple)


def roles_updates() -> st.SearchStrategy[RolesUpdate]:
    """Changes of roles, by anybody."""
    return st.builds(RolesUpdate, roles=roles(), updated_by=user_ids())


def clinicians(
    *,
    clinics: st.SearchStrategy[ClinicId] = _CLINIC_IDS,
    users: st.SearchStrategy[UserId] = _USER_IDS,
) -> st.SearchStrategy[Clinician]:
    """Members, pending invites and service accounts."""
    fields = st.fixed_dictionaries(
        {
            "id": record_ids(),
            "clinic_id": clinics,
            "name": st.none() | texts(),
            "roles": st.none() | roles(),
            "roles_updates": tuples_of(roles_updates()),
        }
    )
    members = st.fixed_dictionaries({"user_id": users, "email": emails()})
    invites = st.fixed_dictionaries({"invite_id": invite_ids(), "email": emails()})
    programs = st.fixed_dictionaries({"user_id": users, "is_service_account": st.just(True)})
    kinds: st.SearchStrategy[dict[str, Any]] = st.one_of(members, invites, programs)
    return st.builds(
        lambda fields, kind, life: Clinician(
            **fields, **kind, created_time=life[0], updated_time=life[1]
        ),
        fields,
        kinds,
        spans_of_time(),
    )
