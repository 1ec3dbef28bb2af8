"""Whom an order or a request is about: what is looked for, and what it takes to look (8.5)."""

from collections.abc import Iterable
from datetime import date
from typing import Final

import attrs

from clinic_domain.clinics.model import ClinicQuery, EhrSettings
from clinic_domain.clinics.rules import DEFAULT_MRN_ID_TYPE
from clinic_domain.ehr.errors import (
    BirthDateMissing,
    DatasetsRequired,
    DemographicsRequired,
    FullNameMissing,
    MrnMissing,
)
from clinic_domain.ehr.model import (
    Criterion,
    Demographics,
    EhrProvider,
    Enrollee,
    Identifier,
    Order,
)
from clinic_domain.patients.model import Patient, PatientSearch
from clinic_domain.text import folded
from clinic_domain.values import ClinicId, Page, UserId

MOST: Final = Page(limit=100)
"""So many patients are looked at (MATCH-1)."""
SEVERAL: Final = Page(limit=2)
"""So many clinics tell one from several (MATCH-3)."""


def connected_to(provider: EhrProvider, source_id: str) -> ClinicQuery:
    """Return which clinics are connected to a source of a partner (MATCH-3)."""
    return ClinicQuery(
        ehr_enabled=True, ehr_provider=provider, ehr_source_id=source_id, page=SEVERAL
    )


def mrn_of(identifiers: Iterable[Identifier], settings: EhrSettings) -> str | None:
    """Return the first number of the kind that the clinic calls MRN (REDOX-6, XEALTH-2)."""
    wanted = folded(settings.mrn_id_type or DEFAULT_MRN_ID_TYPE)
    found = (each.id for each in identifiers if folded(each.type) == wanted)
    return next(found, None) or None


@attrs.frozen
class Wanted:
    """What is known of a patient."""

    mrn: str
    birth_date: str
    full_name: str

    def search(self, clinic_id: ClinicId, criterion: Criterion) -> PatientSearch:
        """Return the search by one criterion (REDOX-7)."""
        by_mrn = criterion in (Criterion.MRN, Criterion.MRN_DOB)
        by_date = criterion in (Criterion.MRN_DOB, Criterion.DOB_FULLNAME)
        by_name = criterion is Criterion.DOB_FULLNAME
        return PatientSearch(
            (clinic_id,),
            mrn=self.mrn if by_mrn else None,
            birth_date=self.birth_date if by_date else None,
            full_name=self.full_name if by_name else None,
            page=MOST,
        )


def wanted_by_order(order: Order, settings: EhrSettings) -> Wanted | None:
    """
    Return what an order says of its patient, or None where it has no MRN (REDOX-6).

    Raises:
        BirthDateMissing, FullNameMissing: in this order, where it has one.
    """
    mrn = mrn_of(order.identifiers, settings)
    if mrn is None:
        return None
    if not order.birth_date:
        raise BirthDateMissing
    name = " ".join(filter(None, (order.first_name, order.last_name)))
    if not name:
        raise FullNameMissing
    return Wanted(mrn, order.birth_date, name)


def each_once(found: Iterable[Patient]) -> tuple[Patient, ...]:
    """Return the patients in their order, of several records of a user the first."""
    patients: dict[UserId, Patient] = {}
    for patient in found:
        patients.setdefault(patient.user_id, patient)
    return tuple(patients.values())


@attrs.frozen
class WantedEnrollee:
    """What Xealth says of a patient, complete."""

    mrn: str
    birth_date: date
    full_name: str
    demographics: Demographics

    def search(self, clinic_id: ClinicId, *, by_date: bool) -> PatientSearch:
        """Return the search for the patient's records in a clinic (XEALTH-4)."""
        birth_date = self.birth_date.isoformat() if by_date else None
        return PatientSearch((clinic_id,), mrn=self.mrn, birth_date=birth_date, page=MOST)


def wanted_by_xealth(enrollee: Enrollee, settings: EhrSettings) -> WantedEnrollee:
    """
    Return what is known of an enrollee (XEALTH-4).

    Raises:
        DatasetsRequired, DemographicsRequired, MrnMissing, BirthDateMissing, FullNameMissing: in
            this order.
    """
    if enrollee.datasets is None:
        raise DatasetsRequired
    demographics = enrollee.datasets.demographics
    if demographics is None:
        raise DemographicsRequired
    mrn = mrn_of(enrollee.identifiers, settings)
    if mrn is None:
        raise MrnMissing
    if demographics.birth_date is None:
        raise BirthDateMissing
    if not demographics.full_name:
        raise FullNameMissing
    return WantedEnrollee(mrn, demographics.birth_date, demographics.full_name, demographics)
