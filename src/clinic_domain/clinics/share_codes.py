"""Share codes: drawn, never chosen (SHARE-1)."""

from collections.abc import Callable, Sequence
from typing import Final

from clinic_domain.clinics.model import ShareCode

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
MAX_ATTEMPTS: Final = 100


def share_code(choice: Callable[[Sequence[str]], str]) -> ShareCode:
    """Return a code of characters that *choice* draws uniformly, such as `secrets.choice`."""
    groups = ("".join(choice(ALPHABET) for _ in range(4)) for _ in range(3))
    return ShareCode("-".join(groups))
