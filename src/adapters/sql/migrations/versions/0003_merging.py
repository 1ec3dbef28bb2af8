"""Merges: what is kept of them, and counts that follow when many patients change their clinic."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT: Final = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "merge_records",
        sa.Column("id", KEY, nullable=False),
        sa.Column("plan_id", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("plan", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_records")),
    )
    op.create_index(op.f("ix_merge_records_plan_id_id"), "merge_records", ["plan_id", "id"])
    if op.get_bind().dialect.name == "postgresql":
        for name, table, statements in CHANGES:
            count_at_once(name, table, statements)


def downgrade() -> None:
    """Take the table away; triggers that count at once count what those before counted."""
    op.drop_table("merge_records")


# PostgreSQL alone: a row of numbers that one transaction changes thousands of times has as many
# versions, and whoever looks for the last one passes them all.


def count_at_once(name: str, table: str, statements: Sequence[str]) -> None:
    """Let the trigger of changed rows count those of a statement at once."""
    body = " ".join(f"{statement};" for statement in statements)
    op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body} RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} AFTER UPDATE ON {table} "
        "REFERENCING OLD TABLE AS gone NEW TABLE AS come "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def recounted(tallies: str, counted: str, *keys: str) -> list[str]:
    """Count rows down as they were and up as they are."""
    columns = ", ".join(("clinic_id", *keys))
    same = " AND ".join(f"{tallies}.{column} = one.{column}" for column in ("clinic_id", *keys))
    less = (
        f"UPDATE {tallies} SET {counted} = {tallies}.{counted} - one.number "  # noqa: S608 - our names
        f"FROM (SELECT {columns}, count(*) AS number FROM gone GROUP BY {columns}) AS one "
        f"WHERE {same}"
    )
    more = (
        f"INSERT INTO {tallies} ({columns}, {counted}) "  # noqa: S608
        f"SELECT {columns}, count(*) FROM come GROUP BY {columns} ORDER BY {columns} "
        f"ON CONFLICT ({columns}) "
        f"DO UPDATE SET {counted} = {tallies}.{counted} + excluded.{counted}"
    )
    return [less, more]


def moved_with_patients(part: str) -> str:
    """Let what belongs to patients move with them."""
    return (
        f"UPDATE {part} SET clinic_id = come.clinic_id FROM come "  # noqa: S608
        f"WHERE {part}.patient_id = come.id AND {part}.clinic_id <> come.clinic_id"
    )


MOVED: Final = "FROM gone JOIN come USING (id) WHERE gone.clinic_id <> come.clinic_id"
# Most changes of patients are no moves.
UNLESS_MOVED: Final = f"IF NOT EXISTS (SELECT 1 {MOVED}) THEN RETURN NULL; END IF"
LESS: Final = (
    "UPDATE patient_tallies SET total = patient_tallies.total - one.total, "  # noqa: S608
    "outside_plan = patient_tallies.outside_plan - one.outside_plan "
    "FROM (SELECT gone.clinic_id, count(*) AS total, "
    f"count(*) FILTER (WHERE gone.outside_plan) AS outside_plan {MOVED} "
    "GROUP BY gone.clinic_id) AS one WHERE patient_tallies.clinic_id = one.clinic_id"
)
MORE: Final = (
    "INSERT INTO patient_tallies (clinic_id, total, outside_plan) "
    f"SELECT come.clinic_id, count(*), count(*) FILTER (WHERE come.outside_plan) {MOVED} "
    "GROUP BY come.clinic_id ORDER BY come.clinic_id "
    "ON CONFLICT (clinic_id) DO UPDATE SET total = patient_tallies.total + excluded.total, "
    "outside_plan = patient_tallies.outside_plan + excluded.outside_plan"
)
PARTS: Final = ("patient_tags", "patient_sites", "patient_data_sources")
CHANGES: Final = (
    ("patients_moved", "patients", [UNLESS_MOVED, LESS, MORE, *map(moved_with_patients, PARTS)]),
    ("patient_tags_changed", "patient_tags", recounted("tag_tallies", "patients", "tag_id")),
    ("patient_sites_changed", "patient_sites", recounted("site_tallies", "patients", "site_id")),
    (
        "patient_data_sources_changed",
        "patient_data_sources",
        recounted("provider_tallies", "data_sources", "provider_name", "state"),
    ),
)
