"""Who calls."""

from enum import Flag, auto

import attrs

from clinic_domain.values import UserId


@attrs.frozen
class Principal:
    """
    Whom a session token stands for (AUTHN-4).

    A backend service has a name where a user has an id.
    """

    subject: UserId
    is_server: bool = False
    identity_provider: str | None = None

    @property
    def user_id(self) -> UserId | None:
        """The user, or None for a backend service: what records of deletions and invites keep."""
        return None if self.is_server else self.subject


class Caller(Flag):
    """
    In what capacity somebody calls.

    The letters are those of the policy table (chapter 01, section 10).
    """

    NOBODY = 0
    SERVER = auto()
    """S: a backend service."""
    USER = auto()
    """U: any user."""
    SELF = auto()
    """P: the user that the path names."""
    MEMBER = auto()
    """M: has read access in the clinic of the path, also with a server token (AUTHZ-5)."""
    ADMIN = auto()
    """A: has write access in the clinic of the path, also with a server token."""
    SELF_MEMBER = auto()
    """P and M at once (AUTHZ-6)."""
    SERVER_FOR_CUSTODIAN = auto()
    """S, for the permission `custodian` alone (PAT-PERM-7)."""
    JOINED = auto()
    """Has a record in the clinic of the path, whatever its roles."""
    OWNER = auto()
    """The patient that the path names, or who acts for the patient."""
    ANYBODY = auto()
    """Without a session: the operation asks for credentials of its own (EXEMPT-1)."""
