"""The platform's services for users, profiles and tokens, over HTTP (chapter 01, section 12)."""

from adapters.tidepool.client import new_client
from adapters.tidepool.peer import Peer
from adapters.tidepool.profiles import TidepoolProfiles
from adapters.tidepool.representatives import TidepoolRepresentatives
from adapters.tidepool.restricted_tokens import TidepoolRestrictedTokens
from adapters.tidepool.server_token import ServerToken
from adapters.tidepool.service_accounts import TidepoolServiceAccounts
from adapters.tidepool.sessions import TidepoolSessions
from adapters.tidepool.users import TidepoolUsers

__all__ = [
    "Peer",
    "ServerToken",
    "TidepoolProfiles",
    "TidepoolRepresentatives",
    "TidepoolRestrictedTokens",
    "TidepoolServiceAccounts",
    "TidepoolSessions",
    "TidepoolUsers",
    "new_client",
]
