"""`clinic mail`: the mails that nobody took."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from adapters.cli.failures import Failed
from adapters.cli.running import opened, quiet, run, settings_of
from clinic_domain.values import RecordId

if TYPE_CHECKING:
    from clinic_domain.notifications.service import OutboxService

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look after mails that were given up.",
)


def _with_outbox(work: Callable[["OutboxService"], Awaitable[T]]) -> T:
    settings = settings_of()
    quiet()

    async def all_of_it() -> T:
        async with opened(settings) as container:
            return await work(container.application().outbox)

    return run(all_of_it())


@app.command("list")
def list_() -> None:
    """
    List the mails that were tried too often: id, time, what they are about.

    Names and addresses are not shown.
    """
    for notification in _with_outbox(lambda outbox: outbox.undeliverable()):
        created = notification.created_time.isoformat(timespec="seconds")
        typer.echo(f"{notification.id}  {created}  {notification.subject}")


@app.command()
def retry(
    ids: Annotated[
        list[str], typer.Argument(help="Ids of mails, as `clinic mail list` shows them.")
    ],
) -> None:
    """
    Let mails be tried again, once the reason why nobody took them is gone.

        clinic mail retry $(clinic mail list | cut -d ' ' -f 1)
    """

    async def work(outbox: "OutboxService") -> list[str]:
        return [id_ for id_ in ids if not await outbox.try_anew(RecordId(id_))]

    if unknown := _with_outbox(work):
        raise Failed(f"no mail that was given up has the id {', '.join(unknown)}")
