"""`clinic ehr`, over a database in a folder of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from adapters.sql import open_storage
from adapters.xealth.client import XealthClient
from clinic_domain.clinics.model import Clinic, ClinicDetails, EhrProcedureCodes
from clinic_domain.patients.model import ALL_PERMISSIONS, EhrSubscription, MatchedMessage, Patient
from clinic_domain.testing.contracts.support import keep, patients_of
from clinic_domain.testing.examples import a_clinic, a_message, a_patient, an_account, ehr_settings
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import User
from clinic_domain.values import UserId

Run = Callable[..., Any]
REDOX = a_clinic(ehr_settings=ehr_settings("redox"), details=ClinicDetails("Harbor"))
XEALTH = a_clinic(ehr_settings=ehr_settings("xealth", "deployment"), details=ClinicDetails("Coast"))


def stored(*records: Any) -> None:
    async def work() -> None:
        storage = await open_storage("sqlite:///clinic.db")
        await keep(storage, *records)
        await storage.close()

    asyncio.run(work())


def patients_now(clinic: Clinic) -> dict[str, Patient]:
    async def work() -> dict[str, Patient]:
        storage = await open_storage("sqlite:///clinic.db")
        found = await patients_of(storage, clinic.id)
        await storage.close()
        return {str(user_id): patient for user_id, patient in found.items()}

    return asyncio.run(work())


def a_subscription(provider: str, message_id: str = "", *, active: bool = True) -> EhrSubscription:
    messages = (MatchedMessage(message_id, "Order", "New"),) if message_id else ()
    return EhrSubscription(active, provider, A_MORNING, A_MORNING, messages)


def lines(result: Any) -> list[str]:
    assert result.exit_code == 0, result.output
    return list(result.stdout.splitlines())


def refusal(result: Any) -> str:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    return str(result.stderr)


def test_connected_clinics_are_listed(clinic: Run) -> None:
    off = a_clinic(ehr_settings=ehr_settings(enabled=False))
    stored(XEALTH, a_clinic(), REDOX, off)

    found = lines(clinic("ehr", "clinics", "list"))

    assert found == [f"{REDOX.id} Harbor", f"{XEALTH.id} Coast", "Found 2 clinics"]


def test_patients_are_listed_with_their_subscriptions(clinic: Run) -> None:
    """CLI-1."""
    both = {"a": a_subscription("redox"), "b": a_subscription("xealth", active=False)}
    some = a_patient(REDOX, mrn="2", user_id=UserId("some"), ehr_subscriptions=both)
    none = a_patient(REDOX, mrn="1", user_id=UserId("none"))
    bare = a_patient(REDOX, mrn=None, user_id=UserId("bare"), full_name=None)
    stored(REDOX, some, none, bare)
    shown = {
        "bare": "MRN (empty) - (empty) [bare] - Subscriptions [(empty)]",
        "none": "MRN 1 - Alice Example [none] - Subscriptions [(empty)]",
        "some": (
            "MRN 2 - Alice Example [some] - Subscriptions [redox (active), xealth (inactive)]"
        ),
    }

    for options, names, number in (
        ((), ("bare", "none", "some"), 3),
        (("-l", "1", "-o", "1"), ("none",), 3),
        (("--with-subscription",), ("some",), 1),
        (("--without-subscription",), ("bare", "none"), 2),
        (("--with-mrn", "--without-mrn"), ("none", "some"), 2),
        (("--without-mrn",), ("bare",), 1),
        (("--user-id", "some"), ("some",), 1),
    ):
        found = lines(clinic("ehr", "patients", "list", REDOX.id, *options))
        assert found == [*(shown[name] for name in names), f"Found {number} patients"]


@pytest.mark.parametrize("command", ["list", "enroll", "backfill-emails"])
def test_a_clinic_has_to_be_connected(clinic: Run, command: str) -> None:
    plain = a_clinic()
    stored(plain)

    for id_ in (plain.id, "no-id"):
        said = refusal(clinic("ehr", "patients", command, id_))
        assert said == "Error: the clinic does not have an active EHR integration\n"


def test_patients_are_enrolled_in_xealth(clinic: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLI-2; a rehearsal orders nothing."""
    on = {"xealthReports": a_subscription("xealth")}
    people = [a_patient(XEALTH, mrn=mrn) for mrn in ("3", "1", "2", None)]
    stored(XEALTH, *people, a_patient(XEALTH, mrn="0", ehr_subscriptions=on))
    calls: list[Any] = []

    async def enroll(_: XealthClient, *arguments: str, **named: str) -> str | None:
        calls.append((*arguments, named["mrn_type"], named["origin"]))
        return "refused" if len(calls) == 1 else None

    monkeypatch.setattr(XealthClient, "enroll", enroll)
    command = ("ehr", "patients", "enroll", XEALTH.id)

    rehearsed = lines(clinic(*command, "--dry-run", "--limit", "2"))
    assert calls == []
    done = lines(clinic(*command, "--limit", "2", "--mrn-origin", "epic"))

    told = ["Enrolling patient with MRN 1", "Enrolling patient with MRN 2"]
    assert rehearsed == ["Enrolling 2 patients out of 3 total", *told]
    assert done == [
        "Enrolling 2 patients out of 3 total",
        told[0],
        "Unable to enroll patient: refused",
        told[1],
    ]
    assert calls == [("deployment", "program", mrn, "MR", "epic") for mrn in ("1", "2")]


