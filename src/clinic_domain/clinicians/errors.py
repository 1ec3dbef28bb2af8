"""Why something cannot be done to a clinician."""

from clinic_domain.errors import BadRequest, ConstraintViolation, Duplicate, NotFound


class ClinicianNotFound(NotFound):
    """The clinic has no such member or invite."""

    message = "clinician not found"


class DuplicateClinician(Duplicate):
    """Another record of the clinic has the same user, invite or address (CLINICIAN-2)."""

    message = "duplicate: clinician is already a member of the clinic"


class DuplicateEmail(ConstraintViolation):
    """Another record of one of the user's clinics has the new address; nothing was changed."""

    message = "constraint violation: duplicate email"


class LastAdmin(ConstraintViolation):
    """Every clinic keeps at least one admin (CLINICIAN-4)."""

    message = "constraint violation: the clinic must have at least one admin"


class EmptyInviteId(BadRequest):
    """An invite needs a key."""

    message = "bad request: inviteId must not be empty"


class EmptyUserId(BadRequest):
    """A member needs a user."""

    message = "bad request: userId must not be empty"
