"""How patients are kept."""

from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from clinic_domain.deletions import Deletion
from clinic_domain.patients.errors import DuplicatePatient, MrnNotUnique, PatientNotFound
from clinic_domain.patients.model import (
    ALL_PERMISSIONS,
    ConnectionRequest,
    CustomRanges,
    DataSource,
    DataSourceState,
    EhrSubscription,
    GlycemicRanges,
    MatchedMessage,
    Patient,
    Permission,
    RangesPreset,
    RangesType,
    Review,
    Threshold,
)
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import (
    LONG_TEXT,
    change,
    keep,
    patient_of,
    patients_of,
    remove,
)
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, a_user_id, at
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.values import ClinicId, RecordId, UserId

LATER: Final = A_MORNING + timedelta(hours=1)
_SOURCE: Final = DataSource("dexcom", DataSourceState.PENDING)
_SUBSCRIPTION: Final = EhrSubscription(True, "redox", A_MORNING, LATER)

CHANGES: Final[tuple[dict[str, Any], ...]] = (
    {"updated_time": LATER},
    *({field: None} for field in ("full_name", "birth_date", "email", "mrn", "permissions")),
    *({field: ""} for field in ("full_name", "birth_date", "email", "mrn", "diagnosis_type")),
    {"birth_date": "spring of '84", "email": "zoë@example.com", "mrn": "ABC-é1"},
    {"target_devices": ()},
    {"target_devices": ("b", "a", "b", "")},
    {"tags": ()},
    {"tags": (a_tag().id, a_tag().id)},
    {"sites": ()},
    {"sites": at(a_site("b"), a_site("A 🩺"))},
    {"data_sources": ()},
    *({"data_sources": (DataSource("x", state),)} for state in (*DataSourceState, "odd", "")),
    {
        "data_sources": (
            DataSource("twiist", "connected", "0123456789abcdef01234567", A_MORNING, LATER, LATER),
            _SOURCE,
            _SOURCE,
        )
    },
    {"permissions": frozenset()},
    {"permissions": ALL_PERMISSIONS},
    *({"permissions": frozenset({permission})} for permission in Permission),
    {"is_migrated": True},
    {"legacy_clinician_ids": ("b", "a")},
    {"invited_by": "inviter"},
    {"require_unique_mrn": True},
    {"require_unique_mrn": True, "mrn": "1"},
    {"reviews": ()},
    {"reviews": (Review(UserId("b"), LATER), Review(UserId("a"), A_MORNING))},
    {"last_upload_reminder_time": LATER},
    {"connection_requests": {}},
    {"connection_requests": {"dexcom": ()}},
    {
        "connection_requests": {
            "dexcom": (ConnectionRequest("dexcom", LATER), ConnectionRequest("dexcom", A_MORNING)),
            "abbott": (ConnectionRequest("abbott", LATER),),
        }
    },
    {"ehr_subscriptions": {}},
    {"ehr_subscriptions": {"summaryAndReports": _SUBSCRIPTION}},
    {
        "ehr_subscriptions": {
            "other": attrs.evolve(
                _SUBSCRIPTION,
                active=False,
                matched_messages=(
                    MatchedMessage("2", "Order", "New"),
                    MatchedMessage("1", "Order", "Cancel"),
                ),
            )
        }
    },
    *(
        {"glycemic_ranges": GlycemicRanges(RangesType.PRESET, preset=preset)}
        for preset in (*RangesPreset, "odd", "")
    ),
    {"glycemic_ranges": GlycemicRanges("")},
    {"glycemic_ranges": GlycemicRanges(RangesType.CUSTOM, custom=CustomRanges("", ()))},
    {
        "glycemic_ranges": GlycemicRanges(
            RangesType.CUSTOM,
            custom=CustomRanges(
                "näme",
                (
                    Threshold(name="low", value=3.9, units="mmol/L", inclusive=True),
                    Threshold(name="high", value=180, units="mg/dL"),
                    Threshold(name="zero", value=0, units=""),
                ),
            ),
        )
    },
    {"diagnosis_type": "type1"},
)
"""Changes of a plain patient: every field with every kind of value that it can hold."""


