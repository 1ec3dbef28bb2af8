"""Between a command and the core: settings, the event loop, the storage."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final, TypeVar

from adapters import mongo, sql
from adapters.cli import logs
from adapters.cli.failures import Failed
from adapters.container import Container
from adapters.local_identity import LocalAccounts
from adapters.settings import Settings, read_settings
from clinic_domain.application import Application
from clinic_domain.errors import StorageBusy, Unavailable

T = TypeVar("T")

HELP: Final = {"help_option_names": ["-h", "--help"]}

_UNUSABLE: Final = (
    mongo.IncompatibleIndex,
    mongo.UnusableServer,
    mongo.UnusableUrl,
    sql.NewerSchema,
    sql.OlderSchema,
    sql.UnusableUrl,
)


def with_partners(work: Callable[[Container], Awaitable[T]]) -> T:
    """
    Run *work* where storage, users and partners can be asked.

    Raises:
        Failed: the storage does not open.
    """

    async def run() -> T:
        settings = settings_of()
        logs.configure("error")
        async with AsyncExitStack() as stack:
            container = await stack.enter_async_context(opened(settings))
            for context in (container.opened_identity, container.opened_partners):
                await stack.enter_async_context(context())
            return await work(container)

    return asyncio.run(run())


def settings_of() -> Settings:
    """Return the settings in the environment. Raises SettingError."""
    return read_settings()


async def prepared(settings: Settings) -> None:
    """Bring the storage to the schema of this version."""
    async with opened(settings):
        pass


@asynccontextmanager
async def opened(
    settings: Settings, *, name: str | None = None, as_source: bool = False
) -> AsyncIterator[Container]:
    """
    Give a container whose storage is open.

    Args:
        settings: where the storage is.
        name: what says so, if not a setting.
        as_source: neither tables nor indexes are made.

    Raises:
        Failed: it does not open.
    """
    async with AsyncExitStack() as stack:
        with _told(name or settings.storage_setting):
            container = Container(settings=settings)
            open_ = container.opened_source if as_source else container.opened_storage
            await stack.enter_async_context(open_())
        yield container


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (*_UNUSABLE, StorageBusy) as error:
        reason = str(error)
    except mongo.ServerError as error:
        reason = f"MongoDB says {' '.join(error.args)}"
    except Unavailable as error:
        reason = ": ".join(("the database does not answer", *map(str, error.args)))
    else:
        return
    raise Failed(f"{name}: {reason}")


def with_accounts(work: Callable[[LocalAccounts, Application], Awaitable[T]]) -> T:
    """
    Run *work* on the accounts of this installation, and return its result.

    Raises:
        Failed: this installation keeps none, or none that outlive this command.
    """
    settings = settings_of()
    logs.configure("warning")
    if settings.identity != "local":
        raise Failed(
            "users and tokens are kept by the platform (CLINIC_IDENTITY is tidepool), not here"
        )
    if settings.storage_kind == "memory":
        raise Failed(
            "with CLINIC_STORAGE=memory: users end with the process that made them; "
            "use a file, for example sqlite:///clinic.db"
        )

    async def run() -> T:
        async with opened(settings) as container:
            return await work(container.accounts(), container.application())

    return asyncio.run(run())
