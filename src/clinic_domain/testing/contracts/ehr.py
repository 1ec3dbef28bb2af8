"""What partners said, and whom they mean."""

from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_domain.clinics.model import ClinicQuery
from clinic_domain.ehr.errors import DuplicatePreorder
from clinic_domain.ehr.matching import connected_to
from clinic_domain.ehr.model import (
    Applicant,
    EhrProvider,
    Identifier,
    Identities,
    Message,
    MessageLog,
    MessageMeta,
    Named,
    Numbered,
    OrderEvent,
    PrecedingOrder,
    Preorder,
)
from clinic_domain.patients.model import (
    REPORTS,
    EhrPatientQuery,
    EhrSubscription,
    Patient,
    PatientSearch,
    PatientWalk,
    Permission,
)
from clinic_domain.storage import Storage, Transaction
from clinic_domain.testing.contracts.support import keep, together
from clinic_domain.testing.examples import (
    a_clinic,
    a_message,
    a_patient,
    a_preorder,
    a_record_id,
    a_report_order,
    a_report_view,
    an_enrollment_order,
    ehr_settings,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.strategies import latin_names, mrns, spellings
from clinic_domain.testing.strategies.values import NASTY_TEXTS
from clinic_domain.text import collation_key
from clinic_domain.values import ClinicId, Page, RecordId, UserId

_EXAMPLES = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_NAMES = latin_names(max_size=6).flatmap(lambda name: st.lists(spellings(name), max_size=4))
_MRNS = mrns().flatmap(lambda mrn: st.lists(spellings(mrn), max_size=4))
_DAYS: Final = st.sampled_from(["2000-01-01", "2000-01-02"])

FULL_META: Final = MessageMeta(
    "Order",
    "New",
    "2025-02-03T09:15:30.250Z",
    "F-1",
    is_test=True,
    destinations=(Named("a", None), Named(None, "b"), Named()),
    logs=(MessageLog("l", "a"), MessageLog()),
    source=Named("s", "Name"),
    message=Numbered(123456789),
    transmission=Numbered(None),
)
CONTENT: Final[dict[str, Any]] = {
    "z": 1,
    "a": [1.5, None, True, {}, [], "", -(2**63), 2**63 - 1],
    "": {"$where": "x", "a.b": {"_id": 5, "$ref": "x", "$id": "y"}},
    "texts": [*NASTY_TEXTS, "\0"],
}
SENDING: Final = EhrSubscription(
    active=True, provider="redox", created_at=A_MORNING, updated_at=A_MORNING
)
ENTRIES: Final = (
    Preorder("1"),
    Preorder("2", patient=Applicant()),
    Preorder("3", patient=Applicant("a@b.c", connect_abbott=True, connect_dexcom=True)),
    Preorder("4", guardian=Applicant(" ", first_name="Ann", last_name="Lee"), tag_ids=()),
    Preorder("5", guardian=Applicant(), tag_ids=("no-id", "no-id", "")),
)


class EhrContract:
    """Messages and orders come back as they were stored; the right patients are found."""

    # Messages

    async def test_a_message_comes_back_as_it_was_stored(self, storage: Storage) -> None:
        messages = [
            a_message(meta=FULL_META, content=CONTENT),
            a_message(meta=MessageMeta("X", "Y", destinations=(), logs=(), source=Named())),
            *(a_message(content={"text": text}) for text in NASTY_TEXTS),
        ]

        await keep(storage, *messages)

        for message in messages:
            found = await _message(storage, message.id)
            assert found == message
            assert found is not None
            assert list(found.content) == list(message.content)

    async def test_messages_that_are_not_there_are_not_found(self, storage: Storage) -> None:
        first, second = a_message(), a_message()
        await keep(storage, first, second)

        assert await _message(storage, a_record_id()) is None
        ids = [second.id, a_record_id(), first.id]
        found = await storage.read(lambda tx: tx.messages.stored(ids))
        assert found == {first.id, second.id}
        assert await storage.read(lambda tx: tx.messages.stored([])) == frozenset()

    # Orders of reports

    async def test_orders_of_reports_come_back_oldest_first(self, storage: Storage) -> None:
        clinic, message = a_clinic(), a_message()
        preceding = PrecedingOrder(a_record_id(), A_MORNING)
        orders = [
            a_report_order(clinic),
            a_report_order(clinic, message_id=message.id),
            a_report_order(clinic, message_id=message.id, preceding=preceding),
        ]
        await keep(storage, message)

        await _order(storage, *reversed(orders), a_report_order(a_clinic()))
        await _order(storage)

        found = await storage.read(lambda tx: tx.messages.reports_ordered(clinic.id))
        assert list(found) == orders
        nowhere = ClinicId("no-id")
        assert await storage.read(lambda tx: tx.messages.reports_ordered(nowhere)) == ()

    async def test_the_newest_order_precedes_the_next(self, storage: Storage) -> None:
        message, other = a_message(), a_message()
        later = A_MORNING + timedelta(seconds=1)
        newest = a_report_order(a_clinic(), message_id=message.id, created_time=later)
        older = a_report_order(a_clinic(), message_id=message.id)
        await keep(storage, message, other)
        await _order(storage, newest, older, a_report_order(a_clinic()))

        found = await storage.read(lambda tx: tx.messages.last_ordered([other.id, message.id]))

        assert found == {message.id: PrecedingOrder(newest.id, later)}

    # What Xealth said

    async def test_entries_come_back_as_they_were_stored(self, storage: Storage) -> None:
        await keep(storage, *map(a_preorder, ENTRIES))

        async def found(tx: Transaction) -> list[Preorder | None]:
            return [await tx.enrollments.find_preorder(entry.tracking_id) for entry in ENTRIES]

        assert await storage.read(found) == list(ENTRIES)
        assert await storage.read(lambda tx: tx.enrollments.find_preorder("x")) is None

    async def test_a_tracking_id_is_used_once(self, storage: Storage) -> None:
        both = [a_preorder(Preorder("same", tag_ids=(name,))) for name in "ab"]

        _, refusals = await together(*(keep(storage, each) for each in both))

        assert [type(refusal) for refusal in refusals] == [DuplicatePreorder]
        with pytest.raises(DuplicatePreorder):
            await keep(storage, a_preorder(both[0].preorder))

    async def test_an_order_comes_back_as_it_was_stored(self, storage: Storage) -> None:
        identities = Identities((Identifier("1", "MR", "epic"),), ())
        data = {
            "datasets": {
                "demographicsV1": {
                    "birthDate": "1979-08-23",
                    "telecom": [{"rank": 1.0, "value": "x"}],
                    "text": "2025-03-04T05:06:07.008Z",
                }
            },
            "orderInfo": {"orderCreationDateTime": "2025-03-04T05:06:07.008Z", "orderId": "1"},
            "patientIdentity": {"ids": None},
        }
        orders = [
            an_enrollment_order(),
            an_enrollment_order(
                event=OrderEvent("d", "new", "e", "order", "o", "p", "q", A_MORNING, identities),
                data=data,
            ),
        ]

        await keep(storage, *orders)

        for order in orders:
            found = await storage.read(lambda tx, one=order: tx.enrollments.find_order(one.id))  # type: ignore[misc]  # the loop binds it
            assert found == order
        assert await storage.read(lambda tx: tx.enrollments.find_order(a_record_id())) is None

    async def test_the_last_look_of_a_viewer_at_a_report_counts(self, storage: Storage) -> None:
        clinic = a_clinic()
        first = a_report_view(clinic, login="d_one")
        last = attrs.evolve(
            first, id=a_record_id(), created_time=A_MORNING + timedelta(days=1), login=None
        )
        others = [
            attrs.evolve(
                first, id=a_record_id(), created_time=A_MORNING + timedelta(days=2), **change
            )
            for change in (
                {"viewer_id": "x"},
                {"deployment": "x"},
                {"patient_id": UserId("x")},
                {"program_id": "x"},
                {"clinic_id": a_clinic().id},
            )
        ]
        await keep(storage, last, *others, first)

        like = attrs.evolve(first, id=a_record_id(), login="another")
        found = await storage.read(lambda tx: tx.enrollments.last_view(like))
        nobody = attrs.evolve(first, viewer_id="nobody")

        assert found == last.created_time
        assert await storage.read(lambda tx: tx.enrollments.last_view(nobody)) is None

    # Matching

    async def test_clinics_are_found_by_their_source(self, storage: Storage) -> None:
        """Letter by letter, and only where the connection is in use (MATCH-3)."""
        wanted = [a_clinic(ehr_settings=ehr_settings("redox", "source-1")) for _ in range(3)]
        others = [
            a_clinic(),
            a_clinic(ehr_settings=ehr_settings("redox", "SOURCE-1")),
            a_clinic(ehr_settings=ehr_settings("xealth", "source-1")),
            a_clinic(ehr_settings=ehr_settings("redox", "source-1", enabled=False)),
        ]
        await keep(storage, *others, *wanted)

        query = connected_to(EhrProvider.REDOX, "source-1")
        found = await storage.read(lambda tx: tx.clinics.views(query))
        enabled = await storage.read(lambda tx: tx.clinics.views(ClinicQuery(ehr_enabled=True)))

        assert [view.clinic for view in found] == wanted[:2]
        assert len(enabled) == 5

    @given(names=_NAMES, mrns=_MRNS, days=st.lists(_DAYS, min_size=4, max_size=4))
    @_EXAMPLES
    async def test_patients_are_found_ignoring_case_and_accents_but_not_blanks(
        self, storage: Storage, names: list[str], mrns: list[str], days: list[str]
    ) -> None:
        """By any of them alone, and by several together (MATCH-1, MATCH-2)."""
        clinic = a_clinic()
        pairs = [*zip(names, mrns, days, strict=False)]
        patients = [
            a_patient(clinic, full_name=name, mrn=mrn, birth_date=day) for name, mrn, day in pairs
        ]
        blank = a_patient(clinic, full_name=f"{names[0]} " if names else " ", mrn="\u00a0 x")
        await keep(storage, clinic, *patients, blank)

        for patient in patients:
            name, mrn, day = patient.full_name, patient.mrn, patient.birth_date
            for search in (
                PatientSearch((clinic.id,), mrn=mrn, page=Page(limit=100)),
                PatientSearch((clinic.id,), mrn=mrn, birth_date=day, page=Page(limit=100)),
                PatientSearch((clinic.id,), full_name=name, birth_date=day, page=Page(limit=100)),
            ):
                found = await storage.read(lambda tx, one=search: tx.patients.search(one))  # type: ignore[misc]  # the loop binds it
                expected = {one.user_id for one in [*patients, blank] if _is_meant(one, search)}
                assert {one.user_id for one in found} == expected

    # Walks and lists

    async def test_a_walk_meets_everybody_once(self, storage: Storage) -> None:
        here, there = a_clinic(), a_clinic()
        patients = [a_patient(home) for _ in range(3) for home in (here, there)]
        await keep(storage, here, there, *reversed(patients), a_patient(a_clinic()))

        met: list[Patient] = []
        last: RecordId | None = None
        while True:
            walk = PatientWalk((here.id, there.id), behind=last, limit=4)
            some = await storage.read(lambda tx, one=walk: tx.patients.walk(one))  # type: ignore[misc]  # the loop binds it
            if not some:
                break
            met += some
            last = some[-1].id

        assert met == patients
        nobody = PatientWalk((ClinicId("no-id"),))
        assert await storage.read(lambda tx: tx.patients.walk(nobody)) == ()

    async def test_a_walk_meets_those_whose_reports_are_sent(self, storage: Storage) -> None:
        clinic = a_clinic()
        off = attrs.evolve(SENDING, active=False)
        on, other = (a_patient(clinic, ehr_subscriptions={REPORTS: SENDING}) for _ in range(2))
        switched = a_patient(clinic, ehr_subscriptions={REPORTS: SENDING})
        await keep(
            storage,
            clinic,
            on,
            other,
            switched,
            a_patient(clinic),
            a_patient(clinic, ehr_subscriptions={}),
            a_patient(clinic, ehr_subscriptions={REPORTS: off}),
            a_patient(clinic, ehr_subscriptions={"xealthReports": SENDING}),
        )
        now_off = attrs.evolve(switched, ehr_subscriptions={REPORTS: off})
        await storage.transaction(lambda tx: tx.patients.save(now_off, was=switched))

        async def walked(**conditions: Any) -> tuple[Patient, ...]:
            walk = PatientWalk((clinic.id,), has_reports=True, **conditions)
            return await storage.read(lambda tx: tx.patients.walk(walk))

        assert await walked() == (on, other)
        assert await walked(user_id=other.user_id) == (other,)

    async def test_a_walk_meets_those_without_an_address(self, storage: Storage) -> None:
        clinic = a_clinic()
        custodial = frozenset({Permission.CUSTODIAN})
        wanted = [a_patient(clinic, permissions=custodial, email=email) for email in (None, "")]
        await keep(
            storage,
            clinic,
            *wanted,
            a_patient(clinic, permissions=custodial, email="a@b.c"),
            a_patient(clinic, permissions=frozenset({Permission.VIEW})),
            a_patient(clinic, permissions=None),
        )

        walk = PatientWalk((clinic.id,), lacks_email=True)
        assert list(await storage.read(lambda tx: tx.patients.walk(walk))) == wanted

    async def test_patients_are_listed_by_mrn(self, storage: Storage) -> None:
        """Code point by code point, none first (CLI-1)."""
        clinic = a_clinic()
        numbers = (None, "", None, "1", "10", "2", "A", "B", "a", "é")
        patients = [a_patient(clinic, mrn=mrn) for mrn in numbers]
        subscribed = attrs.evolve(patients[4], ehr_subscriptions={"x": SENDING})
        empty = attrs.evolve(patients[5], ehr_subscriptions={})
        patients[4:6] = [subscribed, empty]
        await keep(storage, clinic, *reversed(patients), a_patient(a_clinic()))

        async def listed(**conditions: Any) -> tuple[list[Patient], int, int]:
            query = EhrPatientQuery(clinic.id, **{"page": Page(limit=20), **conditions})
            page = await storage.read(lambda tx: tx.patients.by_mrn(query))
            return list(page.patients), page.matching, page.total

        assert await listed() == (patients, 10, 10)
        assert await listed(page=Page(2, 3)) == (patients[2:5], 10, 10)
        assert await listed(has_mrn=True, page=Page(1, 2)) == (patients[4:6], 7, 10)
        assert await listed(has_mrn=False) == (patients[:3], 3, 10)
        assert await listed(has_subscription=True) == ([subscribed], 1, 10)
        without = [one for one in patients if one is not subscribed]
        assert await listed(has_subscription=False) == (without, 9, 10)
        assert await listed(user_id=empty.user_id) == ([empty], 1, 10)


def _is_meant(patient: Patient, search: PatientSearch) -> bool:
    pairs = (
        (search.mrn, patient.mrn),
        (search.full_name, patient.full_name),
        (search.birth_date, patient.birth_date),
    )
    return all(
        wanted is None or collation_key(wanted) == collation_key(held or "")
        for wanted, held in pairs
    )


async def _message(storage: Storage, message_id: RecordId) -> Message | None:
    return await storage.read(lambda tx: tx.messages.find(message_id))


async def _order(storage: Storage, *orders: Any) -> None:
    async def work(tx: Transaction) -> None:
        await tx.messages.order_reports(orders)

    await storage.transaction(work)
