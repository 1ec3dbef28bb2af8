"""How a server is named, and the client that talks to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from clinic_domain.errors import StorageUnusable

DATABASE: Final = "clinic"

# What a URL says itself stays; names are compared as the driver compares them, ignoring case.
_DEFAULTS: Final[dict[str, Any]] = {
    "appname": "clinic",
    "connectTimeoutMS": 5_000,
    "serverSelectionTimeoutMS": 10_000,
    "socketTimeoutMS": 60_000,
}


class UnusableUrl(StorageUnusable):
    """
    There cannot be a MongoDB at this URL.

    What the driver says of it is not in the message, for that may have a password in it.
    """


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
    named = {option.partition("=")[0].lower() for option in options.split("&")}
    # What the options say of it counts, and the driver takes no contradiction.
    said = () if named & {"ssl", "tls"} else (f"ssl={'true' if tls else 'false'}",)
    query = "&".join((*said, *filter(None, (options,))))
    return f"{scheme or 'mongodb'}://{credentials}{addresses or 'localhost'}/?{query}"


def new_client(url: str) -> AsyncMongoClient[dict[str, Any]]:
    """
    Return a client for the servers of a URL; it connects when it is first used.

    Raises:
        UnusableUrl: the URL is none of MongoDB, or names files that cannot be read.
    """
    given = {name.lower() for name in _parts(url)["options"]}
    missing = {name: value for name, value in _DEFAULTS.items() if name.lower() not in given}
    with _told():
        return AsyncMongoClient(url, **missing)


def database_of(url: str) -> str:
    """
    Return the name of the database in a URL, or else the usual one.

    Raises:
        UnusableUrl: the URL is none of MongoDB.
    """
    return _parts(url)["database"] or DATABASE


def _parts(url: str) -> dict[str, Any]:
    # Names of services are looked up by the client, not here.
    with _told():
        return parse_uri(url.replace("mongodb+srv://", "mongodb://", 1), validate=False, warn=False)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnusableUrl(f"a file that it names cannot be read: {error}") from None
    except (PyMongoError, ValueError):
        raise UnusableUrl(
            "this is no address like mongodb://host:27017/clinic?replicaSet=rs0; what is special in"
            " a user name or a password has to be percent-encoded"
        ) from None
