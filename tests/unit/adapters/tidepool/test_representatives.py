"""Who may act for a patient, as the permission service says."""

from typing import Any

import httpx
import pytest

from adapters.tidepool import Peer, TidepoolRepresentatives
from clinic_domain.users import UsersUnavailable
from clinic_domain.values import UserId
from unit.adapters.tidepool.conftest import Platform

pytestmark = pytest.mark.anyio

KIM, JANE = UserId("2000000001"), UserId("1000000001")


@pytest.fixture
def representatives(peer: Peer) -> TidepoolRepresentatives:
    return TidepoolRepresentatives(peer)


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ({"root": {}}, True),
        ({"custodian": {}, "view": {}}, True),
        ({"custodian": {"until": "2030"}}, False),
        ({"custodian": None}, False),
        ({"root": True}, False),
        ({"view": {}, "upload": {}}, False),
        ({}, False),
    ],
)
async def test_owners_and_custodians_without_conditions_may(
    representatives: TidepoolRepresentatives,
    platform: Platform,
    permissions: Any,
    expected: bool,
) -> None:
    platform.answers_with(httpx.Response(200, json=permissions))

    assert await representatives.may_act_for(KIM, JANE) is expected
    assert platform.asked[0].url.raw_path == b"/prefix/access/2000000001/1000000001"


async def test_who_has_no_permission_may_not(
    representatives: TidepoolRepresentatives, platform: Platform
) -> None:
    platform.answers_with(httpx.Response(404))

    assert not await representatives.may_act_for(KIM, JANE)


async def test_nobody_is_asked_about_what_is_no_id(
    representatives: TidepoolRepresentatives, platform: Platform
) -> None:
    assert not await representatives.may_act_for(UserId(".."), JANE)
    assert not await representatives.may_act_for(KIM, UserId(""))
    assert platform.asked == []


@pytest.mark.parametrize("status", [400, 403, 500, 503])
async def test_a_service_that_errs_says_nothing(
    representatives: TidepoolRepresentatives, platform: Platform, status: int
) -> None:
    platform.answers_with(httpx.Response(status))

    with pytest.raises(UsersUnavailable):
        await representatives.may_act_for(KIM, JANE)
