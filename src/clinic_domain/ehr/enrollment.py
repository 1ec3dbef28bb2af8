"""Enrolling patients by orders of Xealth (8.8)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import attrs

from clinic_domain.clinics.model import Clinic
from clinic_domain.ehr.addresses import address_in, is_child
from clinic_domain.ehr.errors import IncompletePatient, NoActiveSubscription, PreorderRequired
from clinic_domain.ehr.matching import WantedEnrollee
from clinic_domain.ehr.model import (
    Applicant,
    EhrProvider,
    EnrollmentOrder,
    FormKind,
    FormProblem,
    OrderEvent,
    Preorder,
    PreorderForm,
    ProgramStatus,
    Subscription,
    SubscriptionUpdate,
)
from clinic_domain.ehr.subscriptions import active_subscription
from clinic_domain.patients.model import (
    DataSource,
    DataSourceState,
    Patient,
    PatientDetails,
    Provider,
)
from clinic_domain.patients.rules import with_connection_request
from clinic_domain.values import TagId

ORDER: Final = "order"
NEW: Final = "new"
CANCEL: Final = "cancel"

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


# Forms


def form_kind(wanted: WantedEnrollee, now: datetime) -> FormKind:
    """Return who fills the form in."""
    return FormKind.GUARDIAN if is_child(wanted.birth_date, now) else FormKind.PATIENT


def blank_form(
    wanted: WantedEnrollee, clinic: Clinic, tracking_id: str, now: datetime
) -> PreorderForm:
    """Return the first form: for an adult with the address that is known (XEALTH-12)."""
    kind = form_kind(wanted, now)
    if kind is FormKind.GUARDIAN:
        preorder = Preorder(tracking_id, guardian=Applicant())
    else:
        preorder = Preorder(tracking_id, patient=Applicant(wanted.demographics.email or ""))
    return PreorderForm(kind, preorder, wanted.full_name, clinic)


def form_for_known(
    patient: Patient, form: PreorderForm, wanted: WantedEnrollee
) -> PreorderForm | None:
    """Return what is still to be said of a patient who is known by MRN: that it is another one."""
    if patient.birth_date == wanted.birth_date.isoformat():
        return None
    return attrs.evolve(form, problems=(FormProblem.BIRTHDAY_MISMATCH,))


def problem_of_entry(preorder: Preorder) -> FormProblem | None:
    """Return what is wrong with an entry by itself (XEALTH-10)."""
    guardian, applicant = preorder.guardian, preorder.applicant
    if guardian and not (guardian.first_name.strip() and guardian.last_name.strip()):
        return FormProblem.SOMETHING_WENT_WRONG
    if applicant and applicant.email and address_in(applicant.email) is None:
        return FormProblem.SOMETHING_WENT_WRONG
    return None


def tidied(preorder: Preorder) -> Preorder:
    """Return an entry as it is kept: without an address nobody is asked to connect (XEALTH-11)."""
    return attrs.evolve(
        preorder, patient=_tidied(preorder.patient), guardian=_tidied(preorder.guardian)
    )


def _tidied(applicant: Applicant | None) -> Applicant | None:
    if applicant is None or applicant.email.strip():
        return applicant
    return attrs.evolve(applicant, connect_dexcom=False)


# Orders


def is_enrollment(event: OrderEvent) -> bool:
    """Whether an event is about enrolling somebody at all (XEALTH-14)."""
    return event.event_type == ORDER and event.event_context in (NEW, CANCEL)


def is_our_program(clinic: Clinic, program_id: str) -> bool:
    """Whether a program is the one that the clinic enrols patients with."""
    settings = clinic.ehr_settings
    code = settings.procedure_codes.create_account_and_enable_reports if settings else None
    return bool(code) and code == program_id


def update_by(order: EnrollmentOrder) -> SubscriptionUpdate:
    """Return what an order says of the patient's subscription."""
    event = order.event
    return SubscriptionUpdate(
        Subscription.XEALTH_REPORTS,
        EhrProvider.XEALTH,
        active=event.event_context == NEW,
        message_id=order.id,
        data_model=event.event_type,
        event_type=event.event_context,
    )


def details_of_enrollee(
    wanted: WantedEnrollee, preorder: Preorder | None, clinic: Clinic
) -> PatientDetails:
    """
    Return how a new patient is described (XEALTH-15).

    Raises:
        PreorderRequired: nothing was entered about the patient.
    """
    applicant = preorder.applicant if preorder else None
    if preorder is None or applicant is None:
        raise PreorderRequired
    tags = [TagId(tag_id) for tag_id in dict.fromkeys(preorder.tag_ids or ())]
    email = applicant.email if applicant.email.strip() else None
    return PatientDetails(
        full_name=wanted.full_name,
        birth_date=wanted.birth_date.isoformat(),
        email=email,
        mrn=wanted.mrn,
        tags=tuple(tag_id for tag_id in tags if clinic.tag(tag_id)) or None,
        data_sources=tuple(
            DataSource(provider, DataSourceState.PENDING)
            for provider in _to_connect(applicant)
            if email
        )
        or None,
    )


def _to_connect(applicant: Applicant) -> Iterable[Provider]:
    if applicant.connect_abbott:
        yield Provider.ABBOTT
    if applicant.connect_dexcom:
        yield Provider.DEXCOM


def with_requests(patient: Patient, now: datetime) -> Patient:
    """Return a new patient as asked to connect what was chosen."""
    for source in patient.data_sources or ():
        patient = with_connection_request(patient, source.provider_name, now)
    return patient


# Programs and reports


def program_status(
    patient: Patient, order: EnrollmentOrder, last_viewed: datetime | None
) -> ProgramStatus:
    """Return how an enrolment stands (XEALTH-17, XEALTH-18)."""
    summary = patient.summary
    last_updated = summary.last_updated_date if summary else None
    return ProgramStatus(
        program_id=order.event.program_id,
        enrolled=(order.event.time or _NEVER).date(),
        has_report=bool(summary and summary.last_upload_date),
        has_news=(last_updated or _NEVER) > (last_viewed or _NEVER),
        last_updated=last_updated,
        last_viewed=last_viewed,
        is_claimed=patient.permissions is not None and not patient.is_custodial,
        connections=_newest_of_each(patient.data_sources or ()),
    )


def _newest_of_each(sources: Iterable[DataSource]) -> tuple[DataSource, ...]:
    """Return one source of each provider: the latest, among those without a time the last."""
    newest: dict[str, DataSource] = {}
    for source in sources:
        known = newest.get(source.provider_name)
        if known is None or (source.modified_time or _NEVER) >= (known.modified_time or _NEVER):
            newest[source.provider_name] = source
    return tuple(newest.values())


def refuse_report(clinic: Clinic, patient: Patient) -> None:
    """
    Refuse to show a report (XEALTH-21).

    Raises:
        NoActiveSubscription: the patient is not enrolled.
        IncompletePatient: the report could not say whose it is.
    """
    is_on = clinic.ehr_settings is not None and clinic.ehr_settings.enabled
    if not is_on or not active_subscription(patient, Subscription.XEALTH_REPORTS):
        raise NoActiveSubscription(clinic.id, patient.user_id)
    if not (patient.birth_date and patient.mrn and patient.full_name):
        raise IncompletePatient(clinic.id, patient.user_id)
