"""Only what differs is written, and so that what nobody here knows stays."""

from typing import Any

import pytest

from adapters.mongo.changes import Layout, updates_between

LAYOUT = Layout(
    sets=frozenset({"admins"}),
    keyed={"tags": "_id"},
    placed={"sources": ("name",)},
    appended=frozenset({"log"}),
    whole=frozenset({"count"}),
    null=frozenset({"restrictions"}),
)


def changes(was: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the updates, each with its filters where it has any."""
    return [
        {**update.change, **({"filters": update.filters} if update.filters else {})}
        for update in updates_between(was, new, LAYOUT)
    ]


def test_equal_documents_need_no_update() -> None:
    document = {"a": 1, "b": {"c": [1, {"d": None}]}}

    assert changes(document, dict(document)) == []


@pytest.mark.parametrize(
    ("was", "new", "expected"),
    [
        ({"a": 1}, {"a": 2}, {"$set": {"a": 2}}),
        ({}, {"a": None}, {"$set": {"a": None}}),
        ({"a": 1}, {}, {"$unset": {"a": ""}}),
        ({"restrictions": [1]}, {}, {"$set": {"restrictions": None}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, {"$set": {"a.b": 3}}),
        ({"a": {"b": {}}}, {"a": {}}, {"$unset": {"a.b": ""}}),
        (
            {"a": {"b": {"c": 1}}},
            {"a": {"b": {"d": 1}}},
            {"$unset": {"a.b.c": ""}, "$set": {"a.b.d": 1}},
        ),
        ({"a": None}, {"a": {"b": 1}}, {"$set": {"a": {"b": 1}}}),
        ({"count": {"x": 1}}, {"count": {"x": 2}}, {"$set": {"count": {"x": 2}}}),
        ({"list": [1, 2]}, {"list": [2, 3]}, {"$set": {"list": [2, 3]}}),
    ],
)
def test_members_are_set_and_removed_by_their_paths(
    was: dict[str, Any], new: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert changes(was, new) == [expected]


@pytest.mark.parametrize("key", ["a.b", "$a", ""])
def test_a_key_that_cannot_be_in_a_path_is_written_with_what_it_is_in(key: str) -> None:
    assert changes({"m": {key: 1}}, {"m": {key: 2}}) == [{"$set": {"m": {key: 2}}}]


@pytest.mark.parametrize(
    ("was", "new", "expected"),
    [
        (["a"], ["a", "b"], [{"$push": {"admins": {"$each": ["b"]}}}]),
        (["a", "b"], ["b"], [{"$pull": {"admins": {"$in": ["a"]}}}]),
        (
            ["a", "b"],
            ["b", "c"],
            [{"$pull": {"admins": {"$in": ["a"]}}}, {"$push": {"admins": {"$each": ["c"]}}}],
        ),
        (["a", "b"], ["b", "a"], [{"$set": {"admins": ["b", "a"]}}]),
        ([], ["a"], [{"$set": {"admins": ["a"]}}]),
        (["a"], [], [{"$pull": {"admins": {"$in": ["a"]}}}]),
    ],
)
def test_values_of_a_set_come_and_go(
    was: list[str], new: list[str], expected: list[dict[str, Any]]
) -> None:
    assert changes({"admins": was}, {"admins": new}) == expected


def test_elements_with_ids_are_changed_one_by_one() -> None:
    was = [{"_id": 1, "name": "a"}, {"_id": 2, "name": "b"}, {"_id": 3, "name": "c"}]
    new = [{"_id": 2, "name": "B"}, {"_id": 3}, {"_id": 4, "name": "d"}]

    assert changes({"tags": was, "a": 1}, {"tags": new, "a": 2}) == [
        {"$set": {"a": 2}, "$pull": {"tags": {"_id": {"$in": [1]}}}},
        {
            "$set": {"tags.$[tags0].name": "B"},
            "$unset": {"tags.$[tags1].name": ""},
            "filters": [{"tags0._id": 2}, {"tags1._id": 3}],
        },
        {"$push": {"tags": {"$each": [{"_id": 4, "name": "d"}]}}},
    ]


def test_elements_in_another_order_are_replaced() -> None:
    was, new = [{"_id": 1}, {"_id": 2}], [{"_id": 2}, {"_id": 1}]

    assert changes({"tags": was}, {"tags": new}) == [{"$set": {"tags": new}}]


def test_elements_that_are_the_same_as_before_are_changed_in_their_place() -> None:
    was = [{"name": "x", "state": "a"}, {"name": "y", "state": "a"}]
    new = [{"name": "x", "state": "a"}, {"name": "y", "state": "b", "time": 1}]

    assert changes({"sources": was}, {"sources": new}) == [
        {"$set": {"sources.1.state": "b", "sources.1.time": 1}}
    ]


@pytest.mark.parametrize("new", [[], [{"name": "z", "state": "a"}], [{"name": "x"}, {"name": "x"}]])
def test_other_elements_replace_those_before(new: list[dict[str, Any]]) -> None:
    was = [{"name": "x", "state": "a"}]

    assert changes({"sources": was}, {"sources": new}) == [{"$set": {"sources": new}}]


def test_a_log_grows_at_its_end() -> None:
    assert changes({"m": {"log": [1]}}, {"m": {"log": [1, 2]}}) == [
        {"$push": {"m.log": {"$each": [2]}}}
    ]
    assert changes({"log": [1]}, {"log": [2, 1]}) == [{"$set": {"log": [2, 1]}}]
