"""The API over HTTP, with Litestar."""

from adapters.http_litestar.app import Options, create_app
from adapters.http_litestar.ehr import Partners
from adapters.http_litestar.observation import Metrics

__all__ = ["Metrics", "Options", "Partners", "create_app"]
