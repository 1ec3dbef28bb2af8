"""Mails that are owed."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from clinic_domain.values import RecordId, UserId


class Subject(StrEnum):
    """What a notification is about."""

    CLINICIAN_INVITED = "clinician_invitation"
    PATIENT_INVITES = "patient_clinic_invitation"
    CLINIC_CREATED = "clinic_created"
    ROLES_CHANGED = "clinician_permissions_updated"
    CLINIC_MERGED_PATIENT = "clinic_merged_patient_notification"
    CLINIC_MERGED_CLINICIAN = "clinic_merged_source_clinician_notification"
    CLINIC_MERGED_ADMIN = "clinic_merged_target_admin_notification"


class DeliveryState(StrEnum):
    """Whether somebody should still try."""

    PENDING = "pending"
    UNDELIVERABLE = "undeliverable"


@attrs.frozen
class Notification:
    """
    A mail that is owed; it is gone from the outbox once it is sent.

    The recipients are `addresses`, or the addresses that the account of `user_id` has when it is
    sent.
    """

    id: RecordId
    subject: Subject
    created_time: datetime
    due_time: datetime
    """When somebody may try next. Whoever tries puts it off, so that nobody else does meanwhile."""
    addresses: tuple[str, ...] = ()
    user_id: UserId | None = None
    facts: Mapping[str, str] = attrs.field(factory=dict)
    """What the text says, by the names that its template has for it."""
    attempts: int = 0
    state: DeliveryState = DeliveryState.PENDING
