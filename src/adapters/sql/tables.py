"""
The tables: the same on SQLite and PostgreSQL.

Times are whole milliseconds since the epoch, exact and ordered everywhere. What nobody looks for is
a JSON document; what is derived and looked for has a column of its own. The tables named
`..._tallies` are written by triggers alone (see the first migration).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from clinic_domain.patients.summaries import FLAGS, MEASURES, Period, SummaryKind, is_whole

metadata: Final = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# Ids and keys are compared code point by code point, whatever the language of the database.
Key: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Document: Final = sa.JSON().with_variant(JSONB(), "postgresql")
Moment: Final = sa.BigInteger()
Serial: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TEXTS_OF_DETAILS: Final = (
    "name",
    "preferred_bg_units",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "website",
    "clinic_type",
    "clinic_size",
)


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _clinic_id(*, on_delete: str | None = None) -> sa.Column[Any]:
    # Deferred, so that a use case removes and adds in the order that suits it.
    reference = sa.ForeignKey(
        "clinics.id", ondelete=on_delete, deferrable=True, initially="DEFERRED"
    )
    return sa.Column("clinic_id", Key, reference, nullable=False)


def _patient_id() -> sa.Column[Any]:
    return sa.Column(
        "patient_id", Key, sa.ForeignKey("patients.id", ondelete="CASCADE"), nullable=False
    )


def _at_least_zero(column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} >= 0", name=column)


clinics: Final = sa.Table(
    "clinics",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("share_code", Key),
    _needed("created_time", Moment),
    _needed("updated_time", Moment),
    *(sa.Column(name, sa.Text) for name in TEXTS_OF_DETAILS),
    sa.Column("phone_numbers", Document),
    sa.Column("timezone", sa.Text),
    _needed("admins", Document),
    _flag("is_migrated"),
    sa.Column("tier", sa.Text),
    _flag("tags_set"),
    sa.Column("last_deleted_tag", Key),
    sa.Column("suppressed_notifications", Document),
    _needed("membership_restrictions", Document),
    sa.Column("mrn_settings", Document),
    sa.Column("ehr_settings", Document),
    sa.Column("ehr_enabled", sa.Boolean),
    sa.Column("ehr_source_id", Key, index=True),
    sa.Column("ehr_provider", Key),
    sa.Column("patient_count_settings", Document),
    sa.Column("patient_count", Document),
    sa.UniqueConstraint("share_code"),
    sa.Index(None, "created_time", "id"),
)

clinic_share_codes: Final = sa.Table(
    "clinic_share_codes",
    metadata,
    sa.Column("code", Key, primary_key=True),
    _clinic_id(on_delete="CASCADE"),
    _needed("position", sa.Integer),
    sa.Index(None, "clinic_id", "position"),
    _at_least_zero("position"),
)

clinic_tags: Final = sa.Table(
    "clinic_tags",
    metadata,
    _clinic_id(on_delete="CASCADE"),
    _needed("tag_id", Key),
    _needed("position", sa.Integer),
    _needed("name", sa.Text),
    _needed("name_key", Key),
    sa.PrimaryKeyConstraint("clinic_id", "tag_id"),
    sa.UniqueConstraint("clinic_id", "name_key"),
    _at_least_zero("position"),
    sqlite_with_rowid=False,
)

clinic_sites: Final = sa.Table(
    "clinic_sites",
    metadata,
    _clinic_id(on_delete="CASCADE"),
    _needed("site_id", Key),
    _needed("position", sa.Integer),
    _needed("name", sa.Text),
    _needed("name_key", Key),
    sa.PrimaryKeyConstraint("clinic_id", "site_id"),
    sa.UniqueConstraint("clinic_id", "name_key"),
    _at_least_zero("position"),
    sqlite_with_rowid=False,
)

clinicians: Final = sa.Table(
    "clinicians",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _clinic_id(),
    _needed("created_time", Moment),
    _needed("updated_time", Moment),
    sa.Column("user_id", Key),
    sa.Column("invite_id", Key),
    sa.Column("email", Key),
    sa.Column("name", sa.Text),
    sa.Column("roles", Document),
    _needed("roles_updates", Document),
    _flag("is_service_account"),
    sa.Index(None, "clinic_id", "created_time", "id"),
    sa.Index(None, "user_id", "created_time", "id"),
    sa.Index(None, "created_time", "id"),
    *(
        sa.Index(
            f"uq_clinicians_clinic_id_{name}",
            "clinic_id",
            name,
            unique=True,
            sqlite_where=sa.text(f"{name} IS NOT NULL"),
            postgresql_where=sa.text(f"{name} IS NOT NULL"),
        )
        for name in ("user_id", "invite_id", "email")
    ),
)

patients: Final = sa.Table(
    "patients",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _clinic_id(),
    _needed("user_id", Key),
    _needed("created_time", Moment),
    _needed("updated_time", Moment),
    sa.Column("full_name", sa.Text),
    _needed("name_key", Key),
    sa.Column("birth_date", sa.Text),
    sa.Column("birth_date_key", Key),
    sa.Column("email", sa.Text),
    sa.Column("email_search", sa.Text),
    sa.Column("mrn", Key),
    sa.Column("mrn_key", Key),
    # Name, MRN and birth date; an address changes by itself and stands by itself.
    _needed("search_text", sa.Text),
    sa.Column("target_devices", Document),
    _flag("tags_set"),
    _flag("sites_set"),
    _flag("data_sources_set"),
    _flag("outside_plan"),
    sa.Column("permissions", Document),
    _flag("is_custodial"),
    _flag("is_migrated"),
    _needed("legacy_clinician_ids", Document),
    sa.Column("invited_by", Key),
    _flag("require_unique_mrn"),
    sa.Column("reviews", Document),
    sa.Column("last_reviewed", Moment),
    sa.Column("last_upload_reminder_time", Moment),
    sa.Column("connection_requests", Document),
    sa.Column("ehr_subscriptions", Document),
    _flag("sends_reports"),
    sa.Column("glycemic_ranges", Document),
    _flag("non_standard_ranges"),
    sa.Column("diagnosis_type", sa.Text),
    _flag("summary_set"),
    sa.UniqueConstraint("clinic_id", "user_id"),
    # What refers to a record by clinic and id goes with it into another clinic.
    sa.Index("uq_patients_clinic_id_id", "clinic_id", "id", unique=True),
    sa.Index(
        "uq_patients_clinic_id_mrn",
        "clinic_id",
        "mrn",
        unique=True,
        sqlite_where=sa.text("require_unique_mrn"),
        postgresql_where=sa.text("require_unique_mrn"),
    ),
    sa.Index(None, "user_id"),
    sa.Index(None, "clinic_id", "name_key", "id"),
    sa.Index(None, "clinic_id", "mrn_key"),
    sa.Index(None, "clinic_id", "birth_date_key"),
    sa.Index(
        "ix_patients_clinic_id_sends_reports",
        "clinic_id",
        "id",
        sqlite_where=sa.text("sends_reports"),
        postgresql_where=sa.text("sends_reports"),
    ),
)

patient_tags: Final = sa.Table(
    "patient_tags",
    metadata,
    _patient_id(),
    _needed("clinic_id", Key),
    _needed("tag_id", Key),
    _needed("position", sa.Integer),
    sa.PrimaryKeyConstraint("patient_id", "tag_id"),
    sa.Index(None, "clinic_id", "tag_id", "patient_id"),
    _at_least_zero("position"),
    sqlite_with_rowid=False,
)

# The name stands beside the id, so a patient reads the same whatever becomes of the clinic's site.
patient_sites: Final = sa.Table(
    "patient_sites",
    metadata,
    _patient_id(),
    _needed("clinic_id", Key),
    _needed("site_id", Key),
    _needed("position", sa.Integer),
    _needed("name", sa.Text),
    sa.PrimaryKeyConstraint("patient_id", "site_id"),
    sa.Index(None, "clinic_id", "site_id", "patient_id"),
    _at_least_zero("position"),
    sqlite_with_rowid=False,
)

patient_data_sources: Final = sa.Table(
    "patient_data_sources",
    metadata,
    _patient_id(),
    _needed("position", sa.Integer),
    _needed("clinic_id", Key),
    _needed("provider_name", Key),
    _needed("state", Key),
    sa.Column("data_source_id", Key),
    sa.Column("modified_time", Moment),
    sa.Column("expiration_time", Moment),
    sa.Column("latest_data_time", Moment),
    sa.PrimaryKeyConstraint("patient_id", "position"),
    _at_least_zero("position"),
    sqlite_with_rowid=False,
)

# A summary is a document of ten thousand bytes and more. Whatever lists ask for stands in narrow
# tables as well, in the order of clinics, so that a list of a clinic reads a few hundred bytes of
# each patient, side by side. The periods, nearly all of it, come last, and all else without them.
patient_summaries: Final = sa.Table(
    "patient_summaries",
    metadata,
    _patient_id(),
    _needed("kind", Key),
    _needed("summary_id", Key),
    _needed("head", sa.Text),
    _needed("periods", sa.Text),
    sa.PrimaryKeyConstraint("patient_id", "kind"),
    sa.Index(None, "summary_id"),
)

DATES: Final = ("last_upload_date", "last_data", "first_data", "outdated_since")


def _by_clinic(name: str, parent: str, parent_key: str, *columns: sa.Column[Any]) -> sa.Table:
    """Return a table of something that a patient has once, or not at all."""
    return sa.Table(
        name,
        metadata,
        _needed("clinic_id", Key),
        _needed("patient_id", Key),
        *columns,
        sa.PrimaryKeyConstraint("clinic_id", "patient_id"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "patient_id"],
            [f"{parent}.clinic_id", f"{parent}.{parent_key}"],
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        sqlite_with_rowid=False,
    )


def column_of(kind: SummaryKind, name: str) -> str:
    """Return the column that holds a date or metric of a kind: `cgm_time_cgm_use_percent_delta`."""
    words = re.sub("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return f"{kind}_{words}"


def flags_of(kind: SummaryKind) -> str:
    """Return the column that holds all flags of a kind, two bits for each: set, and known."""
    return f"{kind}_flags"


summary_dates: Final = _by_clinic(
    "summary_dates",
    "patients",
    "id",
    *(
        sa.Column(column_of(kind, f"has_{name}"), sa.Boolean)
        for kind in SummaryKind
        for name in DATES
    ),
    *(sa.Column(column_of(kind, name), Moment) for kind in SummaryKind for name in DATES),
)
"""The dates of summaries; who has no summary has no row, who has none of a kind no flags of it."""


def _cost(column: tuple[SummaryKind, str]) -> tuple[bool, bool]:
    # A column costs the more to look at, the more columns come before it: whole numbers, which
    # fewer ask for, are at the end, and so are changes.
    _, name = column
    return is_whole(name), is_delta(name)


def is_delta(metric: str) -> bool:
    return metric.endswith("Delta")


METRICS: Final = tuple((kind, name) for kind in SummaryKind for name in MEASURES[kind])
summary_metrics: Final[Mapping[Period, sa.Table]] = {
    period: _by_clinic(
        f"summary_{period}",
        "summary_dates",
        "patient_id",
        *(sa.Column(flags_of(kind), sa.BigInteger) for kind in SummaryKind),
        *(sa.Column(column_of(*each), sa.Double) for each in sorted(METRICS, key=_cost)),
    )
    for period in Period
}
"""
The metrics of each period that can be asked for, of both kinds: who filters by both joins nothing.
"""
FLAG_BITS: Final[Mapping[SummaryKind, Mapping[str, int]]] = {
    kind: {name: 2 * at for at, name in enumerate(FLAGS[kind])} for kind in SummaryKind
}
"""At which bit of the number a flag begins."""

# Outlives its clinic, and holds its user for good.
migrations: Final = sa.Table(
    "migrations",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("clinic_id", Key),
    _needed("user_id", Key),
    _needed("created_time", Moment),
    _needed("updated_time", Moment),
    _needed("status", sa.Text),
    sa.UniqueConstraint("user_id"),
    sa.Index(None, "clinic_id", "id"),
)

# What partners sent stays as it came: JSON whose members keep their order.
messages: Final = sa.Table(
    "messages",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("meta", sa.Text),
    _needed("content", sa.Text),
)

report_orders: Final = sa.Table(
    "report_orders",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("clinic_id", Key),
    _needed("user_id", Key),
    _needed("created_time", Moment),
    sa.Column("message_id", Key),
    sa.Column("preceding_id", Key),
    sa.Column("preceding_time", Moment),
    sa.Index(None, "clinic_id", "id"),
    sa.Index(None, "message_id", "created_time", "id"),
    sa.Index(None, "created_time"),
)

preorders: Final = sa.Table(
    "preorders",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("tracking_id", Key),
    _needed("entry", sa.Text),
    sa.UniqueConstraint("tracking_id"),
)

enrollment_orders: Final = sa.Table(
    "enrollment_orders",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("event", sa.Text),
    _needed("data", sa.Text),
)

report_views: Final = sa.Table(
    "report_views",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("viewer_id", Key),
    _needed("deployment", Key),
    _needed("patient_id", Key),
    _needed("program_id", Key),
    _needed("clinic_id", Key),
    _needed("created_time", Moment),
    sa.Column("login", sa.Text),
    sa.Index(None, "patient_id", "clinic_id", "created_time"),
)

patient_tallies: Final = sa.Table(
    "patient_tallies",
    metadata,
    _clinic_id(on_delete="CASCADE"),
    _needed("total", sa.Integer),
    _needed("outside_plan", sa.Integer),
    sa.PrimaryKeyConstraint("clinic_id"),
    _at_least_zero("total"),
    _at_least_zero("outside_plan"),
    sqlite_with_rowid=False,
)

provider_tallies: Final = sa.Table(
    "provider_tallies",
    metadata,
    _clinic_id(on_delete="CASCADE"),
    _needed("provider_name", Key),
    _needed("state", Key),
    _needed("data_sources", sa.Integer),
    sa.PrimaryKeyConstraint("clinic_id", "provider_name", "state"),
    _at_least_zero("data_sources"),
    sqlite_with_rowid=False,
)

tag_tallies: Final = sa.Table(
    "tag_tallies",
    metadata,
    _clinic_id(on_delete="CASCADE"),
    _needed("tag_id", Key),
    _needed("patients", sa.Integer),
    sa.PrimaryKeyConstraint("clinic_id", "tag_id"),
    _at_least_zero("patients"),
    sqlite_with_rowid=False,
)

site_tallies: Final = sa.Table(
    "site_tallies",
    metadata,
    _clinic_id(on_delete="CASCADE"),
    _needed("site_id", Key),
    _needed("patients", sa.Integer),
    sa.PrimaryKeyConstraint("clinic_id", "site_id"),
    _at_least_zero("patients"),
    sqlite_with_rowid=False,
)


def _deletions(name: str, *columns: sa.Column[Any], of: str) -> sa.Table:
    """Return a table of removed records: all that they were, in the order of their removal."""
    return sa.Table(
        name,
        metadata,
        sa.Column("number", Serial, primary_key=True),
        _needed("deleted_time", Moment),
        sa.Column("deleted_by", Key),
        *columns,
        sa.Index(None, of, "number"),
        sa.Index(None, "deleted_time"),
    )


def _copies(table: sa.Table, names: tuple[str, ...]) -> list[sa.Column[Any]]:
    return [
        sa.Column(name, table.c[name].type, nullable=table.c[name].nullable)
        if name in table.c
        # JSON of the database would change the numbers of a summary: 1e22 becomes a whole one.
        else sa.Column(name, sa.Text if name == "summary" else Document)
        for name in names
    ]


CLINIC_FIELDS: Final = (
    "id",
    "share_code",
    "created_time",
    "updated_time",
    *TEXTS_OF_DETAILS,
    "phone_numbers",
    "timezone",
    "share_codes",
    "admins",
    "is_migrated",
    "tier",
    "tags",
    "sites",
    "last_deleted_tag",
    "suppressed_notifications",
    "membership_restrictions",
    "mrn_settings",
    "ehr_settings",
    "patient_count_settings",
    "patient_count",
)
CLINICIAN_FIELDS: Final = (
    "id",
    "clinic_id",
    "created_time",
    "updated_time",
    "user_id",
    "invite_id",
    "email",
    "name",
    "roles",
    "roles_updates",
    "is_service_account",
)
PATIENT_FIELDS: Final = (
    "id",
    "clinic_id",
    "user_id",
    "created_time",
    "updated_time",
    "full_name",
    "birth_date",
    "email",
    "mrn",
    "target_devices",
    "tags",
    "sites",
    "data_sources",
    "permissions",
    "is_migrated",
    "legacy_clinician_ids",
    "invited_by",
    "require_unique_mrn",
    "reviews",
    "last_upload_reminder_time",
    "connection_requests",
    "ehr_subscriptions",
    "glycemic_ranges",
    "diagnosis_type",
    "summary",
)

clinic_deletions: Final = _deletions("clinic_deletions", *_copies(clinics, CLINIC_FIELDS), of="id")
clinician_deletions: Final = _deletions(
    "clinician_deletions", *_copies(clinicians, CLINICIAN_FIELDS), of="clinic_id"
)
patient_deletions: Final = _deletions(
    "patient_deletions", *_copies(patients, PATIENT_FIELDS), of="clinic_id"
)

merge_records: Final = sa.Table(
    "merge_records",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("plan_id", Key),
    _needed("kind", Key),
    _needed("plan", Document),
    sa.Index(None, "plan_id", "id"),
)

accounts: Final = sa.Table(
    "accounts",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    _needed("user_id", Key),
    sa.Column("username", sa.Text),
    sa.Column("username_key", Key),
    _needed("emails", Document),
    _needed("roles", Document),
    _needed("profile", Document),
    _needed("created_time", Moment),
    _flag("is_server"),
    sa.Column("client_secret_hash", sa.Text),
    sa.Column("custodian", Key),
    sa.UniqueConstraint("user_id"),
    sa.UniqueConstraint("username_key"),
)

issued_tokens: Final = sa.Table(
    "issued_tokens",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    _needed("id", Key),
    _needed("user_id", Key),
    _flag("is_server"),
    _needed("issued_time", Moment),
    _needed("expires_time", Moment),
    sa.UniqueConstraint("id"),
    sa.Index(None, "user_id", "issued_time", "number"),
)

installation: Final = sa.Table(
    "installation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _needed("signing_key", sa.Text),
    sa.CheckConstraint("id = 1", name="one_row"),
)

# An invite may outlive its clinic.
invites: Final = sa.Table(
    "invites",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("kind", Key),
    _needed("status", Key),
    _needed("clinic_id", Key),
    _needed("creator_id", Key),
    _needed("created_time", Moment),
    sa.Column("modified_time", Moment),
    _needed("email", sa.Text),
    _needed("email_key", Key),
    sa.Column("clinic_name", sa.Text),
    sa.Column("invitee_id", Key),
    sa.Column("offer", Document),
    sa.Column("expires_time", Moment),
    sa.Index(None, "clinic_id", "kind", "status", "created_time", "id"),
    sa.Index(None, "creator_id", "kind", "created_time", "id"),
    sa.Index(None, "email_key", "kind", "status"),
    sa.Index(None, "invitee_id", "kind", "created_time", "id"),
)

outbox: Final = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _needed("subject", Key),
    _needed("created_time", Moment),
    _needed("due_time", Moment),
    _needed("addresses", Document),
    sa.Column("user_id", Key),
    _needed("facts", Document),
    _needed("attempts", sa.Integer),
    _needed("state", Key),
    sa.Index(None, "state", "due_time", "id"),
)
