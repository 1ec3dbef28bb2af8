"""Where invites are kept, and who makes their keys."""

from abc import abstractmethod
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from clinic_domain.invites.model import Invite, InviteKind, InviteStatus
from clinic_domain.values import ClinicId, InviteId, UserId


class InviteKeyGenerator(Protocol):
    """Draws the keys of invites."""

    @abstractmethod
    def new_key(self) -> InviteId:
        """Return 32 characters that nobody can guess (INVITE-1)."""


class InviteRepository(Protocol):
    """
    The invites of one transaction.

    "Newest first" means by `created_time`, then by key, both descending. Lists are whole
    (INVITE-12). A write rests on the clinic of the invite, so whoever writes one has read the
    clinic in the same transaction.
    """

    @abstractmethod
    async def find(self, key: InviteId) -> Invite | None:
        """Return the invite with this key."""

    @abstractmethod
    async def of_clinic(
        self, clinic_id: ClinicId, kind: InviteKind, status: InviteStatus
    ) -> tuple[Invite, ...]:
        """Return a clinic's invites of a kind in a status, newest first."""

    @abstractmethod
    async def of_invitee(self, user_id: UserId) -> tuple[Invite, ...]:
        """Return the pending invites that are linked to an invited clinician, newest first."""

    @abstractmethod
    async def of_creator(
        self, user_id: UserId, statuses: Collection[InviteStatus]
    ) -> tuple[Invite, ...]:
        """Return the invites that a patient sent, newest first."""

    @abstractmethod
    async def unlinked(self, email: str) -> tuple[Invite, ...]:
        """
        Return the pending invites of clinicians to an address that no account is linked to.

        The case of the address does not count. Newest first.
        """

    @abstractmethod
    async def put(self, invite: Invite) -> None:
        """Store an invite; one with the same key is replaced."""

    @abstractmethod
    async def remove_of_invitee(self, user_id: UserId) -> None:
        """
        Remove the invites that are linked to a user as a clinician, whatever their status.

        Where other programs keep confirmations beside them, those that are about the user alone go
        too.
        """

    @abstractmethod
    async def cancel_of_creator(self, user_id: UserId, now: datetime) -> None:
        """Cancel the pending invites that a patient sent."""

    @abstractmethod
    async def cancel_of_clinic(self, clinic_id: ClinicId, now: datetime) -> None:
        """Cancel all pending invites of and to a clinic."""
