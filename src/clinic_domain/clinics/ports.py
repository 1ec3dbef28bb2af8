"""Where clinics are kept."""

from abc import abstractmethod
from typing import Protocol

from clinic_domain.clinics.errors import ClinicNotFound
from clinic_domain.clinics.model import Clinic, ClinicQuery, ClinicView
from clinic_domain.deletions import Deletion
from clinic_domain.values import ClinicId


class ClinicRepository(Protocol):
    """The clinics of one transaction."""

    @abstractmethod
    async def find(self, clinic_id: ClinicId) -> Clinic | None:
        """
        Return the clinic.

        A write that follows in the same transaction rests on what this returned.
        """

    async def get(self, clinic_id: ClinicId) -> Clinic:
        """Return the clinic. Raises ClinicNotFound."""
        clinic = await self.find(clinic_id)
        if clinic is None:
            raise ClinicNotFound(clinic_id)
        return clinic

    @abstractmethod
    async def find_view(self, clinic_id: ClinicId) -> ClinicView | None:
        """
        Return the clinic with the patients of its tags and sites counted.

        The cost does not grow with the number of patients.
        """

    @abstractmethod
    async def views(self, query: ClinicQuery) -> tuple[ClinicView, ...]:
        """Return the clinics that match, by ascending id; `ids=()` matches nothing."""

    @abstractmethod
    async def add(self, clinic: Clinic) -> None:
        """
        Store a new clinic.

        Raises DuplicateShareCode where another clinic has one of its codes (SHARE-4).
        """

    @abstractmethod
    async def save(self, clinic: Clinic, *, was: Clinic) -> None:
        """
        Store what differs between *clinic* and *was*, the state that this transaction read.

        Raises:
            DuplicateTag, DuplicateSite, DuplicateShareCode: the storage itself found the clash.
            ClinicNotFound: the clinic is gone.
        """

    @abstractmethod
    async def remove(self, clinic: Clinic, deletion: Deletion) -> None:
        """Move the clinic to the deletion records. Raises ClinicNotFound."""
