"""Accounts and tokens as documents."""

from typing import Final

from adapters.mongo.documents import (
    FLAG,
    MOMENT,
    TEXT,
    Document,
    Member,
    Presence,
    Shape,
    array_of,
)
from clinic_domain.text import folded
from clinic_domain.users import Account, IssuedToken, PatientProfile, Profile, User

_USER: Final = Shape(
    User,
    (
        Member("id", "userId", TEXT),
        Member("username", "username", TEXT),
        Member("emails", "emails", array_of(TEXT)),
        Member("roles", "roles", array_of(TEXT)),
    ),
)
_PATIENT: Final = Shape(
    PatientProfile,
    (
        Member("full_name", "fullName", TEXT),
        Member("birthday", "birthday", TEXT),
        Member("mrn", "mrn", TEXT),
        Member("target_devices", "targetDevices", array_of(TEXT)),
        Member("diagnosis_date", "diagnosisDate", TEXT),
        Member("is_other_person", "isOtherPerson", FLAG, Presence.FILLED),
    ),
)
_PROFILE: Final = Shape(
    Profile,
    (
        Member("full_name", "fullName", TEXT),
        Member("patient", "patient", _PATIENT.codec()),
    ),
)
_ACCOUNT: Final = Shape(
    Account,
    (
        Member("user", "user", _USER.codec()),
        Member("profile", "profile", _PROFILE.codec()),
        Member("created_time", "createdTime", MOMENT),
        Member("is_server", "isServer", FLAG),
        Member("client_secret_hash", "clientSecretHash", TEXT),
        Member("custodian", "custodian", TEXT),
    ),
)
_TOKEN: Final = Shape(
    IssuedToken,
    (
        Member("id", "tokenId", TEXT),
        Member("user_id", "userId", TEXT),
        Member("is_server", "isServer", FLAG),
        Member("issued_time", "issuedTime", MOMENT),
        Member("expires_time", "expiresTime", MOMENT),
    ),
)


def name_key(username: str) -> str:
    """Return what two accounts must not share."""
    return folded(username)


def account_document(account: Account) -> Document:
    """Return the document of an account, with what it is found by."""
    document = {**_ACCOUNT.encode(account), "userId": account.user.id}
    if account.user.username is not None:
        document["nameKey"] = name_key(account.user.username)
    return document


def account_of(document: Document) -> Account:
    """Return the account of a document. Raises Unreadable."""
    return _ACCOUNT.read(document)


def token_document(token: IssuedToken) -> Document:
    """Return the document of a token."""
    return _TOKEN.encode(token)


def token_of(document: Document) -> IssuedToken:
    """Return the token of a document. Raises Unreadable."""
    return _TOKEN.read(document)
