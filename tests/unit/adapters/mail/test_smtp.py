"""Mails over SMTP, to a real server on the loopback."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Final

import aiosmtplib
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.mail import Letter
from adapters.mail.smtp import SmtpCarrier
from clinic_domain.notifications.ports import MailNotTaken
from support.smtp import PASSWORD, USER, mail_server

LETTER: Final = Letter(
    "0123", "Clinic <noreply@example.com>", ("a@example.com", "ü@example.com"), "Grüße", "t", "<p>h"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate of localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


async def test_a_letter_arrives_in_both_forms() -> None:
    async with mail_server() as server:
        await SmtpCarrier("127.0.0.1", server.port, start_tls=False).carry(LETTER)

    [taken] = server.taken
    assert taken.recipients == LETTER.recipients
    assert (taken.text.strip(), taken.html.strip()) == ("t", "<p>h")
    assert taken.message["subject"] == "Grüße"
    assert taken.message["message-id"] == "<0123@example.com>"


@pytest.mark.usefixtures("trusted")
async def test_a_letter_goes_over_tls_with_a_password(server_side: ssl.SSLContext) -> None:
    async with mail_server(tls=server_side, needs_login=True) as server:
        await SmtpCarrier(
            "localhost", server.port, USER, PASSWORD, use_tls=True, start_tls=False
        ).carry(LETTER)

    assert len(server.taken) == 1


@pytest.mark.usefixtures("trusted")
async def test_a_letter_goes_over_starttls_with_a_password(server_side: ssl.SSLContext) -> None:
    async with mail_server(starttls=server_side, needs_login=True) as server:
        carrier = SmtpCarrier("localhost", server.port, USER, PASSWORD)
        await carrier.carry(LETTER)
        wrong = SmtpCarrier("localhost", server.port, USER, "wrong", timeout=1.0)
        with pytest.raises(MailNotTaken, match="the mail was not taken"):
            await wrong.carry(LETTER)

    assert len(server.taken) == 1
    assert PASSWORD not in repr(carrier)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    server_side: ssl.SSLContext,
) -> None:
    async with mail_server(tls=server_side) as server:
        with pytest.raises(MailNotTaken):
            await SmtpCarrier("localhost", server.port, use_tls=True, start_tls=False).carry(LETTER)

    assert server.taken == []


async def test_nothing_is_sent_unprotected_where_protection_is_asked_for() -> None:
    async with mail_server() as server:
        with pytest.raises(MailNotTaken):
            await SmtpCarrier("localhost", server.port).carry(LETTER)

    assert server.taken == []


async def test_those_whom_the_server_takes_get_the_letter() -> None:
    """Nobody does where it takes nobody."""
    async with mail_server() as server:
        server.refused = {"a@example.com"}
        carrier = SmtpCarrier("127.0.0.1", server.port, start_tls=False)
        await carrier.carry(LETTER)
        server.refused = set(LETTER.recipients)
        with pytest.raises(MailNotTaken):
            await carrier.carry(LETTER)

    assert [taken.recipients for taken in server.taken] == [("ü@example.com",)]


async def test_a_server_that_is_not_there_takes_nothing(unused_port: int) -> None:
    with pytest.raises(MailNotTaken):
        await SmtpCarrier("127.0.0.1", unused_port, start_tls=False).carry(LETTER)


@pytest.fixture
def unused_port() -> int:
    from support.service import free_port  # noqa: PLC0415 - for one test

    return free_port()


def test_the_library_checks_certificates_by_itself() -> None:
    assert aiosmtplib.SMTP().validate_certs
