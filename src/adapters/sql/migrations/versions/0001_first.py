"""Everything that the first version keeps."""

from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT: Final = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT: Final = sa.BigInteger()
SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    create_tables()
    for trigger in triggers():
        create_trigger(*trigger)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for name, *_ in triggers():
            op.execute(f"DROP FUNCTION {name}()")


TABLES: Final = (
    "accounts",
    "clinic_deletions",
    "clinician_deletions",
    "clinics",
    "installation",
    "issued_tokens",
    "patient_deletions",
    "clinic_share_codes",
    "clinic_sites",
    "clinic_tags",
    "clinicians",
    "patient_tallies",
    "patients",
    "provider_tallies",
    "site_tallies",
    "tag_tallies",
    "patient_data_sources",
    "patient_sites",
    "patient_tags",
)


# Numbers that are asked for all the time are kept as they change, whichever statement changes them.

Trigger = tuple[str, str, str, str, Sequence[str]]


def create_trigger(
    name: str, table: str, event: str, granularity: str, statements: Iterable[str]
) -> None:
    """Run statements after each row of a table, or after each statement on it."""
    body = " ".join(f"{statement};" for statement in statements)
    head = f"CREATE TRIGGER {name} AFTER {event} ON {table} {granularity}"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NULL; END $$"
        )
        op.execute(f"{head} EXECUTE FUNCTION {name}()")
    else:
        op.execute(f"{head} BEGIN {body} END")


def triggers() -> list[Trigger]:
    """
    Return what keeps the numbers.

    PostgreSQL counts the rows of a statement at once: a row of numbers that one transaction changes
    thousands of times has as many versions, and whoever looks for the last one passes them all.
    """
    if op.get_bind().dialect.name == "postgresql":
        changes = [trigger for trigger in TRIGGERS if trigger[2] == "UPDATE"]
        return STATEMENT_TRIGGERS + changes
    return TRIGGERS


def one_more(table: str, counted: str, row: str, *keys: str) -> str:
    """Count a row up where its keys say."""
    columns = ", ".join(("clinic_id", *keys))
    values = ", ".join(f"{row}.{column}" for column in ("clinic_id", *keys))
    return (
        f"INSERT INTO {table} ({columns}, {counted}) VALUES ({values}, 1) "  # noqa: S608 - our names
        f"ON CONFLICT ({columns}) DO UPDATE SET {counted} = {table}.{counted} + 1"
    )


def one_less(table: str, counted: str, row: str, *keys: str) -> str:
    """Count a row down where its keys say."""
    where = " AND ".join(f"{column} = {row}.{column}" for column in ("clinic_id", *keys))
    return f"UPDATE {table} SET {counted} = {counted} - 1 WHERE {where}"  # noqa: S608


def counting(table: str, tallies: str, counted: str, *keys: str) -> list[Trigger]:
    """Return the triggers that count the rows of a table by clinic and keys."""
    differs = " OR ".join(f"OLD.{key} <> NEW.{key}" for key in ("clinic_id", *keys))
    more = one_more(tallies, counted, "NEW", *keys)
    less = one_less(tallies, counted, "OLD", *keys)
    return [
        (f"{table}_added", table, "INSERT", EACH_ROW, [more]),
        (f"{table}_removed", table, "DELETE", EACH_ROW, [less]),
        (f"{table}_changed", table, "UPDATE", f"{EACH_ROW} WHEN ({differs})", [less, more]),
    ]


def many_more(table: str, *counted: tuple[str, str], keys: Sequence[str] = ()) -> str:
    """Count the rows of a statement up where their keys say; each number has its expression."""
    columns = ", ".join(("clinic_id", *keys))
    names = ", ".join(name for name, _ in counted)
    numbers = ", ".join(number for _, number in counted)
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name, _ in counted)
    return (
        f"INSERT INTO {table} ({columns}, {names}) "  # noqa: S608 - our names
        f"SELECT {columns}, {numbers} FROM counted GROUP BY {columns} ORDER BY {columns} "
        f"ON CONFLICT ({columns}) DO UPDATE SET {added}"
    )


