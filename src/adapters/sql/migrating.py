"""Applying migrations, with Alembic."""

from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from adapters.sql.schema import MIGRATIONS

NEWEST: Final = "head"


def migrate(connection: sa.Connection, revision: str = NEWEST) -> None:
    """Apply the migrations up to a revision that are missing, in the transaction of the caller."""
    command.upgrade(config_of(connection), revision)


def config_of(connection: sa.Connection) -> Config:
    """Return what commands of Alembic need to know."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
