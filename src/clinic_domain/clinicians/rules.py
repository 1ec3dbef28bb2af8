"""The rules of clinicians: roles, their history, and what they mean for the clinic's admins."""

from collections.abc import Iterable
from datetime import datetime

import attrs

from clinic_domain.clinicians.errors import DuplicateClinician, EmptyInviteId, EmptyUserId
from clinic_domain.clinicians.model import Clinician, NewClinician, Role, RolesUpdate
from clinic_domain.clinics.model import Clinic
from clinic_domain.clinics.rules import with_admin, without_admin
from clinic_domain.users import Profile, User
from clinic_domain.values import ClinicId, RecordId, UserId


def normalised_email(email: str) -> str:
    """Return an address as records keep it: in lower case, not trimmed (CLINICIAN-3)."""
    return email.lower()


def new_clinician(
    record_id: RecordId, clinic_id: ClinicId, new: NewClinician, now: datetime
) -> Clinician:
    """
    Return the record of a new member, invite or service account.

    Raises:
        EmptyInviteId: an invite without a key.
    """
    if new.invite_id == "":
        raise EmptyInviteId(clinic_id)
    return Clinician(
        id=record_id,
        clinic_id=clinic_id,
        created_time=now,
        updated_time=now,
        user_id=new.user_id,
        invite_id=new.invite_id,
        email=None if new.email is None else normalised_email(new.email),
        name=new.name,
        roles=new.roles,
        is_service_account=new.is_service_account,
    )


def creator_of_clinic(user: User, profile: Profile | None) -> NewClinician:
    """Return the first admin of a new clinic."""
    name = profile.full_name if profile else None
    return NewClinician(user.email, (Role.CLINIC_ADMIN,), user_id=user.id, name=name)


def service_account(user_id: UserId, name: str) -> NewClinician:
    """Return the membership of a program."""
    return NewClinician(
        None, (Role.CLINIC_MEMBER,), user_id=user_id, name=name, is_service_account=True
    )


def with_roles(
    clinician: Clinician, name: str | None, roles: tuple[str, ...], updated_by: str, now: datetime
) -> Clinician:
    """
    Return the record with another name and other roles.

    A change of the role set is history (CLINICIAN-8).
    """
    old = clinician.roles or ()
    # Lists of equal length are compared, and then stored, in alphabetical order (CLINICIAN-9).
    new = tuple(sorted(roles)) if len(roles) == len(old) else roles
    history = clinician.roles_updates
    if tuple(sorted(old)) != tuple(sorted(new)):
        history = (*history, RolesUpdate(new, updated_by))
    return attrs.evolve(clinician, name=name, roles=new, roles_updates=history, updated_time=now)


def joined(
    invited: Clinician, user_id: UserId, profile: Profile | None, now: datetime
) -> Clinician:
    """
    Return the invite as the membership of the user who accepted it.

    Address and roles stay as invited.

    Raises:
        EmptyUserId: nobody accepted.
        DuplicateClinician: the record belongs to another user already.
    """
    if not user_id:
        raise EmptyUserId(invited.clinic_id)
    if invited.user_id not in (None, user_id):
        raise DuplicateClinician(invited.clinic_id)
    name = (profile.full_name if profile else None) or invited.name
    return attrs.evolve(invited, user_id=user_id, invite_id=None, name=name, updated_time=now)


def with_admins_of(clinic: Clinic, clinician: Clinician, now: datetime) -> Clinic:
    """
    Return *clinic* with its admins in line with a new or changed record (CLINICIAN-6).

    Invites do not touch them.

    Raises:
        LastAdmin: no admin would be left.
    """
    if clinician.user_id is None:
        return clinic
    if clinician.is_admin:
        return with_admin(clinic, clinician.user_id, now)
    return without_admin(clinic, clinician.user_id, now)


def leaves_no_admin(clinic: Clinic, leaving: Clinician, remaining: Iterable[Clinician]) -> bool:
    """
    Whether a clinic loses its only admin when *leaving* is removed everywhere.

    It does also where other members or invites remain; a plain member's departure changes nothing.
    *clinic* is the state before, *remaining* are the records that stay.
    """
    was_admin = leaving.is_admin or leaving.user_id in clinic.admins
    return was_admin and not any(other.user_id and other.is_admin for other in remaining)
