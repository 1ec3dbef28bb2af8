"""Between a command and the core: settings, the event loop, the storage."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from adapters.cli import logs
from adapters.cli.failures import Failed
from adapters.container import Container
from adapters.local_identity import LocalAccounts
from adapters.settings import Settings, read_settings
from clinic_domain.application import Application

T = TypeVar("T")

HELP: Final = {"help_option_names": ["-h", "--help"]}


def settings_of() -> Settings:
    """Return the settings in the environment. Raises SettingError."""
    return read_settings()


async def prepared(settings: Settings) -> None:
    """Bring the storage to the schema of this version."""
    async with Container(settings=settings).opened_storage():
        pass


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
        container = Container(settings=settings)
        async with container.opened_storage():
            return await work(container.accounts(), container.application())

    return asyncio.run(run())
