"""Why a partner's request is refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from clinic_domain.errors import (
    BadRequest,
    ConstraintViolation,
    DomainError,
    Duplicate,
    NotFound,
    Unauthorized,
    Unavailable,
)


@contextmanager
def during(what: str) -> Iterator[None]:
    """Put into the message of an error what was under way."""
    try:
        yield
    except DomainError as error:
        error.context = what + error.context
        raise


# Redox


class TokenRequired(Unauthorized):
    """A message came without the partner's token."""

    message = "unauthorized: verification token is required"


class InvalidToken(Unauthorized):
    """Whoever calls does not know the partner's token."""

    message = "unauthorized: invalid verification token"


class InvalidMetadata(BadRequest):
    """A message does not say what kind of message it is."""

    message = "bad request: cannot process message with invalid metadata"


class UnstorableMessage(BadRequest):
    """A message cannot be kept as it is."""

    message = "bad request: the message is too large, or nested too deeply"


class InvalidDocumentId(BadRequest):
    """The id of a message is none."""

    message = "bad request: invalid documentId"


class MessageRefRequired(BadRequest):
    """A match names no message."""

    message = "bad request: messageRef is required"


class MessageNotFound(NotFound):
    """No such message was stored."""

    message = "not found: message not found"


class UnreadableOrder(BadRequest):
    """A member of an order that is needed is of another type; the argument names it."""

    def __str__(self) -> str:
        return f"{self.context}bad request: the order cannot be read at {self.args[0]}"


class SourceIdRequired(BadRequest):
    """An order does not say where it comes from."""

    message = "bad request: source id is required"


class MatchingClinicNotFound(NotFound):
    """No clinic is connected to the source of an order."""

    message = "not found: couldn't find a matching clinic"


class SeveralMatchingClinics(Duplicate):
    """More than one clinic is connected to the source of an order."""

    message = "duplicate: multiple matching clinics found"


class BirthDateMissing(BadRequest):
    """Nobody can be found without a date of birth."""

    message = "bad request: date of birth is missing"


class FullNameMissing(BadRequest):
    """Nobody can be found without a name."""

    message = "bad request: full name is missing"


class EmailUnusable(BadRequest):
    """The e-mail address of an order is none; the argument says why."""

    def __str__(self) -> str:
        return str(self.args[0])


# Xealth


class BearerRequired(Unauthorized):
    """Xealth has to show its token."""

    message = "unauthorized: bearer token is required"


class InvalidBearer(Unauthorized):
    """Whoever calls does not know Xealth's token."""

    message = "unauthorized: bearer token is invalid"


class UnexpectedEventType(BadRequest):
    """A pre-order says that it is something else."""

    def __str__(self) -> str:
        return f"{self.context}bad request: expected eventType='preorder' got {self.args[0]}"


class InvalidEventContext(BadRequest):
    """A pre-order is neither the first nor the second."""

    def __str__(self) -> str:
        return f"{self.context}bad request: invalid event context {self.args[0]}"


class DeploymentNotFound(NotFound):
    """No clinic is connected to a deployment."""

    message = "not found: couldn't find matching clinic"


class SeveralClinicsOfDeployment(Duplicate):
    """More than one clinic is connected to a deployment."""

    message = "duplicate: found multiple matching clinics"


class DatasetsRequired(BadRequest):
    """Nothing is said of people."""

    message = "bad request: datasets is required"


class DemographicsRequired(BadRequest):
    """Nothing is said of the patient."""

    message = "bad request: demographics is required"


class MrnMissing(BadRequest):
    """The patient has no number of the kind that the clinic goes by."""

    message = "bad request: mrn is missing"


class MatchingPatientNotFound(NotFound):
    """The clinic has no such patient."""

    message = "not found: couldn't find matching patient"


class SeveralMatchingPatients(ConstraintViolation):
    """More than one patient is meant."""

    message = "constraint violation: multiple matching patients found"


class TrackingIdRequired(BadRequest):
    """What was entered cannot be found again."""

    message = "bad request: data tracking id is required"


class DuplicatePreorder(Duplicate):
    """Something was entered under the tracking id before."""

    message = "duplicate: the data tracking id was used before"


class OrderNotFound(NotFound):
    """Xealth does not know the order."""

    message = "not found: Xealth does not know the order"


class AnotherDeployment(BadRequest):
    """An event and its order are of two deployments."""

    message = "bad request: the order belongs to another deployment"


class PreorderNotFound(NotFound):
    """Nothing was entered under the tracking id of an order."""

    message = "not found: preorder data not found"


class PreorderRequired(BadRequest):
    """A patient cannot be created from nothing."""

    message = "bad request: preorder data is required to create a new patient"


class InvalidRestrictedToken(Unauthorized):
    """The token is unknown, has expired, or is for somebody else."""

    message = "unauthorized: invalid or expired token"


class NoActiveSubscription(Unauthorized):
    """The reports of the patient are not for the health record."""

    message = "unauthorized: patient doesn't have active subscriptions"


class IncompletePatient(ConstraintViolation):
    """A report needs a name, a date of birth and an MRN."""

    message = "constraint violation: the patient's name, birth date or mrn is missing"


class XealthUnavailable(Unavailable):
    """Xealth is not configured, down, or errs."""

    message = "Xealth is not available, try again later"


class TokensUnavailable(Unavailable):
    """The service that gives out restricted tokens is not configured, down, or errs."""

    message = "the auth service is not available, try again later"


# For those who look after connections


class NotConnected(NotFound):
    """The clinic has no health record, or none that is in use."""

    message = "the clinic does not have an active EHR integration"


class ProviderNotSupported(ConstraintViolation):
    """The clinic is connected to the other partner, which the argument names."""

    def __str__(self) -> str:
        return f"provider {self.args[0]} is not supported"


class ProgramNotSet(ConstraintViolation):
    """The clinic has no program to enrol patients in."""

    message = "cannot enroll patient because program id is not set in ehr settings"