def test_who_cannot_be_enrolled(clinic: Run) -> None:
    settings = ehr_settings("xealth", procedure_codes=EhrProcedureCodes())
    bare = a_clinic(ehr_settings=settings)
    stored(REDOX, XEALTH, bare)

    wrong = refusal(clinic("ehr", "patients", "enroll", REDOX.id))
    unset = refusal(clinic("ehr", "patients", "enroll", bare.id))
    other = refusal(clinic("ehr", "patients", "backfill-emails", XEALTH.id))

    assert wrong == "Error: provider redox is not supported\n"
    assert "program id is not set in ehr settings" in unset
    assert other == "Error: provider xealth is not supported\n"


def test_addresses_come_from_orders(clinic: Run) -> None:
    """Nobody is left out, however few are read at once (CLI-3)."""
    messages = [a_message(content=_an_order(f"p{number}@x.org")) for number in range(3)]
    broken = a_message(content=_an_order("nonsense"))
    empty = a_message(content=_an_order(None))
    people = [_a_custodial(message.id) for message in (*messages, broken, empty)]
    lost = _a_custodial("0" * 24)
    named = _a_custodial(messages[0].id, email="old@x.org")
    stored(REDOX, *messages, broken, empty, *people, lost, named)
    for patient in (*people, lost, named):
        _account(patient)
    command = ("ehr", "patients", "backfill-emails", REDOX.id, "--batch-size", "1")

    rehearsed = lines(clinic(*command, "--dry-run"))
    assert patients_now(REDOX)[people[0].user_id].email is None
    done = lines(clinic(*command))

    expected = [
        f"MRN 1 - Alice Example [{patient.user_id}] - New Email [p{number}@x.org]"
        for number, patient in enumerate(people[:3])
    ]
    assert [line for line in rehearsed if "no address" not in line] == [
        *expected,
        "3 patients were updated",
    ]
    assert [line for line in done if "no address" not in line] == [
        *expected,
        "3 patients were updated",
    ]
    now = patients_now(REDOX)
    emails = [now[patient.user_id].email for patient in (*people, lost, named)]
    assert emails == ["p0@x.org", "p1@x.org", "p2@x.org", None, None, None, "old@x.org"]


def _an_order(email: str | None) -> dict[str, Any]:
    emails = [] if email is None else [email]
    return {"Patient": {"Demographics": {"DOB": "1990-01-01", "EmailAddresses": emails}}}


def _a_custodial(message_id: str, **changes: Any) -> Patient:
    on = {"summaryAndReports": a_subscription("redox", message_id)}
    known = {"mrn": "1", "permissions": ALL_PERMISSIONS, "ehr_subscriptions": on}
    return a_patient(REDOX, **{**known, **changes})


def _account(patient: Patient) -> None:
    stored(an_account(user=User(patient.user_id), custodian=REDOX.id))
