"""The rules of invites: how they come about, what may become of them, who may join."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from clinic_domain.clinics.model import Clinic, MembershipRestriction
from clinic_domain.invites.errors import InviteClosed, MayNotJoin
from clinic_domain.invites.model import Admission, Invite, InviteKind, InviteStatus
from clinic_domain.patients.model import Permission, Permissions
from clinic_domain.text import folded
from clinic_domain.users import Profile, User
from clinic_domain.values import ClinicId, InviteId, UserId

NOBODY_IN_PARTICULAR: Final = "Tidepool User"
"""What somebody is called whose name is not known."""

LIFETIME: Final = timedelta(days=7)

_GRANTED: Final = (Permission.VIEW, Permission.UPLOAD, Permission.NOTE)
_AFTER: Final[Mapping[tuple[InviteKind, InviteStatus], frozenset[InviteStatus]]] = {
    (InviteKind.CLINICIAN, InviteStatus.PENDING): frozenset(InviteStatus) - {InviteStatus.PENDING},
    (InviteKind.PATIENT, InviteStatus.PENDING): frozenset(InviteStatus) - {InviteStatus.PENDING},
    (InviteKind.PATIENT, InviteStatus.DECLINED): frozenset(
        {InviteStatus.DECLINED, InviteStatus.CANCELED}
    ),
}


def answered(invite: Invite, status: InviteStatus, now: datetime) -> Invite:
    """
    Return the invite with what became of it (INVITE-4, INVITE-5).

    Raises:
        InviteClosed: it was answered before, and that stands.
    """
    if status not in _AFTER.get((invite.kind, invite.status), ()):
        raise InviteClosed(invite.id)
    return attrs.evolve(invite, status=status, modified_time=now)


# Clinicians


def clinician_invite(
    key: InviteId,
    clinic: Clinic,
    email: str,
    *,
    creator: UserId,
    invitee: User | None,
    now: datetime,
) -> Invite:
    """Return the invite of a clinic to an address, as it was typed."""
    return Invite(
        id=key,
        kind=InviteKind.CLINICIAN,
        status=InviteStatus.PENDING,
        clinic_id=clinic.id,
        creator_id=creator,
        created_time=now,
        modified_time=now,
        email=email,
        clinic_name=clinic.details.name or None,
        invitee_id=None if invitee is None else invitee.id,
    )


def sent_again(
    invite: Invite, clinic: Clinic, email: str, invitee: User | None, now: datetime
) -> Invite:
    """Return the invite as it is sent once more: key, creator and age stay (INVITE-11)."""
    return attrs.evolve(
        invite,
        modified_time=now,
        email=email,
        clinic_name=clinic.details.name or None,
        invitee_id=invite.invitee_id if invitee is None else invitee.id,
    )


def owner_of(email: str, found: User | None) -> User | None:
    """
    Return *found*, the account that was found by an address, if it has that address (INVITE-3).

    Accounts are also found by their id, and an id is not what was invited.
    """
    if found is None:
        return None
    addresses = {folded(address) for address in (found.username, *found.emails) if address}
    return found if folded(email) in addresses else None


def concerns(invite: Invite, user: User) -> bool:
    """Whether an invite without an invitee went to the first address of *user* (INVITE-3)."""
    return (
        invite.kind is InviteKind.CLINICIAN
        and invite.is_pending
        and invite.invitee_id is None
        and user.email is not None
        and folded(invite.email) == folded(user.email)
    )


def linked(invite: Invite, user_id: UserId) -> Invite:
    """Return the invite with its invitee; that is no change to tell of."""
    return attrs.evolve(invite, invitee_id=user_id)


def admission(
    restrictions: Iterable[MembershipRestriction], username: str | None, provider: str | None
) -> Admission:
    """
    Decide whether somebody with this user name may join, signed in as it is (INVITE-10, MEMB-1).

    Where the clinic has restrictions, the first one for the name's domain decides.
    """
    restrictions = tuple(restrictions)
    if not restrictions:
        return Admission(can_accept=True)
    name = (username or "").lower()
    for restriction in restrictions:
        if name.endswith("@" + restriction.email_domain.lower()):
            required = restriction.required_idp
            if not required or required.lower() == (provider or "").lower():
                return Admission(can_accept=True)
            return Admission(can_accept=False, required_idp=required)
    return Admission(can_accept=False)


def refuse_outsider(clinic: Clinic, username: str | None, provider: str | None) -> None:
    """Raise MayNotJoin where the clinic lets only others join."""
    if not admission(clinic.membership_restrictions, username, provider).can_accept:
        raise MayNotJoin(clinic.id)


# Patients


def patient_invite(
    key: InviteId,
    clinic_id: ClinicId,
    patient_id: UserId,
    offer: Mapping[str, Any],
    now: datetime,
) -> Invite:
    """Return the invite of a patient to a clinic."""
    return Invite(
        id=key,
        kind=InviteKind.PATIENT,
        status=InviteStatus.PENDING,
        clinic_id=clinic_id,
        creator_id=patient_id,
        created_time=now,
        offer=offer,
        expires_time=now + LIFETIME,
    )


def blocks(invite: Invite, now: datetime) -> bool:
    """Whether a patient's invite keeps the patient from sending the clinic another (INVITE-7)."""
    return invite.is_pending and (invite.expires_time is None or now < invite.expires_time)


def granted(invite: Invite) -> Permissions:
    """Return those of the offered permissions that take effect: a name grants (INVITE-9)."""
    return frozenset(each for each in _GRANTED if each in (invite.offer or {}))


def moved(
    pending: Iterable[Invite], there: Iterable[Invite], target: ClinicId, now: datetime
) -> tuple[Invite, ...]:
    """
    Return patients' pending invites to a clinic that goes up in another.

    They are for *target* now, but for those of patients who have one *there* already: these are
    cancelled, as are all but the newest of one patient.
    """
    taken = {invite.creator_id for invite in there if invite.is_pending}
    result: list[Invite] = []
    for invite in sorted(pending, key=lambda each: each.created_time, reverse=True):
        if invite.creator_id in taken:
            result.append(answered(invite, InviteStatus.CANCELED, now))
        else:
            taken.add(invite.creator_id)
            result.append(attrs.evolve(invite, clinic_id=target))
    return tuple(result)


# Names


def name_of(profile: Profile | None) -> str:
    """Return what mails call somebody who invites a clinician."""
    return (profile.full_name if profile else None) or NOBODY_IN_PARTICULAR


def name_of_patient(profile: Profile | None) -> str:
    """Return what mails call a patient: the child where the account is held for one."""
    if profile is None:
        return NOBODY_IN_PARTICULAR
    if profile.patient.is_other_person:
        return profile.patient.full_name or NOBODY_IN_PARTICULAR
    return profile.full_name or NOBODY_IN_PARTICULAR
