"""What partners send, and what is kept of it."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import attrs

from clinic_domain.clinics.model import Clinic, ClinicView, EhrSettings
from clinic_domain.patients.model import REPORTS, DataSource, Patient
from clinic_domain.values import ClinicId, RecordId, UserId

Json = Mapping[str, Any]
"""A JSON object as it came; nobody changes it."""


class EhrProvider(StrEnum):
    """The partners."""

    REDOX = "redox"
    XEALTH = "xealth"


class Subscription(StrEnum):
    """Names of standing orders of a patient."""

    SUMMARY_AND_REPORTS = REPORTS
    XEALTH_REPORTS = "xealthReports"


@attrs.frozen
class Identifier:
    """A number of a patient in the health record, of a kind that the record has a name for."""

    id: str
    type: str
    origin: str = ""


# What Redox sends


@attrs.frozen
class Named:
    """A source or a destination of messages."""

    id: str | None = None
    name: str | None = None


@attrs.frozen
class MessageLog:
    """Where the partner notes a message."""

    id: str | None = None
    attempt_id: str | None = None


def _exact(value: float | None) -> float | None:
    """Return a number as a fraction where that is the same number."""
    return value if value is None or float(value) != value else float(value)


@attrs.frozen
class Numbered:
    """A number that the partner gives a message or a transmission."""

    id: float | None = attrs.field(default=None, converter=_exact)


@attrs.frozen
class MessageMeta:
    """What a message says of itself; None where it says nothing."""

    data_model: str
    event_type: str
    event_time: str | None = None
    facility_code: str | None = None
    is_test: bool | None = None
    destinations: tuple[Named, ...] | None = None
    logs: tuple[MessageLog, ...] | None = None
    source: Named | None = None
    message: Numbered | None = None
    transmission: Numbered | None = None


@attrs.frozen
class Message:
    """A message of Redox, whole, whatever it is about."""

    id: RecordId
    meta: MessageMeta
    content: Json


@attrs.frozen
class Order:
    """What an order of Redox is about (8.6.3), as far as it is read here."""

    source_id: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    birth_date: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    patient_emails: tuple[object, ...] = ()
    """Perhaps no texts."""
    guarantor_emails: tuple[object, ...] = ()


class Criterion(StrEnum):
    """By what patients are looked for."""

    MRN = "MRN"
    MRN_DOB = "MRN_DOB"
    DOB_FULLNAME = "DOB_FULLNAME"


class MatchAction(StrEnum):
    """What happens to a patient who is the only one found."""

    ENABLE_REPORTS = "ENABLE_REPORTS"
    DISABLE_REPORTS = "DISABLE_REPORTS"


@attrs.frozen
class MatchRequest:
    """Whom a stored order is about; without criteria only which clinic."""

    document_id: str
    data_model: str
    event_type: str
    criteria: tuple[Criterion, ...] = ()
    action: MatchAction | None = None


@attrs.frozen
class Match:
    """The clinic of an order, and the patients as they were before anything was changed."""

    clinic: ClinicView
    settings: EhrSettings
    patients: tuple[Patient, ...] = ()


@attrs.frozen
class SubscriptionUpdate:
    """What a message says of a subscription (SUB-1, SUB-2)."""

    name: Subscription
    provider: EhrProvider
    active: bool
    message_id: RecordId
    data_model: str
    event_type: str


@attrs.frozen
class PrecedingOrder:
    """The report order before this one."""

    id: RecordId
    created_time: datetime


@attrs.frozen
class ReportOrder:
    """
    An order to a worker: send a patient's reports to Redox (REDOX-11).

    `message_id` names the message that ordered them, where it is still there.
    """

    id: RecordId
    clinic_id: ClinicId
    user_id: UserId
    created_time: datetime
    message_id: RecordId | None = None
    preceding: PrecedingOrder | None = None


# What Xealth sends, and what it is told


@attrs.frozen
class Demographics:
    """Who the patient is, as the health record says it."""

    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    birth_date: date | None = None
    email: str | None = None

    @property
    def full_name(self) -> str:
        """All names in a row (XEALTH-2)."""
        parts = (" ".join(self.given), " ".join(self.family))
        return " ".join(part for part in parts if part).strip()


@attrs.frozen
class Viewer:
    """A user of the health record."""

    id: str
    login: str | None = None


@attrs.frozen
class Datasets:
    """What a request or an order says of people."""

    demographics: Demographics | None = None
    viewer: Viewer | None = None


@attrs.frozen
class Enrollee:
    """Whom a request or an order of Xealth is about, and where."""

    deployment: str
    program_id: str
    identifiers: tuple[Identifier, ...] = ()
    datasets: Datasets | None = None


class FormKind(StrEnum):
    """Who fills a form in: for children it is somebody else (XEALTH-3)."""

    PATIENT = "patient"
    GUARDIAN = "guardian"


@attrs.frozen
class Applicant:
    """What was entered about the patient, or the guardian, before an order."""

    email: str = ""
    connect_abbott: bool = False
    connect_dexcom: bool = False
    first_name: str = ""
    last_name: str = ""


@attrs.frozen
class Preorder:
    """What was entered before an order, for any number of orders (8.8.12)."""

    tracking_id: str
    patient: Applicant | None = None
    guardian: Applicant | None = None
    tag_ids: tuple[str, ...] | None = None
    """None where nothing was said of tags. They may be none of the clinic's."""

    @property
    def applicant(self) -> Applicant | None:
        """Whoever was entered."""
        return self.patient or self.guardian


