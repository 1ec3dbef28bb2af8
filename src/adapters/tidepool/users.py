"""User accounts, which the user service keeps (PEER-4 to PEER-6)."""

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import msgspec

from adapters.tidepool.peer import Peer
from adapters.tidepool.urls import is_segment
from clinic_domain.text import has_nul
from clinic_domain.users import CustodialEmailTaken, EmailTaken, User, Users
from clinic_domain.values import ClinicId, UserId


class UserAnswer(msgspec.Struct):
    userid: str
    username: str | None = None
    emails: list[str] | None = None
    roles: list[str] | None = None


@attrs.frozen
class TidepoolUsers(Users):
    _shoreline: Peer

    async def find(self, id_or_email: str) -> User | None:
        if not is_segment(id_or_email):
            return None
        answer = await self._shoreline.get("user", id_or_email)
        match answer.status_code:
            case 200:
                return _user(self._decoded(answer))
            case 204:
                return User(UserId(id_or_email))
            case 404:
                return None
            case _:
                raise self._shoreline.unexpected(answer)

    async def create_custodial(self, clinic_id: ClinicId, email: str | None) -> UserId:
        answer = await self._shoreline.send(
            "POST", "v1", "clinics", clinic_id, "users", body=_addressed(email) if email else {}
        )
        match answer.status_code:
            case 201:
                return UserId(self._decoded(answer).userid)
            case 409:
                raise EmailTaken(clinic_id)
            case _:
                raise self._shoreline.unexpected(answer)

    async def update_custodial(self, user_id: UserId, email: str | None) -> None:
        updates = {"emails": []} if email is None else _addressed(email)
        answer = await self._shoreline.send("PUT", "user", user_id, body={"updates": updates})
        match answer.status_code:
            case 200:
                return
            case 409:
                raise CustodialEmailTaken(user_id)
            case _:
                raise self._shoreline.unexpected(answer)

    def _decoded(self, answer: Any) -> UserAnswer:
        user = self._shoreline.decoded(answer, UserAnswer)
        if not user.userid:
            raise self._shoreline.unavailable("user without an id")
        return user


def _addressed(email: str) -> dict[str, Any]:
    return {"username": email, "emails": [email]}


def _addresses(texts: Iterable[str]) -> Iterator[str]:
    """Yield what can be an address: without its NUL, a text that has one might be another's."""
    return (text for text in texts if text and not has_nul(text))


def _user(answer: UserAnswer) -> User:
    return User(
        UserId(answer.userid),
        username=next(_addresses([answer.username or ""]), None),
        emails=tuple(_addresses(answer.emails or ())),
        roles=tuple(answer.roles or ()),
    )
