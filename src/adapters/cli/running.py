"""Between a command and the core: settings, the event loop, the storage."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adapters.cli.failures import Failed
from adapters.settings import Settings, read_settings
from clinic_domain.errors import StorageBusy, StorageUnusable, Unavailable

if TYPE_CHECKING:
    from adapters.container import Container

T = TypeVar("T")

HELP: Final = {"help_option_names": ["-h", "--help"]}


def run(work: Coroutine[Any, Any, T]) -> T:
    import asyncio  # noqa: PLC0415 - whoever asks for help waits for none

    return asyncio.run(work)


def with_partners(work: Callable[["Container"], Awaitable[T]]) -> T:
    """
    Run *work* where storage, users and partners can be asked.

    Raises:
        Failed: the storage does not open.
    """

    async def all_of_it() -> T:
        settings = settings_of()
        quiet("error")
        async with AsyncExitStack() as stack:
            container = await stack.enter_async_context(opened(settings))
            for context in (container.opened_platform, container.opened_partners):
                await stack.enter_async_context(context())
            return await work(container)

    return run(all_of_it())


def quiet(level: str = "warning") -> None:
    """Let a command, which has its own words, log what is as bad as *level* alone."""
    from adapters.cli import logs  # noqa: PLC0415 - structlog takes its time

    logs.configure(level)


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
) -> AsyncIterator["Container"]:
    """
    Give a container whose storage is open.

    Args:
        settings: where the storage is.
        name: what says so, if not a setting.
        as_source: neither tables nor indexes are made.

    Raises:
        Failed: it does not open.
    """
    from adapters.container import Container  # noqa: PLC0415 - whoever asks for help waits for none

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
    except (StorageUnusable, StorageBusy) as error:
        reason = str(error)
    except Unavailable as error:
        reason = ": ".join(("the database does not answer", *map(str, error.args)))
    else:
        return
    raise Failed(f"{name}: {reason}")


def with_accounts(work: Callable[["Container"], Awaitable[T]]) -> T:
    """
    Run *work* on the accounts of this installation, and return its result.

    Raises:
        Failed: this installation keeps none, or none that outlive this command.
    """
    settings = settings_of()
    quiet()
    if settings.identity != "local":
        raise Failed(
            "users and tokens are kept by the platform (CLINIC_IDENTITY is tidepool), not here"
        )
    if settings.storage_kind == "memory":
        raise Failed(
            "with CLINIC_STORAGE=memory: users end with the process that made them; "
            "use a file, for example sqlite:///clinic.db"
        )

    async def all_of_it() -> T:
        async with opened(settings) as container:
            return await work(container)

    return run(all_of_it())