def many_less(table: str, *counted: tuple[str, str], keys: Sequence[str] = ()) -> str:
    """Count the rows of a statement down where their keys say."""
    columns = ", ".join(("clinic_id", *keys))
    numbers = ", ".join(f"{number} AS {name}" for name, number in counted)
    taken = ", ".join(f"{name} = {table}.{name} - gone.{name}" for name, _ in counted)
    same = " AND ".join(f"{table}.{column} = gone.{column}" for column in ("clinic_id", *keys))
    return (
        f"UPDATE {table} SET {taken} "  # noqa: S608
        f"FROM (SELECT {columns}, {numbers} FROM counted GROUP BY {columns}) AS gone WHERE {same}"
    )


EACH_ROW: Final = "FOR EACH ROW"
ALL_NEW: Final = "REFERENCING NEW TABLE AS counted FOR EACH STATEMENT"
ALL_OLD: Final = "REFERENCING OLD TABLE AS counted FOR EACH STATEMENT"

PATIENT_COMES: Final = (
    "INSERT INTO patient_tallies (clinic_id, total, outside_plan) "
    "VALUES (NEW.clinic_id, 1, CASE WHEN NEW.outside_plan THEN 1 ELSE 0 END) "
    "ON CONFLICT (clinic_id) DO UPDATE SET total = patient_tallies.total + 1, "
    "outside_plan = patient_tallies.outside_plan + excluded.outside_plan"
)
PATIENT_GOES: Final = (
    "UPDATE patient_tallies SET total = total - 1, "
    "outside_plan = outside_plan - CASE WHEN OLD.outside_plan THEN 1 ELSE 0 END "
    "WHERE clinic_id = OLD.clinic_id"
)
PLAN_CHANGES: Final = "OLD.clinic_id = NEW.clinic_id AND OLD.outside_plan <> NEW.outside_plan"
# Patients with data of this provider are in no plan.
PLAN_LEFT: Final = (
    "UPDATE patients SET outside_plan = true WHERE id = NEW.patient_id AND NOT outside_plan"
)
PLAN_ENTERED: Final = (
    "UPDATE patients SET outside_plan = false WHERE id = OLD.patient_id AND outside_plan "
    "AND NOT EXISTS (SELECT 1 FROM patient_data_sources "
    "WHERE patient_id = OLD.patient_id AND provider_name = 'twiist')"
)

TRIGGERS: Final[list[Trigger]] = [
    ("patients_added", "patients", "INSERT", EACH_ROW, [PATIENT_COMES]),
    ("patients_removed", "patients", "DELETE", EACH_ROW, [PATIENT_GOES]),
    (
        "patients_moved",
        "patients",
        "UPDATE",
        f"{EACH_ROW} WHEN (OLD.clinic_id <> NEW.clinic_id)",
        [
            PATIENT_GOES,
            PATIENT_COMES,
            *(
                f"UPDATE {part} SET clinic_id = NEW.clinic_id WHERE patient_id = NEW.id"  # noqa: S608
                for part in ("patient_tags", "patient_sites", "patient_data_sources")
            ),
        ],
    ),
    (
        "patients_changed",
        "patients",
        "UPDATE",
        f"{EACH_ROW} WHEN ({PLAN_CHANGES})",
        [PATIENT_GOES, PATIENT_COMES],
    ),
    *counting("patient_tags", "tag_tallies", "patients", "tag_id"),
    *counting("patient_sites", "site_tallies", "patients", "site_id"),
    *counting("patient_data_sources", "provider_tallies", "data_sources", "provider_name", "state"),
    (
        "patients_leave_plan",
        "patient_data_sources",
        "INSERT",
        f"{EACH_ROW} WHEN (NEW.provider_name = 'twiist')",
        [PLAN_LEFT],
    ),
    (
        "patients_enter_plan",
        "patient_data_sources",
        "DELETE",
        f"{EACH_ROW} WHEN (OLD.provider_name = 'twiist')",
        [PLAN_ENTERED],
    ),
    (
        "patients_change_plan",
        "patient_data_sources",
        "UPDATE",
        f"{EACH_ROW} WHEN (OLD.provider_name <> NEW.provider_name)",
        [PLAN_LEFT.replace("WHERE", "WHERE NEW.provider_name = 'twiist' AND"), PLAN_ENTERED],
    ),
]

