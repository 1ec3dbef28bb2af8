"""The generated API document says what the published one does, for all that is served."""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest
import yaml

from adapters.http_litestar.app import api_document
from adapters.http_litestar.operations import ADDED, TEMPLATES
from adapters.spreadsheet import XlsxWorkbooks
from clinic_domain.access.policy import POLICY
from support.shared import needed
from support.world import World

Document = Mapping[str, Any]

METHODS: Final = ("get", "post", "put", "patch", "delete")
# What a schema holds its values to, where the reference holds them to it, too.
KEYWORDS: Final = ("type", "enum", "pattern", "format", "minLength", "maxLength", "minimum")
ARRAY_KEYWORDS: Final = ("minItems", "maxItems", "uniqueItems")
# Formats that were never held (chapter 01, 4.5).
UNHELD_FORMATS: Final = ("email", "hostname", "uri", "float", "^[a-f0-9]{24}$")

# Where both differ on purpose: the beginning or the end of a place -> why.
DECIDED: Final[Mapping[str, str]] = {
    "ListAllClinicians query role": "the list can be narrowed to a role",
    # Statuses (chapter 01, section 8)
    "MigrateLegacyClinicianPatients status": "200 is what callers have always got (MIG-Q8)",
    "UpdateClinicUserDetails status": "200 is what callers have always got",
    "UpdatePatientSummary status": "204 for an unknown patient is what callers have always got",
    "UpdatePatientPermissions status": "204 where no permission is left",
    "GetClinic refusal 403": "every user may look at a clinic",
    "UpdatePatientDataSources refusal 404": "a user who is nobody's patient has nothing to change",
    "UpdatePatientSummary refusal 404": "see its status",
    # Bodies of answers that the document has forgotten
    "AcceptPatientInvitation response": "the patient",
    "AddServiceAccount response": "the clinician",
    "CreateClinician response": "the clinician",
    "DeleteInvite response": "a word",
    "DismissClinicianInvite response": "a word",
    "GetPatientInvites response": "the invites",
    "ListClinicianInvites response": "the invites",
    "GenerateMergeReport response": "the plan, or a spreadsheet",
    "SendUploadReminder response": "the patient",
    "UpdateClinician response": "the clinician",
    "UpdateEHRSettings response": "the settings",
    "UpdateMRNSettings response": "the settings",
    "UpdatePatientCountSettings response": "the limits that apply",
    "VerifyEndpoint response": "the challenge",
    "XealthGetProgramUrl response": "where the report is",
    "XealthGetPrograms response": "how the enrolment stands",
    "XealthPreorder response": "a form, or nothing more to say",
    # Answers
    "/sites/[]/numPatients of a patient": "never shown in a patient (PAT-SITE-6)",
    "Site response /numPatients": "shown under another name",
    "Site response /patients": "the name under which it was always shown (SITE-6)",
    "Invite response /clinicId": "the clinic of an invite was always shown",
    "Invite response /creator/clinicId": "likewise",
    "Invite response /creator/clinicName": "likewise",
    "/attestationTime": "accepted and never shown",
    "/attestationSubmitted": "accepted and never shown",
    # Requests
    "request /glycemicRanges type": "an object; the document forgets to say so",
    "ProcessEHRMessage request": "kept whole, whatever it is",
    # What has to be sent
    "GenerateMergeReport request requires": "nothing can be planned without a source",
    "MergeClinic request requires": "nothing can be merged without a source",
    "MergeSite request requires": "nothing can be merged without a source (13.4)",
    "UpdateSite request requires": "the path says which site it is (13.3)",
}


@cache
def published() -> Document:
    found: Document = yaml.safe_load(needed("spec/clinic.v1.yaml").read_text())
    return found


@cache
def generated() -> Document:
    return api_document(World().app, XlsxWorkbooks())


