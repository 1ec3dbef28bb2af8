"""Dates and metrics of both kinds of summaries in one row: who filters by both joins nothing."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

KINDS: Final = ("cgm", "bgm")
# Rows of periods go with those of dates.
PARTS: Final = ("dates", "1d", "7d", "14d", "30d")
WHOLE: Final = ("_minutes", "_records", "_with_data")


def upgrade() -> None:
    for part in PARTS:
        names = [f"{kind}_{name}" for kind in KINDS for name in columns_of(f"{kind}_{part}")]
        # As before: what fewer ask for is at the end.
        names.sort(key=lambda name: (is_whole(name), name.endswith("_delta")))
        create(f"summary_{part}", parent_of("summary", part), names)
        run(
            f"INSERT INTO summary_{part} (clinic_id, patient_id, {', '.join(names)}) "  # noqa: S608 - our names
            f"SELECT patients.clinic_id, patients.id, {', '.join(map(qualified, names))} "
            "FROM patients "
            + " ".join(
                f"LEFT JOIN {kind}_{part} AS {kind} "
                f"ON {kind}.clinic_id = patients.clinic_id AND {kind}.patient_id = patients.id"
                for kind in KINDS
            )
            + " WHERE cgm.patient_id IS NOT NULL OR bgm.patient_id IS NOT NULL"
        )
    drop(KINDS)


def downgrade() -> None:
    for kind in KINDS:
        for part in PARTS:
            own = [name for name in columns_of(f"summary_{part}") if name.startswith(kind)]
            names = [name.removeprefix(f"{kind}_") for name in own]
            create(f"{kind}_{part}", parent_of(kind, part), names)
            run(
                f"INSERT INTO {kind}_{part} (clinic_id, patient_id, {', '.join(names)}) "  # noqa: S608 - our names
                f"SELECT clinic_id, patient_id, {', '.join(own)} FROM summary_{part} "
                f"WHERE {next(name for name in own if is_needed(name))} IS NOT NULL"
            )
    drop(["summary"])


def columns_of(table: str) -> list[str]:
    nothing = op.get_bind().execute(sa.select(sa.text("*")).select_from(sa.table(table)).limit(0))
    names = nothing.keys()
    return [name for name in names if name not in {"clinic_id", "patient_id"}]


def is_whole(name: str) -> bool:
    name = name.removesuffix("_delta")
    return not name.endswith("average_daily_records") and name.endswith(WHOLE)


def is_needed(name: str) -> bool:
    """Tell whether every summary, or period, has a value."""
    return "has_" in name or name.endswith("flags")


def qualified(name: str) -> str:
    kind, _, own = name.partition("_")
    return f"{kind}.{own}"


def parent_of(beginning: str, part: str) -> str:
    return "patients.id" if part == "dates" else f"{beginning}_dates.patient_id"


def create(table: str, parent: str, names: Iterable[str]) -> None:
    """Create a table of something that a patient has once, or not at all."""
    of_both = table.startswith("summary")
    op.create_table(
        table,
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("patient_id", KEY, nullable=False),
        *(
            sa.Column(name, type_of(name), nullable=of_both or not is_needed(name))
            for name in names
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            [f"{parent.partition('.')[0]}.clinic_id", parent],
            name=op.f(f"fk_{table}_clinic_id_patient_id"),
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("clinic_id", "patient_id", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def type_of(name: str) -> sa.types.TypeEngine[Any]:
    if "has_" in name:
        return sa.Boolean()
    if name.endswith(("flags", "_date", "first_data", "last_data", "_since")):
        return sa.BigInteger()
    return sa.Double()


def drop(beginnings: Iterable[str]) -> None:
    for beginning in beginnings:
        for part in reversed(PARTS):
            op.drop_table(f"{beginning}_{part}")


def run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)
