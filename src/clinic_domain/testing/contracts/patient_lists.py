"""Which patients are listed, and in which order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clinic_domain.patients.model import (
    CustomRanges,
    GlycemicRanges,
    Patient,
    PatientSearch,
    RangesPreset,
    RangesType,
    Review,
)
from clinic_domain.patients.queries import PatientQuery
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import keep
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, a_user_id, at
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import EVERYTHING, ClinicId, Page, SiteId, TagId, UserId


class PatientListContract:
    """Lists hold the patients that match, by name, and count them."""

    # Order and pages

    async def test_patients_are_listed_by_name_whatever_its_case_and_accents(
        self, storage: Storage
    ) -> None:
        """Who is called the same is listed by id, who is not called at all comes first."""
        clinic = a_clinic()
        names = (None, "", " alice", "0 alice", "Alice", "álvaro", "ALVARO B", "Zoë", "zoe B")
        patients = [a_patient(clinic, full_name=name) for name in names]
        await keep(storage, clinic, *reversed(patients))

        assert await _listed(storage, clinic.id) == patients

    async def test_names_that_differ_in_case_or_accents_alone_are_one_name(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        names = ("ZOË", "zoe", "Zoé", "zoe\u0308", "zOE", None, "", None)
        patients = [a_patient(clinic, full_name=name) for name in names]
        await keep(storage, clinic, *reversed(patients))

        assert await _listed(storage, clinic.id) == [*patients[5:], *patients[:5]]

    async def test_white_space_punctuation_digits_and_letters_follow_each_other(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        names = ("a b", "a-b", "a+b", "a1b", "ab", "Ac", "ác d", "B", "Øl", "z", "Иван")
        patients = [a_patient(clinic, full_name=name) for name in names]
        await keep(storage, clinic, *reversed(patients))

        assert await _listed(storage, clinic.id) == patients

    @pytest.mark.parametrize(
        ("page", "expected"),
        [
            (Page(0, 2), slice(0, 2)),
            (Page(1, 3), slice(1, 4)),
            (Page(4, 2), slice(4, 5)),
            (Page(9, 2), slice(0, 0)),
            (Page(2, None), slice(2, 5)),
            (Page(), slice(0, 5)),
        ],
        ids=str,
    )
    async def test_a_page_tells_how_many_match_and_how_many_there_are(
        self, storage: Storage, page: Page, expected: slice
    ) -> None:
        clinic = a_clinic()
        matching = [a_patient(clinic, full_name="Alice") for _ in range(5)]
        others = [a_patient(clinic, full_name="Bob") for _ in range(2)]
        await keep(storage, clinic, *others, *matching, a_patient(a_clinic(), full_name="Alice"))

        query = PatientQuery(clinic.id, search="alice", page=page)
        found = await storage.read(lambda tx: tx.patients.page(query))

        assert (list(found.patients), found.matching, found.total) == (matching[expected], 5, 7)

    async def test_pages_of_patients_of_one_name_make_up_the_list(self, storage: Storage) -> None:
        clinic = a_clinic()
        patients = [a_patient(clinic, full_name=name) for name in ("zoe", "Zoë", "ZOE") * 3]
        await keep(storage, clinic, *reversed(patients))

        pages = [
            await _listed(storage, clinic.id, page=Page(offset, 2)) for offset in range(0, 10, 2)
        ]

        assert [patient for page in pages for patient in page] == patients

    async def test_nobody_is_a_patient_of_an_unknown_clinic(self, storage: Storage) -> None:
        await keep(storage, a_patient(a_clinic()))

        query = PatientQuery(a_clinic().id)
        found = await storage.read(lambda tx: tx.patients.page(query))

        assert (found.patients, found.matching, found.total) == ((), 0, 0)

    # Search in texts

    @pytest.mark.parametrize(
        "changes",
        [
            {"full_name": "Ann Wanted"},
            {"email": "wanted@example.com"},
            {"mrn": "77-WANTED-1"},
            {"birth_date": "wAnTeD"},
        ],
        ids=str,
    )
    async def test_a_search_looks_into(self, storage: Storage, changes: dict[str, Any]) -> None:
        clinic = a_clinic()
        patient = a_patient(clinic, **changes)
        nothing = {"full_name": None, "email": None, "mrn": None, "birth_date": None}
        await keep(storage, clinic, patient, a_patient(clinic), a_patient(clinic, **nothing))

        assert await _listed(storage, clinic.id, search="wanted") == [patient]

    async def test_a_search_looks_into_nothing_else(self, storage: Storage) -> None:
        clinic = a_clinic()
        patient = a_patient(
            clinic,
            user_id=UserId("wanted"),
            target_devices=("wanted",),
            sites=at(a_site("wanted")),
            diagnosis_type="wanted",
        )
        await keep(storage, clinic, patient)

        assert await _listed(storage, clinic.id, search="wanted") == []

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("alice", "ALICE"),
            ("LIC", "Alice"),
            ("ÁLV", "álvaro"),
            ("иван", "ИВАН Петров"),
            ("σΊΣ", "Σίσυφος"),
            ("zoë", "ZOË"),
            ("e E", "Alice Example"),
            (" ", "Alice Example"),
            ("𐐀🩺", "x𐐨🩺"),
            ("日本", "日本語"),
            *((sign, f"a{sign}b") for sign in "%_*?.\\[]()^$|+{}'\"/-"),
            (".*", "a.*b"),
            ("\\d", "a\\d"),
        ],
    )
    async def test_a_search_finds(self, storage: Storage, text: str, name: str) -> None:
        clinic = a_clinic()
        patient = a_patient(clinic, full_name=name, birth_date=None)
        await keep(storage, clinic, patient)

        assert await _listed(storage, clinic.id, search=text) == [patient]

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("alv", "álvaro"),
            ("álv", "alvaro"),
            ("alice ", "Alice"),
            (" alice", "Alice"),
            ("alice example", "Alice  Example"),
            ("example alice", "Alice Example"),
            ("strasse", "Straße"),
            *((sign, "Alice Example") for sign in "%_*?.\\[]()^$|+{}'\"/-"),
            ("a.ice", "Alice"),
            ("a_ice", "Alice"),
            ("a%e", "Alice"),
            (".*", "Alice"),
        ],
    )
    async def test_a_search_does_not_find(self, storage: Storage, text: str, name: str) -> None:
        clinic = a_clinic()
        await keep(storage, clinic, a_patient(clinic, full_name=name, birth_date=None))

        assert await _listed(storage, clinic.id, search=text) == []

    # Tags and sites

    async def test_patients_are_listed_who_have_all_of_some_tags(self, storage: Storage) -> None:
        clinic = a_clinic()
        one, two, three = (a_tag().id for _ in range(3))
        both, first, none, never = (
            a_patient(clinic, tags=tags) for tags in ((two, one), (one,), (), None)
        )
        elsewhere = a_patient(a_clinic(), tags=(one, two))
        await keep(storage, clinic, both, first, none, never, elsewhere)

        async def with_tags(*tags: TagId) -> list[Patient]:
            return await _listed(storage, clinic.id, tags=tags)

        assert await with_tags(one) == [both, first]
        assert await with_tags(one, two) == [both]
        assert await with_tags(one, one) == [both, first]
        assert await with_tags(one, three) == []
        assert await with_tags() == [none, never]

    async def test_patients_are_listed_who_have_any_of_some_sites(self, storage: Storage) -> None:
        clinic = a_clinic()
        one, two, three = (a_site() for _ in range(3))
        both, first, none, never = (
            a_patient(clinic, sites=sites) for sites in (at(two, one), at(one), (), None)
        )
        elsewhere = a_patient(a_clinic(), sites=at(one))
        await keep(storage, clinic, both, first, none, never, elsewhere)

        async def with_sites(*sites: SiteId) -> list[Patient]:
            return await _listed(storage, clinic.id, sites=sites)

        assert await with_sites(one.id) == [both, first]
        assert await with_sites(two.id) == [both]
        assert await with_sites(two.id, three.id, one.id) == [both, first]
        assert await with_sites(three.id) == []
        assert await with_sites() == [none, never]

    # Reviews and ranges

    async def test_patients_are_listed_whose_newest_review_is_old_enough(
        self, storage: Storage
    ) -> None:
        """Who never was reviewed is not among them."""
        clinic = a_clinic()
        hours = [A_MORNING + timedelta(hours=hour) for hour in range(3)]
        old, middle, new = (
            a_patient(clinic, reviews=(Review(a_user_id(), hour), Review(a_user_id(), hours[0])))
            for hour in hours
        )
        unreviewed = [a_patient(clinic, reviews=reviews) for reviews in (None, ())]
        await keep(storage, clinic, new, middle, old, *unreviewed)

        async def reviewed_until(time: datetime) -> list[Patient]:
            return await _listed(storage, clinic.id, last_reviewed=time)

        assert await reviewed_until(hours[1]) == [old, middle]
        assert await reviewed_until(hours[1] - timedelta(milliseconds=1)) == [old]
        assert await reviewed_until(hours[2]) == [old, middle, new]
        assert await reviewed_until(datetime(1, 1, 1, tzinfo=UTC)) == []

    async def test_patients_with_ranges_of_their_own_can_be_left_out(
        self, storage: Storage
    ) -> None:
        clinic = a_clinic()
        never = a_patient(clinic)
        standard, *special = (
            a_patient(clinic, glycemic_ranges=GlycemicRanges(RangesType.PRESET, preset=preset))
            for preset in (*RangesPreset, "odd", None)
        )
        ranges = GlycemicRanges(RangesType.CUSTOM, custom=CustomRanges("own", ()))
        custom = a_patient(clinic, glycemic_ranges=ranges)
        everybody = [never, standard, *special, custom]
        await keep(storage, clinic, *everybody)

        kept = await _listed(storage, clinic.id, omit_non_standard_ranges=True)
        assert kept == [never, standard]
        assert await _listed(storage, clinic.id) == everybody

    async def test_all_conditions_must_hold(self, storage: Storage) -> None:
        clinic = a_clinic()
        tag, site = a_tag(), a_site()
        good: dict[str, Any] = {
            "full_name": "Wanted",
            "tags": (tag.id,),
            "sites": at(site),
            "reviews": (Review(a_user_id(), A_MORNING),),
        }
        patient = a_patient(clinic, **good)
        almost = [a_patient(clinic, **{**good, field: None}) for field in good]
        ranges = GlycemicRanges(RangesType.CUSTOM, custom=CustomRanges("own", ()))
        almost.append(a_patient(clinic, **good, glycemic_ranges=ranges))
        await keep(storage, clinic, *almost, patient)

        found = await _listed(
            storage,
            clinic.id,
            search="wanted",
            tags=(tag.id,),
            sites=(site.id,),
            last_reviewed=A_MORNING,
            omit_non_standard_ranges=True,
        )

        assert found == [patient]

    # Several clinics

    async def test_patients_of_several_clinics_are_found_by_name(self, storage: Storage) -> None:
        here, there, elsewhere = (a_clinic() for _ in range(3))
        zoe, al = a_patient(here, full_name="zoe"), a_patient(here, full_name="Ál")
        bob, again = a_patient(there, full_name="bob"), a_patient(there, full_name="ZOË")
        await keep(storage, zoe, again, al, bob, a_patient(elsewhere))
        clinics = (there.id, here.id, a_clinic().id)

        assert await _found(storage, *clinics) == [al, bob, zoe, again]
        assert await _found(storage, *clinics, page=Page(1, 2)) == [bob, zoe]
        assert await _found(storage, here.id, here.id) == [al, zoe]
        assert await _found(storage) == []

    async def test_patients_are_found_by_mrn_and_birth_date(self, storage: Storage) -> None:
        """Case and accents do not count, white space and punctuation do."""
        clinic = a_clinic()
        patient = a_patient(clinic, mrn="ABC-é1", birth_date="2000-01-01")
        other = a_patient(clinic, mrn="abc-E1", birth_date="Úrsula")
        await keep(storage, clinic, patient, other, a_patient(clinic, mrn=None, birth_date=None))

        assert await _found(storage, clinic.id, mrn="abc-e1") == [patient, other]
        assert await _found(storage, clinic.id, mrn="abce1") == []
        assert await _found(storage, clinic.id, mrn="abc-e1 ") == []
        assert await _found(storage, clinic.id, birth_date="2000-01-01") == [patient]
        assert await _found(storage, clinic.id, birth_date="2000-01") == []
        assert await _found(storage, clinic.id, birth_date="URSULA") == [other]
        both = await _found(storage, clinic.id, mrn="abc-e1", birth_date="2000-01-01")
        assert both == [patient]

    async def test_records_of_a_user_are_listed_by_name(self, storage: Storage) -> None:
        user_id = a_user_id()
        zoe, al, bob, again = (
            a_patient(a_clinic(), user_id=user_id, full_name=name)
            for name in ("zoe", "Ál", "bob", "ZOË")
        )
        await keep(storage, again, zoe, al, bob, a_patient(zoe.clinic_id))

        async def of_user(page: Page) -> list[Patient]:
            return list(await storage.read(lambda tx: tx.patients.of_user(user_id, page)))

        assert await of_user(EVERYTHING) == [al, bob, zoe, again]
        assert await of_user(Page(1, 2)) == [bob, zoe]
        assert await of_user(Page(4, 2)) == []
        assert await storage.read(lambda tx: tx.patients.of_user(a_user_id())) == ()


async def _listed(storage: Storage, clinic_id: ClinicId, **conditions: Any) -> list[Patient]:
    query = PatientQuery(clinic_id, **({"page": EVERYTHING} | conditions))
    page = await storage.read(lambda tx: tx.patients.page(query))
    if query.page == EVERYTHING:
        assert page.matching == len(page.patients)
    return list(page.patients)


async def _found(
    storage: Storage, *clinic_ids: ClinicId, page: Page = EVERYTHING, **conditions: Any
) -> list[Patient]:
    search = PatientSearch(clinic_ids, page=page, **conditions)
    return list(await storage.read(lambda tx: tx.patients.search(search)))
