"""What mails say."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters.mail import (
    ConsoleCarrier,
    FileCarrier,
    Letter,
    LetterMailer,
    NoCarrier,
    Writer,
)
from adapters.mail.letters import Carrier
from adapters.mail.ses import Credentials, SesCarrier, signature
from clinic_domain.notifications.model import Notification, Subject
from clinic_domain.notifications.ports import MailNotTaken
from clinic_domain.testing.examples import a_notification
from clinic_domain.testing.strategies import texts

WRITER: Final = Writer("Clinic <noreply@example.com>", "https://web.example.com/", "")
FACTS: Final = {
    "clinic_name": "Klinik Ä & Söhne <Zwei>",
    "creator_name": "Ada <b>Admin</b>",
    "clinician_name": "Ada Admin",
    "patient_name": "Pat Doe",
    "email": "new+1@example.com",
    "has_account": "",
    "source_clinic_name": "Source & Co",
    "target_clinic_name": "Target",
}


def mail(subject: Subject, **facts: str) -> Notification:
    return a_notification(subject=subject, facts=FACTS | facts)


def letter(subject: Subject = Subject.CLINICIAN_INVITED, **facts: str) -> Letter:
    return WRITER.letter(mail(subject, **facts), ["a@example.com"])


@pytest.mark.parametrize("subject", Subject)
def test_every_subject_has_a_text_and_a_page_that_lead_somewhere(subject: Subject) -> None:
    written = letter(subject)

    assert "https://web.example.com/" in written.text
    assert 'href="https://web.example.com/' in written.html
    assert written.html.startswith("<!doctype html>")
    assert not re.search(r"{[{%]|undefined|Undefined", written.text + written.html)
    assert max(map(len, written.text.splitlines())) < 100


@pytest.mark.parametrize("subject", Subject)
def test_names_are_texts_in_pages_and_plain_elsewhere(subject: Subject) -> None:
    hostile = dict.fromkeys(FACTS, '"><script>alert(1)</script>')
    written = letter(subject, **hostile)

    assert "<script>" not in written.html
    assert "&lt;script&gt;" in written.html
    assert "<script>" in written.text


def test_a_subject_is_one_line_of_plain_text() -> None:
    written = letter(clinic_name="Klinik Ä & Söhne\r\nBcc: x@example.com")

    assert written.subject == "Invitation to join Klinik Ä & Söhne Bcc: x@example.com"
    assert "Bcc" not in written.message()


@pytest.mark.parametrize(("has_account", "path"), [("", "signup/clinician"), ("yes", "login")])
def test_an_invite_leads_to_the_account_or_to_a_new_one(has_account: str, path: str) -> None:
    address = f"https://web.example.com/{path}?inviteEmail=new%2B1%40example.com"
    written = letter(has_account=has_account)

    assert f'href="{address}"' in written.html
    assert address in written.text


def test_a_logo_is_there_where_there_is_one() -> None:
    with_logo = Writer("c@example.com", "https://web", "https://assets/").letter(
        mail(Subject.CLINIC_CREATED), ["a@example.com"]
    )

    assert 'src="https://assets/img/' in with_logo.html
    assert "<img" not in letter().html


def test_a_message_has_both_parts_and_an_id_of_its_own() -> None:
    message = letter().message()
    parts = [part.get_content_type() for part in message.walk()]

    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    assert message["From"] == "Clinic <noreply@example.com>"
    assert message["To"] == "a@example.com"
    assert message["Message-ID"] == f"<{letter().id}@example.com>" or "@example.com>" in str(
        message["Message-ID"]
    )
    assert letter().message().as_bytes()


@given(st.dictionaries(st.sampled_from(sorted(FACTS)), texts()), st.sampled_from(Subject))
def test_any_names_can_be_written(facts: dict[str, str], subject: Subject) -> None:
    message = letter(subject, **facts).message()

    assert message.as_bytes()
    assert "\n" not in str(message["Subject"])


# Carriers


class Refusing(Carrier):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def carry(self, letter: Letter) -> None:
        raise self.error


@pytest.mark.parametrize("error", [MailNotTaken("550"), ValueError("Jane"), OSError("Jane")])
async def test_whatever_goes_wrong_is_a_mail_that_was_not_taken(error: Exception) -> None:
    """And says nothing about people."""
    with structlog.testing.capture_logs() as lines, pytest.raises(MailNotTaken):
        await LetterMailer(WRITER, Refusing(error)).send(mail(Subject.CLINIC_CREATED), ["a@b.cd"])

    assert [line["event"] for line in lines] in (["mail not taken"], ["mail cannot be sent"])
    assert "Jane" not in str(lines)


@pytest.mark.parametrize(
    "address", ["no address", "a@b.cd\r\nBcc: x@y.z", "a@b@c", "a@b.cd, e@f.gh"]
)
async def test_what_is_no_address_gets_no_mail(address: str) -> None:
    out = StringIO()
    with pytest.raises(MailNotTaken):
        await LetterMailer(WRITER, ConsoleCarrier(out)).send(
            mail(Subject.CLINIC_CREATED), [address]
        )

    assert out.getvalue() == ""


async def test_a_mail_is_one_file_however_often_it_is_sent(tmp_path: Path) -> None:
    """Which nobody else may read."""
    folder = tmp_path / "mail"
    mailer, notification = LetterMailer(WRITER, FileCarrier(folder)), mail(Subject.CLINIC_CREATED)
    for _ in range(2):
        await mailer.send(notification, ["Zoë@example.com", " b@example.com"])

    [file] = folder.iterdir()
    assert file.name == f"{notification.id}.eml"
    assert file.stat().st_mode & 0o077 == 0
    assert b"b@example.com" in file.read_bytes()


async def test_a_terminal_shows_the_text() -> None:
    out = StringIO()
    await LetterMailer(WRITER, ConsoleCarrier(out)).send(mail(Subject.PATIENT_INVITES), ["a@b.cd"])

    assert out.getvalue().startswith(
        "To: a@b.cd\nSubject: New Tidepool share invitation received\n"
    )
    assert "Pat Doe wants to share" in out.getvalue()


async def test_a_mail_can_be_dropped() -> None:
    with structlog.testing.capture_logs() as lines:
        await LetterMailer(WRITER, NoCarrier()).send(mail(Subject.PATIENT_INVITES), ["a@b.cd"])

    assert [line["event"] for line in lines] == ["mail dropped, as the settings say"]
    assert "a@b.cd" not in str(lines)


# SES


def ses(answer: httpx.Response | Exception, asked: list[httpx.Request], **options: Any) -> Carrier:
    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return SesCarrier(client, "eu-west-1", **options)


async def test_ses_gets_a_signed_form() -> None:
    asked: list[httpx.Request] = []
    keys = Credentials("AKID", "hush", "session")
    await ses(httpx.Response(200), asked, credentials=keys).carry(letter())

    [request] = asked
    form = dict(httpx.QueryParams(request.content.decode()))
    assert str(request.url) == "https://email.eu-west-1.amazonaws.com/"
    assert form["Destination.ToAddresses.member.1"] == "a@example.com"
    assert form["Message.Body.Html.Data"] == letter().html
    assert request.headers["x-amz-security-token"] == "session"
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "hush" not in repr(keys)


@pytest.mark.parametrize(
    "answer", [httpx.Response(400), httpx.Response(503), httpx.ConnectError("x")]
)
async def test_what_ses_refuses_was_not_taken(answer: httpx.Response | Exception) -> None:
    with pytest.raises(MailNotTaken):
        await ses(answer, [], endpoint="http://ses/").carry(letter())


async def test_without_credentials_only_an_endpoint_of_ones_own_is_asked() -> None:
    asked: list[httpx.Request] = []

    with pytest.raises(MailNotTaken):
        await ses(httpx.Response(200), asked).carry(letter())
    await ses(httpx.Response(200), asked, endpoint="http://ses/x").carry(letter())

    assert [str(request.url) for request in asked] == ["http://ses/x"]
    assert "authorization" not in asked[0].headers


def test_a_signature_is_that_of_amazons_example_by_another_implementation() -> None:
    """Held against the steps of the documentation, taken one by one."""
    import hashlib  # noqa: PLC0415 - the independent way
    import hmac  # noqa: PLC0415

    now = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    keys = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    url = "https://email.us-east-1.amazonaws.com/"
    signed = signature(
        keys, "us-east-1", url, headers={"content-type": "text/plain"}, body=b"x", now=now
    )

    request = (
        "POST\n/\n\ncontent-type:text/plain\nhost:email.us-east-1.amazonaws.com\n"
        "x-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n"
        + hashlib.sha256(b"x").hexdigest()
    )
    text = (
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/ses/aws4_request\n"
        + hashlib.sha256(request.encode()).hexdigest()
    )
    key = b"AWS4" + keys.secret_access_key.encode()
    for part in (b"20150830", b"us-east-1", b"ses", b"aws4_request"):
        key = hmac.new(key, part, "sha256").digest()
    expected = hmac.new(key, text.encode(), "sha256").hexdigest()
    assert signed["authorization"].endswith(f"Signature={expected}")


def test_recipients_lose_the_blanks_around_them() -> None:
    recipients: Sequence[str] = WRITER.letter(mail(Subject.CLINIC_CREATED), [" a@b.cd "]).recipients

    assert recipients == ("a@b.cd",)
