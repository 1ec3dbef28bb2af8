"""Places that mails are put in where no mail service is there."""

import asyncio
import sys
from pathlib import Path
from typing import TextIO

import attrs
import structlog

from adapters.mail.letters import Carrier, Letter

_log = structlog.get_logger("clinic.mail")


@attrs.frozen
class FileCarrier(Carrier):
    """
    A file per letter in a folder, for a mail program to open.

    A letter that is carried twice is one file all the same.
    """

    _folder: Path

    async def carry(self, letter: Letter) -> None:
        await asyncio.to_thread(self._write, letter)
        _log.info("mail written to a file", notification=letter.id)

    def _write(self, letter: Letter) -> None:
        # Names and addresses are nobody else's business.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{letter.id}.part"
        draft.touch(mode=0o600)
        draft.write_bytes(letter.message().as_bytes())
        draft.replace(self._folder / f"{letter.id}.eml")


@attrs.frozen
class ConsoleCarrier(Carrier):
    """The terminal of whoever tries the service out."""

    _out: TextIO = attrs.field(factory=lambda: sys.stdout)

    async def carry(self, letter: Letter) -> None:
        letter.message()  # so that what could not be sent is not shown either
        lines = (f"To: {', '.join(letter.recipients)}", f"Subject: {letter.subject}", "")
        print(*lines, letter.text, sep="\n", file=self._out, flush=True)


class NoCarrier(Carrier):
    """Lets letters go, and notes that it did."""

    async def carry(self, letter: Letter) -> None:
        _log.info("mail dropped, as the settings say", notification=letter.id)
