"""What Redox calls."""

import asyncio
import hmac
from typing import Any, Final

import attrs
import msgspec

from adapters.redox.messages import UnreadableMessage, read_message
from clinic_domain.ehr.errors import InvalidToken, TokenRequired
from clinic_domain.ehr.service import MessageService

_LARGE: Final = 2**18
"""Bytes of a message that others should not have to wait for."""


class Challenge(msgspec.Struct, rename="kebab"):
    verification_token: str | None = None
    challenge: str | None = None


@attrs.frozen
class RedoxWebhook:
    """Lets in whoever knows the token; without one, nobody."""

    _messages: MessageService
    _token: str | None = attrs.field(default=None, repr=False)

    def answer(self, body: bytes) -> dict[str, Any]:
        """Return the challenge of a body that holds the token (8.6.1)."""
        try:
            found = msgspec.json.decode(body or b"{}", type=Challenge | None) or Challenge()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            place = " of another type" if isinstance(error, msgspec.ValidationError) else " no JSON"
            raise UnreadableMessage(f"the body is{place}") from None
        self._refuse_other(found.verification_token or "")
        return {"challenge": found.challenge or ""}

    async def receive(self, token: str | None, body: bytes) -> None:
        """Keep a message that comes with the token (REDOX-2)."""
        if not token:
            raise TokenRequired
        self._refuse_other(token)
        if len(body) > _LARGE:
            meta, content = await asyncio.to_thread(read_message, body)
        else:
            meta, content = read_message(body)
        await self._messages.receive(meta, content)

    def _refuse_other(self, token: str) -> None:
        known = self._token or ""
        is_right = hmac.compare_digest(token.encode(), known.encode())
        if not known or not is_right:
            raise InvalidToken
