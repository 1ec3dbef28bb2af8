"""Where patients are kept."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from clinic_domain.clinics.model import Site
from clinic_domain.deletions import Deletion
from clinic_domain.patients.errors import PatientNotFound
from clinic_domain.patients.model import (
    DataSource,
    EhrPatientQuery,
    Patient,
    PatientSearch,
    PatientWalk,
    Tally,
)
from clinic_domain.patients.queries import PatientMatches, PatientPage, PatientQuery
from clinic_domain.patients.summaries import Stats
from clinic_domain.values import EVERYTHING, ClinicId, Page, RecordId, SiteId, TagId, UserId


class PatientRepository(Protocol):
    """
    The patients of one transaction.

    A user has at most one record in a clinic, and no two records of a clinic with
    `require_unique_mrn` hold the same MRN, letter by letter; whatever would break that raises
    DuplicatePatient or MrnNotUnique. (MRNs that differ in case or accents alone are kept apart by
    the use cases, which look for them and write the clinic in the same transaction.) "By name"
    means by `collation_key` of the full name (none sorts as the empty text, first), then by `id`.
    Bulk changes are single statements: their cost follows the number of records that they touch,
    and only records that change get a new `updated_time`.
    """

    @abstractmethod
    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Patient | None:
        """Return the record of a user in a clinic."""

    async def get(self, clinic_id: ClinicId, user_id: UserId) -> Patient:
        """Return the record of a user in a clinic. Raises PatientNotFound."""
        patient = await self.find(clinic_id, user_id)
        if patient is None:
            raise PatientNotFound(clinic_id, user_id)
        return patient

    @abstractmethod
    async def matches(self, query: PatientQuery) -> PatientMatches:
        """
        Return a page of the ids of the patients of a clinic that match, with both counts.

        No summary is read as a whole, however large the clinic is.
        """

    @abstractmethod
    async def with_ids(self, clinic_id: ClinicId, ids: Sequence[RecordId]) -> tuple[Patient, ...]:
        """Return records of a clinic in the order of *ids*, without those that are gone."""

    async def page(self, query: PatientQuery) -> PatientPage:
        """Return a page of the patients of a clinic that match, with both counts."""
        found = await self.matches(query)
        return PatientPage(
            await self.with_ids(query.clinic_id, found.ids), found.matching, found.total
        )

    @abstractmethod
    async def search(self, search: PatientSearch) -> tuple[Patient, ...]:
        """Return the patients of some clinics that match, by name."""

    @abstractmethod
    async def walk(self, walk: PatientWalk) -> tuple[Patient, ...]:
        """
        Return the next patients who match, by id.

        The cost of those whose reports are sent does not grow with the others.
        """

    @abstractmethod
    async def by_mrn(self, query: EhrPatientQuery) -> PatientPage:
        """Return the patients of a clinic that match, by MRN (none sorts first)."""

    @abstractmethod
    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Patient, ...]:
        """Return the records of a user in all clinics, by name."""

    @abstractmethod
    async def with_mrn(self, clinic_id: ClinicId, mrn: str) -> tuple[Patient, ...]:
        """
        Return up to two patients whose MRN is equal ignoring case and accents (PAT-MRN-4).

        All patients count, whatever `require_unique_mrn` says. The cost does not grow with the
        clinic.
        """

    @abstractmethod
    async def some_of_clinic(self, clinic_id: ClinicId, limit: int) -> tuple[Patient, ...]:
        """Return any patients of a clinic, at most *limit*."""

    @abstractmethod
    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Patient, ...]:
        """
        Return all patients of a clinic, by id.

        Of their summaries the dates are there; whether the rest is does not matter to who asks.
        """

    @abstractmethod
    async def tally(self, clinic_id: ClinicId) -> Tally:
        """
        Return the counts over all patients of a clinic.

        The cost does not grow with the clinic.
        """

    @abstractmethod
    async def add(self, patient: Patient) -> None:
        """Store a new record. Raises DuplicatePatient, MrnNotUnique."""

    @abstractmethod
    async def save(self, patient: Patient, *, was: Patient) -> None:
        """
        Store what differs from *was*, the state that this transaction read.

        Raises:
            MrnNotUnique: see above.
            PatientNotFound: the record is gone.
        """

    @abstractmethod
    async def save_all(self, changes: Sequence[tuple[Patient, Patient]]) -> None:
        """
        Store what differs in many records, each as it shall be and as this transaction read it.

        What may differ is the clinic, in which the record is afterwards, tags, sites,
        `require_unique_mrn` and `updated_time`.

        Raises:
            DuplicatePatient, MrnNotUnique: see above.
            PatientNotFound: a record is gone.
        """

    @abstractmethod
    async def remove(self, patient: Patient, deletion: Deletion) -> None:
        """Move a record to the deletion records. Raises PatientNotFound."""

    @abstractmethod
    async def forget_all(self, patients: Sequence[Patient]) -> None:
        """
        Delete records, of which no deletion record tells.

        Whoever follows those would take the account of the user for abandoned, who is a patient of
        another clinic. Raises PatientNotFound.
        """

    @abstractmethod
    async def remove_of_user(self, user_id: UserId, deletion: Deletion) -> tuple[ClinicId, ...]:
        """Move all records of a user to the deletion records; return their clinics."""

    @abstractmethod
    async def remove_non_custodial(self, clinic_id: ClinicId, deletion: Deletion) -> int:
        """
        Move all patients of a clinic without CUSTODIAN to the deletion records.

        Return how many.
        """

    @abstractmethod
    async def set_email(self, user_id: UserId, email: str | None, now: datetime) -> None:
        """Set, or with None remove, the address of all records of a user."""

    @abstractmethod
    async def set_data_sources(
        self, user_id: UserId, data_sources: tuple[DataSource, ...], now: datetime
    ) -> tuple[ClinicId, ...]:
        """Replace the data sources of all records of a user; return their clinics."""

    @abstractmethod
    async def set_summary(
        self, user_id: UserId, cgm: Stats | None, bgm: Stats | None, now: datetime
    ) -> int:
        """
        Replace what is given of the summary in all records of a user; return how many there are.

        All of them get a new `updated_time` (SUMMARY-5).
        """

    @abstractmethod
    async def remove_summary(self, user_id: UserId, now: datetime) -> int:
        """
        Take the summary from all records of a user; return how many there are.

        All of them get a new `updated_time` (SUMMARY-5).
        """

    @abstractmethod
    async def remove_stats(self, summary_id: str) -> int:
        """
        Take the parts of summaries that have this id; return how many records that concerns.

        What is left of the summary stays, and so does `updated_time` (SUMMARY-9). The cost does not
        grow with the number of patients.
        """

    @abstractmethod
    async def add_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        """
        Append a tag to the patients of a clinic who lack it.

        The given ones, or with None all (PAT-TAG-4).
        """

    @abstractmethod
    async def remove_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        """
        Take a tag from the patients of a clinic who have it.

        The given ones, or with None all (PAT-TAG-5).
        """

    @abstractmethod
    async def rename_site(self, clinic_id: ClinicId, site: Site, now: datetime) -> None:
        """Give the site its new name on all patients of the clinic who have it (PAT-SITE-7)."""

    @abstractmethod
    async def remove_site(self, clinic_id: ClinicId, site_id: SiteId, now: datetime) -> None:
        """Take the site from all patients of the clinic who have it (PAT-SITE-8)."""

    @abstractmethod
    async def move_site(
        self, clinic_id: ClinicId, source: SiteId, target: Site, now: datetime
    ) -> None:
        """Give *target* to all patients with *source* who lack it; take *source* (PAT-SITE-9)."""

    @abstractmethod
    async def tag_to_site(
        self, clinic_id: ClinicId, tag_id: TagId, site: Site, now: datetime
    ) -> None:
        """Give *site* to all patients with the tag, then take the tag away (PAT-SITE-10)."""
