"""Use cases on messages of Redox: keeping, matching, ordering reports."""

import re
from typing import Final

import attrs

from clinic_domain.clinics.model import ClinicView, EhrSettings
from clinic_domain.ehr.errors import (
    InvalidDocumentId,
    InvalidMetadata,
    MatchingClinicNotFound,
    MessageNotFound,
    SeveralMatchingClinics,
    SourceIdRequired,
)
from clinic_domain.ehr.matching import Wanted, connected_to, each_once, wanted_by_order
from clinic_domain.ehr.model import (
    EhrProvider,
    Json,
    Match,
    MatchAction,
    MatchRequest,
    Message,
    MessageMeta,
    Subscription,
    SubscriptionUpdate,
)
from clinic_domain.ehr.ports import OrderReader
from clinic_domain.ehr.reports import (
    KEPT,
    last_message,
    report_order,
    sends_reports,
    sends_reports_on_upload,
)
from clinic_domain.ehr.subscriptions import subscribed
from clinic_domain.patients.model import Patient, PatientWalk
from clinic_domain.ports import Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.values import ClinicId, RecordId, UserId

AT_ONCE: Final = 100
"""Report orders in one transaction."""

_ID: Final = re.compile("[0-9a-f]{24}")


@attrs.frozen
class MessageService:
    """Keeps what Redox sends, tells whom it is about, and orders reports for Redox."""

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _orders: OrderReader

    async def receive(self, meta: MessageMeta, content: Json) -> RecordId:
        """
        Keep a message before anybody asks what it means, however often it comes (REDOX-3).

        Raises:
            InvalidMetadata: it does not say what kind of message it is.
            UnstorableMessage: no storage could hold it.
        """
        if not meta.data_model or not meta.event_type:
            raise InvalidMetadata
        message = Message(RecordId(self._ids.new_id()), meta, content)
        await self._storage.transaction(lambda tx: tx.messages.add(message))
        return message.id

    async def match(self, request: MatchRequest) -> Match:
        """
        Return the clinic and the patients that an order is about (REDOX-5).

        Where the order asks for something and exactly one patient is found, it is done.

        Raises:
            InvalidDocumentId, MessageNotFound, UnreadableOrder, SourceIdRequired,
                MatchingClinicNotFound, SeveralMatchingClinics, BirthDateMissing, FullNameMissing:
            in this order.
        """
        message_id = RecordId(request.document_id.lower())
        if not _ID.fullmatch(message_id):
            raise InvalidDocumentId
        now = self._clock.now()

        async def work(tx: Transaction) -> Match:
            message = await tx.messages.find(message_id)
            if message is None or not _is_named(message, request):
                raise MessageNotFound(message_id)
            order = self._orders.read(message.content)
            view, settings = await _clinic_of(tx, order.source_id)
            wanted = wanted_by_order(order, settings)
            patients = await _patients(tx, view.clinic.id, wanted, request)
            if request.action and len(patients) == 1:
                changed = subscribed(patients[0], _update(message, request.action), now)
                await tx.patients.save(changed, was=patients[0])
            return Match(view, settings, patients)

        if request.action:
            return await self._storage.transaction(work)
        return await self._storage.read(work)

    async def order_reports_of_clinic(self, clinic_id: ClinicId) -> None:
        """
        Order the reports of all patients of a clinic (REDOX-9).

        Raises:
            MatchingClinicNotFound: its reports do not go to Redox.
        """
        clinic = await self._storage.read(lambda tx: tx.clinics.find(clinic_id))
        if clinic is None or not sends_reports(clinic):
            raise MatchingClinicNotFound(clinic_id)
        await self._order_reports(PatientWalk((clinic_id,), has_reports=True, limit=AT_ONCE))

    async def order_reports_of_patient(self, user_id: UserId) -> None:
        """Order the reports of a patient, in all clinics that want them on upload (REDOX-10)."""

        async def clinics(tx: Transaction) -> tuple[ClinicId, ...]:
            records = await tx.patients.of_user(user_id)
            found = [await tx.clinics.find(record.clinic_id) for record in records]
            return tuple(each.id for each in found if each and sends_reports_on_upload(each))

        wanting = await self._storage.read(clinics)
        if wanting:
            walk = PatientWalk(wanting, user_id=user_id, has_reports=True, limit=AT_ONCE)
            await self._order_reports(walk)

    async def _order_reports(self, walk: PatientWalk) -> None:
        """
        Order a report for each patient, some in one transaction and some in the next.

        All of them say the same time.
        """
        now = self._clock.now()
        last: RecordId | None = walk.behind
        await self._storage.transaction(lambda tx: tx.messages.forget_reports(now - KEPT))
        while True:
            part = attrs.evolve(walk, behind=last)

            async def work(tx: Transaction, part: PatientWalk = part) -> RecordId | None:
                patients = await tx.patients.walk(part)
                messages = frozenset(filter(None, map(last_message, patients)))
                stored = await tx.messages.stored(messages)
                preceding = await tx.messages.last_ordered(stored)
                await tx.messages.order_reports(
                    report_order(RecordId(self._ids.new_id()), patient, stored, preceding, now)
                    for patient in patients
                )
                return patients[-1].id if len(patients) == part.limit else None

            last = await self._storage.transaction(work)
            if last is None:
                return


def _is_named(message: Message, request: MatchRequest) -> bool:
    meta = message.meta
    return (meta.data_model, meta.event_type) == (request.data_model, request.event_type)


async def _clinic_of(tx: Transaction, source_id: str | None) -> tuple[ClinicView, EhrSettings]:
    if not source_id:
        raise SourceIdRequired
    views = await tx.clinics.views(connected_to(EhrProvider.REDOX, source_id))
    if len(views) > 1:
        raise SeveralMatchingClinics(source_id)
    settings = views[0].clinic.ehr_settings if views else None
    if settings is None:
        raise MatchingClinicNotFound(source_id)
    return views[0], settings


async def _patients(
    tx: Transaction, clinic_id: ClinicId, wanted: Wanted | None, request: MatchRequest
) -> tuple[Patient, ...]:
    found: list[Patient] = []
    for criterion in dict.fromkeys(request.criteria):
        if wanted is not None:
            found += await tx.patients.search(wanted.search(clinic_id, criterion))
    return each_once(found)


def _update(message: Message, action: MatchAction) -> SubscriptionUpdate:
    return SubscriptionUpdate(
        Subscription.SUMMARY_AND_REPORTS,
        EhrProvider.REDOX,
        active=action is MatchAction.ENABLE_REPORTS,
        message_id=message.id,
        data_model=message.meta.data_model,
        event_type=message.meta.event_type,
    )
