"""Redox: the form of its messages, and the token that it shows (8.6)."""

from adapters.redox.orders import RedoxOrders
from adapters.redox.webhook import RedoxWebhook

__all__ = ["RedoxOrders", "RedoxWebhook"]
