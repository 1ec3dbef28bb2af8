"""What a storage holds about a clinic, in the plain form of the model."""

from collections.abc import Mapping
from typing import Any

from clinic_domain.clinicians.model import Clinician, ClinicianQuery
from clinic_domain.clinics.model import ProviderCount
from clinic_domain.patients.model import Patient
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Transaction
from clinic_domain.values import EVERYTHING, ClinicId


async def clinic_as_stored(tx: Transaction, clinic_id: ClinicId) -> dict[str, Any]:
    """Return everything about a clinic that the model knows as well."""
    view = await tx.clinics.find_view(clinic_id)
    assert view is not None
    clinic = view.clinic
    clinicians = await tx.clinicians.of_clinic(ClinicianQuery(clinic_id))
    page = await tx.patients.page(PatientQuery(clinic_id, page=EVERYTHING))
    tally = await tx.patients.tally(clinic_id)
    count = clinic.patient_count
    assert count is not None
    return {
        "name": clinic.details.name,
        "admins": sorted(clinic.admins),
        "members": {one.user_id: _member(one) for one in clinicians if one.user_id},
        "invites": {one.invite_id: _member(one) for one in clinicians if one.invite_id},
        "tags": {tag.id: tag.name for tag in clinic.tags or ()},
        "sites": {site.id: site.name for site in clinic.sites},
        "people": {patient.user_id: _person(patient) for patient in page.patients},
        "patients of tags": dict(view.tag_patients),
        "patients of sites": dict(view.site_patients),
        "count": (count.total, count.demo, count.plan, _states(count.providers)),
        "tally": (tally.total, tally.outside_plan, _states(tally.providers)),
        **await removed_as_stored(tx, clinic_id),
    }


async def removed_as_stored(tx: Transaction, clinic_id: ClinicId) -> dict[str, Any]:
    """Return who left a clinic, by the deletion records."""
    clinicians = await tx.deletions.clinicians(clinic_id)
    patients = await tx.deletions.patients(clinic_id)
    return {
        "former members": sorted(
            each.removed.user_id or each.removed.invite_id or "" for each in clinicians
        ),
        "former people": sorted(each.removed.user_id for each in patients),
    }


def _member(clinician: Clinician) -> tuple[str | None, list[str]]:
    return clinician.email, sorted(clinician.roles or ())


def _person(patient: Patient) -> dict[str, Any]:
    return {
        "name": patient.full_name,
        "mrn": patient.mrn,
        "email": patient.email,
        "permissions": sorted(patient.permissions or ()),
        "tags": sorted(patient.tags or ()),
        "sites": {site.id: site.name for site in patient.sites or ()},
        "sources": [
            (source.provider_name, source.state, source.modified_time is not None)
            for source in patient.data_sources or ()
        ],
        "reviewers": [review.clinician_id for review in patient.reviews or ()],
    }


def _states(providers: Mapping[str, ProviderCount]) -> dict[tuple[str, str], int]:
    return {
        (provider, state): number
        for provider, count in providers.items()
        for state, number in count.states.items()
    }
