"""Names and MRNs in the order of more alphabets: keys that are derived of them are made anew."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from adapters.sql.patient_rows import key_or_none

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

AT_ONCE: Final = 1000
PATIENTS: Final = sa.table(
    "patients",
    *map(sa.column, ("id", "full_name", "name_key", "mrn", "mrn_key")),
    *map(sa.column, ("birth_date", "birth_date_key")),
)


def upgrade() -> None:
    behind = ""
    while found := some(behind):
        for patient in found:
            keys = {
                "name_key": key_or_none(patient.full_name or ""),
                "mrn_key": key_or_none(patient.mrn),
                "birth_date_key": key_or_none(patient.birth_date),
            }
            if any(getattr(patient, name) != key for name, key in keys.items()):
                own = PATIENTS.c.id == patient.id
                op.get_bind().execute(sa.update(PATIENTS).where(own).values(keys))
        behind = found[-1].id


def some(behind: str) -> list[Any]:
    """Return the next patients."""
    following = sa.select(PATIENTS).where(PATIENTS.c.id > behind).order_by(PATIENTS.c.id)
    return [*op.get_bind().execute(following.limit(AT_ONCE))]


def downgrade() -> None:
    """Leave the keys: an earlier version makes those that it needs when a patient is saved."""
