"""How a server is named, and the client that talks to it."""

from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.uri_parser import parse_uri

DATABASE: Final = "clinic"

# What a URL says itself stays; names are compared as the driver compares them, ignoring case.
_DEFAULTS: Final[dict[str, Any]] = {
    "appname": "clinic",
    "connectTimeoutMS": 5_000,
    "serverSelectionTimeoutMS": 10_000,
    "socketTimeoutMS": 60_000,
}


def connection_string(
    *,
    scheme: str = "",
    addresses: str = "",
    username: str = "",
    password: str = "",
    tls: bool = False,
    options: str = "",
) -> str:
    """
    Return the URL that the reference's TIDEPOOL_STORE_* variables stand for (CONF-2).

    User name, password and options go in as they are: whoever sets them has encoded them.
    """
    credentials = (
        username and f"{username}:{password}@" if password else username and f"{username}@"
    )
    query = f"ssl={'true' if tls else 'false'}" + (options and f"&{options}")
    return f"{scheme or 'mongodb'}://{credentials}{addresses or 'localhost'}/?{query}"


def new_client(url: str) -> AsyncMongoClient[dict[str, Any]]:
    """
    Return a client for the servers of a URL; it connects when it is first used.

    Raises:
        pymongo.errors.PyMongoError: the URL is none of MongoDB.
    """
    given = {name.lower() for name in _options_of(url)}
    missing = {name: value for name, value in _DEFAULTS.items() if name.lower() not in given}
    return AsyncMongoClient(url, **missing)


def database_of(url: str) -> str:
    """Return the name of the database in a URL, or else the usual one."""
    path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    return path or DATABASE


def _options_of(url: str) -> dict[str, Any]:
    # Names of services are looked up by the client, not here.
    options: dict[str, Any] = parse_uri(
        url.replace("mongodb+srv://", "mongodb://", 1), validate=False, warn=False
    )["options"]
    return options
