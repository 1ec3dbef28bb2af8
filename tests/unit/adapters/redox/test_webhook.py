"""What Redox calls: tokens, forms of messages, and what is kept of them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.redox import RedoxOrders, RedoxWebhook
from adapters.redox.messages import DEEPEST, UnreadableMessage, read_message
from clinic_domain.copying import Kind
from clinic_domain.ehr.errors import (
    InvalidMetadata,
    InvalidToken,
    TokenRequired,
    UnreadableOrder,
)
from clinic_domain.ehr.model import (
    Identifier,
    Message,
    MessageLog,
    MessageMeta,
    Named,
    Numbered,
    Order,
)
from clinic_domain.errors import BadRequest
from clinic_domain.testing.contracts.archive import scanned
from support.world import World

META = {"DataModel": "Order", "EventType": "New"}


def body(**members: Any) -> bytes:
    return json.dumps({"Meta": META, **members}).encode()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def redox(world: World) -> RedoxWebhook:
    return RedoxWebhook(world.app.messages, "secret")


async def kept(world: World) -> list[Any]:
    return await scanned(world.storage.archive, Kind.MESSAGES)  # type: ignore[attr-defined]  # it is in memory


# Tokens


async def test_only_the_token_lets_messages_in(world: World, redox: RedoxWebhook) -> None:
    """REDOX-2."""
    for token, error in ((None, TokenRequired), ("", TokenRequired), ("Secret", InvalidToken)):
        with pytest.raises(error):
            await redox.receive(token, body())
    assert await kept(world) == []

    await redox.receive("secret", body(x=1))

    [message] = await kept(world)
    assert message == Message(message.id, MessageMeta("Order", "New"), {"Meta": META, "x": 1})


def test_a_challenge_needs_the_token_in_the_body(redox: RedoxWebhook) -> None:
    """REDOX-1."""
    assert redox.answer(b'{"verification-token": "secret"}') == {"challenge": ""}
    right = b'{"verification-token": "secret", "challenge": "x", "y": 1}'
    assert redox.answer(right) == {"challenge": "x"}
    for wrong in (b"", b"{}", b"null", b'{"challenge": "x"}', b'{"verification-token": ""}'):
        with pytest.raises(InvalidToken):
            redox.answer(wrong)
    for broken in (b"{", b"[]", b'{"verification-token": 5}', b"\xff"):
        with pytest.raises(BadRequest):
            redox.answer(broken)


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_everything_is_refused(world: World, token: str | None) -> None:
    redox = RedoxWebhook(world.app.messages, token)

    for shown in ("", "x"):
        with pytest.raises((InvalidToken, TokenRequired)):
            await redox.receive(shown, body())
        with pytest.raises(InvalidToken):
            redox.answer(json.dumps({"verification-token": shown}).encode())
    assert "secret" not in repr(RedoxWebhook(world.app.messages, "secret"))


# Messages


def test_all_that_a_message_says_of_itself_is_read() -> None:
    """Numbers as they are, names in any case (REDOX-4)."""
    meta, content = read_message(
        b'{"META": {"datamodel": "Order", "EventType": "New", "EventDateTime": "yesterday",'
        b' "Test": false, "FacilityCode": null, "Destinations": [{"ID": "a"}], "Logs": [{}],'
        b' "Source": {"Name": "b"}, "Message": {"ID": 123456789}, "Transmission": {"ID": null}},'
        b' "big": 18446744073709551616, "whole": 9223372036854775807}'
    )

    assert meta == MessageMeta(
        "Order",
        "New",
        "yesterday",
        is_test=False,
        destinations=(Named("a"),),
        logs=(MessageLog(),),
        source=Named(name="b"),
        message=Numbered(123456789),
        transmission=Numbered(None),
    )
    assert (content["big"], content["whole"]) == (float(2**64), 2**63 - 1)
    assert isinstance(content["big"], float)


@pytest.mark.parametrize(
    "broken",
    [
        *(b"", b"{", b"[]", b'"x"', b"\xff", b"nul", b"{} x", b"[" * 100_000),
        *(b'{"Meta": []}', b'{"Meta": {"DataModel": 5, "EventType": "x"}}'),
        body(x=json.loads("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))),
        b'{"Meta": {"DataModel": "a", "EventType": "b", "Logs": {}}}',
        b'{"Meta": {"DataModel": "a", "EventType": "b", "Source": "x"}}',
        b'{"Meta": {"DataModel": "a", "EventType": "b", "Message": {"ID": "1"}}}',
        b'{"Meta": {"DataModel": "a", "EventType": "b", "Message": {"ID": true}}}',
        b'{"Meta": {"DataModel": "a", "EventType": "b"}, "x": 1e999}',
        b'{"Meta": {"DataModel": "a", "EventType": "b"}, "x": 1' + b"0" * 400 + b"}",
        b'{"Meta": {"DataModel": "a", "EventType": "b"}, "a\\u0000": 1}',
    ],
)
def test_what_is_no_message_is_refused(broken: bytes) -> None:
    with pytest.raises(UnreadableMessage, match=r"^bad request: "):
        read_message(broken)


@pytest.mark.parametrize("meta", [None, {}, {"DataModel": "x"}, {**META, "EventType": ""}])
def test_a_message_without_a_kind_is_refused(meta: Any) -> None:
    with pytest.raises(InvalidMetadata):
        read_message(json.dumps({"Meta": meta}).encode())


async def test_large_messages_are_kept(world: World, redox: RedoxWebhook) -> None:
    text = "é" * 2_000_000

    await redox.receive("secret", body(text=text))

    [message] = await kept(world)
    assert message.content["text"] == text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["Meta", "meta", "Patient", "x"]), _JSON))
def test_any_json_is_kept_or_refused(value: dict[str, Any]) -> None:
    with suppress(BadRequest):
        _, content = read_message(json.dumps(value).encode())
        assert list(content) == list(value)


# Orders


def test_the_members_of_an_order_are_found() -> None:
    content = {
        "Meta": {"Source": {"ID": "s"}},
        "patient": {
            "Identifiers": [{"ID": "1", "IDType": "MR"}, {"ID": None}],
            "Demographics": {"FirstName": "A", "lastname": "B", "DOB": "x", "EmailAddresses": [5]},
        },
        "Visit": {"Guarantor": {"EmailAddresses": ["g@x.org"]}},
    }

    assert RedoxOrders().read(content) == Order(
        "s", (Identifier("1", "MR"), Identifier("", "")), "x", "A", "B", (5,), ("g@x.org",)
    )
    assert RedoxOrders().read({}) == Order()
    assert RedoxOrders().read({"Patient": None, "Visit": None}) == Order()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"Patient": []}, "Patient"),
        ({"Patient": {"Identifiers": {}}}, "Patient.Identifiers"),
        ({"Patient": {"Identifiers": ["x"]}}, "Patient.Identifiers"),
        ({"Patient": {"Identifiers": [{"ID": 5}]}}, "Patient.Identifiers.ID"),
        ({"Patient": {"Demographics": {"DOB": 5}}}, "Patient.Demographics.DOB"),
        ({"Patient": {"Demographics": {"FirstName": "\0"}}}, "Patient.Demographics.FirstName"),
        ({"Visit": {"Guarantor": 5}}, "Visit.Guarantor"),
        ({"Meta": {"Source": {"ID": []}}}, "Meta.Source.ID"),
    ],
)
def test_a_member_of_another_type_is_named(content: Any, place: str) -> None:
    with pytest.raises(UnreadableOrder, match=f"at {place}$"):
        RedoxOrders().read(content)
