"""Users, profiles and session tokens of an installation that has no platform beside it."""

from adapters.local_identity.accounts import InvalidName, IsNoService, IsService, LocalAccounts
from adapters.local_identity.representatives import LocalRepresentatives
from adapters.local_identity.service_accounts import LocalServiceAccounts
from adapters.local_identity.sessions import LocalSessions
from adapters.local_identity.tokens import LocalTokens
from adapters.local_identity.users import LocalProfiles, LocalUsers

__all__ = [
    "InvalidName",
    "IsNoService",
    "IsService",
    "LocalAccounts",
    "LocalProfiles",
    "LocalRepresentatives",
    "LocalServiceAccounts",
    "LocalSessions",
    "LocalTokens",
    "LocalUsers",
]
