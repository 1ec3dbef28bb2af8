"""What the environment says: every setting of the service, with its meaning."""

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import environ

T = TypeVar("T")

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_LEVELS: Final = {
    "": "info",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "error": "error",
    "dpanic": "critical",
    "panic": "critical",
    "fatal": "critical",
}
_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_QUANTITY: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_STORAGES: Final = {
    "memory": "memory",
    "mongodb": "mongo",
    "mongodb+srv": "mongo",
    "postgres": "sql",
    "postgresql": "sql",
    "postgresql+asyncpg": "sql",
    "sqlite": "sql",
    "sqlite+aiosqlite": "sql",
}
_MONGODB_SCHEMES: Final = ("mongodb", "mongodb+srv")
_NOT_IN_DATABASE_NAMES: Final = frozenset('/\\. "$\0')
_LONGEST_DATABASE_NAME: Final = 63
_IDENTITIES: Final = ("local", "tidepool")
_SECRETS: Final = frozenset(
    {
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
)
_TLS: Final = "smtps"
_HIGHEST_PORT: Final = 65535


class SettingError(ValueError):
    """A setting cannot be used; the message names it and says what would do."""


class Secret(str):
    """A text that does not show itself in logs and tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


@attrs.frozen
class MailServer:
    """A server that speaks SMTP."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None
    use_tls: bool = False
    """From the start."""
    start_tls: bool = True
    """With STARTTLS, and not without."""


@attrs.frozen
class Mail:
    """Where mails go."""

    kind: str
    """`smtp`, `ses`, `file`, `console` or `none`."""
    server: MailServer | None = None
    folder: Path | None = None


def without_credentials(text: str) -> str:
    """Return a value without what may be secret in an address: user, password and options."""
    if text.startswith("sqlite"):
        return text
    before, at, place = text.rpartition("@")
    scheme, separator, _ = before.partition("://")
    host, mark, _ = place.partition("?")
    return f"{scheme + separator if separator else ''}{at and '…@'}{host}{mark and '?…'}"


def boolean(text: str) -> bool:
    """Return a boolean in one of the spellings of Go."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("is neither true nor false")


def duration(text: str) -> timedelta:
    """Return a duration in the notation of Go, `90s` or `1h30m`."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta()
    quantities = _QUANTITY.findall(rest)
    if not quantities or "".join(map("".join, quantities)) != rest:
        raise ValueError("is no duration like 90s or 1h30m")
    try:
        return timedelta(
            seconds=sign * sum(float(number) * _UNITS[unit] for number, unit in quantities)
        )
    except OverflowError:
        raise ValueError("is too long") from None


def _positive_duration(text: str) -> timedelta:
    value = duration(text)
    if value <= timedelta():
        raise ValueError("has to be longer than nothing")
    return value


def _level(text: str) -> str:
    try:
        return _LEVELS[text.lower()]
    except KeyError:
        known = ", ".join(filter(None, _LEVELS))
        raise ValueError(f"is none of {known}") from None


def _whole(text: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdigit() and lowest <= int(text[:20]) <= highest):
        raise ValueError(f"is no whole number from {lowest} to {highest}")
    return int(text)


def _port(text: str) -> int:
    return _whole(text, 1, _HIGHEST_PORT)


def _port_or_none(text: str) -> int | None:
    return _whole(text or "0", 0, _HIGHEST_PORT) or None


def _workers(text: str) -> int:
    return _whole(text, 1, 512)


def _workers_for_the_cores() -> int:
    return min(os.cpu_count() or 1, 4)


def _size(text: str) -> int:
    return _whole(text, 1, 2**40)


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or "?" in text or "#" in text:
        raise ValueError("is no address like http://shoreline:9107")
    return text


def _address_or_none(text: str) -> str | None:
    return _address(text) if text else None


def _mail(text: str) -> Mail:
    scheme, colon, rest = text.partition(":")
    if colon and scheme in ("smtp", _TLS):
        return Mail("smtp", server=_mail_server(text))
    if colon and scheme == "file" and rest.strip("/"):
        return Mail("file", folder=Path(rest.removeprefix("//") or "/"))
    if colon and scheme in ("ses", "console", "none") and not rest:
        return Mail(scheme)
    raise ValueError("is none of smtps://…, smtp://…, ses:, file:folder, console: and none:")


def _mail_server(url: str) -> MailServer:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    starttls = options.pop("starttls", "yes")
    if not parts.hostname or parts.path.strip("/") or options or starttls not in ("yes", "no"):
        raise ValueError("is no address like smtps://user:password@host")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("has a user or a password, and needs both or none")
    use_tls = parts.scheme == _TLS
    start_tls = not use_tls and starttls == "yes"
    return MailServer(
        parts.hostname,
        parts.port or (465 if use_tls else 587 if start_tls else 25),
        unquote(parts.username) if parts.username else None,
        Secret(unquote(parts.password)) if parts.password else None,
        use_tls,
        start_tls,
    )


def _sender(text: str) -> str:
    _, address = parseaddr(text)
    if not address or "@" not in address or not text.isprintable():
        raise ValueError("is no sender like Clinic <noreply@example.com>")
    return text


def _optional(text: str) -> str | None:
    return text or None


def _text(text: str) -> str:
    return text


def _host(text: str) -> str:
    if not text or text != text.strip():
        raise ValueError("is no address to listen on")
    return text


def _identity(text: str) -> str:
    if text not in _IDENTITIES:
        raise ValueError(f"is none of {', '.join(_IDENTITIES)}")
    return text


def _scheme(text: str) -> str:
    if text and text not in _MONGODB_SCHEMES:
        raise ValueError(f"is none of {', '.join(_MONGODB_SCHEMES)}")
    return text


def _database_name(text: str) -> str:
    is_usable = 0 < len(text.encode()) <= _LONGEST_DATABASE_NAME
    if not is_usable or not _NOT_IN_DATABASE_NAMES.isdisjoint(text):
        raise ValueError("is no name that a database of MongoDB can have")
    return text


def _setting(name: str, help_: str, default: str | None, read: Callable[[str], Any] = _text) -> Any:
    """Declare a setting; None for *default* means that its absence says something by itself."""

    def converted(text: str | None) -> Any:
        if text is None:
            return None
        try:
            return read(text)
        except ValueError as error:
            # What is wrong with an address may keep one from seeing where the password is.
            shown = "" if read in (Secret, _mail) else f" {without_credentials(text)!r}"
            raise SettingError(f"{name}:{shown} {error}") from None

    return environ.var(default=default, converter=converted, name=name, help=help_)


@environ.config(prefix="", frozen=True)
class Variables:
    """The environment variables, one by one; `Settings` says what follows from them together."""

    storage: Secret | None = _setting(
        "CLINIC_STORAGE",
        "Where clinics are kept: `sqlite:///clinic.db` (a file in the working directory), "
        "`sqlite:////var/lib/clinic/clinic.db` (anywhere else), "
        "`postgresql://user:password@host/database`, `mongodb://host/database?replicaSet=name` "
        "(`mongodb+srv://` too), or `memory:` (gone at the end). Without it "
        "`sqlite:///clinic.db`, or MongoDB where TIDEPOOL_STORE_ADDRESSES is set",
        None,
        Secret,
    )
    identity: str | None = _setting(
        "CLINIC_IDENTITY",
        "Who knows users and session tokens: `local` (this installation, see `clinic user`) or "
        "`tidepool` (the services of the platform). Without it `local`, or `tidepool` where "
        "TIDEPOOL_SHORELINE_CLIENT_ADDRESS is set",
        None,
        _identity,
    )
    host: str | None = _setting(
        "CLINIC_HOST",
        "The address to listen on. Without it `127.0.0.1` (this machine alone) with local "
        "identity, and `0.0.0.0` (all addresses) with that of the platform",
        None,
        _host,
    )
    port: int = _setting("CLINIC_PORT", "The port of the API", "8080", _port)
    metrics_host: str | None = _setting(
        "CLINIC_METRICS_HOST",
        "The address of the metrics. Without it that of the API; empty switches them off",
        None,
    )
    metrics_port: int | None = _setting(
        "CLINIC_METRICS_PORT",
        "The port of the Prometheus metrics, `/metrics`. Empty or `0` switches them off",
        "9090",
        _port_or_none,
    )
    workers: int | None = _setting(
        "CLINIC_WORKERS",
        "How many processes serve the API. Without it one for each core, four at most; `memory:` "
        "allows one",
        None,
        _workers,
    )
    max_body: int = _setting(
        "CLINIC_MAX_BODY", "The largest body of a request, in bytes", str(2**20), _size
    )
    shutdown_timeout: timedelta = _setting(
        "CLINIC_SHUTDOWN_TIMEOUT",
        "How long running requests may take after SIGTERM",
        "15s",
        _positive_duration,
    )
    token_lifetime: timedelta = _setting(
        "CLINIC_TOKEN_LIFETIME",
        "How long a token of `clinic token issue` is valid",
        "24h",
        _positive_duration,
    )
    demo_patient: str | None = _setting(
        "CLINIC_DEMO_PATIENT_USER_ID",
        "The user id of the patient that every new clinic starts with. Empty: none",
        "",
        _optional,
    )
    log_level: str = _setting(
        "LOG_LEVEL",
        "`debug`, `info`, `warn`, `error`, `dpanic`, `panic` or `fatal`; empty means `info`",
        "info",
        _level,
    )
    peer_timeout: timedelta = _setting(
        "CLINIC_PEER_TIMEOUT",
        "How long another service may take to accept a connection, and for each piece of an answer",
        "10s",
        _positive_duration,
    )
    shoreline: str | None = _setting(
        "TIDEPOOL_SHORELINE_CLIENT_ADDRESS",
        "The address of the user service. Without it `http://shoreline:9107`",
        None,
        _address,
    )
    server_token: Secret = _setting(
        "TIDEPOOL_SERVER_TOKEN",
        "The secret with which the service logs in at the user service. The platform's identity "
        "needs it",
        "",
        Secret,
    )
    seagull: str = _setting(
        "TIDEPOOL_SEAGULL_CLIENT_ADDRESS",
        "The address of the profile service",
        "http://seagull:9120",
        _address,
    )
    token_endpoint: str | None = _setting(
        "TIDEPOOL_AUTH_SERVICE_TOKEN_ENDPOINT",
        "The OAuth2 token endpoint at which service accounts sign in. Empty: they cannot be added",
        "",
        _address_or_none,
    )
    gatekeeper: str = _setting(
        "TIDEPOOL_PERMISSION_CLIENT_ADDRESS",
        "The address of the permission service, which knows who may act for a patient",
        "http://gatekeeper:9123",
        _address,
    )
    mail: Mail | None = _setting(
        "CLINIC_MAIL",
        "Where mails go: `smtps://user:password@host` (TLS, port 465), "
        "`smtp://user:password@host` (STARTTLS, port 587), `smtp://host?starttls=no` (unprotected, "
        "port 25), `ses:` (Amazon SES), `file:mail` (a folder), `console:` (the terminal) or "
        "`none:`. Without it `file:mail`, or `ses:` with the platform's identity",
        None,
        _mail,
    )
    mail_interval: timedelta = _setting(
        "CLINIC_MAIL_INTERVAL",
        "How often each worker looks for mails that are due to be tried again",
        "2s",
        _positive_duration,
    )
    mail_lease: timedelta = _setting(
        "CLINIC_MAIL_LEASE",
        "How long a mail may take to be sent; then the process that has it counts as dead, and "
        "another one sends it",
        "2m",
        _positive_duration,
    )
    notifications: bool | None = _setting(
        "CLINIC_NOTIFICATIONS",
        "Whether mails tell of new clinics, changed roles and merges. Without it `true`, or "
        "`false` with the platform's identity, where another program sends them",
        None,
        boolean,
    )
    sender: str = _setting(
        "SES_FROM_ADDRESS",
        "Who mails are from, whatever carries them",
        "Tidepool <noreply@tidepool.org>",
        _sender,
    )
    web_url: str = _setting(
        "HYDROPHONE_WEB_URL",
        "The address of the web application, which mails lead to",
        "http://localhost:3000",
        _address,
    )
    asset_url: str | None = _setting(
        "HYDROPHONE_ASSET_URL",
        "Where the logo in mails is. Empty: they have none",
        "",
        _address_or_none,
    )
    is_mail_mocked: bool = _setting(
        "HYDROPHONE_USE_MOCK_NOTIFIER",
        "Whether mails are dropped where CLINIC_MAIL is not set",
        "false",
        boolean,
    )
    ses_region: str = _setting("SES_REGION", "The region of Amazon SES", "us-west-2")
    ses_endpoint: str | None = _setting(
        "AWS_ENDPOINT_URL_SES",
        "Another address of SES than that of the region. Empty: none",
        "",
        _address_or_none,
    )
    aws_key_id: str = _setting("AWS_ACCESS_KEY_ID", "Who sends with SES", "")
    aws_key: Secret = _setting("AWS_SECRET_ACCESS_KEY", "The secret of that key", "", Secret)
    aws_session: Secret = _setting(
        "AWS_SESSION_TOKEN", "The session of a key that is for a time", "", Secret
    )
    redox_token: Secret = _setting(
        "TIDEPOOL_REDOX_VERIFICATION_TOKEN",
        "The secret that Redox shows. Empty: everything from Redox is refused",
        "",
        Secret,
    )
    redox_max_body: int = _setting(
        "CLINIC_REDOX_MAX_BODY",
        "The largest message of Redox, in bytes; MongoDB takes no more than the default",
        str(16 * 2**20),
        _size,
    )
    xealth_enabled: bool = _setting(
        "TIDEPOOL_XEALTH_ENABLED",
        "Whether Xealth is connected. Without it everything from Xealth is refused; with it the "
        "secrets below and TIDEPOOL_APPLICATION_URL are needed",
        "false",
        boolean,
    )
    xealth_token: Secret = _setting(
        "TIDEPOOL_XEALTH_BEARER_TOKEN", "The secret that Xealth shows", "", Secret
    )
    xealth_client_id: str = _setting(
        "TIDEPOOL_XEALTH_CLIENT_ID", "Who we are at Xealth's OAuth2 server", ""
    )
    xealth_client_secret: Secret = _setting(
        "TIDEPOOL_XEALTH_CLIENT_SECRET", "The secret that goes with it", "", Secret
    )
    xealth_token_url: str = _setting(
        "TIDEPOOL_XEALTH_TOKEN_URL",
        "The token endpoint of that server",
        "https://auth-sandbox.xealth.io/oauth2/token",
        _address,
    )
    xealth_base_url: str = _setting(
        "TIDEPOOL_XEALTH_SERVER_BASE_URL",
        "The address of Xealth's partner API",
        "https://api-sandbox.xealth.io/v2",
        _address,
    )
    application_url: str | None = _setting(
        "TIDEPOOL_APPLICATION_URL",
        "Where browsers find this service and the export of reports",
        "",
        _address_or_none,
    )
    auth: str | None = _setting(
        "TIDEPOOL_AUTH_CLIENT_ADDRESS",
        "The address of the auth service, which gives out restricted tokens. Empty: there are none",
        "",
        _address_or_none,
    )
    auth_login: str | None = _setting(
        "TIDEPOOL_AUTH_CLIENT_EXTERNAL_ADDRESS",
        "Where the service logs in for the auth service. Empty: it shows its token of the user "
        "service there",
        "",
        _address_or_none,
    )
    auth_secret: Secret = _setting(
        "TIDEPOOL_AUTH_CLIENT_EXTERNAL_SERVER_SESSION_TOKEN_SECRET",
        "The secret for that login",
        "",
        Secret,
    )
    auth_token_lifetime: timedelta = _setting(
        "TIDEPOOL_AUTH_CLIENT_EXTERNAL_SERVER_SESSION_TOKEN_TIMEOUT",
        "How long the token of that login is used",
        "1h",
        _positive_duration,
    )
    store_addresses: str | None = _setting(
        "TIDEPOOL_STORE_ADDRESSES",
        "The hosts of MongoDB, `host1:27017,host2:27017`; empty means `localhost`. They are the "
        "storage where CLINIC_STORAGE is not set; where it is, no TIDEPOOL_STORE variable counts",
        None,
    )
    store_scheme: str = _setting(
        "TIDEPOOL_STORE_SCHEME",
        "`mongodb`, or `mongodb+srv` where DNS knows the hosts; empty means `mongodb`",
        "mongodb",
        _scheme,
    )
    store_username: str = _setting(
        "TIDEPOOL_STORE_USERNAME", "The user at MongoDB, percent-encoded. Empty: none", ""
    )
    store_password: Secret = _setting(
        "TIDEPOOL_STORE_PASSWORD", "The password of that user, percent-encoded", "", Secret
    )
    store_tls: bool = _setting(
        "TIDEPOOL_STORE_TLS", "Whether to speak TLS with MongoDB", "false", boolean
    )
    store_options: Secret = _setting(
        "TIDEPOOL_STORE_OPT_PARAMS",
        "What else the address of MongoDB has to say, `replicaSet=rs0&authSource=admin`",
        "",
        Secret,
    )
    database: str | None = _setting(
        "TIDEPOOL_CLINIC_DATABASE_NAME",
        "The database in MongoDB, also for CLINIC_STORAGE. Without it the one that is named there, "
        "or `clinic`",
        None,
        _database_name,
    )


@attrs.frozen
class Settings:
    """What the environment asks for."""

    variables: Variables
    storage_setting: str
    """The name of the variable that says where data are."""
    storage_url: Secret | None
    """None where TIDEPOOL_STORE_ADDRESSES and those beside it say it."""
    storage_kind: str
    """`memory`, `sql` or `mongo`."""
    identity: str
    """`local` or `tidepool`."""
    host: str
    metrics_host: str
    metrics_port: int | None
    """None where nobody wants metrics."""
    shoreline: str
    mail: Mail
    notifications: bool
    workers: int
    auth_login: str
    """`external`, `shoreline` or `none`: who lets the service in at the auth service."""


@attrs.frozen
class Described:
    """A setting as documentation shows it."""

    name: str
    default: str
    help: str
    is_secret: bool

    def shown(self, value: str) -> str:
        """Return a value of this setting as anybody may see it."""
        return "a secret" if self.is_secret else repr(without_credentials(value))


def read_settings(variables: Mapping[str, str] = os.environ) -> Settings:
    """Return what *variables* ask for. Raises SettingError."""
    read = environ.to_config(Variables, dict(variables))
    storage_url = read.storage
    if storage_url is None and read.store_addresses is None:
        storage_url = Secret("sqlite:///clinic.db")
    storage_kind = "mongo" if storage_url is None else _storage_kind(storage_url)
    identity = read.identity or ("local" if read.shoreline is None else "tidepool")
    if identity == "tidepool" and not read.server_token:
        raise SettingError("TIDEPOOL_SERVER_TOKEN: the platform's identity needs this secret")
    _refuse_half_of_xealth(read)
    host = read.host or ("127.0.0.1" if identity == "local" else "0.0.0.0")  # noqa: S104 - where the platform runs, a gateway stands before it
    return Settings(
        variables=read,
        storage_setting="CLINIC_STORAGE" if storage_url else "TIDEPOOL_STORE_ADDRESSES",
        storage_url=storage_url,
        storage_kind=storage_kind,
        identity=identity,
        host=host,
        metrics_host=read.metrics_host or host,
        metrics_port=None if read.metrics_host == "" else read.metrics_port,
        shoreline=read.shoreline or "http://shoreline:9107",
        mail=read.mail or _usual_mail(read, identity),
        notifications=identity == "local" if read.notifications is None else read.notifications,
        workers=1 if storage_kind == "memory" else read.workers or _workers_for_the_cores(),
        auth_login=_auth_login(read),
    )


def _usual_mail(read: Variables, identity: str) -> Mail:
    if read.is_mail_mocked:
        return Mail("none")
    return Mail("ses") if identity == "tidepool" else Mail("file", folder=Path("mail"))


def _auth_login(read: Variables) -> str:
    if read.auth is None:
        return "none"
    return "external" if read.auth_login else "shoreline"


def _refuse_half_of_xealth(read: Variables) -> None:
    needed = {
        "TIDEPOOL_XEALTH_BEARER_TOKEN": read.xealth_token,
        "TIDEPOOL_XEALTH_CLIENT_ID": read.xealth_client_id,
        "TIDEPOOL_XEALTH_CLIENT_SECRET": read.xealth_client_secret,
        "TIDEPOOL_APPLICATION_URL": read.application_url,
    }
    for name, value in needed.items():
        if read.xealth_enabled and not value:
            raise SettingError(f"{name}: where TIDEPOOL_XEALTH_ENABLED is true, it is needed")


def described() -> tuple[Described, ...]:
    """Return all settings, in the order in which they are declared."""

    def each(entries: list[dict[str, Any]], **_: Any) -> Any:
        return tuple(
            Described(
                entry["var_name"],
                entry.get("default") or "",
                entry["help_str"],
                is_secret=entry["var_name"] in _SECRETS,
            )
            for entry in entries
        )

    found: tuple[Described, ...] = environ.generate_help(Variables, formatter=each)  # type: ignore[assignment]  # a formatter may return anything
    return found


def _storage_kind(url: str) -> str:
    scheme = url.partition(":")[0]
    if ":" not in url or scheme not in _STORAGES:
        # Not the address itself, which may have a password in it.
        raise SettingError(
            f"CLINIC_STORAGE: {scheme if ':' in url else 'this'} is no storage; use an address "
            "like sqlite:///clinic.db, postgresql://host/clinic, mongodb://host/clinic or memory:"
        )
    return _STORAGES[scheme]
