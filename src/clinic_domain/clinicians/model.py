"""Members of a clinic, people invited to become one, and service accounts."""

from datetime import datetime
from enum import StrEnum

import attrs

from clinic_domain.clinics.model import ClinicView
from clinic_domain.values import EVERYTHING, ClinicId, InviteId, Page, RecordId, UserId


class Role(StrEnum):
    """What a member is in a clinic."""

    CLINIC_ADMIN = "CLINIC_ADMIN"
    CLINIC_MEMBER = "CLINIC_MEMBER"
    PRESCRIBER = "PRESCRIBER"


@attrs.frozen
class RolesUpdate:
    """One change of roles and who made it (CLINICIAN-8)."""

    roles: tuple[str, ...]
    updated_by: str


@attrs.frozen
class Clinician:
    """
    A record that links a user, or an invite, to a clinic with roles.

    A member has `user_id`, a pending invite `invite_id`, a service account `user_id` and no
    address.
    """

    id: RecordId
    clinic_id: ClinicId
    created_time: datetime
    updated_time: datetime
    user_id: UserId | None = None
    invite_id: InviteId | None = None
    email: str | None = None
    name: str | None = None
    roles: tuple[str, ...] | None = None
    roles_updates: tuple[RolesUpdate, ...] = ()
    is_service_account: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether the roles contain CLINIC_ADMIN, whatever else they contain."""
        return Role.CLINIC_ADMIN in (self.roles or ())

    @property
    def may_read(self) -> bool:
        """Whether the roles give access to the clinic's patients (AUTHZ-3)."""
        return self.is_admin or Role.CLINIC_MEMBER in (self.roles or ())


@attrs.frozen
class NewClinician:
    """What is known of a clinician who is about to be added."""

    email: str | None
    roles: tuple[str, ...]
    user_id: UserId | None = None
    invite_id: InviteId | None = None
    name: str | None = None
    is_service_account: bool = False


@attrs.frozen
class ClinicianQuery:
    """
    Which clinicians of a clinic to list, newest first; with *search* best matches first.

    *email* is compared in lower case. *search* is text as it was typed; see `clinicians.search` for
    its meaning.
    """

    clinic_id: ClinicId
    email: str | None = None
    role: str | None = None
    search: str | None = None
    page: Page = EVERYTHING


@attrs.frozen
class AllCliniciansQuery:
    """Which clinicians of all clinics to list, newest first; times are [from, before)."""

    created_from: datetime | None = None
    created_before: datetime | None = None
    role: str | None = None
    page: Page = EVERYTHING


@attrs.frozen
class ClinicianInClinic:
    """A clinician record together with its clinic."""

    clinician: Clinician
    clinic: ClinicView
