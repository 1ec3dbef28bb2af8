"""Strategies for invites."""

from typing import Any, Final

from hypothesis import strategies as st

from clinic_domain.invites.model import Invite, InviteKind, InviteStatus
from clinic_domain.invites.rules import LIFETIME
from clinic_domain.testing.strategies.clinicians import emails
from clinic_domain.testing.strategies.values import (
    clinic_ids,
    invite_ids,
    spans_of_time,
    texts,
    user_ids,
)
from clinic_domain.values import ClinicId, UserId

_CLINIC_IDS: Final = clinic_ids()
_USER_IDS: Final = user_ids()


def offers() -> st.SearchStrategy[dict[str, Any]]:
    """Permissions that a patient offers, known and unknown, with anything in them."""
    names = st.sampled_from(("view", "upload", "note", "custodian")) | texts()
    conditions = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**31), 2**31) | texts(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=5,
    )
    return st.dictionaries(names, st.dictionaries(texts(), conditions, max_size=2), max_size=4)


def invites(
    *,
    clinics: st.SearchStrategy[ClinicId] = _CLINIC_IDS,
    users: st.SearchStrategy[UserId] = _USER_IDS,
) -> st.SearchStrategy[Invite]:
    """Invites of clinicians and of patients, answered and not."""
    of_clinicians = st.builds(
        lambda key, status, clinic, creator, life, email, name, invitee: Invite(
            key,
            InviteKind.CLINICIAN,
            status,
            clinic,
            creator,
            life[0],
            life[1],
            email=email,
            clinic_name=name or None,
            invitee_id=invitee,
        ),
        invite_ids(),
        st.sampled_from(InviteStatus),
        clinics,
        users,
        spans_of_time(),
        emails(),
        texts(),
        st.none() | users,
    )
    of_patients = st.builds(
        lambda key, status, clinic, creator, life, offer: Invite(
            key,
            InviteKind.PATIENT,
            status,
            clinic,
            creator,
            life[0],
            None if status is InviteStatus.PENDING else life[1],
            offer=offer,
            expires_time=life[0] + LIFETIME,
        ),
        invite_ids(),
        st.sampled_from(InviteStatus),
        clinics,
        users,
        spans_of_time(),
        offers(),
    )
    return of_clinicians | of_patients
