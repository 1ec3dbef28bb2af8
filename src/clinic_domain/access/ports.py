"""What access control needs from outside."""

from abc import abstractmethod
from typing import Protocol

from clinic_domain.access.model import Principal
from clinic_domain.values import UserId


class Sessions(Protocol):
    """Knows whom a session token stands for."""

    @abstractmethod
    async def identify(self, token: str) -> Principal | None:
        """
        Return whom *token* stands for, or None where it is not valid (AUTHN-3).

        A token is opaque text from a stranger; whatever it contains, it only ever names itself
        (AUTHN-6).

        Raises:
            Unavailable: the service that issued it cannot be asked.
        """


class Representatives(Protocol):
    """Knows who may act for a patient: parents, for example."""

    @abstractmethod
    async def may_act_for(self, patient_id: UserId, user_id: UserId) -> bool:
        """
        Return whether a user owns a patient's account, or has custody of it without conditions.

        Raises:
            Unavailable: the service that knows cannot be asked.
        """
