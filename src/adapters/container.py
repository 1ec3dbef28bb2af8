"""Which adapter stands behind which port: the one place that knows them all."""

from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Final

from dependency_injector import containers, providers

from adapters.http_litestar import Options, Partners, create_app
from adapters.local_identity import (
    LocalAccounts,
    LocalProfiles,
    LocalRepresentatives,
    LocalServiceAccounts,
    LocalSessions,
    LocalTokens,
    LocalUsers,
)
from adapters.mail import (
    ConsoleCarrier,
    Credentials,
    Doorbell,
    FileCarrier,
    LetterMailer,
    NoCarrier,
    Postman,
    SesCarrier,
    SmtpCarrier,
    Writer,
)
from adapters.memory import MemoryStorage
from adapters.mongo import MongoStorage, connection_string
from adapters.redox import RedoxOrders, RedoxWebhook
from adapters.settings import Settings
from adapters.spreadsheet import XlsxWorkbooks
from adapters.sql import SqlStorage, create_engine, refuse_older, upgrade
from adapters.system import (
    LogJournal,
    ObjectIds,
    RandomInviteKeys,
    RandomShareCodes,
    SystemClock,
    at_work,
    nothing,
    opened,
)
from adapters.tidepool import (
    Peer,
    ServerToken,
    TidepoolProfiles,
    TidepoolRepresentatives,
    TidepoolRestrictedTokens,
    TidepoolServiceAccounts,
    TidepoolSessions,
    TidepoolUsers,
    new_client,
)
from adapters.xealth import Credentials as XealthCredentials
from adapters.xealth import ViewerAssets, XealthClient, XealthWebhook
from adapters.xealth import new_client as new_xealth_client
from clinic_domain.application import Application

_WITHOUT_CLIENT: Final = ("console", "file", "none", "smtp")


def _credentials(key_id: str, key: str, session: str) -> Credentials | None:
    return Credentials(key_id, key, session) if key_id and key else None


def _half(lease: timedelta) -> float:
    """Return the seconds after which a mail server is given up: well before others think so."""
    return lease.total_seconds() / 2


def _text(text: str | None) -> str:
    return text or ""


async def _nothing_to_close() -> None:
    pass