PATIENTS: Final = (("total", "count(*)"), ("outside_plan", "count(*) FILTER (WHERE outside_plan)"))
HOLDERS: Final = ("patients", "count(*)")
SOURCES: Final = ("data_sources", "count(*)")
PROVIDER: Final = ("provider_name", "state")
OUTSIDE: Final = "id IN (SELECT patient_id FROM counted WHERE provider_name = 'twiist')"
MANY_LEAVE_PLAN: Final = (
    f"UPDATE patients SET outside_plan = true WHERE NOT outside_plan AND {OUTSIDE}"  # noqa: S608
)
MANY_ENTER_PLAN: Final = (
    f"UPDATE patients SET outside_plan = false WHERE outside_plan AND {OUTSIDE} "  # noqa: S608
    "AND NOT EXISTS (SELECT 1 FROM patient_data_sources "
    "WHERE patient_id = patients.id AND provider_name = 'twiist')"
)

STATEMENT_TRIGGERS: Final[list[Trigger]] = [
    (
        "patients_added",
        "patients",
        "INSERT",
        ALL_NEW,
        [many_more("patient_tallies", *PATIENTS)],
    ),
    (
        "patients_removed",
        "patients",
        "DELETE",
        ALL_OLD,
        [many_less("patient_tallies", *PATIENTS)],
    ),
    (
        "patient_tags_added",
        "patient_tags",
        "INSERT",
        ALL_NEW,
        [many_more("tag_tallies", HOLDERS, keys=["tag_id"])],
    ),
    (
        "patient_tags_removed",
        "patient_tags",
        "DELETE",
        ALL_OLD,
        [many_less("tag_tallies", HOLDERS, keys=["tag_id"])],
    ),
    (
        "patient_sites_added",
        "patient_sites",
        "INSERT",
        ALL_NEW,
        [many_more("site_tallies", HOLDERS, keys=["site_id"])],
    ),
    (
        "patient_sites_removed",
        "patient_sites",
        "DELETE",
        ALL_OLD,
        [many_less("site_tallies", HOLDERS, keys=["site_id"])],
    ),
    (
        "patient_data_sources_added",
        "patient_data_sources",
        "INSERT",
        ALL_NEW,
        [many_more("provider_tallies", SOURCES, keys=PROVIDER), MANY_LEAVE_PLAN],
    ),
    (
        "patient_data_sources_removed",
        "patient_data_sources",
        "DELETE",
        ALL_OLD,
        [many_less("provider_tallies", SOURCES, keys=PROVIDER), MANY_ENTER_PLAN],
    ),
]


