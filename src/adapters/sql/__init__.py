"""Storage in an SQL database: SQLite, where a file is enough, or PostgreSQL."""

from adapters.sql.engines import UnusableUrl, create_engine
from adapters.sql.schema import NewerSchema, OlderSchema, refuse_older, upgrade
from adapters.sql.storage import SqlStorage, open_storage

__all__ = [
    "NewerSchema",
    "OlderSchema",
    "SqlStorage",
    "UnusableUrl",
    "create_engine",
    "open_storage",
    "refuse_older",
    "upgrade",
]
