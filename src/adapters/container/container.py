"""Everything that a process needs, put together."""

from dependency_injector import containers, providers

from adapters.container import api, identities, mails, peers, storages
from adapters.settings import Settings
from adapters.system import (
    LogJournal,
    ObjectIds,
    RandomInviteKeys,
    RandomShareCodes,
    SystemClock,
    Threads,
)


class Container(containers.DeclarativeContainer):
    """
    Everything that a process needs, from its settings: `Container(settings=read_settings())`.

    `asgi` opens and closes with its lifespan what needs it; whoever wants the use cases alone does
    so with `opened_storage` and `opened_platform`. What nobody asks for is not even imported.
    """

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    variables = settings.provided.variables

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(ObjectIds)
    share_codes = providers.Singleton(RandomShareCodes)
    invite_keys = providers.Singleton(RandomInviteKeys)
    journal = providers.Singleton(LogJournal)
    aside = providers.Singleton(Threads)

    stored = providers.Singleton(storages.stored, settings)
    storage = stored.provided.storage
    opened_storage = providers.Callable(storages.Stored.opened, stored)
    # The same, where nothing is to be changed: neither tables nor indexes.
    opened_source = providers.Callable(storages.Stored.opened_as_source, stored)
    archive = storage.provided.archive
    documents = storage.provided.documents

    http_client = providers.Singleton(peers.new_http_client, settings)
    server_token = providers.Singleton(peers.new_server_token, settings, http_client)
    auth_token = providers.Singleton(peers.new_auth_token, settings, http_client)
    restricted_tokens = providers.Singleton(
        peers.new_restricted_tokens,
        settings,
        http_client.provider,
        server_token.provider,
        auth_token.provider,
    )
    opened_platform = providers.Callable(
        peers.opened_platform, settings, http_client.provider, server_token.provider
    )

    tokens = providers.Singleton(identities.local_tokens, storage)
    accounts = providers.Singleton(identities.local_accounts, storage, tokens, clock)
    identity = providers.Selector(
        settings.provided.identity,
        local=providers.Singleton(identities.local_identity, storage, tokens, clock),
        tidepool=providers.Singleton(
            identities.platform_identity, settings, http_client, server_token
        ),
    )
    users = identity.provided.users
    profiles = identity.provided.profiles
    sessions = identity.provided.sessions
    service_accounts = identity.provided.service_accounts
    representatives = identity.provided.representatives

    redox_orders = providers.Singleton(peers.new_redox_orders)
    xealth_http = providers.Singleton(peers.new_xealth_http, settings)
    xealth_client = providers.Singleton(peers.new_xealth_client, settings, xealth_http)
    xealth_orders = providers.Singleton(peers.new_xealth_orders, settings, xealth_client.provider)
    opened_partners = providers.Callable(
        peers.opened_partners, settings, xealth_http.provider, auth_token.provider
    )

    mail_http = providers.Singleton(mails.new_mail_http, settings)
    carrier = providers.Singleton(mails.new_carrier, settings, mail_http.provider)
    bell = providers.Singleton(mails.new_bell)
    mailer = providers.Singleton(mails.new_mailer, settings, carrier)

    application = providers.Singleton(
        api.new_application,
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
        aside=aside,
        mail_lease=variables.mail_lease,
        announces=settings.provided.notifications,
        redox_orders=redox_orders,
        xealth_orders=xealth_orders,
        restricted_tokens=restricted_tokens,
        demo_patient=variables.demo_patient,
    )
    postman = providers.Singleton(
        mails.new_postman, settings, application.provided.outbox.deliver_one, bell
    )
    opened_mail = providers.Callable(mails.opened_mail, settings, postman, mail_http.provider)
    workbooks = providers.Singleton(api.new_workbooks)
    asgi = providers.Singleton(
        api.new_asgi,
        settings,
        application=application,
        sessions=sessions,
        workbooks=workbooks,
        clock=clock,
        readiness=storage.provided.ping,
        lifespan=providers.List(
            opened_storage.provider,
            opened_platform.provider,
            opened_partners.provider,
            opened_mail.provider,
        ),
    )
