"""Every rule of the specification has a test that names it."""

import re
from pathlib import Path
from typing import Final

import pytest

from support.shared import needed

TESTS: Final = Path(__file__).parents[1]

# Chapter, the heading where its part begins and the one where it ends, and its families of rules.
CHAPTERS: Final = (
    ("01-http-and-access.md", "\n## 10. Authorization", "\n## 11.", "AUTHZ"),
    (
        "02-clinics.md",
        "",
        "",
        "ADMIN CLINIC CONV CREATE DEL LIST MEMB MRN PC PCL PCS SHARE SITE TAG UPD WS",
    ),
    ("03-clinicians-and-invites.md", "", "", "CLINICIAN INVITE"),
    ("04-patients.md", "", "", "PAT"),
    (
        "05-patient-queries-and-summaries.md",
        "",
        "",
        "COUNT FILTER LIST SORT SUMMARY TIDE",
    ),
    ("06-clinic-merge.md", "", "", "MERGE"),
    ("07-legacy-migrations.md", "", "", "MIG MIGW"),
    ("08-ehr-redox-xealth.md", "", "", "CFG SUB MATCH REDOX RXW XEALTH CLI"),
)

_WIRE: Final = "said by the API document and tested with the HTTP adapter"
_STORED: Final = "about documents of one storage alone"
_OTHERS: Final = "what another program does"
_LATER: Final = "belongs to a part that is still to come"
NOT_OF_THE_CORE: Final = {
    "PCS-2": _STORED,
    "SITE-1": _WIRE,
    "SITE-6": _WIRE,
    "TAG-1": _WIRE,
    "PAT-CRE-1": _WIRE,
    "PAT-DS-5": _WIRE,
    "PAT-FIND-6": _WIRE,
    "PAT-MAIL-3": "nothing to be seen: no mail is sent",
    "PAT-PERM-6": _WIRE,
    "PAT-VAL-1": _WIRE,
    "PAT-VAL-2": _WIRE,
    **{f"MIGW-{number}": _OTHERS for number in (1, 2)},
    **{f"RXW-{number}": _OTHERS for number in range(1, 13) if number != 6},
    **{f"PAT-CDC-{number}": _STORED for number in range(1, 9)},
    **{f"PAT-DTO-{number}": _WIRE for number in range(1, 7)},
    **{f"PAT-EHR-{number}": _LATER for number in range(1, 4)},
    **{f"PAT-GLY-{number}": _WIRE for number in (1, 2, 3, 6)},
    **{f"PAT-PERF-{number}": "facts to measure, no behaviour" for number in range(1, 6)},
}


@pytest.fixture(scope="module")
def rules() -> set[str]:
    """Return the ids of all rules that concern the core."""
    return {
        rule
        for name, start, end, families in CHAPTERS
        for rule in _rules_in(needed(f"spec/{name}").read_text(), start, end, families)
    }


def _rules_in(text: str, start: str, end: str, families: str) -> set[str]:
    part = text[text.index(start) :]
    part = part[: part.index(end)] if end else part
    family = "|".join(families.split())
    return set(re.findall(rf"(?<![A-Z-])(?:{family})(?:-[A-Z]+)*-\d+\b", part))


def test_every_rule_is_named_by_a_test(rules: set[str]) -> None:
    others = (path for path in TESTS.rglob("*.py") if path != Path(__file__))
    named = {rule for path in others for rule in re.findall(r"[A-Z-]+-\d+\b", path.read_text())}

    assert sorted(rules - NOT_OF_THE_CORE.keys() - named) == []


def test_what_is_left_out_is_a_rule(rules: set[str]) -> None:
    """Who renames a rule hears of it here."""
    assert len(rules) > 200
    assert sorted(NOT_OF_THE_CORE.keys() - rules) == []
