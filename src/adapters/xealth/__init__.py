"""Xealth: the form of its requests and orders, the tokens on both sides, the report page (8.8)."""

from adapters.xealth.assets import ViewerAssets
from adapters.xealth.client import Credentials, XealthClient, new_client
from adapters.xealth.pages import ReportPage
from adapters.xealth.webhook import XealthWebhook

__all__ = [
    "Credentials",
    "ReportPage",
    "ViewerAssets",
    "XealthClient",
    "XealthWebhook",
    "new_client",
]
