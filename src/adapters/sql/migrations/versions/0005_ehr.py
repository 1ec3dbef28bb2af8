"""Migrations of legacy accounts, and what comes from and goes to EHR partners."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT: Final = sa.BigInteger()

TABLES: Final = (
    "enrollment_orders",
    "messages",
    "migrations",
    "preorders",
    "report_orders",
    "report_views",
)
SENDING: Final = "ix_patients_clinic_id_sends_reports"
# Those that are there already get what is derived of them.
PROVIDERS: Final = {
    "sqlite": "UPDATE clinics SET ehr_provider = ehr_settings ->> 'provider' "
    "WHERE ehr_settings IS NOT NULL",
    "postgresql": "UPDATE clinics SET ehr_provider = ehr_settings ->> 'provider' "
    "WHERE ehr_settings IS NOT NULL",
}
SUBSCRIBED: Final = {
    "sqlite": "UPDATE patients SET sends_reports = true "
    "WHERE ehr_subscriptions -> 'summaryAndReports' ->> 'active' = 1",
    "postgresql": "UPDATE patients SET sends_reports = true "
    "WHERE (ehr_subscriptions -> 'summaryAndReports' ->> 'active')::boolean",
}


def upgrade() -> None:
    create_tables()
    op.add_column("clinics", sa.Column("ehr_provider", KEY))
    op.add_column(
        "patients",
        sa.Column("sends_reports", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        SENDING,
        "patients",
        ["clinic_id", "id"],
        sqlite_where=sa.text("sends_reports"),
        postgresql_where=sa.text("sends_reports"),
    )
    dialect = op.get_bind().dialect.name
    op.execute(PROVIDERS[dialect])
    op.execute(SUBSCRIBED[dialect])


def create_tables() -> None:
    op.create_table(
        "migrations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("updated_time", MOMENT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_migrations")),
        sa.UniqueConstraint("user_id", name=op.f("uq_migrations_user_id")),
    )
    op.create_index(op.f("ix_migrations_clinic_id_id"), "migrations", ["clinic_id", "id"])
    op.create_table(
        "messages",
        sa.Column("id", KEY, nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_table(
        "report_orders",
        sa.Column("id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("message_id", KEY),
        sa.Column("preceding_id", KEY),
        sa.Column("preceding_time", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_orders")),
    )
    for columns in (["clinic_id", "id"], ["message_id", "created_time", "id"], ["created_time"]):
        name = "_".join(["ix_report_orders", *columns])
        op.create_index(op.f(name), "report_orders", columns)
    op.create_table(
        "preorders",
        sa.Column("id", KEY, nullable=False),
        sa.Column("tracking_id", KEY, nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preorders")),
        sa.UniqueConstraint("tracking_id", name=op.f("uq_preorders_tracking_id")),
    )
    op.create_table(
        "enrollment_orders",
        sa.Column("id", KEY, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment_orders")),
    )
    op.create_table(
        "report_views",
        sa.Column("id", KEY, nullable=False),
        sa.Column("viewer_id", KEY, nullable=False),
        sa.Column("deployment", KEY, nullable=False),
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("program_id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("login", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_views")),
    )
    op.create_index(
        op.f("ix_report_views_patient_id_clinic_id_created_time"),
        "report_views",
        ["patient_id", "clinic_id", "created_time"],
    )


def downgrade() -> None:
    op.drop_index(SENDING, "patients")
    op.drop_column("patients", "sends_reports")
    op.drop_column("clinics", "ehr_provider")
    for table in TABLES:
        op.drop_table(table)
