"""Changes of many patients at once: they reach those that they mean, and touch no others."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import attrs

from clinic_domain.clinics.model import Site
from clinic_domain.patients.model import DataSource, Patient
from clinic_domain.storage import Storage
from clinic_domain.testing.contracts.support import keep, patient_of, patients_of
from clinic_domain.testing.examples import (
    a_clinic,
    a_patient,
    a_site,
    a_tag,
    a_user_id,
    at,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import UserId

LATER: Final = A_MORNING + timedelta(hours=1)


class PatientChangesContract:
    """Only records that change get a new `updated_time`; everything else about them stays."""

    # All records of a user

    async def test_an_address_is_set_and_removed_in_all_clinics(self, storage: Storage) -> None:
        user_id = a_user_id()
        here = a_patient(a_clinic(), user_id=user_id, email="old@example.com", mrn="1")
        there = a_patient(a_clinic(), user_id=user_id)
        neighbour = a_patient(here.clinic_id, email="old@example.com")
        await keep(storage, here, there, neighbour)

        await storage.transaction(
            lambda tx: tx.patients.set_email(user_id, "new@example.com", LATER)
        )
        changed = _changed([here, there], email="new@example.com")
        await _expect(storage, *changed, neighbour)

        even_later = LATER + timedelta(hours=1)
        await storage.transaction(lambda tx: tx.patients.set_email(user_id, None, even_later))
        removed = _changed([here, there], email=None, updated_time=even_later)
        await _expect(storage, *removed, neighbour)

    async def test_an_address_that_a_record_has_is_not_set_again(self, storage: Storage) -> None:
        user_id = a_user_id()
        has = a_patient(a_clinic(), user_id=user_id, email="a@example.com")
        lacks = a_patient(a_clinic(), user_id=user_id)
        await keep(storage, has, lacks)

        await storage.transaction(lambda tx: tx.patients.set_email(user_id, "a@example.com", LATER))
        await _expect(storage, has, *_changed([lacks], email="a@example.com"))

    async def test_data_sources_are_replaced_in_all_clinics(self, storage: Storage) -> None:
        user_id = a_user_id()
        old = (DataSource("dexcom", "pending"), DataSource("abbott", "error"))
        new = (DataSource("twiist", "connected", modified_time=A_MORNING),)
        here = a_patient(a_clinic(), user_id=user_id, data_sources=old)
        there = a_patient(a_clinic(), user_id=user_id)
        neighbour = a_patient(here.clinic_id, data_sources=old)
        await keep(storage, here, there, neighbour)

        clinics = await storage.transaction(
            lambda tx: tx.patients.set_data_sources(user_id, new, LATER)
        )
        assert sorted(clinics) == sorted([here.clinic_id, there.clinic_id])
        await _expect(storage, *_changed([here, there], data_sources=new), neighbour)

        even_later = LATER + timedelta(hours=1)
        await storage.transaction(lambda tx: tx.patients.set_data_sources(user_id, (), even_later))
        emptied = _changed([here, there], data_sources=(), updated_time=even_later)
        await _expect(storage, *emptied, neighbour)

    async def test_data_sources_that_a_record_has_are_not_set_again(self, storage: Storage) -> None:
        """Its clinic is named all the same."""
        user_id = a_user_id()
        sources = (DataSource("dexcom", "connected", modified_time=A_MORNING),)
        has = a_patient(a_clinic(), user_id=user_id, data_sources=sources)
        lacks = a_patient(a_clinic(), user_id=user_id, data_sources=())
        await keep(storage, has, lacks)

        clinics = await storage.transaction(
            lambda tx: tx.patients.set_data_sources(user_id, sources, LATER)
        )

        assert sorted(clinics) == sorted([has.clinic_id, lacks.clinic_id])
        await _expect(storage, has, *_changed([lacks], data_sources=sources))

    async def test_who_is_nowhere_a_patient_changes_nowhere(self, storage: Storage) -> None:
        patient = a_patient(a_clinic())
        await keep(storage, patient)
        stranger = a_user_id()

        clinics = await storage.transaction(
            lambda tx: tx.patients.set_data_sources(stranger, (), LATER)
        )
        await storage.transaction(lambda tx: tx.patients.set_email(stranger, "a@b.c", LATER))

        assert clinics == ()
        await _expect(storage, patient)

    # Tags

    async def test_a_tag_is_appended_for_all_who_lack_it(self, storage: Storage) -> None:
        clinic = a_clinic()
        tag, other = a_tag().id, a_tag().id
        lacking = [a_patient(clinic, tags=tags) for tags in (None, (), (other,))]
        has = a_patient(clinic, tags=(tag, other))
        elsewhere = a_patient(a_clinic())
        await keep(storage, clinic, *lacking, has, elsewhere)

        await storage.transaction(lambda tx: tx.patients.add_tag(clinic.id, tag, None, LATER))

        changed = [
            attrs.evolve(patient, tags=(*(patient.tags or ()), tag), updated_time=LATER)
            for patient in lacking
        ]
        await _expect(storage, *changed, has, elsewhere)

    async def test_a_tag_is_given_to_some(self, storage: Storage) -> None:
        """Unknown users are none of the clinic's patients, and nobody is not everybody."""
        clinic = a_clinic()
        tag = a_tag().id
        meant, not_meant = a_patient(clinic), a_patient(clinic)
        elsewhere = a_patient(a_clinic())
        await keep(storage, clinic, meant, not_meant, elsewhere)
        users: list[UserId] = [meant.user_id, a_user_id(), elsewhere.user_id, meant.user_id]

        await storage.transaction(lambda tx: tx.patients.add_tag(clinic.id, tag, [], LATER))
        await _expect(storage, meant, not_meant, elsewhere)

        await storage.transaction(lambda tx: tx.patients.add_tag(clinic.id, tag, users, LATER))
        await _expect(storage, *_changed([meant], tags=(tag,)), not_meant, elsewhere)

    async def test_a_tag_is_taken_from_all_who_have_it(self, storage: Storage) -> None:
        """What is left may be an empty list, which is not the same as none."""
        clinic = a_clinic()
        tag, one, two = (a_tag().id for _ in range(3))
        with_others = a_patient(clinic, tags=(one, tag, two))
        with_it_alone = a_patient(clinic, tags=(tag,))
        lacking = [a_patient(clinic, tags=tags) for tags in (None, (), (one,))]
        elsewhere = a_patient(a_clinic(), tags=(tag,))
        await keep(storage, clinic, with_others, with_it_alone, *lacking, elsewhere)

        await storage.transaction(lambda tx: tx.patients.remove_tag(clinic.id, tag, None, LATER))

        changed = [
            *_changed([with_others], tags=(one, two)),
            *_changed([with_it_alone], tags=()),
        ]
        await _expect(storage, *changed, *lacking, elsewhere)

    async def test_a_tag_is_taken_from_some(self, storage: Storage) -> None:
        clinic = a_clinic()
        tag = a_tag().id
        meant, not_meant, lacking = (a_patient(clinic, tags=tags) for tags in ((tag,), (tag,), ()))
        elsewhere = a_patient(a_clinic(), tags=(tag,))
        await keep(storage, clinic, meant, not_meant, lacking, elsewhere)
        users = {meant.user_id, lacking.user_id, elsewhere.user_id, a_user_id()}

        await storage.transaction(
            lambda tx: tx.patients.remove_tag(clinic.id, tag, frozenset(), LATER)
        )
        await _expect(storage, meant, not_meant, lacking, elsewhere)

        await storage.transaction(lambda tx: tx.patients.remove_tag(clinic.id, tag, users, LATER))
        await _expect(storage, *_changed([meant], tags=()), not_meant, lacking, elsewhere)

    async def test_a_tag_is_given_to_a_thousand(self, storage: Storage) -> None:
        """As many as one request can name."""
        clinic = a_clinic()
        tag = a_tag().id
        patients = [a_patient(clinic) for _ in range(1001)]
        await keep(storage, clinic, *patients)
        users = [patient.user_id for patient in patients[:1000]]

        await storage.transaction(lambda tx: tx.patients.add_tag(clinic.id, tag, users, LATER))
        await _expect(storage, *_changed(patients[:1000], tags=(tag,)), patients[1000])

        await storage.transaction(lambda tx: tx.patients.remove_tag(clinic.id, tag, users, LATER))
        await _expect(storage, *_changed(patients[:1000], tags=()), patients[1000])

    # Sites

    async def test_a_site_is_renamed_where_it_is(self, storage: Storage) -> None:
        """Its place among the others stays; who has it under the new name is not touched."""
        clinic = a_clinic()
        site, one, two = a_site("Old"), a_site("One"), a_site("Two")
        renamed = Site(site.id, "New 🩺")
        among_others = a_patient(clinic, sites=at(one, site, two))
        under_new_name = a_patient(clinic, sites=at(renamed))
        lacking = [a_patient(clinic, sites=sites) for sites in (None, (), at(one))]
        elsewhere = a_patient(a_clinic(), sites=at(site))
        await keep(storage, clinic, among_others, under_new_name, *lacking, elsewhere)

        await storage.transaction(lambda tx: tx.patients.rename_site(clinic.id, renamed, LATER))

        changed = _changed([among_others], sites=at(one, renamed, two))
        await _expect(storage, *changed, under_new_name, *lacking, elsewhere)

    async def test_a_site_is_taken_from_all_who_have_it(self, storage: Storage) -> None:
        clinic = a_clinic()
        site, one, two = a_site(), a_site("One"), a_site("Two")
        among_others = a_patient(clinic, sites=at(one, site, two))
        alone = a_patient(clinic, sites=at(site))
        lacking = [a_patient(clinic, sites=sites) for sites in (None, (), at(one))]
        elsewhere = a_patient(a_clinic(), sites=at(site))
        await keep(storage, clinic, among_others, alone, *lacking, elsewhere)

        await storage.transaction(lambda tx: tx.patients.remove_site(clinic.id, site.id, LATER))

        changed = [*_changed([among_others], sites=at(one, two)), *_changed([alone], sites=())]
        await _expect(storage, *changed, *lacking, elsewhere)

    async def test_a_site_is_merged_into_another(self, storage: Storage) -> None:
        """The other comes last, or stays where it was; everybody has it once."""
        clinic = a_clinic()
        source, target, other = a_site("Source"), a_site("Target"), a_site("Other")
        with_source = a_patient(clinic, sites=at(source, other))
        with_both = a_patient(clinic, sites=at(target, other, source))
        lacking = [a_patient(clinic, sites=sites) for sites in (None, (), at(target, other))]
        elsewhere = a_patient(a_clinic(), sites=at(source))
        await keep(storage, clinic, with_source, with_both, *lacking, elsewhere)

        await storage.transaction(
            lambda tx: tx.patients.move_site(clinic.id, source.id, target, LATER)
        )

        changed = [
            *_changed([with_source], sites=at(other, target)),
            *_changed([with_both], sites=at(target, other)),
        ]
        await _expect(storage, *changed, *lacking, elsewhere)

    async def test_a_tag_becomes_a_site(self, storage: Storage) -> None:
        clinic = a_clinic()
        tag, other_tag = a_tag().id, a_tag().id
        site, other = a_site("Converted"), a_site("Other")
        tagged = a_patient(clinic, tags=(other_tag, tag))
        tagged_with_site = a_patient(clinic, tags=(tag,), sites=at(other))
        has_it = a_patient(clinic, tags=(tag,), sites=at(site, other))
        lacking = [a_patient(clinic, tags=tags) for tags in (None, (), (other_tag,))]
        elsewhere = a_patient(a_clinic(), tags=(tag,))
        await keep(storage, clinic, tagged, tagged_with_site, has_it, *lacking, elsewhere)

        await storage.transaction(lambda tx: tx.patients.tag_to_site(clinic.id, tag, site, LATER))

        changed = [
            *_changed([tagged], tags=(other_tag,), sites=at(site)),
            *_changed([tagged_with_site], tags=(), sites=at(other, site)),
            *_changed([has_it], tags=()),
        ]
        await _expect(storage, *changed, *lacking, elsewhere)

    async def test_several_changes_in_one_transaction_add_up(self, storage: Storage) -> None:
        clinic = a_clinic()
        tag, site = a_tag().id, a_site()
        patient = a_patient(clinic)
        await keep(storage, clinic, patient)

        async def work(tx: Any) -> None:
            await tx.patients.add_tag(clinic.id, tag, None, LATER)
            await tx.patients.set_email(patient.user_id, "a@example.com", LATER)
            await tx.patients.tag_to_site(clinic.id, tag, site, LATER)
            found = await tx.patients.get(clinic.id, patient.user_id)
            await tx.patients.save(attrs.evolve(found, mrn="1"), was=found)

        await storage.transaction(work)

        changed = _changed([patient], tags=(), sites=at(site), email="a@example.com", mrn="1")
        await _expect(storage, *changed)


def _changed(patients: Iterable[Patient], **changes: Any) -> list[Patient]:
    return [attrs.evolve(patient, **({"updated_time": LATER} | changes)) for patient in patients]


async def _expect(storage: Storage, *patients: Patient) -> None:
    """Assert that the clinics of *patients* have these patients, and no others."""
    for clinic_id in {patient.clinic_id for patient in patients}:
        expected = {one.user_id: one for one in patients if one.clinic_id == clinic_id}
        assert await patients_of(storage, clinic_id) == expected
    patient = patients[0]
    assert await patient_of(storage, patient.clinic_id, patient.user_id) == patient
