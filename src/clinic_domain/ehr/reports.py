"""Orders of reports to a worker (REDOX-11)."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from clinic_domain.clinics.model import Clinic
from clinic_domain.ehr.model import EhrProvider, PrecedingOrder, ReportOrder, Subscription
from clinic_domain.ehr.subscriptions import active_subscription
from clinic_domain.patients.model import Patient
from clinic_domain.values import RecordId

KEPT: Final = timedelta(days=90)
"""How long report orders are kept."""


def sends_reports(clinic: Clinic) -> bool:
    """Whether reports of *clinic* go to Redox at all (REDOX-9)."""
    settings = clinic.ehr_settings
    return settings is not None and settings.enabled and settings.provider == EhrProvider.REDOX


def sends_reports_on_upload(clinic: Clinic) -> bool:
    """Whether new data of one patient are a reason to send a report (REDOX-10)."""
    settings = clinic.ehr_settings
    return (
        sends_reports(clinic)
        and settings is not None
        and settings.scheduled_reports.on_upload_enabled
    )


def last_message(patient: Patient) -> RecordId | None:
    """Return the id of the message that ordered the patient's reports last."""
    subscription = active_subscription(patient, Subscription.SUMMARY_AND_REPORTS)
    messages = subscription.matched_messages if subscription else ()
    return RecordId(messages[-1].id) if messages else None


def report_order(
    record_id: RecordId,
    patient: Patient,
    stored: Collection[RecordId],
    preceding: Mapping[RecordId, PrecedingOrder],
    now: datetime,
) -> ReportOrder:
    """Return the order of a patient's report; messages that are not *stored* are not named."""
    message_id = last_message(patient)
    known = message_id if message_id in stored else None
    return ReportOrder(
        record_id,
        patient.clinic_id,
        patient.user_id,
        now,
        known,
        preceding.get(known) if known else None,
    )