class PatientContract:
    """Patients come back as they were stored, and a user is at most once in a clinic."""

    async def test_nobody_knows_an_unknown_patient(self, storage: Storage) -> None:
        clinic = a_clinic()
        stranger, elsewhere = a_patient(clinic), a_patient(a_clinic())
        await keep(storage, clinic, elsewhere)

        for user_id in (stranger.user_id, elsewhere.user_id):
            assert await _find(storage, clinic.id, user_id) is None
            with pytest.raises(PatientNotFound):
                await patient_of(storage, clinic.id, user_id)

    async def test_a_patient_comes_back_as_added(self, storage: Storage) -> None:
        clinic = a_clinic()
        patients = [a_patient(clinic, **changes) for changes in CHANGES]

        await keep(storage, clinic, *patients)

        for patient in patients:
            assert await patient_of(storage, clinic.id, patient.user_id) == patient

    async def test_a_patient_comes_back_as_saved(self, storage: Storage) -> None:
        plain = a_patient(a_clinic())
        await keep(storage, plain)
        for changes in CHANGES:
            changed = attrs.evolve(plain, **changes)

            await change(storage, plain, changed)
            assert await patient_of(storage, plain.clinic_id, plain.user_id) == changed

            await change(storage, changed, plain)
            assert await patient_of(storage, plain.clinic_id, plain.user_id) == plain

    async def test_a_patient_with_everything_can_become_one_with_everything_else(
        self, storage: Storage
    ) -> None:
        """What is nested is replaced whole, nothing of the old value shines through."""
        was = a_patient(a_clinic())
        await keep(storage, was)
        for changes in CHANGES:
            patient = attrs.evolve(was, **changes)

            await change(storage, was, patient)

            was = patient
            assert await patient_of(storage, was.clinic_id, was.user_id) == patient

    async def test_texts_of_patients_come_back_letter_by_letter(self, storage: Storage) -> None:
        clinic = a_clinic()
        patients = [
            # Nobody's number or name is as long as the longest of these texts.
            a_patient(clinic, full_name=text, mrn=text[:200], target_devices=(text, text))
            for text in (*NASTY_TEXTS, LONG_TEXT)
        ]

        await keep(storage, clinic, *patients)

        assert await patients_of(storage, clinic.id) == _by_user(patients)

    async def test_user_ids_are_compared_letter_by_letter(self, storage: Storage) -> None:
        clinic = a_clinic()
        user_ids = [UserId(text) for text in ("zoe", "Zoe", "zoë", "zoe ", "zo%", "_oe")]
        patients = [a_patient(clinic, user_id=user_id) for user_id in user_ids]

        await keep(storage, clinic, *patients)

        for patient in patients:
            assert await patient_of(storage, clinic.id, patient.user_id) == patient

    async def test_a_user_can_be_a_patient_of_several_clinics(self, storage: Storage) -> None:
        here = a_patient(a_clinic())
        there = a_patient(a_clinic(), user_id=here.user_id, full_name="Alice Elsewhere")

        await keep(storage, here, there)

        assert await patient_of(storage, here.clinic_id, here.user_id) == here
        assert await patient_of(storage, there.clinic_id, here.user_id) == there

    async def test_a_save_changes_no_other_record_of_the_user(self, storage: Storage) -> None:
        here = a_patient(a_clinic())
        there = a_patient(a_clinic(), user_id=here.user_id)
        await keep(storage, here, there)

        renamed = attrs.evolve(here, full_name="Renamed")
        await change(storage, here, renamed)

        assert await patient_of(storage, there.clinic_id, here.user_id) == there

    # Uniqueness

    async def test_a_user_is_once_in_a_clinic(self, storage: Storage) -> None:
        patient = a_patient(a_clinic())
        await keep(storage, patient)

        with pytest.raises(DuplicatePatient):
            await keep(storage, a_patient(patient.clinic_id, user_id=patient.user_id))

        assert await patient_of(storage, patient.clinic_id, patient.user_id) == patient

    async def test_a_patient_who_left_can_come_back(self, storage: Storage) -> None:
        patient = a_patient(a_clinic(), mrn="1", require_unique_mrn=True)
        again = attrs.evolve(patient, id=RecordId("f" * 24))
        await keep(storage, patient)

        await remove(storage, patient, Deletion(LATER))
        await keep(storage, again)

        assert await patient_of(storage, patient.clinic_id, patient.user_id) == again

    async def test_an_mrn_that_has_to_be_unique_is(self, storage: Storage) -> None:
        """Neither is another record added with it, nor saved."""
        clinic = a_clinic()
        holder = a_patient(clinic, mrn="ABC-é1", require_unique_mrn=True)
        other = a_patient(clinic, mrn="2", require_unique_mrn=True)
        await keep(storage, clinic, holder, other)

        with pytest.raises(MrnNotUnique):
            await keep(storage, a_patient(clinic, mrn="ABC-é1", require_unique_mrn=True))
        with pytest.raises(MrnNotUnique):
            await change(storage, other, attrs.evolve(other, mrn="ABC-é1"))

        assert await patients_of(storage, clinic.id) == _by_user([holder, other])

    async def test_an_mrn_that_comes_to_be_unique_by_a_save_is(self, storage: Storage) -> None:
        clinic = a_clinic()
        holder = a_patient(clinic, mrn="1", require_unique_mrn=True)
        other = a_patient(clinic, mrn="1")
        await keep(storage, clinic, holder, other)

        with pytest.raises(MrnNotUnique):
            await change(storage, other, attrs.evolve(other, require_unique_mrn=True))

    async def test_an_mrn_that_need_not_be_unique_is_not_checked(self, storage: Storage) -> None:
        """Nor one in another clinic, nor none at all, nor the record's own."""
        clinic = a_clinic()
        holder = a_patient(clinic, mrn="1", require_unique_mrn=True)
        patients = [
            holder,
            a_patient(clinic, mrn="1"),
            a_patient(clinic, mrn="1"),
            a_patient(clinic, mrn=None, require_unique_mrn=True),
            a_patient(clinic, mrn=None, require_unique_mrn=True),
        ]
        elsewhere = a_patient(a_clinic(), mrn="1", require_unique_mrn=True)
        renamed = attrs.evolve(holder, full_name="Renamed")

        await keep(storage, clinic, *patients, elsewhere)
        await change(storage, holder, renamed)

        assert await patients_of(storage, clinic.id) == _by_user([renamed, *patients[1:]])

    async def test_an_mrn_that_was_given_up_is_free(self, storage: Storage) -> None:
        clinic = a_clinic()
        holder = a_patient(clinic, mrn="1", require_unique_mrn=True)
        other = a_patient(clinic, mrn="1", require_unique_mrn=True)
        without = attrs.evolve(holder, mrn=None)
        await keep(storage, clinic, holder)

        await change(storage, holder, without)
        await keep(storage, other)

        assert await patients_of(storage, clinic.id) == _by_user([without, other])

    # Look-ups

    async def test_an_mrn_is_looked_up_without_case_and_accents(self, storage: Storage) -> None:
        clinic = a_clinic()
        patient = a_patient(clinic, mrn="ABC-é1")
        await keep(storage, clinic, patient, a_patient(clinic, mrn=None))

        async def holders(mrn: str) -> tuple[Patient, ...]:
            return await storage.read(lambda tx: tx.patients.with_mrn(clinic.id, mrn))

        for equal in ("ABC-é1", "abc-E1", "ÁBC-e1", "abc-e\u03011"):
            assert await holders(equal) == (patient,)
        for different in ("abcE1", "abc-E1 ", " abc-E1", "abc E1", "abc_E1", "abc-E", "%", ""):
            assert await holders(different) == ()

    async def test_an_mrn_is_looked_up_among_all_patients_of_the_clinic(
        self, storage: Storage
    ) -> None:
        """Two are enough to know that it is not unique."""
        clinic = a_clinic()
        strict = a_patient(clinic, mrn="a", require_unique_mrn=True)
        lax = [a_patient(clinic, mrn="A") for _ in range(2)]
        elsewhere = a_patient(a_clinic(), mrn="a")
        await keep(storage, clinic, strict, lax[0], elsewhere)

        found = await storage.read(lambda tx: tx.patients.with_mrn(clinic.id, "Á"))
        assert _by_user(found) == _by_user([strict, lax[0]])

        await keep(storage, lax[1])
        assert len(await storage.read(lambda tx: tx.patients.with_mrn(clinic.id, "a"))) == 2

    async def test_an_mrn_is_looked_up_as_it_is_now(self, storage: Storage) -> None:
        patient = a_patient(a_clinic(), mrn="old")
        await keep(storage, patient)
        changed = attrs.evolve(patient, mrn="new")

        await change(storage, patient, changed)

        clinic_id = patient.clinic_id
        assert await storage.read(lambda tx: tx.patients.with_mrn(clinic_id, "old")) == ()
        assert await storage.read(lambda tx: tx.patients.with_mrn(clinic_id, "NEW")) == (changed,)

    async def test_some_patients_of_a_clinic_are_at_most_as_many_as_asked_for(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        patients = [a_patient(clinic) for _ in range(3)]
        await keep(storage, clinic, *patients, a_patient(a_clinic()))

        for limit, number in ((1, 1), (2, 2), (3, 3), (9, 3)):
            found = await _some(storage, clinic.id, limit)
            assert len(found) == number
            assert _by_user(found).items() <= _by_user(patients).items()

        assert await _some(storage, a_clinic().id, 2) == ()

    async def test_a_transaction_sees_what_it_wrote(self, storage: Storage) -> None:
        patient = a_patient(a_clinic(), user_id=a_user_id(), mrn="1")
        await keep(storage, patient)

        async def work(tx: Any) -> None:
            changed = attrs.evolve(patient, mrn="2")
            await tx.patients.save(changed, was=patient)
            assert await tx.patients.find(patient.clinic_id, patient.user_id) == changed
            assert await tx.patients.with_mrn(patient.clinic_id, "2") == (changed,)
            assert (await tx.patients.tally(patient.clinic_id)).total == 1
            await tx.patients.remove(changed, Deletion(LATER))
            assert await tx.patients.find(patient.clinic_id, patient.user_id) is None
            assert await tx.patients.of_user(patient.user_id) == ()
            assert (await tx.patients.tally(patient.clinic_id)).total == 0

        await storage.transaction(work)


async def _find(storage: Storage, clinic_id: ClinicId, user_id: UserId) -> Patient | None:
    return await storage.read(lambda tx: tx.patients.find(clinic_id, user_id))


async def _some(storage: Storage, clinic_id: ClinicId, limit: int) -> tuple[Patient, ...]:
    return await storage.read(lambda tx: tx.patients.some_of_clinic(clinic_id, limit))


def _by_user(patients: Any) -> dict[UserId, Patient]:
    return {patient.user_id: patient for patient in patients}
