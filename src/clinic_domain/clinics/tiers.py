"""Service tiers (section 6 of the clinics chapter)."""

from enum import StrEnum
from typing import Final

from clinic_domain.clinics.model import Clinic


class Tier(StrEnum):
    """What a clinic pays for."""

    FREE = "tier0100"
    STANDARD = "tier0200"
    PREMIUM = "tier0300"
    ENTERPRISE = "tier0400"


_DESCRIPTIONS: Final = {
    Tier.FREE: "Free",
    Tier.STANDARD: "Standard",
    Tier.PREMIUM: "Premium",
    Tier.ENTERPRISE: "Enterprise",
}


def tier_of(clinic: Clinic) -> str:
    """
    Return the clinic's tier, the free one where none was ever set.

    Unknown stored values stay as they are.
    """
    return clinic.tier or Tier.FREE


def description_of(tier: str) -> str:
    """Return the name under which a tier is sold, or nothing for an unknown one."""
    return _DESCRIPTIONS.get(tier, "")  # type: ignore[call-overload, no-any-return]
