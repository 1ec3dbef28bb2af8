"""Use cases on enrolment by Xealth: forms, orders, programs and reports."""

from collections.abc import Callable, Collection
from contextlib import suppress

import attrs

from clinic_domain.clinics.model import Clinic
from clinic_domain.ehr.enrollment import (
    CANCEL,
    blank_form,
    details_of_enrollee,
    form_for_known,
    form_kind,
    is_enrollment,
    is_our_program,
    problem_of_entry,
    program_status,
    refuse_report,
    tidied,
    update_by,
    with_requests,
)
from clinic_domain.ehr.errors import (
    AnotherDeployment,
    DeploymentNotFound,
    DuplicatePreorder,
    InvalidRestrictedToken,
    MatchingPatientNotFound,
    OrderNotFound,
    PreorderNotFound,
    SeveralClinicsOfDeployment,
    SeveralMatchingPatients,
    TrackingIdRequired,
    during,
)
from clinic_domain.ehr.matching import WantedEnrollee, connected_to, wanted_by_xealth
from clinic_domain.ehr.model import (
    EhrProvider,
    Enrollee,
    EnrollmentOrder,
    FormKind,
    FormProblem,
    OrderEvent,
    PlacedOrder,
    Preorder,
    PreorderForm,
    ProgramStatus,
    ReportAccess,
    ReportView,
    StoredPreorder,
    Subscription,
    SubscriptionUpdate,
)
from clinic_domain.ehr.ports import RestrictedTokens, XealthOrders
from clinic_domain.ehr.subscriptions import last_order, subscribed
from clinic_domain.errors import NotFound
from clinic_domain.patients.model import Patient
from clinic_domain.patients.service import PatientService
from clinic_domain.ports import Clock, IdGenerator
from clinic_domain.storage import Storage, Transaction
from clinic_domain.users import Users
from clinic_domain.values import ClinicId, RecordId, UserId

Entry = Callable[[FormKind], Preorder]
"""Understands what was entered, once it is known into which form."""


@attrs.frozen
class _Match:
    """Whom a request is about: the clinic, and its patient if it has one."""

    clinic: Clinic
    wanted: WantedEnrollee
    patient: Patient | None


