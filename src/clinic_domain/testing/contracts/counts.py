"""Counts that a storage keeps equal what anybody would count."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import attrs

from clinic_domain.clinics.model import Clinic, ClinicQuery, ProviderCount
from clinic_domain.deletions import Deletion
from clinic_domain.patients.model import DataSource, Patient, Permission, Tally
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts.support import clinic_of, keep, patients_of
from clinic_domain.testing.examples import a_clinic, a_patient, a_site, a_tag, at
from clinic_domain.testing.fakes import A_MORNING

LATER: Final = A_MORNING + timedelta(hours=1)
_DEXCOM: Final = DataSource("dexcom", "pending")
_TWIIST: Final = DataSource("twiist", "connected")


class CountContract:
    """Tags, sites and tallies are counted as things are, after whatever was done."""

    async def test_a_clinic_without_patients_counts_nothing(self, storage: Storage) -> None:
        tag, site = a_tag(), a_site()
        clinic = a_clinic(tags=(tag,), sites=(site,))
        await keep(storage, clinic)

        view = await storage.read(lambda tx: tx.clinics.find_view(clinic.id))
        assert view is not None
        assert (view.tag_patients, view.site_patients) == ({tag.id: 0}, {site.id: 0})
        assert await storage.read(lambda tx: tx.patients.tally(clinic.id)) == Tally()
        assert await storage.read(lambda tx: tx.patients.tally(a_clinic().id)) == Tally()

    async def test_tags_and_sites_count_the_patients_who_have_them(self, storage: Storage) -> None:
        """Those that the clinic does not have are not counted, those without patients are: 0."""
        used, unused, dangling = a_tag("a"), a_tag("b"), a_tag("c")
        site, empty, gone = a_site("a"), a_site("b"), a_site("c")
        clinic = a_clinic(tags=(used, unused), sites=(site, empty))
        elsewhere = a_clinic(tags=(unused,), sites=(empty,))
        await keep(
            storage,
            clinic,
            elsewhere,
            a_patient(clinic, tags=(used.id, dangling.id), sites=at(site, gone)),
            a_patient(clinic, tags=(used.id,), sites=()),
            a_patient(clinic, tags=(), sites=at(site)),
            a_patient(clinic),
            a_patient(elsewhere, tags=(used.id, unused.id), sites=at(site, empty)),
        )

        view = await storage.read(lambda tx: tx.clinics.find_view(clinic.id))

        assert view is not None
        assert view.tag_patients == {used.id: 2, unused.id: 0}
        assert view.site_patients == {site.id: 2, empty.id: 0}

    async def test_lists_of_clinics_count_as_well(self, storage: Storage) -> None:
        tag, site = a_tag(), a_site()
        one, two = a_clinic(tags=(tag,)), a_clinic(sites=(site,))
        neither = a_clinic()
        patients = [
            a_patient(one, tags=(tag.id,)),
            *(a_patient(two, sites=at(site)) for _ in range(2)),
        ]
        await keep(storage, one, two, neither, *patients)

        views = await storage.read(lambda tx: tx.clinics.views(ClinicQuery()))

        assert [(view.tag_patients, view.site_patients) for view in views] == [
            ({tag.id: 1}, {}),
            ({}, {site.id: 2}),
            ({}, {}),
        ]

    async def test_a_tally_counts_sources_by_provider_and_state(self, storage: Storage) -> None:
        """A patient with any source of a provider outside of plans is outside of the plan."""
        clinic = a_clinic()
        sources: tuple[tuple[DataSource, ...] | None, ...] = (
            None,
            (),
            (_DEXCOM, _DEXCOM, attrs.evolve(_DEXCOM, state="error")),
            (_DEXCOM, _TWIIST),
            (_TWIIST, attrs.evolve(_TWIIST, state="disconnected")),
        )
        await keep(storage, clinic, *(a_patient(clinic, data_sources=each) for each in sources))

        tally = await storage.read(lambda tx: tx.patients.tally(clinic.id))

        assert tally == Tally(
            total=5,
            outside_plan=2,
            providers={
                "dexcom": ProviderCount(4, {"pending": 3, "error": 1}),
                "twiist": ProviderCount(3, {"connected": 2, "disconnected": 1}),
            },
        )

    async def test_counts_equal_a_recount_after_every_kind_of_change(
        self, storage: Storage
    ) -> None:
        one, two = a_tag("one"), a_tag("two")
        site, other = a_site("site"), a_site("other")
        clinic = a_clinic(tags=(one, two), sites=(site, other))
        patients = [
            a_patient(
                clinic,
                tags=(one.id, two.id)[: number % 3],
                sites=at(site, other)[number % 3 :],
                data_sources=(_DEXCOM, _TWIIST, _DEXCOM)[number % 3 :],
                permissions=frozenset({list(Permission)[number % 2]}),
            )
            for number in range(9)
        ]
        await keep(storage, clinic)

        for change in _every_kind_of_change(clinic, patients):
            await storage.transaction(change)
            await _recount(storage, clinic)

    async def test_counts_are_undone_with_what_they_count(self, storage: Storage) -> None:
        tag = a_tag()
        clinic = a_clinic(tags=(tag,))
        await keep(storage, clinic, a_patient(clinic, tags=(tag.id,), data_sources=(_TWIIST,)))

        async def failing(tx: Transaction) -> None:
            await tx.patients.add(a_patient(clinic, tags=(tag.id,), data_sources=(_TWIIST,)))
            await tx.patients.remove_tag(clinic.id, tag.id, None, LATER)
            raise TimeoutError

        try:
            await storage.transaction(failing)
        except TimeoutError:
            await _recount(storage, clinic)


def _every_kind_of_change(
    clinic: Clinic, patients: list[Patient]
) -> list[Callable[[Transaction], Awaitable[Any]]]:
    (one, two), (site, other) = clinic.tags or (), clinic.sites
    someone, another, third, *_ = patients
    changed = attrs.evolve(someone, tags=(two.id,), sites=at(other), data_sources=(_TWIIST,))
    cleared = attrs.evolve(changed, tags=None, sites=None, data_sources=None)
    without_two = attrs.evolve(clinic, tags=(one,), sites=(site,))
    deletion = Deletion(LATER)
    return [
        *(lambda tx, new=patient: tx.patients.add(new) for patient in patients),
        lambda tx: tx.patients.save(changed, was=someone),
        lambda tx: tx.patients.save(cleared, was=changed),
        lambda tx: tx.patients.set_data_sources(another.user_id, (_DEXCOM, _TWIIST), LATER),
        lambda tx: tx.patients.set_data_sources(another.user_id, (), LATER),
        lambda tx: tx.patients.set_email(another.user_id, "a@example.com", LATER),
        lambda tx: tx.patients.add_tag(clinic.id, one.id, [another.user_id, third.user_id], LATER),
        lambda tx: tx.patients.remove_tag(clinic.id, two.id, [third.user_id], LATER),
        lambda tx: tx.patients.add_tag(clinic.id, two.id, None, LATER),
        lambda tx: tx.patients.remove_tag(clinic.id, one.id, None, LATER),
        lambda tx: tx.patients.rename_site(clinic.id, attrs.evolve(site, name="New"), LATER),
        lambda tx: tx.patients.move_site(clinic.id, site.id, other, LATER),
        lambda tx: tx.patients.tag_to_site(clinic.id, two.id, site, LATER),
        lambda tx: tx.patients.remove_site(clinic.id, other.id, LATER),
        lambda tx: tx.patients.add_tag(clinic.id, two.id, None, LATER),
        lambda tx: tx.clinics.save(without_two, was=clinic),
        lambda tx: tx.clinics.save(clinic, was=without_two),
        lambda tx: tx.patients.remove_of_user(another.user_id, deletion),
        lambda tx: tx.patients.remove(patients[-1], deletion),
        lambda tx: tx.patients.remove_non_custodial(clinic.id, deletion),
    ]


async def _recount(storage: Storage, clinic: Clinic) -> None:
    """Assert that all counts of a clinic equal those of its patients, one by one."""
    clinic = await clinic_of(storage, clinic.id)
    patients = (await patients_of(storage, clinic.id)).values()
    view = await storage.read(lambda tx: tx.clinics.find_view(clinic.id))
    tally = await storage.read(lambda tx: tx.patients.tally(clinic.id))

    tags = Counter(tag for patient in patients for tag in patient.tags or ())
    sites = Counter(site.id for patient in patients for site in patient.sites or ())
    assert view is not None
    assert view.clinic == clinic
    assert view.tag_patients == {tag.id: tags[tag.id] for tag in clinic.tags or ()}
    assert view.site_patients == {site.id: sites[site.id] for site in clinic.sites}

    sources = [source for patient in patients for source in patient.data_sources or ()]
    states = Counter((source.provider_name, source.state) for source in sources)
    providers = {source.provider_name for source in sources}
    assert tally == Tally(
        total=len(patients),
        outside_plan=sum(
            any(source.provider_name == "twiist" for source in patient.data_sources or ())
            for patient in patients
        ),
        providers={
            name: ProviderCount(
                total=sum(number for (of, _), number in states.items() if of == name),
                states={state: number for (of, state), number in states.items() if of == name},
            )
            for name in providers
        },
    )
