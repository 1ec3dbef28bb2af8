"""Whatever is valid comes back as it was stored, and is found as the core compares texts."""

from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_domain.clinicians.model import Clinician
from clinic_domain.clinics.model import Clinic
from clinic_domain.patients.model import Patient, PatientSearch
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import (
    change,
    clinic_of,
    keep,
    patient_of,
)
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient
from clinic_domain.testing.strategies import (
    clinicians,
    clinics,
    latin_names,
    mrns,
    patients,
    spellings,
)
from clinic_domain.text import collation_key, folded
from clinic_domain.values import EVERYTHING, UserId

# Examples share the storage of a test, so each has a clinic of its own.
_EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_NAMES = latin_names()
_SIMILAR_NAMES = st.lists(_NAMES, min_size=1, max_size=3).flatmap(
    lambda names: st.lists(st.one_of([spellings(name) for name in names]), max_size=6)
)
_SIMILAR_MRNS = mrns().flatmap(lambda mrn: st.lists(spellings(mrn) | mrns(), max_size=4))


class AnythingContract:
    """The same promises as elsewhere, for values that nobody thought of."""

    @given(first=clinics(), second=clinics())
    @_EXAMPLES
    async def test_any_clinic_comes_back_as_it_was_added_and_saved(
        self, storage: Storage, first: Clinic, second: Clinic
    ) -> None:
        fresh = a_clinic()
        codes: dict[str, Any] = {"share_code": fresh.share_code, "share_codes": fresh.share_codes}
        added = attrs.evolve(first, id=fresh.id, **codes)
        saved = attrs.evolve(second, id=fresh.id, created_time=added.created_time, **codes)

        await keep(storage, added)
        assert await clinic_of(storage, added.id) == added

        await change(storage, added, saved)
        assert await clinic_of(storage, added.id) == saved

    @given(first=clinicians(), second=clinicians())
    @_EXAMPLES
    async def test_any_clinician_comes_back_as_it_was_added_and_saved(
        self, storage: Storage, first: Clinician, second: Clinician
    ) -> None:
        fresh = a_clinician(a_clinic())
        # Found by its user, whatever else it is.
        identity: dict[str, Any] = {
            "id": fresh.id,
            "clinic_id": fresh.clinic_id,
            "user_id": fresh.user_id,
        }
        added = attrs.evolve(first, **identity)
        saved = attrs.evolve(second, created_time=added.created_time, **identity)

        await keep(storage, added)
        assert await _clinician(storage, fresh) == added

        await change(storage, added, saved)
        assert await _clinician(storage, fresh) == saved

    @given(first=patients(), second=patients())
    @_EXAMPLES
    async def test_any_patient_comes_back_as_it_was_added_and_saved(
        self, storage: Storage, first: Patient, second: Patient
    ) -> None:
        fresh = a_patient(a_clinic())
        identity: dict[str, Any] = {
            "id": fresh.id,
            "clinic_id": fresh.clinic_id,
            "user_id": first.user_id,
        }
        added = attrs.evolve(first, **identity)
        saved = attrs.evolve(second, created_time=added.created_time, **identity)

        await keep(storage, added)
        assert await patient_of(storage, added.clinic_id, added.user_id) == added

        await change(storage, added, saved)
        assert await patient_of(storage, added.clinic_id, added.user_id) == saved

    @given(names=_SIMILAR_NAMES)
    @_EXAMPLES
    async def test_any_names_are_listed_in_the_order_of_their_keys(
        self, storage: Storage, names: list[str]
    ) -> None:
        clinic = a_clinic()
        patients = [a_patient(clinic, full_name=name) for name in names]
        await keep(storage, clinic, *patients)

        found = await storage.read(
            lambda tx: tx.patients.page(PatientQuery(clinic.id, page=EVERYTHING))
        )

        expected = sorted(patients, key=lambda one: (collation_key(one.full_name or ""), one.id))
        assert list(found.patients) == expected

    @given(names=_SIMILAR_NAMES, text=latin_names(max_size=2))
    @_EXAMPLES
    async def test_any_text_is_found_in_any_name_whatever_its_case(
        self, storage: Storage, names: list[str], text: str
    ) -> None:
        clinic = a_clinic()
        patients = [a_patient(clinic, full_name=name, birth_date=None) for name in names]
        await keep(storage, clinic, *patients)

        query = PatientQuery(clinic.id, search=text, page=EVERYTHING)
        found = await storage.read(lambda tx: tx.patients.page(query))

        expected = {name for name in names if folded(text) in folded(name)}
        assert {patient.full_name for patient in found.patients} == expected

    @given(mrns=_SIMILAR_MRNS)
    @_EXAMPLES
    async def test_any_mrn_is_found_by_whoever_has_the_same(
        self, storage: Storage, mrns: list[str]
    ) -> None:
        clinic = a_clinic()
        await keep(storage, clinic, *(a_patient(clinic, mrn=mrn) for mrn in mrns))

        for mrn in mrns:
            same = sum(collation_key(other) == collation_key(mrn) for other in mrns)
            search = PatientSearch((clinic.id,), mrn=mrn, page=EVERYTHING)
            assert len(await _holders(storage, clinic, mrn)) == min(same, 2)
            assert len(await _found(storage, search)) == same


async def _clinician(storage: Storage, like: Clinician) -> Clinician | None:
    user_id = like.user_id or UserId("")
    return await storage.read(lambda tx: tx.clinicians.find(like.clinic_id, user_id))


async def _holders(storage: Storage, clinic: Clinic, mrn: str) -> tuple[Patient, ...]:
    return await storage.read(lambda tx: tx.patients.with_mrn(clinic.id, mrn))


async def _found(storage: Storage, search: PatientSearch) -> tuple[Patient, ...]:
    return await storage.read(lambda tx: tx.patients.search(search))
