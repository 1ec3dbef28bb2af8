"""No part of an address can pass for more than one segment (AUTHN-6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tidepool.urls import is_segment, url

BASE = "http://shoreline:9107/prefix"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "..",
        " .. ",
        "a/../b",
        "../user/1",
        "a\\..\\b",
        "..\\x",
        "a\x00",
        "a\nb",
        "\ud800",
    ],
)
def test_what_would_lead_elsewhere_is_no_segment(text: str) -> None:
    assert not is_segment(text)

    with pytest.raises(ValueError, match="one segment"):
        url(BASE, "user", text)


def test_a_text_without_end_is_no_segment() -> None:
    assert not is_segment("a" * 100_000)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("1234567890", "1234567890"),
        ("Jane+Doe@example.com", "Jane%2BDoe%40example.com"),
        ("a/b@example.com", "a%2Fb%40example.com"),
        ("a?b#c%2e", "a%3Fb%23c%252e"),
        ("zoë@example.com", "zo%C3%AB%40example.com"),
        ("...", "..."),
    ],
)
def test_a_part_is_encoded_as_one_segment_below_the_prefix(text: str, encoded: str) -> None:
    assert url(BASE, "user", text) == f"http://shoreline:9107/prefix/user/{encoded}"


def test_a_slash_at_the_end_of_the_base_does_not_matter() -> None:
    assert url(BASE + "/", "a") == url(BASE, "a")


@given(st.text(max_size=20))
def test_whatever_passes_adds_exactly_one_segment(text: str) -> None:
    if is_segment(text):
        assert url(BASE, text).count("/") == BASE.count("/") + 1
