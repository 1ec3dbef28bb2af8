"""
Why something cannot be done about an invite.

All are of the kind InviteRefusal, beside the kind that says why: callers are answered in a form of
its own.
"""

from clinic_domain.errors import (
    BadRequest,
    DomainError,
    Duplicate,
    NotFound,
    NotPermitted,
    Unauthorized,
)


class InviteRefusal(DomainError):
    """The root of all refusals about invites."""


class NotInvolved(InviteRefusal, Unauthorized):
    """The caller has nothing to do with the invite."""

    message = "Not authorized for requested operation"


class InviteNotFound(InviteRefusal, NotFound):
    """There is no such invite, or not for this caller, or it was answered."""

    message = "No matching invite was found"


class InviteOutOfReach(InviteRefusal, NotPermitted):
    """There is no such invite to take back or to turn down."""

    message = "No matching invite was found"


class InviteClosed(InviteRefusal, NotPermitted):
    """The invite was answered, and that stands (INVITE-4, INVITE-5)."""

    message = "Forbidden to perform requested operation"


class MayNotJoin(InviteRefusal, NotPermitted):
    """The clinic lets only others join (INVITE-10)."""

    message = "Error accepting invitation"


class AlreadyMember(InviteRefusal, Duplicate):
    """The invited clinician has a record in the clinic."""

    message = "The user is already an existing member"


class AlreadyInvited(InviteRefusal, Duplicate):
    """The patient's last invite to the clinic is still open (INVITE-7)."""

    message = "There is already an existing invite"


class AlreadyPatient(InviteRefusal, Duplicate):
    """The clinic has the patient already (INVITE-7)."""

    message = "The user is already a patient of the clinic"


class InvitingClinicNotFound(InviteRefusal, NotFound):
    """There is no clinic to invite to, or none with this share code."""

    message = "Error finding the clinic"


class InvitingPatientNotFound(InviteRefusal, NotFound):
    """The patient of an invite has no account."""

    message = "Error finding the user"


class InviteNeedsMrn(InviteRefusal, BadRequest):
    """The clinic wants a medical record number with the acceptance; the profile's is not enough."""

    message = "Error creating patient because MRN is required"


class PatientNotAccepted(InviteRefusal, BadRequest):
    """What the clinic says of the patient cannot be kept."""

    message = "Error creating patient"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        """Which rule it breaks."""