def create_tables() -> None:
    op.create_table(
        "accounts",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("username", sa.Text()),
        sa.Column("username_key", KEY),
        sa.Column("emails", DOCUMENT, nullable=False),
        sa.Column("roles", DOCUMENT, nullable=False),
        sa.Column("profile", DOCUMENT, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("is_server", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("client_secret_hash", sa.Text()),
        sa.Column("custodian", KEY),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_accounts")),
        sa.UniqueConstraint("user_id", name=op.f("uq_accounts_user_id")),
        sa.UniqueConstraint("username_key", name=op.f("uq_accounts_username_key")),
    )
    op.create_table(
        "clinic_deletions",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("deleted_time", MOMENT, nullable=False),
        sa.Column("deleted_by", KEY),
        sa.Column("id", KEY, nullable=False),
        sa.Column("share_code", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("updated_time", MOMENT, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("preferred_bg_units", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("city", sa.Text()),
        sa.Column("state", sa.Text()),
        sa.Column("postal_code", sa.Text()),
        sa.Column("country", sa.Text()),
        sa.Column("website", sa.Text()),
        sa.Column("clinic_type", sa.Text()),
        sa.Column("clinic_size", sa.Text()),
        sa.Column("phone_numbers", DOCUMENT),
        sa.Column("timezone", sa.Text()),
        sa.Column("share_codes", DOCUMENT),
        sa.Column("admins", DOCUMENT, nullable=False),
        sa.Column("is_migrated", sa.Boolean(), nullable=False),
        sa.Column("tier", sa.Text()),
        sa.Column("tags", DOCUMENT),
        sa.Column("sites", DOCUMENT),
        sa.Column("last_deleted_tag", KEY),
        sa.Column("suppressed_notifications", DOCUMENT),
        sa.Column("membership_restrictions", DOCUMENT, nullable=False),
        sa.Column("mrn_settings", DOCUMENT),
        sa.Column("ehr_settings", DOCUMENT),
        sa.Column("patient_count_settings", DOCUMENT),
        sa.Column("patient_count", DOCUMENT),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_clinic_deletions")),
    )
    op.create_index(op.f("ix_clinic_deletions_deleted_time"), "clinic_deletions", ["deleted_time"])
    op.create_index(op.f("ix_clinic_deletions_id_number"), "clinic_deletions", ["id", "number"])
    op.create_table(
        "clinician_deletions",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("deleted_time", MOMENT, nullable=False),
        sa.Column("deleted_by", KEY),
        sa.Column("id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("updated_time", MOMENT, nullable=False),
        sa.Column("user_id", KEY),
        sa.Column("invite_id", KEY),
        sa.Column("email", KEY),
        sa.Column("name", sa.Text()),
        sa.Column("roles", DOCUMENT),
        sa.Column("roles_updates", DOCUMENT, nullable=False),
        sa.Column("is_service_account", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_clinician_deletions")),
    )
    op.create_index(
        op.f("ix_clinician_deletions_clinic_id_number"),
        "clinician_deletions",
        ["clinic_id", "number"],
    )
    op.create_index(
        op.f("ix_clinician_deletions_deleted_time"), "clinician_deletions", ["deleted_time"]
    )
    op.create_table(
        "clinics",
        sa.Column("id", KEY, nullable=False),
        sa.Column("share_code", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("updated_time", MOMENT, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("preferred_bg_units", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("city", sa.Text()),
        sa.Column("state", sa.Text()),
        sa.Column("postal_code", sa.Text()),
        sa.Column("country", sa.Text()),
        sa.Column("website", sa.Text()),
        sa.Column("clinic_type", sa.Text()),
        sa.Column("clinic_size", sa.Text()),
        sa.Column("phone_numbers", DOCUMENT),
        sa.Column("timezone", sa.Text()),
        sa.Column("admins", DOCUMENT, nullable=False),
        sa.Column("is_migrated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("tier", sa.Text()),
        sa.Column("tags_set", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("last_deleted_tag", KEY),
        sa.Column("suppressed_notifications", DOCUMENT),
        sa.Column("membership_restrictions", DOCUMENT, nullable=False),
        sa.Column("mrn_settings", DOCUMENT),
        sa.Column("ehr_settings", DOCUMENT),
        sa.Column("ehr_enabled", sa.Boolean()),
        sa.Column("ehr_source_id", KEY),
        sa.Column("patient_count_settings", DOCUMENT),
        sa.Column("patient_count", DOCUMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinics")),
        sa.UniqueConstraint("share_code", name=op.f("uq_clinics_share_code")),
    )
    op.create_index(op.f("ix_clinics_created_time_id"), "clinics", ["created_time", "id"])
    op.create_index(op.f("ix_clinics_ehr_source_id"), "clinics", ["ehr_source_id"])
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("signing_key", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "issued_tokens",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("is_server", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("issued_time", MOMENT, nullable=False),
        sa.Column("expires_time", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_issued_tokens")),
        sa.UniqueConstraint("id", name=op.f("uq_issued_tokens_id")),
    )
    op.create_index(
        op.f("ix_issued_tokens_user_id_issued_time_number"),
        "issued_tokens",
        ["user_id", "issued_time", "number"],
    )
    op.create_table(
        "patient_deletions",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("deleted_time", MOMENT, nullable=False),
        sa.Column("deleted_by", KEY),
        sa.Column("id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("updated_time", MOMENT, nullable=False),
        sa.Column("full_name", sa.Text()),
        sa.Column("birth_date", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("mrn", KEY),
        sa.Column("target_devices", DOCUMENT),
        sa.Column("tags", DOCUMENT),
        sa.Column("sites", DOCUMENT),
        sa.Column("data_sources", DOCUMENT),
        sa.Column("permissions", DOCUMENT),
        sa.Column("is_migrated", sa.Boolean(), nullable=False),
        sa.Column("legacy_clinician_ids", DOCUMENT, nullable=False),
        sa.Column("invited_by", KEY),
        sa.Column("require_unique_mrn", sa.Boolean(), nullable=False),
        sa.Column("reviews", DOCUMENT),
        sa.Column("last_upload_reminder_time", MOMENT),
        sa.Column("connection_requests", DOCUMENT),
        sa.Column("ehr_subscriptions", DOCUMENT),
        sa.Column("glycemic_ranges", DOCUMENT),
        sa.Column("diagnosis_type", sa.Text()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_patient_deletions")),
    )
    op.create_index(
        op.f("ix_patient_deletions_clinic_id_number"), "patient_deletions", ["clinic_id", "number"]
    )
    op.create_index(
        op.f("ix_patient_deletions_deleted_time"), "patient_deletions", ["deleted_time"]
    )
    op.create_table(
        "clinic_share_codes",
        sa.Column("code", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_clinic_share_codes_position")),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_clinic_share_codes_clinic_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_clinic_share_codes")),
    )
    op.create_index(
        op.f("ix_clinic_share_codes_clinic_id_position"),
        "clinic_share_codes",
        ["clinic_id", "position"],
    )
    op.create_table(
        "clinic_sites",
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("site_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_clinic_sites_position")),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_clinic_sites_clinic_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("clinic_id", "site_id", name=op.f("pk_clinic_sites")),
        sa.UniqueConstraint(
            "clinic_id", "name_key", name=op.f("uq_clinic_sites_clinic_id_name_key")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "clinic_tags",
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("tag_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_clinic_tags_position")),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_clinic_tags_clinic_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("clinic_id", "tag_id", name=op.f("pk_clinic_tags")),
        sa.UniqueConstraint(
            "clinic_id", "name_key", name=op.f("uq_clinic_tags_clinic_id_name_key")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "clinicians",
        sa.Column("id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("updated_time", MOMENT, nullable=False),
        sa.Column("user_id", KEY),
        sa.Column("invite_id", KEY),
        sa.Column("email", KEY),
        sa.Column("name", sa.Text()),
        sa.Column("roles", DOCUMENT),
        sa.Column("roles_updates", DOCUMENT, nullable=False),
        sa.Column("is_service_account", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_clinicians_clinic_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinicians")),
    )
    op.create_index(
        op.f("ix_clinicians_clinic_id_created_time_id"),
        "clinicians",
        ["clinic_id", "created_time", "id"],
    )
    op.create_index(op.f("ix_clinicians_created_time_id"), "clinicians", ["created_time", "id"])
    op.create_index(
        op.f("ix_clinicians_user_id_created_time_id"),
        "clinicians",
        ["user_id", "created_time", "id"],
    )
    op.create_index(
        "uq_clinicians_clinic_id_email",
        "clinicians",
        ["clinic_id", "email"],
        unique=True,
        sqlite_where=sa.text("email IS NOT NULL"),
        postgresql_where=sa.text("email IS NOT NULL"),
    )
    op.create_index(
        "uq_clinicians_clinic_id_invite_id",
        "clinicians",
        ["clinic_id", "invite_id"],
        unique=True,
        sqlite_where=sa.text("invite_id IS NOT NULL"),
        postgresql_where=sa.text("invite_id IS NOT NULL"),
    )
    op.create_index(
        "uq_clinicians_clinic_id_user_id",
        "clinicians",
        ["clinic_id", "user_id"],
        unique=True,
        sqlite_where=sa.text("user_id IS NOT NULL"),
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_table(
        "patient_tallies",
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("outside_plan", sa.Integer(), nullable=False),
        sa.CheckConstraint("outside_plan >= 0", name=op.f("ck_patient_tallies_outside_plan")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_patient_tallies_total")),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_patient_tallies_clinic_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("clinic_id", name=op.f("pk_patient_tallies")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "patients",
        sa.Column("id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("created_time", MOMENT, nullable=False),
        sa.Column("updated_time", MOMENT, nullable=False),
        sa.Column("full_name", sa.Text()),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("birth_date", sa.Text()),
        sa.Column("birth_date_key", KEY),
        sa.Column("email", sa.Text()),
        sa.Column("email_search", sa.Text()),
        sa.Column("mrn", KEY),
        sa.Column("mrn_key", KEY),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("target_devices", DOCUMENT),
        sa.Column("tags_set", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("sites_set", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("data_sources_set", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("outside_plan", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("permissions", DOCUMENT),
        sa.Column("is_custodial", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_migrated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("legacy_clinician_ids", DOCUMENT, nullable=False),
        sa.Column("invited_by", KEY),
        sa.Column("require_unique_mrn", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reviews", DOCUMENT),
        sa.Column("last_reviewed", MOMENT),
        sa.Column("last_upload_reminder_time", MOMENT),
        sa.Column("connection_requests", DOCUMENT),
        sa.Column("ehr_subscriptions", DOCUMENT),
        sa.Column("glycemic_ranges", DOCUMENT),
        sa.Column("non_standard_ranges", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("diagnosis_type", sa.Text()),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_patients_clinic_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
        sa.UniqueConstraint("clinic_id", "user_id", name=op.f("uq_patients_clinic_id_user_id")),
    )
    op.create_index(
        op.f("ix_patients_clinic_id_birth_date_key"), "patients", ["clinic_id", "birth_date_key"]
    )
    op.create_index(op.f("ix_patients_clinic_id_mrn_key"), "patients", ["clinic_id", "mrn_key"])
    op.create_index(
        op.f("ix_patients_clinic_id_name_key_id"), "patients", ["clinic_id", "name_key", "id"]
    )
    op.create_index(op.f("ix_patients_user_id"), "patients", ["user_id"])
    op.create_index(
        "uq_patients_clinic_id_mrn",
        "patients",
        ["clinic_id", "mrn"],
        unique=True,
        sqlite_where=sa.text("require_unique_mrn"),
        postgresql_where=sa.text("require_unique_mrn"),
    )
    op.create_table(
        "provider_tallies",
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("provider_name", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("data_sources", sa.Integer(), nullable=False),
        sa.CheckConstraint("data_sources >= 0", name=op.f("ck_provider_tallies_data_sources")),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_provider_tallies_clinic_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint(
            "clinic_id", "provider_name", "state", name=op.f("pk_provider_tallies")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "site_tallies",
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("site_id", KEY, nullable=False),
        sa.Column("patients", sa.Integer(), nullable=False),
        sa.CheckConstraint("patients >= 0", name=op.f("ck_site_tallies_patients")),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_site_tallies_clinic_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("clinic_id", "site_id", name=op.f("pk_site_tallies")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tag_tallies",
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("tag_id", KEY, nullable=False),
        sa.Column("patients", sa.Integer(), nullable=False),
        sa.CheckConstraint("patients >= 0", name=op.f("ck_tag_tallies_patients")),
        sa.ForeignKeyConstraint(
            ["clinic_id"],
            ["clinics.id"],
            name=op.f("fk_tag_tallies_clinic_id"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("clinic_id", "tag_id", name=op.f("pk_tag_tallies")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "patient_data_sources",
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("provider_name", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("data_source_id", KEY),
        sa.Column("modified_time", MOMENT),
        sa.Column("expiration_time", MOMENT),
        sa.Column("latest_data_time", MOMENT),
        sa.CheckConstraint("position >= 0", name=op.f("ck_patient_data_sources_position")),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_patient_data_sources_patient_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("patient_id", "position", name=op.f("pk_patient_data_sources")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "patient_sites",
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("site_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_patient_sites_position")),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_patient_sites_patient_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("patient_id", "site_id", name=op.f("pk_patient_sites")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_patient_sites_clinic_id_site_id_patient_id"),
        "patient_sites",
        ["clinic_id", "site_id", "patient_id"],
    )
    op.create_table(
        "patient_tags",
        sa.Column("patient_id", KEY, nullable=False),
        sa.Column("clinic_id", KEY, nullable=False),
        sa.Column("tag_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_patient_tags_position")),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_patient_tags_patient_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("patient_id", "tag_id", name=op.f("pk_patient_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_patient_tags_clinic_id_tag_id_patient_id"),
        "patient_tags",
        ["clinic_id", "tag_id", "patient_id"],
    )
