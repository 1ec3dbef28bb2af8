"""Where clinicians are kept."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from clinic_domain.clinicians.errors import ClinicianNotFound
from clinic_domain.clinicians.model import AllCliniciansQuery, Clinician, ClinicianQuery
from clinic_domain.deletions import Deletion
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, Page, UserId


class ClinicianRepository(Protocol):
    """
    The clinicians of one transaction.

    Within a clinic `user_id`, `invite_id` and `email` are each unique among the records that have
    them (CLINICIAN-2); whatever would break that raises DuplicateClinician. "Newest first" means by
    `created_time`, then by `id`, both descending.
    """

    @abstractmethod
    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Clinician | None:
        """Return the record of a user in a clinic."""

    async def get(self, clinic_id: ClinicId, user_id: UserId) -> Clinician:
        """Return the record of a user in a clinic. Raises ClinicianNotFound."""
        clinician = await self.find(clinic_id, user_id)
        if clinician is None:
            raise ClinicianNotFound(clinic_id, user_id)
        return clinician

    @abstractmethod
    async def find_invited(self, clinic_id: ClinicId, invite_id: InviteId) -> Clinician | None:
        """Return the pending invite with this key in a clinic."""

    async def get_invited(self, clinic_id: ClinicId, invite_id: InviteId) -> Clinician:
        """Return the pending invite with this key in a clinic. Raises ClinicianNotFound."""
        clinician = await self.find_invited(clinic_id, invite_id)
        if clinician is None:
            raise ClinicianNotFound(clinic_id)
        return clinician

    @abstractmethod
    async def of_clinic(self, query: ClinicianQuery) -> tuple[Clinician, ...]:
        """Return the clinicians that match, newest first or best match first."""

    @abstractmethod
    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Clinician, ...]:
        """Return the records of a user in all clinics, newest first."""

    @abstractmethod
    async def all(self, query: AllCliniciansQuery) -> tuple[Clinician, ...]:
        """Return the clinicians of all clinics that match, newest first."""

    @abstractmethod
    async def add(self, clinician: Clinician) -> None:
        """Store a new record. Raises DuplicateClinician."""

    @abstractmethod
    async def save(self, clinician: Clinician, *, was: Clinician) -> None:
        """
        Store what differs from *was*, the state that this transaction read; perhaps the clinic.

        Raises:
            DuplicateClinician: see above.
            ClinicianNotFound: the record is gone.
        """

    @abstractmethod
    async def set_email(self, user_id: UserId, email: str, now: datetime) -> None:
        """
        Set the address of all records of a user, and their `updated_time`, in one statement.

        Raises:
            DuplicateEmail: another record of one of the clinics has it; nothing is changed.
        """

    @abstractmethod
    async def remove(self, clinician: Clinician, deletion: Deletion | None) -> None:
        """Remove a record; with *deletion* a copy goes to the deletion records."""

    @abstractmethod
    async def remove_of_clinic(self, clinic_id: ClinicId, deletion: Deletion) -> None:
        """Move all records of a clinic, invites included, to the deletion records."""
