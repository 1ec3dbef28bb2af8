"""Standing orders of patients (8.4)."""

from datetime import datetime

import attrs

from clinic_domain.ehr.model import EhrProvider, Subscription, SubscriptionUpdate
from clinic_domain.patients.model import EhrSubscription, MatchedMessage, Patient
from clinic_domain.values import RecordId


def subscribed(patient: Patient, update: SubscriptionUpdate, now: datetime) -> Patient:
    """
    Return *patient* with a subscription as a message says.

    A message that was applied before changes nothing, whatever it says (SUB-1, SUB-2).
    """
    known = patient.ehr_subscriptions or {}
    was = known.get(update.name)
    messages = was.matched_messages if was else ()
    if any(message.id == update.message_id for message in messages):
        return patient
    message = MatchedMessage(update.message_id, update.data_model, update.event_type)
    subscription = EhrSubscription(
        active=update.active,
        provider=update.provider,
        created_at=was.created_at if was else now,
        updated_at=now,
        matched_messages=(*messages, message),
    )
    return attrs.evolve(
        patient, ehr_subscriptions={**known, update.name: subscription}, updated_time=now
    )


def active_subscription(patient: Patient, name: Subscription) -> EhrSubscription | None:
    """Return a subscription that is in force."""
    subscription = (patient.ehr_subscriptions or {}).get(name)
    return subscription if subscription and subscription.active else None


def last_order(patient: Patient, name: Subscription, provider: EhrProvider) -> RecordId | None:
    """Return the id of the newest message of a subscription in force (REDOX-11, XEALTH-17)."""
    subscription = active_subscription(patient, name)
    if not subscription or subscription.provider != provider or not subscription.matched_messages:
        return None
    return RecordId(subscription.matched_messages[-1].id)
