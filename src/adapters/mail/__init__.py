"""
Mails: written from templates, and handed to a mail service or put where one can look at them.

`adapters.mail.ses` and `adapters.mail.smtp` are for those who have such a service.
"""

from adapters.mail.carriers import ConsoleCarrier, FileCarrier, NoCarrier
from adapters.mail.letters import Carrier, Letter, LetterMailer, Writer
from adapters.mail.post import Doorbell, Postman

__all__ = [
    "Carrier",
    "ConsoleCarrier",
    "Doorbell",
    "FileCarrier",
    "Letter",
    "LetterMailer",
    "NoCarrier",
    "Postman",
    "Writer",
]