@attrs.frozen
class EnrollmentService:
    """Answers Xealth: what to enter, what came of an order, how an enrolment stands."""

    _storage: Storage
    _clock: Clock
    _ids: IdGenerator
    _users: Users
    _patients: PatientService
    _orders: XealthOrders
    _tokens: RestrictedTokens

    # Before an order

    async def offer_form(self, enrollee: Enrollee, tracking_id: str) -> PreorderForm | None:
        """
        Return the form to fill in, or None where the patient is known (XEALTH-7).

        Raises:
            DeploymentNotFound, SeveralClinicsOfDeployment, DatasetsRequired, DemographicsRequired,
                MrnMissing, BirthDateMissing, FullNameMissing, SeveralMatchingPatients: in this
            order (XEALTH-4).
        """
        with during("matching initial preorder request: "):
            match = await self._match(enrollee, by_date=False)
        form = blank_form(match.wanted, match.clinic, tracking_id, self._clock.now())
        return form_for_known(match.patient, form, match.wanted) if match.patient else form

    async def take_form(self, enrollee: Enrollee, entry: Entry) -> PreorderForm | None:
        """
        Keep what was entered, or return the form that says why not (XEALTH-8).

        Somebody who is a patient by now needs nothing more, and neither does an entry that comes
        again.

        Raises:
            TrackingIdRequired: nobody could find the entry again.
            DuplicatePreorder: something else was entered under this tracking id.
            DeploymentNotFound, ...: as `offer_form`; and what *entry* raises.
        """
        with during("matching subsequent preorder request: "):
            match = await self._match(enrollee, by_date=False)
        if match.patient:
            return None
        kind = form_kind(match.wanted, self._clock.now())
        preorder = entry(kind)
        if not preorder.tracking_id:
            raise TrackingIdRequired
        problem = problem_of_entry(preorder) or await self._problem_of_address(preorder)
        if problem:
            name, clinic = match.wanted.full_name, match.clinic
            return PreorderForm(kind, preorder, name, clinic, (problem,))
        await self._keep(tidied(preorder))
        return None

    async def _problem_of_address(self, preorder: Preorder) -> FormProblem | None:
        email = preorder.applicant.email if preorder.applicant else ""
        taken = bool(email) and await self._users.find(email)
        return FormProblem.DUPLICATE_EMAIL if taken else None

    async def _keep(self, preorder: Preorder) -> None:
        stored = StoredPreorder(RecordId(self._ids.new_id()), preorder)

        async def work(tx: Transaction) -> None:
            known = await tx.enrollments.find_preorder(preorder.tracking_id)
            if known is None:
                await tx.enrollments.add_preorder(stored)

        # Of two at the same moment either will do.
        with suppress(DuplicatePreorder):
            await self._storage.transaction(work)

    # Orders

    async def follow(self, event: OrderEvent) -> None:
        """
        Do what an order asks for: enrol the patient, or no more (XEALTH-14).

        The order is kept first, whatever comes of it. Events that concern nobody here are ignored.

        Raises:
            OrderNotFound, AnotherDeployment, PreorderNotFound, PreorderRequired: see their texts.
            XealthUnavailable: Xealth does not say what the order is.
            DatasetsRequired, ...: as `offer_form`, and what the creation of a patient raises.
        """
        if not is_enrollment(event):
            return
        with during("matching event notification request: "):
            clinic = await self._clinic_of(event.deployment)
        if clinic is None or not is_our_program(clinic, event.program_id):
            return
        placed = await self._orders.find(event.deployment, event.order_id)
        if placed is None:
            raise OrderNotFound(event.deployment)
        if placed.enrollee.deployment != event.deployment:
            raise AnotherDeployment(event.deployment)
        order = EnrollmentOrder(RecordId(self._ids.new_id()), event, placed.data)
        await self._storage.transaction(lambda tx: tx.enrollments.add_order(order))
        await self._apply(order, placed)

    async def _apply(self, order: EnrollmentOrder, placed: PlacedOrder) -> None:
        preorder = await self._preorder_of(placed)
        try:
            with during("handling new order: "):
                match = await self._match(placed.enrollee, by_date=True)
        except DeploymentNotFound:
            return
        if match.patient:
            await self._subscribe(match.patient, update_by(order))
        elif order.event.event_context != CANCEL:
            await self._create(match, preorder, update_by(order))

    async def _preorder_of(self, placed: PlacedOrder) -> Preorder | None:
        tracking_id = placed.tracking_id
        if tracking_id is None:
            return None
        preorder = await self._storage.read(lambda tx: tx.enrollments.find_preorder(tracking_id))
        if preorder is None:
            raise PreorderNotFound(tracking_id)
        return preorder

    async def _create(
        self, match: _Match, preorder: Preorder | None, update: SubscriptionUpdate
    ) -> None:
        now = self._clock.now()
        with during("unable to create patient create: "):
            details = details_of_enrollee(match.wanted, preorder, match.clinic)
        with during("unable to create new patient from order: "):
            await self._patients.add_custodial(
                match.clinic.id,
                details,
                email=details.email,
                finish=lambda patient: subscribed(with_requests(patient, now), update, now),
            )

    async def _subscribe(self, patient: Patient, update: SubscriptionUpdate) -> None:
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            found = await tx.patients.get(patient.clinic_id, patient.user_id)
            await tx.patients.save(subscribed(found, update, now), was=found)

        with during("unable to update ehr subscription: "):
            await self._storage.transaction(work)

    # Programs and reports

    async def program(self, enrollee: Enrollee) -> ProgramStatus | None:
        """
        Return how a patient's enrolment stands, or None where there is none (XEALTH-17).

        Raises:
            NotFound: the order that enrolled the patient is gone.
            SeveralClinicsOfDeployment, ...: as `offer_form`.
        """
        try:
            with during("matching get programs request: "):
                match = await self._match(enrollee, by_date=True)
        except DeploymentNotFound:
            return None
        patient = match.patient
        if patient is None:
            return None
        order_id = last_order(patient, Subscription.XEALTH_REPORTS, EhrProvider.XEALTH)
        if order_id is None:
            return None

        async def work(tx: Transaction) -> ProgramStatus:
            order = await tx.enrollments.find_order(order_id)
            if order is None:
                raise NotFound
            view = self._view(enrollee, patient, order.event.program_id)
            last_viewed = await tx.enrollments.last_view(view) if view else None
            return program_status(patient, order, last_viewed)

        return await self._storage.read(work)

    async def grant_report(self, enrollee: Enrollee) -> ReportAccess:
        """
        Return what opens a patient's report, and note that it was asked for (XEALTH-19, XEALTH-20).

        Raises:
            MatchingPatientNotFound: the clinic has no such patient.
            TokensUnavailable: nobody gives a token out.
            DeploymentNotFound, ...: as `offer_form`.
        """
        with during("matching get program url request: "):
            match = await self._match(enrollee, by_date=True)
            if match.patient is None:
                raise MatchingPatientNotFound(match.clinic.id)
        token = await self._tokens.create(match.patient.user_id)
        view = self._view(enrollee, match.patient, enrollee.program_id)
        if view and view.deployment and view.program_id:
            await self._storage.transaction(lambda tx: tx.enrollments.add_view(view))
        return ReportAccess(match.clinic, match.patient, token.id)

    async def open_report(
        self, clinic_id: ClinicId, user_id: UserId, token_id: str
    ) -> ReportAccess:
        """
        Return what the page of a report needs (XEALTH-21).

        Raises:
            InvalidRestrictedToken, ClinicNotFound, PatientNotFound, NoActiveSubscription,
                IncompletePatient: in this order.
        """
        token = await self._tokens.find(token_id) if token_id else None
        expires = token.expires if token else None
        is_over = expires is not None and expires < self._clock.now()
        if token is None or is_over or token.user_id != user_id:
            raise InvalidRestrictedToken

        async def work(tx: Transaction) -> ReportAccess:
            clinic = await tx.clinics.get(clinic_id)
            patient = await tx.patients.get(clinic_id, user_id)
            refuse_report(clinic, patient)
            return ReportAccess(clinic, patient, token_id)

        return await self._storage.read(work)

    def _view(self, enrollee: Enrollee, patient: Patient, program_id: str) -> ReportView | None:
        """Return a look at a patient's report by whoever asks, if it is somebody."""
        viewer = enrollee.datasets.viewer if enrollee.datasets else None
        if viewer is None or not viewer.id:
            return None
        return ReportView(
            id=RecordId(self._ids.new_id()),
            viewer_id=viewer.id,
            deployment=enrollee.deployment,
            patient_id=patient.user_id,
            program_id=program_id,
            clinic_id=patient.clinic_id,
            created_time=self._clock.now(),
            login=viewer.login,
        )

    # Matching

    async def _match(self, enrollee: Enrollee, *, by_date: bool) -> _Match:
        clinic = await self._clinic_of(enrollee.deployment)
        if clinic is None or clinic.ehr_settings is None:
            raise DeploymentNotFound(enrollee.deployment)
        wanted = wanted_by_xealth(enrollee, clinic.ehr_settings)
        search = wanted.search(clinic.id, by_date=by_date)
        patients = await self._storage.read(lambda tx: tx.patients.search(search))
        return _Match(clinic, wanted, _only(patients))

    async def _clinic_of(self, deployment: str) -> Clinic | None:
        query = connected_to(EhrProvider.XEALTH, deployment)
        views = await self._storage.read(lambda tx: tx.clinics.views(query))
        if len(views) > 1:
            raise SeveralClinicsOfDeployment(deployment)
        return views[0].clinic if views else None


def _only(patients: Collection[Patient]) -> Patient | None:
    if len(patients) > 1:
        raise SeveralMatchingPatients
    return next(iter(patients), None)
