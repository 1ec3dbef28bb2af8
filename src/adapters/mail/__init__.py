"""Mails: written from templates, and handed to a mail service or put where one can look at them."""

from adapters.mail.carriers import ConsoleCarrier, FileCarrier, NoCarrier
from adapters.mail.letters import Letter, LetterMailer, Writer
from adapters.mail.post import Doorbell, Postman
from adapters.mail.ses import Credentials, SesCarrier
from adapters.mail.smtp import SmtpCarrier

__all__ = [
    "ConsoleCarrier",
    "Credentials",
    "Doorbell",
    "FileCarrier",
    "Letter",
    "LetterMailer",
    "NoCarrier",
    "Postman",
    "SesCarrier",
    "SmtpCarrier",
    "Writer",
]