@attrs.frozen
class StoredPreorder:
    """What was entered, as it is kept."""

    id: RecordId
    preorder: Preorder


class FormProblem(StrEnum):
    """Why a form comes back."""

    SOMETHING_WENT_WRONG = "something went wrong"
    DUPLICATE_EMAIL = "duplicate e-mail"
    BIRTHDAY_MISMATCH = "birthday mismatch"


@attrs.frozen
class PreorderForm:
    """A form to be filled in, or one that says why there is none."""

    kind: FormKind
    preorder: Preorder
    full_name: str
    clinic: Clinic
    problems: tuple[FormProblem, ...] = ()


@attrs.frozen
class Identities:
    """The numbers of a patient, as Xealth lists them; None where it does not."""

    ids: tuple[Identifier, ...] | None = None
    historical_ids: tuple[Identifier, ...] | None = None


@attrs.frozen
class OrderEvent:
    """What Xealth tells of an order (8.8.6)."""

    deployment: str = ""
    event_context: str = ""
    event_id: str = ""
    event_type: str = ""
    order_id: str = ""
    partner_id: str = ""
    program_id: str = ""
    time: datetime | None = None
    identities: Identities = Identities()


@attrs.frozen
class PlacedOrder:
    """An order as Xealth keeps it."""

    data: Json
    """All that is kept of it."""
    enrollee: Enrollee
    tracking_id: str | None = None


@attrs.frozen
class EnrollmentOrder:
    """An order that was placed or cancelled, together with what told us so."""

    id: RecordId
    event: OrderEvent
    data: Json


@attrs.frozen
class ReportView:
    """A user of the health record was given the address of a patient's report (XEALTH-20)."""

    id: RecordId
    viewer_id: str
    deployment: str
    patient_id: UserId
    program_id: str
    clinic_id: ClinicId
    created_time: datetime
    login: str | None = None


@attrs.frozen
class ProgramStatus:
    """How a patient's enrolment stands (XEALTH-17)."""

    program_id: str
    enrolled: date
    has_report: bool
    has_news: bool
    last_updated: datetime | None
    last_viewed: datetime | None
    is_claimed: bool
    connections: tuple[DataSource, ...] = ()
    """One of each provider."""


@attrs.frozen
class ReportAccess:
    """What opens a patient's report in a browser."""

    clinic: Clinic
    patient: Patient
    token: str


@attrs.frozen
class RestrictedToken:
    """A token that is good for one patient's data, and not for long."""

    id: str
    user_id: UserId
    expires: datetime | None = None
