"""How clinics are kept and listed."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import pytest

from clinic_domain.clinics.errors import ClinicNotFound, DuplicateShareCode
from clinic_domain.clinics.model import (
    BgUnits,
    Clinic,
    ClinicDetails,
    ClinicQuery,
    ClinicSize,
    ClinicType,
    EhrDestinations,
    EhrProcedureCodes,
    EhrSettings,
    EhrTags,
    MembershipRestriction,
    MrnSettings,
    PatientCount,
    PatientCountLimit,
    PatientCountSettings,
    PhoneNumber,
    ProviderCount,
    ScheduledReports,
    SuppressedNotifications,
)
from clinic_domain.deletions import Deletion
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import LONG_TEXT, change, clinic_of, keep
from clinic_domain.testing.examples import a_clinic, a_share_code, a_site, a_tag
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.values import ClinicId, Page, TagId

_EHR: Final = EhrSettings(
    enabled=True,
    provider="redox",
    source_id="source",
    mrn_id_type="MRN",
    procedure_codes=EhrProcedureCodes(),
    scheduled_reports=ScheduledReports(cadence="14d", on_upload_enabled=False),
)

CHANGES: Final[tuple[dict[str, Any], ...]] = (
    {"updated_time": datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)},
    {"updated_time": datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)},
    {"details": ClinicDetails()},
    {
        "details": ClinicDetails(
            name="Zoë's 🩺",
            preferred_bg_units=BgUnits.MMOL_L,
            address="1 Ä Street",
            city="Łódź",
            state="",
            postal_code="00000",
            country="PL",
            website="",
            clinic_type=ClinicType.VETERINARY_CLINIC,
            clinic_size=ClinicSize.FROM_1000,
            phone_numbers=(PhoneNumber("+1", "fax"), PhoneNumber("2"), PhoneNumber("", "")),
            timezone="Europe/Warsaw",
        )
    },
    *({"details": ClinicDetails(preferred_bg_units=units)} for units in (*BgUnits, "mg")),
    *({"details": ClinicDetails(clinic_type=kind)} for kind in (*ClinicType, "hospital", "")),
    *({"details": ClinicDetails(clinic_size=size)} for size in (*ClinicSize, "many")),
    {"details": ClinicDetails(phone_numbers=())},
    {"admins": ("b", "a", "c")},
    {"is_migrated": False},
    {"tier": "tier0300"},
    {"tier": ""},
    {"tags": ()},
    {"tags": (a_tag("b"), a_tag("A"), a_tag("Ω 🩺"))},
    {"sites": (a_site("b"), a_site("A"), a_site("'; --"))},
    {"last_deleted_tag": TagId("0123456789abcdef01234567")},
    {"suppressed_notifications": SuppressedNotifications()},
    {"suppressed_notifications": SuppressedNotifications(patient_clinic_invitation=True)},
    {"suppressed_notifications": SuppressedNotifications(patient_clinic_invitation=False)},
    {
        "membership_restrictions": (
            MembershipRestriction("example.com"),
            MembershipRestriction("example.org", "https://idp.example.org"),
        )
    },
    {"mrn_settings": MrnSettings(required=False, unique=False)},
    {"mrn_settings": MrnSettings(required=True, unique=False)},
    {"mrn_settings": MrnSettings(required=False, unique=True)},
    {"ehr_settings": _EHR},
    {
        "ehr_settings": attrs.evolve(
            _EHR,
            enabled=False,
            procedure_codes=EhrProcedureCodes("a", "b", "c", "d"),
            scheduled_reports=ScheduledReports("7d", True, "New"),
            destination_ids=EhrDestinations("flow", "notes", "results"),
            tags=EhrTags(("x", "y"), ","),
            icode_flowsheets=True,
            include_gmi_in_notes=True,
        )
    },
    {"ehr_settings": attrs.evolve(_EHR, tags=EhrTags((), ""))},
    {"patient_count_settings": PatientCountSettings()},
    {"patient_count_settings": PatientCountSettings(hard_limit=PatientCountLimit(0))},
    {
        "patient_count_settings": PatientCountSettings(
            hard_limit=PatientCountLimit(250, A_MORNING, A_MORNING + timedelta(days=1)),
            soft_limit=PatientCountLimit(3_000_000_000, end_date=A_MORNING),
        )
    },
    {"patient_count": PatientCount()},
    {
        "patient_count": PatientCount(
            7, 1, 5, {"dexcom": ProviderCount(3, {"connected": 2, "pending": 1})}
        )
    },
    {"patient_count": PatientCount(providers={"twiist": ProviderCount(0, {})})},
)
"""Changes of a plain clinic: every field with every kind of value that it can hold."""


class ClinicContract:
    """Clinics come back as they were stored, and lists hold what was asked for."""

    # One clinic

    async def test_nobody_knows_an_unknown_clinic(self, storage: Storage) -> None:
        unknown = a_clinic().id

        assert await storage.read(lambda tx: tx.clinics.find(unknown)) is None
        assert await storage.read(lambda tx: tx.clinics.find_view(unknown)) is None
        with pytest.raises(ClinicNotFound):
            await storage.read(lambda tx: tx.clinics.get(unknown))

    async def test_a_clinic_comes_back_as_it_was_added(self, storage: Storage) -> None:
        clinics = [a_clinic(), *(a_clinic(**changes) for changes in CHANGES)]

        await keep(storage, *clinics)

        for clinic in clinics:
            assert await clinic_of(storage, clinic.id) == clinic

    async def test_a_clinic_comes_back_as_it_was_saved(self, storage: Storage) -> None:
        plain = a_clinic()
        await keep(storage, plain)
        for changes in CHANGES:
            changed = attrs.evolve(plain, **changes)

            await change(storage, plain, changed)
            assert await clinic_of(storage, plain.id) == changed

            await change(storage, changed, plain)
            assert await clinic_of(storage, plain.id) == plain

    async def test_a_clinic_with_everything_can_become_one_with_everything_else(
        self, storage: Storage
    ) -> None:
        """What is nested is replaced whole, nothing of the old value shines through."""
        was = a_clinic()
        await keep(storage, was)
        for changes in CHANGES:
            clinic = attrs.evolve(was, **changes)

            await change(storage, was, clinic)

            was = clinic
            assert await clinic_of(storage, clinic.id) == clinic

    async def test_texts_of_clinics_come_back_letter_by_letter(self, storage: Storage) -> None:
        clinics = [
            a_clinic(
                details=ClinicDetails(name=text, address=text, phone_numbers=(PhoneNumber(text),)),
                tags=(a_tag(text),),
                sites=(a_site(text),),
            )
            for text in (*NASTY_TEXTS, LONG_TEXT)
        ]

        await keep(storage, *clinics)

        for clinic in clinics:
            assert await clinic_of(storage, clinic.id) == clinic

    async def test_times_of_clinics_come_back_in_utc(self, storage: Storage) -> None:
        clinic = a_clinic()

        await keep(storage, clinic)

        found = await clinic_of(storage, clinic.id)
        assert found.created_time.utcoffset() == timedelta(0)

    async def test_a_save_changes_no_other_clinic(self, storage: Storage) -> None:
        clinic, other = a_clinic(), a_clinic()
        await keep(storage, clinic, other)

        renamed = attrs.evolve(clinic, details=ClinicDetails(name="Renamed"))
        await change(storage, clinic, renamed)

        assert await clinic_of(storage, other.id) == other

    async def test_a_save_without_a_difference_changes_nothing(self, storage: Storage) -> None:
        clinic = a_clinic(tags=(a_tag(),))
        await keep(storage, clinic)

        await change(storage, clinic, clinic)

        assert await clinic_of(storage, clinic.id) == clinic

    # Share codes

    async def test_no_two_clinics_are_added_with_one_share_code(self, storage: Storage) -> None:
        """Be it their first one or one that came with a merge."""
        codes = (a_share_code(), a_share_code())
        first = a_clinic(share_code=codes[0], share_codes=codes)
        await keep(storage, first)

        for code in codes:
            own = a_share_code()
            for clinic in (_coded(code), a_clinic(share_code=own, share_codes=(own, code))):
                with pytest.raises(DuplicateShareCode):
                    await keep(storage, clinic)

    async def test_no_clinic_is_saved_with_the_share_code_of_another(
        self, storage: Storage
    ) -> None:
        clinic, other = a_clinic(), a_clinic()
        await keep(storage, clinic, other)
        greedy = attrs.evolve(clinic, share_codes=(*clinic.share_codes, other.share_code))

        with pytest.raises(DuplicateShareCode):
            await change(storage, clinic, greedy)

        assert await clinic_of(storage, clinic.id) == clinic

    async def test_share_codes_of_a_removed_clinic_are_free_in_the_same_transaction(
        self, storage: Storage
    ) -> None:
        """A merge removes the source and gives its codes to the target."""
        source, target = a_clinic(), a_clinic()
        await keep(storage, source, target)
        merged = attrs.evolve(target, share_codes=(*target.share_codes, *source.share_codes))

        async def merge(tx: Any) -> None:
            await tx.clinics.remove(source, Deletion(A_MORNING))
            await tx.clinics.save(merged, was=target)

        await storage.transaction(merge)

        views = await _views(storage, share_code=source.share_code.value)
        assert [view.id for view in views] == [target.id]

    async def test_a_code_that_was_given_up_is_free(self, storage: Storage) -> None:
        code = a_share_code()
        clinic = a_clinic()
        rich = attrs.evolve(clinic, share_codes=(*clinic.share_codes, code))
        await keep(storage, rich)

        await change(storage, rich, clinic)
        await keep(storage, _coded(code))

        assert await clinic_of(storage, clinic.id) == clinic

    # Lists

    async def test_all_clinics_are_listed_by_id(self, storage: Storage) -> None:
        clinics = [a_clinic(created_time=A_MORNING - timedelta(days=day)) for day in range(3)]
        await keep(storage, *reversed(clinics))

        assert await _views(storage) == clinics

    @pytest.mark.parametrize(
        ("page", "expected"),
        [
            (Page(0, 2), slice(0, 2)),
            (Page(1, 2), slice(1, 3)),
            (Page(4, 2), slice(4, 5)),
            (Page(9, 2), slice(0, 0)),
            (Page(2, None), slice(2, 5)),
            (Page(), slice(0, 5)),
        ],
        ids=str,
    )
    async def test_a_list_of_clinics_is_cut_into_pages(
        self, storage: Storage, page: Page, expected: slice
    ) -> None:
        clinics = [a_clinic() for _ in range(5)]
        await keep(storage, *clinics)

        assert await _views(storage, page=page) == clinics[expected]

    async def test_clinics_are_listed_by_their_ids(self, storage: Storage) -> None:
        one, two, three = clinics = [a_clinic() for _ in range(3)]
        await keep(storage, *clinics)

        unknown = a_clinic().id
        assert await _views(storage, ids=(three.id, unknown, one.id, one.id)) == [one, three]
        assert await _views(storage, ids=(two.id,)) == [two]
        assert await _views(storage, ids=()) == []

    async def test_ids_that_are_none_match_nothing(self, storage: Storage) -> None:
        """Whoever asks may have typed anything."""
        await keep(storage, a_clinic())

        ids = tuple(ClinicId(text) for text in ("", "x", "0" * 23, "0" * 25, "ö" * 24))
        assert await _views(storage, ids=ids) == []

    async def test_any_of_its_share_codes_finds_a_clinic(self, storage: Storage) -> None:
        codes = (a_share_code(), a_share_code())
        clinic = a_clinic(share_code=codes[0], share_codes=codes)
        await keep(storage, clinic, a_clinic())

        for code in codes:
            assert await _views(storage, share_code=code.value) == [clinic]
            assert await _views(storage, share_code=code.value.lower()) == []
            assert await _views(storage, share_code=code.value[:-1]) == []

    async def test_clinics_are_listed_by_when_they_were_created(self, storage: Storage) -> None:
        """The earlier limit belongs to the span, the later one does not."""
        hours = [A_MORNING + timedelta(hours=hour) for hour in range(4)]
        clinics = [a_clinic(created_time=hour) for hour in hours]
        await keep(storage, *clinics)

        assert await _views(storage, created_from=hours[1]) == clinics[1:]
        assert await _views(storage, created_before=hours[2]) == clinics[:2]
        span = await _views(storage, created_from=hours[1], created_before=hours[3])
        assert span == clinics[1:3]
        between = hours[1] + timedelta(milliseconds=1)
        assert await _views(storage, created_from=between) == clinics[2:]

    async def test_clinics_are_listed_by_their_ehr(self, storage: Storage) -> None:
        """A clinic without settings has neither an EHR that is on nor one that is off."""
        on = a_clinic(ehr_settings=attrs.evolve(_EHR, enabled=True, source_id="a"))
        off = a_clinic(ehr_settings=attrs.evolve(_EHR, enabled=False, source_id="a"))
        other = a_clinic(ehr_settings=attrs.evolve(_EHR, enabled=True, source_id="A"))
        await keep(storage, on, off, other, a_clinic())

        assert await _views(storage, ehr_enabled=True) == [on, other]
        assert await _views(storage, ehr_enabled=False) == [off]
        assert await _views(storage, ehr_source_id="a") == [on, off]
        assert await _views(storage, ehr_source_id="a", ehr_enabled=True) == [on]
        assert await _views(storage, ehr_source_id="") == []

    async def test_all_conditions_on_clinics_must_hold(self, storage: Storage) -> None:
        one, two = a_clinic(), a_clinic()
        await keep(storage, one, two)

        both = await _views(storage, ids=(one.id,), share_code=two.share_code.value)
        assert both == []
        neither = await _views(storage, ids=(one.id,), created_before=one.created_time)
        assert neither == []

    async def test_clinics_are_listed_with_everything_that_they_have(
        self, storage: Storage
    ) -> None:
        clinics = [a_clinic(**changes) for changes in CHANGES]
        await keep(storage, *clinics)

        assert await _views(storage) == clinics


def _coded(code: Any) -> Clinic:
    return a_clinic(share_code=code, share_codes=(code,))


async def _views(storage: Storage, **conditions: Any) -> list[Clinic]:
    views = await storage.read(lambda tx: tx.clinics.views(ClinicQuery(**conditions)))
    return [view.clinic for view in views]
