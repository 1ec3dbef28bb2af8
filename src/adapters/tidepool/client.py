"""The HTTP client that all peers share."""

import logging
from collections.abc import Iterable
from typing import Final

import httpx

TIMEOUT: Final = 10.0
"""Seconds to connect, and to wait for each piece of an answer."""


def new_client(*, timeout: float = TIMEOUT, without_proxy: Iterable[str] = ()) -> httpx.AsyncClient:
    """
    Return a client that verifies certificates; who makes it closes it.

    Args:
        timeout: seconds to connect, and to wait for each piece of an answer.
        without_proxy: addresses that the proxy of the environment is not used for.
    """
    # Both write the address of every call, which has tokens and e-mail addresses in it.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        timeout=timeout,
        follow_redirects=True,
        max_redirects=10,
        mounts={_origin(address): None for address in without_proxy},
    )


def _origin(address: str) -> str:
    url = httpx.URL(address)
    return f"{url.scheme}://{url.netloc.decode()}"
