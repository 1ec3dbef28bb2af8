"""Deletion records: what was removed, when and by whom. They are only ever added."""

from datetime import datetime
from typing import Generic, TypeVar

import attrs

from clinic_domain.values import UserId

R = TypeVar("R", covariant=True)


@attrs.frozen
class Deletion:
    """The circumstances of a removal; `by` is a user, never a backend service (DEL-3)."""

    time: datetime
    by: UserId | None = None


@attrs.frozen
class DeletionRecord(Generic[R]):
    """A removed record in full, with the circumstances of its removal."""

    removed: R
    deletion: Deletion
