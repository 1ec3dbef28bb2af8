"""Why something cannot be done to a patient."""

from clinic_domain.errors import BadRequest, Conflict, Duplicate, NotFound


class PatientNotFound(NotFound):
    """The clinic has no such patient."""

    message = "patient not found"


class PatientToConnectNotFound(PatientNotFound):
    """The clinic has no such patient who could be asked to connect a provider (PAT-CONN-1)."""

    message = "error finding patient: patient not found"


class DuplicatePatient(Duplicate):
    """The user is a patient of the clinic already."""

    message = "duplicate: patient is already a member of the clinic"


class MrnRequired(BadRequest):
    """The clinic wants a medical record number of every patient (PAT-MRN-2)."""

    message = "bad request: mrn is required"


class MrnNotUnique(BadRequest):
    """Another patient of the clinic has this medical record number (PAT-MRN-3)."""

    message = "bad request: mrn must be unique"


class PermissionNotFound(NotFound):
    """There is no such patient, or the permission was not given (PAT-PERM-4)."""

    message = "permission not found"


class ReviewNotFound(NotFound):
    """The patient has no review to take back."""

    message = "review not found"


class ReviewOfSomebodyElse(Conflict):
    """Only the one who reviewed last can take it back (PAT-REV-3)."""

    message = "conflict: cannot revert review from another clinician"


class WorkspaceTypeRequired(BadRequest):
    """A workspace id says nothing without its type (PAT-FIND-2)."""

    message = "bad request: workspace id type is required"


class UserTokenRequired(BadRequest):
    """Only a user can do this, not a backend service."""

    message = "expected user access token"