class Container(containers.DeclarativeContainer):
    """
    Everything that a process needs, from its settings: `Container(settings=read_settings())`.

    `asgi` opens and closes with its lifespan what needs it; whoever wants the use cases alone does
    so with `opened_storage` and `opened_identity`.
    """

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    variables = settings.provided.variables

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(ObjectIds)
    share_codes = providers.Singleton(RandomShareCodes)
    invite_keys = providers.Singleton(RandomInviteKeys)
    journal = providers.Singleton(LogJournal)

    memory_storage = providers.Singleton(MemoryStorage)
    sql_engine = providers.Singleton(create_engine, settings.provided.storage_url)
    sql_storage = providers.Singleton(SqlStorage, sql_engine)
    mongo_url = providers.Selector(
        settings.provided.storage_setting,
        CLINIC_STORAGE=settings.provided.storage_url,
        TIDEPOOL_STORE_ADDRESSES=providers.Callable(
            connection_string,
            scheme=variables.store_scheme,
            addresses=variables.store_addresses,
            username=variables.store_username,
            password=variables.store_password,
            tls=variables.store_tls,
            options=variables.store_options,
        ),
    )
    mongo_storage = providers.Singleton(MongoStorage.at, mongo_url, variables.database)
    storage = providers.Selector(
        settings.provided.storage_kind,
        memory=memory_storage,
        mongo=mongo_storage,
        sql=sql_storage,
    )
    opened_storage = providers.Selector(
        settings.provided.storage_kind,
        memory=providers.Factory(
            opened, memory_storage.provided.ping, memory_storage.provided.close
        ),
        mongo=providers.Factory(opened, mongo_storage.provided.start, mongo_storage.provided.close),
        sql=providers.Factory(
            opened, providers.Callable(upgrade, sql_engine).provider, sql_storage.provided.close
        ),
    )

    # The same, where nothing is to be changed: neither tables nor indexes.
    opened_source = providers.Selector(
        settings.provided.storage_kind,
        memory=providers.Factory(
            opened, memory_storage.provided.ping, memory_storage.provided.close
        ),
        mongo=providers.Factory(opened, mongo_storage.provided.ping, mongo_storage.provided.close),
        sql=providers.Factory(
            opened,
            providers.Callable(refuse_older, sql_engine).provider,
            sql_storage.provided.close,
        ),
    )
    archive = storage.provided.archive
    documents = mongo_storage.provided.documents

    tokens = providers.Singleton(LocalTokens, storage)
    accounts = providers.Singleton(LocalAccounts, storage, tokens, clock)

    http_client = providers.Singleton(
        new_client,
        timeout=variables.peer_timeout.total_seconds.call(),
        without_proxy=providers.List(
            settings.provided.shoreline, variables.seagull, variables.gatekeeper
        ),
    )
    server_token = providers.Singleton(
        ServerToken, http_client, settings.provided.shoreline, variables.server_token
    )
    shoreline = providers.Singleton(
        Peer, "shoreline", http_client, settings.provided.shoreline, server_token
    )
    seagull = providers.Singleton(Peer, "seagull", http_client, variables.seagull, server_token)

    gatekeeper = providers.Singleton(
        Peer, "gatekeeper", http_client, variables.gatekeeper, server_token
    )

    users = providers.Selector(
        settings.provided.identity,
        local=providers.Singleton(LocalUsers, storage, clock),
        tidepool=providers.Singleton(TidepoolUsers, shoreline),
    )
    profiles = providers.Selector(
        settings.provided.identity,
        local=providers.Singleton(LocalProfiles, storage),
        tidepool=providers.Singleton(TidepoolProfiles, seagull),
    )
    sessions = providers.Selector(
        settings.provided.identity,
        local=providers.Singleton(LocalSessions, storage, tokens, clock),
        tidepool=providers.Singleton(TidepoolSessions, shoreline),
    )
    service_accounts = providers.Selector(
        settings.provided.identity,
        local=providers.Singleton(LocalServiceAccounts, storage),
        tidepool=providers.Singleton(
            TidepoolServiceAccounts, http_client, variables.token_endpoint
        ),
    )
    representatives = providers.Selector(
        settings.provided.identity,
        local=providers.Singleton(LocalRepresentatives, storage),
        tidepool=providers.Singleton(TidepoolRepresentatives, gatekeeper),
    )
    auth_token = providers.Singleton(
        ServerToken,
        http_client,
        providers.Callable("{}/auth".format, variables.auth_login),
        variables.auth_secret,
        "clinic",
    )
    restricted_tokens = providers.Singleton(
        TidepoolRestrictedTokens,
        providers.Selector(
            settings.provided.auth_login,
            none=providers.Object(None),
            shoreline=providers.Singleton(Peer, "auth", http_client, variables.auth, server_token),
            external=providers.Singleton(Peer, "auth", http_client, variables.auth, auth_token),
        ),
    )
    xealth_http = providers.Singleton(
        new_xealth_client, timeout=variables.peer_timeout.total_seconds.call()
    )
    xealth_client = providers.Singleton(
        XealthClient,
        xealth_http,
        providers.Factory(
            XealthCredentials,
            client_id=variables.xealth_client_id,
            client_secret=variables.xealth_client_secret,
            token_url=variables.xealth_token_url,
            base_url=variables.xealth_base_url,
        ),
    )
    redox_orders = providers.Singleton(RedoxOrders)
    opened_partners = providers.Selector(
        settings.provided.auth_login,
        none=providers.Factory(opened, providers.Object(nothing), xealth_http.provided.aclose),
        shoreline=providers.Factory(opened, providers.Object(nothing), xealth_http.provided.aclose),
        external=providers.Factory(
            at_work,
            providers.Factory(
                partial,
                auth_token.provided.keep_fresh,
                variables.auth_token_lifetime.total_seconds.call(),
            ),
            xealth_http.provided.aclose,
        ),
    )

    opened_identity = providers.Selector(
        settings.provided.identity,
        local=providers.Factory(nullcontext),
        tidepool=providers.Factory(
            at_work, server_token.provided.keep_fresh, http_client.provided.aclose
        ),
    )

    mail_client = providers.Singleton(
        new_client, timeout=variables.peer_timeout.total_seconds.call()
    )
    mail_server = settings.provided.mail.server
    carrier = providers.Selector(
        settings.provided.mail.kind,
        console=providers.Singleton(ConsoleCarrier),
        file=providers.Singleton(FileCarrier, settings.provided.mail.folder),
        none=providers.Singleton(NoCarrier),
        ses=providers.Singleton(
            SesCarrier,
            mail_client,
            variables.ses_region,
            variables.ses_endpoint,
            providers.Callable(
                _credentials, variables.aws_key_id, variables.aws_key, variables.aws_session
            ),
        ),
        smtp=providers.Singleton(
            SmtpCarrier,
            mail_server.host,
            mail_server.port,
            mail_server.username,
            mail_server.password,
            use_tls=mail_server.use_tls,
            start_tls=mail_server.start_tls,
            timeout=providers.Callable(_half, variables.mail_lease),
        ),
    )
    bell = providers.Singleton(Doorbell)
    mailer = providers.Singleton(
        LetterMailer,
        providers.Singleton(
            Writer,
            variables.sender,
            variables.web_url,
            providers.Callable(_text, variables.asset_url),
        ),
        carrier,
    )

    application = providers.Singleton(
        Application.over,
        storage,
        users=users,
        profiles=profiles,
        service_accounts=service_accounts,
        clock=clock,
        ids=ids,
        share_codes=share_codes,
        journal=journal,
        representatives=representatives,
        invite_keys=invite_keys,
        mailer=mailer,
        bell=bell,
        mail_lease=variables.mail_lease,
        announces=settings.provided.notifications,
        redox_orders=redox_orders,
        xealth_orders=xealth_client,
        restricted_tokens=restricted_tokens,
        demo_patient=variables.demo_patient,
    )
    postman = providers.Singleton(
        Postman,
        application.provided.outbox.deliver_one,
        bell,
        variables.mail_interval.total_seconds.call(),
    )
    opened_mail = providers.Factory(
        at_work,
        postman.provided.work,
        providers.Selector(
            settings.provided.mail.kind,
            **dict.fromkeys(_WITHOUT_CLIENT, providers.Object(_nothing_to_close)),
            ses=mail_client.provided.aclose,
        ),
    )
    workbooks = providers.Singleton(XlsxWorkbooks)
    asgi = providers.Singleton(
        create_app,
        application,
        sessions,
        workbooks,
        readiness=storage.provided.ping,
        options=providers.Factory(
            Options,
            max_body_size=variables.max_body,
            max_message_size=variables.redox_max_body,
            lifespan=providers.List(
                opened_storage.provider,
                opened_identity.provider,
                opened_partners.provider,
                opened_mail.provider,
            ),
        ),
        partners=providers.Factory(
            Partners,
            redox=providers.Singleton(
                RedoxWebhook, application.provided.messages, variables.redox_token
            ),
            xealth=providers.Singleton(
                XealthWebhook,
                application.provided.enrollments,
                variables.application_url,
                variables.xealth_token,
                variables.xealth_enabled,
            ),
            assets=providers.Singleton(ViewerAssets, clock.provided.now.call()),
        ),
    )
