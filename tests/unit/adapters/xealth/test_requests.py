"""What Xealth sends, read: orders as they are kept, entries in forms."""

import json
from typing import Any

import pytest

from adapters.xealth.requests import EventBody, PreorderBody, UnreadableRequest, read_order
from adapters.xealth.requests import read_request as read
from clinic_domain.ehr.model import Applicant, FormKind

NESTED = 600 * "[" + 600 * "]"


def an_order(**members: str) -> bytes:
    """Return an order with members as they are spelled in JSON."""
    return ("{" + ",".join(f'"{name}": {value}' for name, value in members.items()) + "}").encode()


def test_an_order_keeps_what_is_known_of_it() -> None:
    """Numbers of one kind, times in one spelling, and null as nothing (8.8.12)."""
    order = read_order(
        an_order(
            orderInfo='{"orderId": "1", "orderState": null, "programTitle": "x"}',
            datasets='{"coverageV1": null, "encounterV1": {"rank": 1, "is": true, "x": null},'
            ' "ehrUserV1": {"atDateTime": "2025-03-04T06:06:07+01:00"}, "unknownV9": {}}',
            batchFileInfo='{"batchFileData": [18446744073709551616], "x": 1}',
        )
    )

    assert order.data == {
        "orderInfo": {"orderId": "1"},
        "patientIdentity": {"ids": None},
        "datasets": {
            "encounterV1": {"rank": 1.0, "is": True, "x": None},
            "ehrUserV1": {"atDateTime": "2025-03-04T05:06:07.000Z"},
        },
        "batchFileInfo": {"batchFileData": [float(2**64)]},
    }
    assert all(isinstance(each, float) for each in order.data["batchFileInfo"]["batchFileData"])
    assert order.tracking_id is None


def test_numbers_of_a_patient_stay_as_they_are() -> None:
    """Even one that looks like a time."""
    ids = [{"id": "2025-03-04T06:06:07+01:00", "type": "MR"}]
    order = read_order(json.dumps({"patientIdentity": {"ids": ids, "historicalIds": []}}).encode())

    assert order.data["patientIdentity"] == {"ids": ids, "historicalIds": []}


@pytest.mark.parametrize(
    "broken",
    [
        *(b"", b"[]", b"null", b"\xff", an_order(orderInfo="[]"), an_order(datasets="5")),
        an_order(orderInfo='{"x": 1e999}'),
        an_order(unknown="1e999"),
        an_order(datasets='{"coverageV1": {"x": 1' + 400 * "0" + "}}"),
        an_order(datasets='{"coverageV1": ' + NESTED + "}"),
        an_order(datasets='{"coverageV1": {"a\\u0000": 1}}'),
        an_order(patientIdentity='{"ids": [null]}'),
    ],
)
def test_what_is_no_order_is_refused(broken: bytes) -> None:
    with pytest.raises(UnreadableRequest, match=r"^bad request: "):
        read_order(broken)


@pytest.mark.parametrize("text", ["\\u0000", "a\\\\\\u0000"])
def test_nul_is_refused_wherever_it_is(text: str) -> None:
    for broken in (f'{{"x": ["{text}"]}}', f'{{"x": {{"{text}": 1}}}}', f'{{"{text}": 1}}'):
        with pytest.raises(UnreadableRequest, match="NUL"):
            read(broken.encode(), EventBody)

    assert read(b'{"eventId": "\\\\u0000"}', EventBody).event_id == "\\u0000"


@pytest.mark.parametrize(
    ("entered", "email"),
    [
        ({"EMAIL": "a@b.c"}, "a@b.c"),
        ({"EMAIL": "a@b.c", "email": "d@e.f"}, "d@e.f"),
        ({"email": None, "EMAIL": "a@b.c"}, ""),
    ],
)
def test_a_member_of_the_very_name_goes_before_others(entered: Any, email: str) -> None:
    """XEALTH-9."""
    body = json.dumps({"formData": {"userInput": {"patient": entered}}}).encode()

    assert read(body, PreorderBody).entry(FormKind.PATIENT).patient == Applicant(email)
