"""E-mail addresses of orders (RXW-6, XEALTH-10)."""

import re
from datetime import date, datetime
from typing import Final

from clinic_domain.ehr.errors import BirthDateMissing, EmailUnusable
from clinic_domain.ehr.model import Order

ADULT_AGE: Final = 13
"""In years: younger patients have a guardian (XEALTH-3)."""

_FEBRUARY: Final = 2

# RFC 5322, with letters of all languages, and without comments.
_ATOM: Final = r"[\w!#$%&'*+/=?^`{|}~-]+"
_QUOTED: Final = r'"(?:[^"\\\r\n]|\\.)*"'
_LOCAL: Final = rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})"
_DOMAIN: Final = rf"(?:{_ATOM}(?:\.{_ATOM})*|\[[^\[\]\\\s]*\])"
_ADDRESS: Final = rf"{_LOCAL}@{_DOMAIN}"
_PHRASE: Final = rf"(?:(?:{_ATOM}|{_QUOTED})(?:[ \t]+(?:[\w!#$%&'*+/=?^`{{|}}~.-]+|{_QUOTED}))*)"
_MAILBOX: Final = re.compile(
    rf"[ \t]*(?:(?P<bare>{_ADDRESS})|{_PHRASE}?[ \t]*<[ \t]*(?P<named>{_ADDRESS})[ \t]*>)[ \t]*"
)
_LONGEST: Final = 1000


def address_in(mailbox: str) -> str | None:
    """
    Return the address of a mailbox, which may have a name before it, or None where it has none.

    >>> address_in("Guard Ian <g2@x.org>")
    'g2@x.org'
    """
    found = _MAILBOX.fullmatch(mailbox) if len(mailbox) <= _LONGEST else None
    return (found["bare"] or found["named"]) if found else None


def is_child(birth_date: date, now: datetime) -> bool:
    """
    Whether somebody is under 13 at a time, by the calendar of UTC (XEALTH-3).

    Who was born on 29 February has a birthday on 1 March where there is no such day.
    """
    year = birth_date.year + ADULT_AGE
    leaps = birth_date.month == _FEBRUARY and birth_date.day > 28  # noqa: PLR2004 - the last of most years
    try:
        birthday = (
            date(year, 3, 1) if leaps and not _is_leap(year) else birth_date.replace(year=year)
        )
    except ValueError:
        # Beyond the calendar.
        return True
    return birthday > now.date()


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def email_in(order: Order, now: datetime) -> str | None:
    """
    Return the address that an order names for its patient: of a child, the guarantor's (RXW-6).

    Raises:
        BirthDateMissing: the order has no date of birth, or none that can be read.
        EmailUnusable: the address is none.
    """
    try:
        birth_date = date.fromisoformat(order.birth_date or "")
    except ValueError:
        raise BirthDateMissing from None
    whose, addresses = (
        ("guarantor", order.guarantor_emails)
        if is_child(birth_date, now)
        else ("patient", order.patient_emails)
    )
    if not addresses:
        return None
    if not isinstance(addresses[0], str):
        raise EmailUnusable(f"{whose} email address is not a string")
    address = address_in(addresses[0])
    if address is None:
        raise EmailUnusable("email address is invalid")
    return address