def operations(document: Document) -> dict[str, tuple[str, str, Any, Any]]:
    """Return method, path, operation and path item by operation id."""
    return {
        item[method]["operationId"]: (method, path, item[method], item)
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


def served() -> list[str]:
    return sorted(operations(generated()).keys() - ADDED)


def test_all_operations_of_the_document_have_a_route_and_a_rule() -> None:
    expected = {
        id_: (method.upper(), path) for id_, (method, path, _, _) in operations(published()).items()
    }

    routes = {
        id_: (method, path)
        for path, methods in TEMPLATES.items()
        for method, id_ in methods.items()
    }
    assert {id_: routes[id_] for id_ in routes if id_ not in ADDED} == expected
    assert set(POLICY) == set(routes)
    assert set(routes) == set(expected) | ADDED


def test_every_operation_is_served() -> None:
    assert served() == sorted(operations(published()))
    assert len(served()) == 86


@pytest.mark.parametrize("id_", served())
def test_operation(id_: str) -> None:
    method, path, ours, our_item = operations(generated())[id_]
    their_method, their_path, theirs, their_item = operations(published())[id_]

    differences = [
        *_parameters(id_, (theirs, their_item), (ours, our_item)),
        *_request(id_, theirs, ours),
        *_responses(id_, theirs, ours),
    ]

    assert (method, path) == (their_method, their_path)
    assert [line for line in differences if not _is_decided(line)] == []


def _is_decided(line: str) -> bool:
    place = line.partition(":")[0]
    return any(place.startswith(known) or place.endswith(known) for known in DECIDED)


def _parameters(id_: str, theirs: Any, ours: Any) -> Iterator[str]:
    expected = _by_name(published(), *theirs)
    actual = _by_name(generated(), *ours)
    for key in expected.keys() - actual.keys():
        yield f"{id_} {' '.join(key)}: missing"
    for key in actual.keys() - expected.keys():
        yield f"{id_} {' '.join(key)}: unexpected"
    for key in expected.keys() & actual.keys():
        place = f"{id_} {' '.join(key)}"
        wanted, found = expected[key], actual[key]
        if wanted.get("required", False) != found.get("required", False):
            yield f"{place}: required"
        schemas = _plain(published(), wanted["schema"]), _plain(generated(), found["schema"])
        if schemas[0].get("default") != schemas[1].get("default"):
            yield f"{place}: default {schemas[1].get('default')}"
        yield from _schema(place, *schemas)


def _by_name(document: Document, operation: Any, item: Any) -> dict[tuple[str, str], Any]:
    parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
    resolved = [_resolved(document, each) for each in parameters]
    return {(each["in"], each["name"]): each for each in resolved}


def _request(id_: str, theirs: Any, ours: Any) -> Iterator[str]:
    wanted, found = (_content(each.get("requestBody")) for each in (theirs, ours))
    if (wanted is None) != (found is None):
        yield f"{id_} request: only one has a body"
    elif wanted is not None and found is not None:
        yield from _request_schema(f"{id_} request ", wanted, found)


def _request_schema(place: str, theirs: Any, ours: Any) -> Iterator[str]:
    wanted, found = _plain(published(), theirs), _plain(generated(), ours)
    yield from _schema(place, wanted, found)
    expected, actual = wanted.get("properties", {}), found.get("properties", {})
    for name in expected.keys() - actual.keys():
        yield f"{place}/{name}: missing"
    for name in actual.keys() - expected.keys():
        yield f"{place}/{name}: unexpected"
    yield from _required(place, wanted, found)
    for name in expected.keys() & actual.keys() - {"summary"}:
        yield from _request_schema(f"{place}/{name}", expected[name], actual[name])
    if "items" in wanted and "items" in found:
        yield from _request_schema(f"{place}/[]", wanted["items"], found["items"])


def _required(place: str, wanted: Any, found: Any) -> Iterator[str]:
    # A client never has to send what only the service decides (chapter 01, 4.5), and what has a
    # default is not missed.
    needed_ = {
        name
        for name in wanted.get("required", ())
        if not _resolved(published(), wanted["properties"][name]).get("readOnly")
        and "default" not in _plain(published(), wanted["properties"][name])
    }
    actual = set(found.get("required", ()))
    if needed_ != actual:
        yield f"{place}requires: {sorted(actual)}, expected {sorted(needed_)}"


def _responses(id_: str, theirs: Any, ours: Any) -> Iterator[str]:
    wanted, found = (
        sorted(status for status in each["responses"] if status.startswith("2"))
        for each in (theirs, ours)
    )
    if wanted != found:
        yield f"{id_} status: {found}, expected {wanted}"
        wanted = [status for status in wanted if status in found]
    for status in theirs["responses"].keys() - ours["responses"].keys():
        if not status.startswith("2"):
            yield f"{id_} refusal {status}: not named"
    for status in wanted:
        expected = _content(theirs["responses"][status])
        actual = _content(ours["responses"].get(status))
        if expected is not None and actual is not None:
            yield from _response_schema(f"{id_} response ", expected, actual)
        elif (expected is None) != (actual is None):
            yield f"{id_} response: only one has a body"


def _response_schema(
    place: str, theirs: Any, ours: Any, siblings: Collection[str] = ()
) -> Iterator[str]:
    wanted, found = _plain(published(), theirs), _plain(generated(), ours)
    expected, actual = wanted.get("properties", {}), found.get("properties", {})
    for name in expected.keys() ^ actual.keys():
        of_patient = place.endswith("/sites/[]") and "connectionRequests" in siblings
        yield f"{place}/{name}{' of a patient' if of_patient else ''}: only in one"
    missing = set(wanted.get("required", ())) - set(found.get("required", ()))
    if missing:
        yield f"{place}: does not promise {sorted(missing)}"
    for name in expected.keys() & actual.keys():
        yield from _response_schema(f"{place}/{name}", expected[name], actual[name], actual)
    for keyword in ("items", "additionalProperties"):
        if isinstance(wanted.get(keyword), dict) and isinstance(found.get(keyword), dict):
            yield from _response_schema(f"{place}/[]", wanted[keyword], found[keyword], siblings)


def _schema(place: str, wanted: Any, found: Any) -> Iterator[str]:
    keywords = (*KEYWORDS, *ARRAY_KEYWORDS) if wanted.get("type") == "array" else KEYWORDS
    for keyword in keywords:
        expected, actual = _value(wanted, keyword), _value(found, keyword)
        if expected != actual:
            yield f"{place} {keyword}: {actual}, expected {expected}"


def _value(schema: Any, keyword: str) -> Any:
    value = schema.get(keyword)
    if keyword == "format" and value in UNHELD_FORMATS:
        return None
    if keyword == "enum" and value is not None:
        return sorted(str(each) for each in value if each is not None)
    if keyword in ("minLength", "maxLength") and (
        "enum" in schema or schema.get("type") == "array"
    ):
        return None
    return value or None


def _content(body: Any) -> Any:
    content = (body or {}).get("content", {}).get("application/json", {})
    return content.get("schema")


def _resolved(document: Document, node: Any) -> Any:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _plain(document: Document, schema: Any) -> Any:
    """Return a schema without references, and without null as an alternative."""
    node = dict(_resolved(document, schema))
    for part in node.pop("allOf", ()):
        node = {**_plain(document, part), **node}
    alternatives = [each for each in node.pop("oneOf", ()) if each != {"type": "null"}]
    if len(alternatives) == 1:
        node = {**_plain(document, alternatives[0]), **node}
    if isinstance(node.get("type"), list):
        node["type"] = next(each for each in node["type"] if each != "null")
    return node
