"""The URL that the reference's variables stand for, and what a URL says."""

from typing import Any

import pytest

from adapters.mongo import MongoStorage, UnusableUrl, connection_string
from adapters.mongo.connection import database_of, new_client


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "mongodb://localhost/?ssl=false"),
        (
            {"scheme": "mongodb+srv", "addresses": "db.example.com", "tls": True},
            "mongodb+srv://db.example.com/?ssl=true",
        ),
        (
            {"addresses": "a:1,b:2", "options": "replicaSet=rs0"},
            "mongodb://a:1,b:2/?ssl=false&replicaSet=rs0",
        ),
        ({"username": "me"}, "mongodb://me@localhost/?ssl=false"),
        ({"username": "me", "password": "p%40ss"}, "mongodb://me:p%40ss@localhost/?ssl=false"),
        ({"password": "unused"}, "mongodb://localhost/?ssl=false"),
        ({"options": "a=b&tls=true"}, "mongodb://localhost/?a=b&tls=true"),
    ],
)
def test_variables_make_a_connection_string(values: dict[str, Any], expected: str) -> None:
    assert connection_string(**values) == expected


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("mongodb://localhost", "clinic"),
        ("mongodb://localhost/", "clinic"),
        ("mongodb://me:pass@a:1,b:2/other?ssl=true", "other"),
        ("mongodb+srv://db.example.com/other", "other"),
        ("mongodb://localhost/%6fther", "other"),
    ],
)
def test_a_url_names_the_database_or_leaves_it_at_the_usual_one(url: str, name: str) -> None:
    assert database_of(url) == name


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///clinic.db",
        "mongodb://",
        "mongodb://me:hu/sh@localhost/",
        "mongodb://me:hu@sh@localhost/",
        "mongodb://localhost:hush",
        "mongodb://localhost/?tls=true&ssl=false",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(UnusableUrl, match="this is no address") as refused:
        MongoStorage.at(url)

    assert "sh" not in str(refused.value)


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(UnusableUrl, match="/nowhere/ca"):
        MongoStorage.at("mongodb://localhost/?tls=true&tlsCAFile=/nowhere/ca")


async def test_what_a_url_says_itself_stays() -> None:
    async with new_client("mongodb://localhost/?serverSelectionTimeoutMS=7&APPNAME=mine") as client:
        assert client.options.server_selection_timeout == 0.007
        assert client.options.pool_options.appname == "mine"
        assert client.options.pool_options.connect_timeout == 5


async def test_a_storage_at_a_url_connects_when_it_is_used() -> None:
    storage = MongoStorage.at("mongodb://localhost:1/other?replicaSet=rs0")

    assert storage.database.name == "other"
    assert MongoStorage.at("mongodb://localhost:1/other", "given").database.name == "given"
    await storage.close()
