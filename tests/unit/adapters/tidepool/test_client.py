"""The client that all peers share (PEER-1)."""

import logging

import httpx
import pytest

from adapters.tidepool import new_client

pytestmark = pytest.mark.anyio


async def test_it_waits_follows_redirects_and_verifies_certificates() -> None:
    async with new_client(timeout=3.0) as client:
        assert client.timeout == httpx.Timeout(3.0)
        assert client.follow_redirects


async def test_addresses_of_calls_are_not_logged() -> None:
    async with new_client():
        assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
        assert not logging.getLogger("httpcore").isEnabledFor(logging.DEBUG)


async def test_users_and_profiles_are_asked_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")

    async with new_client(without_proxy=["http://shoreline:9107/x"]) as client:
        direct = client._transport_for_url(httpx.URL("http://shoreline:9107/x/user/1"))
        proxied = client._transport_for_url(httpx.URL("http://keycloak/token"))

    assert direct is client._transport
    assert proxied is not client._transport
