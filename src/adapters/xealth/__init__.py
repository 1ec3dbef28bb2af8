"""
Xealth: the form of its requests and orders, the tokens on both sides, the report page (8.8).

What it is asked with is in `adapters.xealth.client`, for those who are connected.
"""

from adapters.xealth.assets import ViewerAssets
from adapters.xealth.pages import ReportPage
from adapters.xealth.webhook import XealthWebhook

__all__ = [
    "ReportPage",
    "ViewerAssets",
    "XealthWebhook",
]
