"""Invites, and the mails that are owed."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT: Final = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT: Final = sa.BigInteger()


def upgrade() -> None:
    op.create_table(
        "invites",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("creator_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("modified_time", MOMENT),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", KEY, nullable=False),
        sa.Column("clinic_name", sa.Text()),
        sa.Column("invitee_id", KEY),
        sa.Column("offer", DOCUMENT),
        sa.Column("expires_time", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
    )
    for columns in (
        ["clinic_id", "kind", "status", "created_time", "id"],
        ["creator_id", "kind", "created_time", "id"],
        ["email_key", "kind", "status"],
        ["invitee_id", "kind", "created_time", "id"],
    ):
        op.create_index(op.f("ix_invites_" + "_".join(columns)), "invites", columns)
    op.create_table(
        "outbox",
        sa.Column("id", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("due_time", MOMENT, nullable=False),
        sa.Column("addresses", DOCUMENT, nullable=False),
        sa.Column("user_id", KEY),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_state_due_time_id"), "outbox", ["state", "due_time", "id"])


def downgrade() -> None:
    op.drop_table("outbox")
    op.drop_table("invites")
