"""What Xealth is asked, and what is made of its answers (XEALTH-25)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import attrs
import httpx
import pytest
import stamina

from adapters.xealth.client import Credentials, XealthClient
from clinic_domain.ehr.errors import XealthUnavailable

CREDENTIALS = Credentials(
    client_id="client:id",
    client_secret="secret",
    token_url="http://xealth/oauth2/token",
    base_url="http://xealth/v2",
)
ORDER = {
    "orderInfo": {
        "deployment": "harbor",
        "orderCreationDateTime": "2025-03-04T06:06:07.0089+01:00",
        "programTitle": "x",
        "contentTag": ["a"],
    },
    "patientIdentity": {"ids": [{"id": "7", "type": "MR", "x": 1}]},
    "datasets": {
        "demographicsV1": {"birthDate": "1979-08-23", "telecom": [{"rank": 1}]},
        "unknownV9": {},
    },
    "preorder": {"dataTrackingId": "", "x": 1},
}


@attrs.define
class Xealth:
    """Answers what it was told to answer, then that all is well."""

    answers: list[httpx.Response | Exception] = attrs.field(factory=list)
    tokens: list[Any] = attrs.field(factory=lambda: [{"expires_in": 3600}])
    calls: list[httpx.Request] = attrs.field(factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)
        if request.url.path.endswith("/token"):
            token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
            if isinstance(token, httpx.Response):
                return token
            return httpx.Response(200, json={"access_token": f"t{len(self.calls)}", **token})
        answer = self.answers.pop(0) if self.answers else httpx.Response(200, json=ORDER)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def paths(self) -> list[str]:
        return [call.url.raw_path.decode() for call in self.calls]


@pytest.fixture(autouse=True)
def _no_pauses() -> Any:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def xealth() -> Xealth:
    return Xealth()


@pytest.fixture
def client(xealth: Xealth) -> XealthClient:
    return client_of(xealth)


def client_of(xealth: Xealth, timer: Callable[[], float] = lambda: 0.0) -> XealthClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(xealth))
    return XealthClient(http, CREDENTIALS, timer=timer)


async def test_an_order_is_read_with_a_token(xealth: Xealth, client: XealthClient) -> None:
    found = await client.find("har/bor", "1 ü")

    assert xealth.paths == [
        "/oauth2/token",
        "/v2/partner/read/order/har%2Fbor/1%20%C3%BC",
    ]
    token, read = xealth.calls
    assert token.content == b"grant_type=client_credentials"
    assert token.headers["authorization"] == "Basic Y2xpZW50JTNBaWQ6c2VjcmV0"
    assert read.headers["authorization"] == "Bearer t1"
    assert found is not None
    assert (found.enrollee.deployment, found.tracking_id) == ("harbor", "")
    assert found.data == {
        "datasets": {"demographicsV1": {"birthDate": "1979-08-23", "telecom": [{"rank": 1.0}]}},
        "orderInfo": {
            "deployment": "harbor",
            "orderCreationDateTime": "2025-03-04T05:06:07.008Z",
            "contentTag": ["a"],
        },
        "patientIdentity": {"ids": [{"id": "7", "type": "MR"}]},
        "preorder": {"dataTrackingId": ""},
    }


async def test_an_unknown_order_is_none(xealth: Xealth, client: XealthClient) -> None:
    xealth.answers = [httpx.Response(404)]

    assert await client.find("harbor", "1") is None


@pytest.mark.parametrize("segment", ["", " ", ".", "..", "../..", "a/../b", "..\\a"])
async def test_what_leads_elsewhere_is_no_order(
    xealth: Xealth, client: XealthClient, segment: str
) -> None:
    assert await client.find("harbor", segment) is None
    assert await client.find(segment, "1") is None
    assert await client.enroll(segment, "100", "Q1", mrn_type="MR", origin="epic")

    assert xealth.calls == []


@pytest.mark.parametrize("segment", ["...", "1.", "%2e%2e", "a/b", "a?b#c"])
async def test_anything_else_is_one_segment(
    xealth: Xealth, client: XealthClient, segment: str
) -> None:
    await client.find("harbor", segment)

    sent = xealth.paths[-1].removeprefix("/v2/partner/read/order/harbor/")
    assert "/" not in sent
    assert unquote(sent) == segment


@pytest.mark.parametrize(
    "hiccup", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.Response(503)]
)
async def test_hiccups_are_waited_out_within_a_bound(
    xealth: Xealth, client: XealthClient, hiccup: Any
) -> None:
    xealth.answers = [hiccup, hiccup]
    assert await client.find("harbor", "1")

    xealth.answers = [hiccup] * 3
    with pytest.raises(XealthUnavailable):
        await client.find("harbor", "1")
    assert xealth.answers == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={}),
        httpx.Response(200, text="{}"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"orderInfo": {"deployment": 5}}),
        httpx.Response(200, json={"patientIdentity": {"ids": [{"id": "\0"}]}}),
        httpx.Response(200, headers={"content-type": "application/json"}, content=b"{"),
    ],
)
async def test_answers_that_are_none(
    xealth: Xealth, client: XealthClient, answer: httpx.Response
) -> None:
    xealth.answers = [answer]

    with pytest.raises(XealthUnavailable):
        await client.find("harbor", "1")

    assert len(xealth.calls) == 2


async def test_a_token_is_kept_until_shortly_before_it_expires(xealth: Xealth) -> None:
    now = [0.0]
    client = client_of(xealth, lambda: now[0])
    for moment in (0.0, 3569.0, 3570.0):
        now[0] = moment
        await client.find("harbor", "1")

    assert [path.endswith("/token") for path in xealth.paths] == [True, False, False, True, False]


async def test_a_token_without_an_end_serves_once(xealth: Xealth, client: XealthClient) -> None:
    xealth.tokens = [{}]

    await client.find("harbor", "1")
    await client.find("harbor", "1")

    assert sum(path.endswith("/token") for path in xealth.paths) == 2


async def test_those_who_need_a_token_wait_for_one(xealth: Xealth, client: XealthClient) -> None:
    await asyncio.gather(*(client.find("harbor", "1") for _ in range(5)))

    assert sum(path.endswith("/token") for path in xealth.paths) == 1


async def test_a_refused_token_is_renewed_once(xealth: Xealth, client: XealthClient) -> None:
    xealth.answers = [httpx.Response(401)]
    assert await client.find("harbor", "1")

    xealth.answers = [httpx.Response(401), httpx.Response(401)]
    with pytest.raises(XealthUnavailable):
        await client.find("harbor", "1")


@pytest.mark.parametrize(
    "token",
    [
        httpx.Response(401, json={}),
        httpx.Response(200, text="x"),
        httpx.Response(500),
        *(
            httpx.Response(200, json={"access_token": text, "expires_in": 3600})
            for text in ("", "\u00e9", "a\nb", "a\0", "a\x7f")
        ),
    ],
)
async def test_without_a_token_nothing_is_asked(
    xealth: Xealth, client: XealthClient, token: httpx.Response
) -> None:
    xealth.tokens = [token]

    with pytest.raises(XealthUnavailable):
        await client.find("harbor", "1")

    assert all(path.endswith("/token") for path in xealth.paths)


async def test_without_credentials_nobody_is_asked(xealth: Xealth) -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(xealth))
    client = XealthClient(http, attrs.evolve(CREDENTIALS, client_secret=""))

    with pytest.raises(XealthUnavailable):
        await client.find("harbor", "1")

    assert xealth.calls == []
    assert "secret" not in repr(CREDENTIALS)


async def test_an_enrolment_is_ordered_once(xealth: Xealth, client: XealthClient) -> None:
    """CLI-2."""
    xealth.answers = [httpx.Response(200), httpx.Response(422, text="no"), httpx.Response(503)]

    async def enroll() -> str | None:
        return await client.enroll("harbor", "100", "Q1", mrn_type="enterprise", origin="cerner")

    assert [await enroll() for _ in range(3)] == [None, "no", ""]
    assert xealth.paths[1:] == ["/v2/partner/write/order/harbor"] * 3
    assert json.loads(xealth.calls[1].content) == {
        "orderType": "enrollment",
        "partnerId": "tidepool",
        "patientId": {"id": "Q1", "origin": "cerner", "type": "enterprise"},
        "programId": "100",
        "programTitle": "Tidepool",
    }
    xealth.answers = [httpx.ConnectError("x")]
    with pytest.raises(XealthUnavailable):
        await enroll()
