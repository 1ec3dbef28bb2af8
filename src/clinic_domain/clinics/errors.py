"""Why something cannot be done to a clinic."""

from clinic_domain.errors import (
    BadRequest,
    Conflict,
    ConstraintViolation,
    Duplicate,
    NotFound,
    PaymentRequired,
)


class ClinicNotFound(NotFound):
    """No clinic has this id."""

    message = "clinic not found"


class RenamedSiteClinicNotFound(ClinicNotFound):
    """No clinic has this id, found while a site was about to be renamed."""

    message = "checking site constraints: clinic not found"


class ClinicNotMigrated(ConstraintViolation):
    """The members of a clinic that awaits its migration cannot change."""

    message = "constraint violation: clinic is not migrated"


class ClinicNotEmpty(BadRequest):
    """A clinic with patients besides the demo patient cannot be deleted (DEL-1)."""

    message = "bad request: deletion of non-empty clinics is not allowed"


class BlankName(BadRequest):
    """The name of a clinic, tag or site has no visible character."""

    message = "bad request: name must not be blank"


class DuplicateShareCode(Duplicate):
    """Another clinic has the share code."""

    message = "duplicate share code"


class SettingsNotFound(NotFound):
    """The settings were never set."""


class InvalidPatientCountSettings(BadRequest):
    """A limit would end before it starts."""


class PatientCountExceeded(PaymentRequired):
    """The plan of the clinic has no room for another custodial patient (PCL-4)."""

    message = "payment required: patient count exceeds limit"


class TagNotFound(NotFound):
    """The clinic has no tag with this id."""

    message = "patient tag not found"


class TagToConvertNotFound(TagNotFound):
    """The clinic has no tag with this id that could become a site."""

    message = "unable to find patient tag: not found"


class DuplicateTag(Duplicate):
    """Another tag of the clinic has this name (TAG-3)."""

    message = "duplicate patient tag"


class TooManyTags(ConstraintViolation):
    """The clinic has as many tags as it may (TAG-4)."""

    message = "constraint violation: the clinic already has the maximum number of 50 patient tags"


class SiteNotFound(NotFound):
    """The clinic has no site with this id."""

    message = "site not found"


class TargetSiteNotFound(NotFound):
    """The clinic has no site with this id into which another could be merged."""


class DuplicateSite(Duplicate):
    """Another site of the clinic has this name (SITE-3)."""

    message = "duplicate site name"


class RenamedSiteDuplicate(DuplicateSite):
    """Another site of the clinic has the new name."""

    message = "checking site constraints: duplicate site name"


class TooManySites(ConstraintViolation):
    """The clinic has as many sites as it may (SITE-4)."""

    message = "constraint violation: the clinic already has the maximum number of 50 sites"


class NoRoomForConvertedSite(Conflict):
    """The clinic has as many sites as it may, so no tag can become one (CONV-2)."""


class UnknownSite(ConstraintViolation):
    """A site was named that the clinic does not have (SITE rename, PAT-SITE-1)."""

    message = "constraint violation: the clinic has no site with that name"


class SiteMergedIntoItself(BadRequest):
    """Source and target of a merge are one site (SITE-8)."""

    message = "can't merge a site into itself: bad request"


class UnknownWorkspaceType(BadRequest):
    """A workspace is named by the id of a clinic or of its EHR source (WS-1)."""

    message = "bad request: unknown workspace identifier type"
