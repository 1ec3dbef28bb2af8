"""Invites: who asked whom to join a clinic, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from clinic_domain.users import Profile
from clinic_domain.values import ClinicId, InviteId, UserId


class InviteKind(StrEnum):
    """Who asks whom."""

    CLINICIAN = "clinician"
    """A clinic asks somebody to become a clinician."""
    PATIENT = "patient"
    """A patient asks a clinic to look after the patient's data."""


class InviteStatus(StrEnum):
    """What came of an invite (INVITE-4, INVITE-5)."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELED = "canceled"
    DECLINED = "declined"


def _unchangeable(value: Any) -> Any:
    """Return a JSON value with tuples for arrays, so that equal ones are equal."""
    if isinstance(value, Mapping):
        return {name: _unchangeable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_unchangeable, value))
    return value


@attrs.frozen
class Invite:
    """
    An invite, open or not.

    That of a clinician goes together with a pending record among the clinicians, which has the same
    key and the roles (INVITE-2).
    """

    id: InviteId
    """The key (INVITE-1)."""
    kind: InviteKind
    status: InviteStatus
    clinic_id: ClinicId
    """The clinic that invites, or that is invited."""
    creator_id: UserId
    """Who invites; a patient also where somebody acts for the patient."""
    created_time: datetime
    modified_time: datetime | None = None
    """When the status changed or the invite was sent again; a patient's starts without."""
    email: str = ""
    """The invited address as it was typed; patients invite without one."""
    clinic_name: str | None = None
    """What the clinic was called when a clinician was last sent the invite."""
    invitee_id: UserId | None = None
    """The invited clinician's account, once it is known (INVITE-3)."""
    offer: Mapping[str, Any] | None = attrs.field(default=None, converter=_unchangeable)
    """The permissions that a patient offers by name, as they were sent (INVITE-9)."""
    expires_time: datetime | None = None
    """Until when a patient's invite keeps the patient from sending another (INVITE-8)."""

    @property
    def is_pending(self) -> bool:
        """Whether nobody has answered it."""
        return self.status is InviteStatus.PENDING


@attrs.frozen
class Admission:
    """Whether an invited clinician may join, and through which identity provider (INVITE-10)."""

    can_accept: bool
    required_idp: str | None = None


@attrs.frozen
class Creator:
    """Who sent an invite, as far as it is known."""

    user_id: UserId
    profile: Profile | None


@attrs.frozen
class InviteView:
    """An invite as it is shown, with what was looked up for it."""

    invite: Invite
    creator: Creator | None = None
    admission: Admission | None = None
