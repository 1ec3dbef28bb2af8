"""Who knows users and tokens: this installation, or the platform. A process loads one of them."""

from typing import TYPE_CHECKING

import attrs

from adapters.settings import Settings
from clinic_domain.access.ports import Representatives, Sessions
from clinic_domain.ports import Clock
from clinic_domain.storage import Storage
from clinic_domain.users import Profiles, ServiceAccounts, Users

if TYPE_CHECKING:
    import httpx

    from adapters.local_identity import LocalAccounts, LocalTokens
    from adapters.tidepool import ServerToken


@attrs.frozen
class Identity:
    users: Users
    profiles: Profiles
    sessions: Sessions
    service_accounts: ServiceAccounts
    representatives: Representatives


def local_tokens(storage: Storage) -> "LocalTokens":
    from adapters.local_identity import LocalTokens  # noqa: PLC0415 - one of two

    return LocalTokens(storage)


def local_accounts(storage: Storage, tokens: "LocalTokens", clock: Clock) -> "LocalAccounts":
    from adapters.local_identity import LocalAccounts  # noqa: PLC0415 - one of two

    return LocalAccounts(storage, tokens, clock)


def local_identity(storage: Storage, tokens: "LocalTokens", clock: Clock) -> Identity:
    from adapters.local_identity import (  # noqa: PLC0415 - one of two
        LocalProfiles,
        LocalRepresentatives,
        LocalServiceAccounts,
        LocalSessions,
        LocalUsers,
    )

    return Identity(
        users=LocalUsers(storage, clock),
        profiles=LocalProfiles(storage),
        sessions=LocalSessions(storage, tokens, clock),
        service_accounts=LocalServiceAccounts(storage),
        representatives=LocalRepresentatives(storage),
    )


def platform_identity(
    settings: Settings, client: "httpx.AsyncClient", token: "ServerToken"
) -> Identity:
    from adapters.tidepool import (  # noqa: PLC0415 - one of two
        Peer,
        TidepoolProfiles,
        TidepoolRepresentatives,
        TidepoolServiceAccounts,
        TidepoolSessions,
        TidepoolUsers,
    )

    variables = settings.variables
    shoreline = Peer("shoreline", client, settings.shoreline, token)
    return Identity(
        users=TidepoolUsers(shoreline),
        profiles=TidepoolProfiles(Peer("seagull", client, variables.seagull, token)),
        sessions=TidepoolSessions(shoreline),
        service_accounts=TidepoolServiceAccounts(client, variables.token_endpoint),
        representatives=TidepoolRepresentatives(
            Peer("gatekeeper", client, variables.gatekeeper, token)
        ),
    )
