"""What the environment says (chapter 01, section 11)."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.settings import SettingError, boolean, described, duration, read_settings

PLATFORM = {
    "TIDEPOOL_SHORELINE_CLIENT_ADDRESS": "http://shoreline:9107",
    "TIDEPOOL_SERVER_TOKEN": "s",
}


def test_nothing_has_to_be_set() -> None:
    settings = read_settings({})

    assert settings.storage_url == "sqlite:///clinic.db"
    assert (settings.storage_kind, settings.identity) == ("sql", "local")
    assert (settings.host, settings.variables.port) == ("127.0.0.1", 8080)
    assert (settings.metrics_host, settings.metrics_port) == ("127.0.0.1", 9090)
    assert 1 <= settings.workers <= 4
    assert settings.variables.token_lifetime == timedelta(days=1)
    assert settings.variables.peer_timeout == timedelta(seconds=10)
    assert settings.variables.demo_patient is None
    assert settings.variables.log_level == "info"


def test_the_address_of_the_user_service_means_the_platform() -> None:
    settings = read_settings(PLATFORM)

    assert (settings.identity, settings.host) == ("tidepool", "0.0.0.0")
    assert settings.shoreline == "http://shoreline:9107"


def test_an_identity_that_is_set_wins() -> None:
    assert read_settings(PLATFORM | {"CLINIC_IDENTITY": "local"}).identity == "local"

    platform = read_settings({"CLINIC_IDENTITY": "tidepool", "TIDEPOOL_SERVER_TOKEN": "s"})
    assert platform.shoreline == "http://shoreline:9107"


def test_the_platform_needs_a_secret() -> None:
    for secret in ({}, {"TIDEPOOL_SERVER_TOKEN": ""}):
        with pytest.raises(SettingError, match="TIDEPOOL_SERVER_TOKEN"):
            read_settings({"CLINIC_IDENTITY": "tidepool"} | secret)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory:", "memory"),
        ("sqlite:///clinic.db", "sql"),
        ("postgresql://host/clinic", "sql"),
        ("postgres://host/clinic", "sql"),
        ("mongodb://host/clinic", "mongo"),
        ("mongodb+srv://host/clinic", "mongo"),
    ],
)
def test_an_address_says_which_storage_it_is(url: str, kind: str) -> None:
    settings = read_settings({"CLINIC_STORAGE": url, "TIDEPOOL_STORE_ADDRESSES": "localhost"})

    assert (settings.storage_url, settings.storage_kind) == (url, kind)
    assert settings.storage_setting == "CLINIC_STORAGE"


@pytest.mark.parametrize("hosts", ["", "localhost", "a:1,b:2"])
def test_the_hosts_of_mongodb_ask_for_mongodb(hosts: str) -> None:
    settings = read_settings({"TIDEPOOL_STORE_ADDRESSES": hosts})

    assert (settings.storage_url, settings.storage_kind) == (None, "mongo")
    assert settings.storage_setting == "TIDEPOOL_STORE_ADDRESSES"


def test_a_storage_in_memory_belongs_to_one_process() -> None:
    settings = read_settings({"CLINIC_STORAGE": "memory:", "CLINIC_WORKERS": "4"})

    assert (settings.storage_kind, settings.workers) == ("memory", 1)


@pytest.mark.parametrize(
    "off",
    [
        {"CLINIC_METRICS_PORT": ""},
        {"CLINIC_METRICS_PORT": "0"},
        {"CLINIC_METRICS_HOST": ""},
    ],
)
def test_metrics_can_be_switched_off(off: dict[str, str]) -> None:
    assert read_settings(off).metrics_port is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLINIC_STORAGE", ""),
        ("CLINIC_STORAGE", "clinic.db"),
        ("CLINIC_STORAGE", "mysql://localhost"),
        ("TIDEPOOL_STORE_SCHEME", "postgresql"),
        ("TIDEPOOL_STORE_TLS", ""),
        ("TIDEPOOL_STORE_TLS", "yes"),
        ("TIDEPOOL_CLINIC_DATABASE_NAME", ""),
        ("TIDEPOOL_CLINIC_DATABASE_NAME", "a.b"),
        ("TIDEPOOL_CLINIC_DATABASE_NAME", "a" * 64),
        ("CLINIC_MAIL", ""),
        ("CLINIC_MAIL", "file:"),
        ("CLINIC_MAIL", "mailto:a@example.com"),
        ("CLINIC_MAIL", "ses:us-west-2"),
        ("CLINIC_MAIL", "smtp://"),
        ("CLINIC_MAIL", "smtp://host?starttls=maybe"),
        ("CLINIC_MAIL", "smtp://host?tls=no"),
        ("CLINIC_MAIL", "smtp://user@host"),
        ("CLINIC_MAIL", "smtp://host:port"),
        ("CLINIC_MAIL_LEASE", "0s"),
        ("CLINIC_NOTIFICATIONS", "on"),
        ("SES_FROM_ADDRESS", "nobody"),
        ("HYDROPHONE_WEB_URL", "app.example.com"),
        ("CLINIC_IDENTITY", ""),
        ("CLINIC_IDENTITY", "Local"),
        ("CLINIC_HOST", ""),
        ("CLINIC_PORT", ""),
        ("CLINIC_PORT", "0"),
        ("CLINIC_PORT", "65536"),
        ("CLINIC_PORT", "-1"),
        ("CLINIC_PORT", "80a"),
        ("CLINIC_PORT", "٣"),
        ("CLINIC_METRICS_PORT", "off"),
        ("CLINIC_WORKERS", "0"),
        ("CLINIC_WORKERS", "9" * 100),
        ("CLINIC_MAX_BODY", "1MB"),
        ("CLINIC_TOKEN_LIFETIME", ""),
        ("CLINIC_TOKEN_LIFETIME", "0s"),
        ("CLINIC_TOKEN_LIFETIME", "-1h"),
        ("CLINIC_PEER_TIMEOUT", "10"),
        ("LOG_LEVEL", "loud"),
        ("TIDEPOOL_SHORELINE_CLIENT_ADDRESS", ""),
        ("TIDEPOOL_SHORELINE_CLIENT_ADDRESS", "shoreline:9107"),
        ("TIDEPOOL_SEAGULL_CLIENT_ADDRESS", "ftp://seagull"),
        ("TIDEPOOL_SEAGULL_CLIENT_ADDRESS", "http://seagull/?x"),
        ("TIDEPOOL_SEAGULL_CLIENT_ADDRESS", "http://[seagull"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: "):
        read_settings({name: value})


@pytest.mark.parametrize(
    ("value", "server"),
    [
        ("smtps://mail.example.com", ("mail.example.com", 465, None, None, True, False)),
        ("smtp://u%40x:p%3Aw@host", ("host", 587, "u@x", "p:w", False, True)),
        ("smtp://host:2525", ("host", 2525, None, None, False, True)),
        ("smtp://host?starttls=no", ("host", 25, None, None, False, False)),
    ],
)
def test_a_mail_server_is_an_address(value: str, server: tuple[object, ...]) -> None:
    mail = read_settings({"CLINIC_MAIL": value}).mail

    assert mail.kind == "smtp"
    assert mail.server is not None
    assert attrs.astuple(mail.server) == server


@pytest.mark.parametrize(
    ("variables", "kind", "folder"),
    [
        ({}, "file", "mail"),
        (PLATFORM, "ses", None),
        ({"HYDROPHONE_USE_MOCK_NOTIFIER": "true"}, "none", None),
        ({"CLINIC_MAIL": "console:", "HYDROPHONE_USE_MOCK_NOTIFIER": "true"}, "console", None),
        ({"CLINIC_MAIL": "file:/var/mail/clinic"}, "file", "/var/mail/clinic"),
        ({"CLINIC_MAIL": "file:///var/mail/clinic"}, "file", "/var/mail/clinic"),
        ({"CLINIC_MAIL": "ses:"}, "ses", None),
    ],
)
def test_mails_go_somewhere(variables: dict[str, str], kind: str, folder: str | None) -> None:
    mail = read_settings(variables).mail

    assert (mail.kind, mail.folder and str(mail.folder)) == (kind, folder)


def test_the_platform_tells_of_changes_itself() -> None:
    assert read_settings({}).notifications
    assert not read_settings(PLATFORM).notifications
    assert read_settings(PLATFORM | {"CLINIC_NOTIFICATIONS": "true"}).notifications


def test_secrets_show_nowhere() -> None:
    secrets = {
        "CLINIC_MAIL": "smtps://user:hush@host",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "CLINIC_STORAGE": "mongodb://user:hush@host",
        "TIDEPOOL_SERVER_TOKEN": "hush",
        "TIDEPOOL_STORE_OPT_PARAMS": "tlsCertificateKeyFilePassword=hush",
        "TIDEPOOL_STORE_PASSWORD": "hush",
    }
    settings = read_settings(PLATFORM | secrets)

    assert settings.variables.server_token == "hush"
    assert "hush" not in repr(settings)
    for name, value in {
        "CLINIC_STORAGE": "oracle://user:hush@host",
        "CLINIC_MAIL": "smtps://user:hu/hush@host",
        "TIDEPOOL_SEAGULL_CLIENT_ADDRESS": "ftp://user:hush@host",
    }.items():
        with pytest.raises(SettingError) as raised:
            read_settings({name: value})
        assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("sqlite:///clinic.db?synchronous=OFF", "'sqlite:///clinic.db?synchronous=OFF'"),
        ("memory:", "'memory:'"),
        ("postgresql://host/clinic", "'postgresql://host/clinic'"),
        ("postgresql://me:pa@ss?w/d@host/clinic", "'postgresql://…@host/clinic'"),
        ("postgresql://host/clinic?user=me&password=pass", "'postgresql://host/clinic?…'"),
        ("mongodb://me:pass@a:1,b:2/?authSource=admin", "'mongodb://…@a:1,b:2/?…'"),
        ("me:pass@host", "'…@host'"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(value: str, shown: str) -> None:
    [storage] = [one for one in described() if one.name == "CLINIC_STORAGE"]

    assert storage.shown(value) == shown


@pytest.mark.parametrize(
    ("text", "level"),
    [("", "info"), ("WARN", "warning"), ("Debug", "debug"), ("dpanic", "critical")],
)
def test_levels_have_the_names_of_the_reference(text: str, level: str) -> None:
    assert read_settings({"LOG_LEVEL": text}).variables.log_level == level


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_what_is_true(text: str) -> None:
    assert boolean(text)


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_what_is_false(text: str) -> None:
    assert not boolean(text)


@pytest.mark.parametrize("text", ["", "yes", "tRUE", " true", "2"])
def test_what_is_neither(text: str) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        boolean(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90s", 90),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("+2m3s", 123),
        ("-1m", -60),
        ("1h1h", 7200),
        ("250ms", 0.25),
        ("7us7µs7μs", 21e-6),
        ("1000ns", 1e-6),
    ],
)
def test_durations_are_written_as_in_go(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "1", "h", "1d", "1 h", "1h ", "--1h", "1h-1m", ".s", "9" * 30 + "h"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration|is too long"):
        duration(text)


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59))
def test_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int) -> None:
    expected = timedelta(hours=hours, minutes=minutes, seconds=seconds)

    assert duration(f"{hours}h{minutes}m{seconds}s") == expected


def test_every_setting_is_told_once() -> None:
    names = [one.name for one in described()]

    assert len(names) == len(set(names))
    assert all(one.help for one in described())
    assert {"CLINIC_STORAGE", "LOG_LEVEL", "TIDEPOOL_SERVER_TOKEN"} <= set(names)
    assert {one.name for one in described() if one.is_secret} == {
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "TIDEPOOL_AUTH_CLIENT_EXTERNAL_SERVER_SESSION_TOKEN_SECRET",
        "TIDEPOOL_REDOX_VERIFICATION_TOKEN",
        "TIDEPOOL_SERVER_TOKEN",
        "TIDEPOOL_STORE_OPT_PARAMS",
        "TIDEPOOL_STORE_PASSWORD",
        "TIDEPOOL_XEALTH_BEARER_TOKEN",
        "TIDEPOOL_XEALTH_CLIENT_SECRET",
    }


@pytest.mark.parametrize(
    "missing",
    [
        "TIDEPOOL_XEALTH_BEARER_TOKEN",
        "TIDEPOOL_XEALTH_CLIENT_ID",
        "TIDEPOOL_XEALTH_CLIENT_SECRET",
        "TIDEPOOL_APPLICATION_URL",
    ],
)
def test_half_of_a_connection_to_xealth_is_none(missing: str) -> None:
    """CFG-1."""
    complete = {
        "TIDEPOOL_XEALTH_ENABLED": "true",
        "TIDEPOOL_XEALTH_BEARER_TOKEN": "a",
        "TIDEPOOL_XEALTH_CLIENT_ID": "b",
        "TIDEPOOL_XEALTH_CLIENT_SECRET": "c",
        "TIDEPOOL_APPLICATION_URL": "https://app.example.com",
    }
    assert read_settings(complete).variables.xealth_enabled

    with pytest.raises(SettingError, match=missing):
        read_settings(complete | {missing: ""})
