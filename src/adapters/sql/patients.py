"""Patients in SQL."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from adapters.sql import patient_statements as statements
from adapters.sql import summaries
from adapters.sql.changes import (
    BY_ID,
    Inserts,
    changed,
    cut,
    difference,
    settled,
    update,
    values_of,
)
from adapters.sql.dialects import EVERYTHING as NO_LIMIT
from adapters.sql.documents import number_of, text_of, value_of
from adapters.sql.patient_lists import Shape, matches_of, parameters_of
from adapters.sql.patient_rows import (
    data_source_row,
    indexed,
    key_or_none,
    patient_of,
    patient_with,
    row_of,
    searched,
)
from adapters.sql.statements import Parameters, Row, Session, Statement, UniqueViolation
from adapters.sql.summaries import KnownSummaries
from adapters.sql.tables import patients
from clinic_domain.clinics.model import ProviderCount, Site
from clinic_domain.deletions import Deletion
from clinic_domain.patients.errors import DuplicatePatient, MrnNotUnique, PatientNotFound
from clinic_domain.patients.model import (
    DataSource,
    EhrPatientQuery,
    Patient,
    PatientSearch,
    PatientSite,
    PatientWalk,
    Tally,
)
from clinic_domain.patients.ports import PatientRepository
from clinic_domain.patients.queries import PatientMatches, PatientPage, PatientQuery
from clinic_domain.patients.summaries import Stats, Summary, SummaryKind
from clinic_domain.text import collation_key
from clinic_domain.values import EVERYTHING, ClinicId, Page, RecordId, SiteId, TagId, UserId


def _refusal(violation: UniqueViolation, patient: Patient) -> Exception:
    if violation.name == "uq_patients_clinic_id_mrn":
        return MrnNotUnique(patient.clinic_id)
    return DuplicatePatient(patient.clinic_id, patient.user_id)


def _once(tags: tuple[TagId, ...] | None) -> list[TagId]:
    return list(dict.fromkeys(tags or ()))


def _distinct(sites: tuple[PatientSite, ...] | None) -> list[PatientSite]:
    """Return the sites, of several with one id the first (PAT-SITE-3)."""
    return list({site.id: site for site in reversed(sites or ())}.values())[::-1]


def _own(patient: Patient) -> dict[str, Any]:
    return {"patient_id": patient.id, "clinic_id": patient.clinic_id}


def _tag_rows(patient: Patient) -> list[dict[str, Any]]:
    tags = enumerate(_once(patient.tags))
    return [{**_own(patient), "tag_id": tag, "position": at} for at, tag in tags]


def _site_rows(patient: Patient) -> list[dict[str, Any]]:
    return [
        {**_own(patient), "site_id": site.id, "name": site.name, "position": at}
        for at, site in enumerate(_distinct(patient.sites))
    ]


def _source_rows(patient: Patient) -> list[dict[str, Any]]:
    return [
        {**_own(patient), **data_source_row(source), "position": at}
        for at, source in enumerate(patient.data_sources or ())
    ]


_PARTS: Final[Inserts] = (
    (statements.INSERT_TAG, _tag_rows),
    (statements.INSERT_SITE, _site_rows),
    (statements.INSERT_SOURCE, _source_rows),
    *summaries.INSERTS,
)
INSERTS: Final[Inserts] = ((statements.INSERT, lambda patient: [row_of(patient)]), *_PARTS)


def _which(some: Iterable[Patient]) -> dict[str, str]:
    return {"which": text_of([patient.id for patient in some])}


def _alike(
    changes: Iterable[tuple[Patient, Patient]],
) -> Iterable[tuple[tuple[tuple[str, Any], ...], list[Patient]]]:
    """Return the columns of `save_all` that change, and whose change in the same way."""
    groups: dict[tuple[tuple[str, Any], ...], list[Patient]] = {}
    for new, was in changes:
        columns = changed(_common(new), _common(was))
        groups.setdefault(tuple(columns.items()), []).append(new)
    return ((columns, some) for columns, some in groups.items() if columns)


def _common(patient: Patient) -> dict[str, Any]:
    return {
        "clinic_id": patient.clinic_id,
        "require_unique_mrn": patient.require_unique_mrn,
        "tags_set": patient.tags is not None,
        "sites_set": patient.sites is not None,
        "updated_time": number_of(patient.updated_time),
    }


def _conditions_of(query: EhrPatientQuery) -> Iterable[str]:
    if query.user_id is not None:
        yield "user"
    if query.has_subscription is not None:
        yield "subscription" if query.has_subscription else "no subscription"
    if query.has_mrn is not None:
        yield "mrn" if query.has_mrn else "no mrn"


def _of_some(clinic_id: ClinicId, user_ids: Collection[UserId] | None) -> dict[str, Any]:
    users = {} if user_ids is None else {"users": text_of(list(user_ids))}
    return {"which_clinic": clinic_id, **users}


@attrs.frozen
class SqlPatientRepository(PatientRepository):
    """
    A row per patient, with tags, sites and data sources in tables of their own.

    What is counted is counted by triggers, whatever statement changes a row.
    """

    _session: Session
    _summaries: KnownSummaries

    # One record

    async def find(self, clinic_id: ClinicId, user_id: UserId) -> Patient | None:
        await self._session.hold((clinic_id,))
        row = await self._session.first(
            statements.FIND, {"which_clinic": clinic_id, "which_user": user_id}
        )
        return None if row is None else patient_of(row)

    async def add(self, patient: Patient) -> None:
        await self._session.hold((patient.clinic_id,))
        try:
            await self._session.run(statements.INSERT, row_of(patient))
        except UniqueViolation as violation:
            raise _refusal(violation, patient) from None
        for statement, rows_of in _PARTS:
            await self._session.run_for_each(statement, rows_of(patient))

    async def save(self, patient: Patient, *, was: Patient) -> None:
        await self._session.hold({patient.clinic_id, was.clinic_id})
        try:
            columns = changed(row_of(patient), row_of(was))
            is_there = await update(self._session, patients, patient.id, columns)
        except UniqueViolation as violation:
            raise _refusal(violation, patient) from None
        if not is_there:
            raise PatientNotFound(patient.clinic_id, patient.user_id)
        if patient.tags != was.tags:
            await self._save_tags(patient, was)
        if patient.sites != was.sites:
            await self._save_sites(patient, was)
        if patient.data_sources != was.data_sources:
            await self._save_data_sources(patient, was)
        if patient.summary != was.summary:
            await self._save_summary(patient, was)

    async def remove(self, patient: Patient, deletion: Deletion) -> None:
        own = {BY_ID: patient.id}
        await self._session.hold((patient.clinic_id,))
        await self._session.run(statements.MOVE, {**own, **values_of(deletion)})
        if not await self._session.run(statements.DELETE, own):
            raise PatientNotFound(patient.clinic_id, patient.user_id)

    async def _save_tags(self, patient: Patient, was: Patient) -> None:
        own = {BY_ID: patient.id}
        gone, come = difference(_once(was.tags), _once(patient.tags))
        await self._session.run_for_each(
            statements.DELETE_TAG, [{**own, "gone": tag} for tag in gone]
        )
        await self._session.run_for_each(
            statements.APPEND_TAG, [{**own, "tag": tag} for tag in come]
        )

    async def _save_sites(self, patient: Patient, was: Patient) -> None:
        own = {BY_ID: patient.id}
        gone, come = difference(_distinct(was.sites), _distinct(patient.sites))
        await self._session.run_for_each(
            statements.DELETE_SITE, [{**own, "gone": site.id} for site in gone]
        )
        await self._session.run_for_each(
            statements.APPEND_SITE,
            [{**own, "site": site.id, "site_name": site.name} for site in come],
        )

    async def _save_data_sources(self, patient: Patient, was: Patient) -> None:
        before = dict(enumerate(was.data_sources or ()))
        after = dict(enumerate(patient.data_sources or ()))
        own = _own(patient)
        await self._session.run_for_each(
            statements.DELETE_SOURCE,
            [
                {BY_ID: patient.id, "gone": at}
                for at, source in before.items()
                if after.get(at) != source
            ],
        )
        await self._session.run_for_each(
            statements.INSERT_SOURCE,
            [
                {**own, **data_source_row(source), "position": at}
                for at, source in after.items()
                if before.get(at) != source
            ],
        )

    async def _save_summary(self, patient: Patient, was: Patient) -> None:
        new, old = patient.summary or Summary(), was.summary or Summary()
        others = {kind: new.of(kind) for kind in SummaryKind if new.of(kind) != old.of(kind)}
        await summaries.put(self._session, [patient.id], others)

    # Lists

    async def matches(self, query: PatientQuery) -> PatientMatches:
        await self._session.hold((query.clinic_id,))
        shape, parameters = Shape.of(query), parameters_of(query)
        if shape.ends_with_absent:
            # Most pages end before them, and are found in one narrow table.
            present = attrs.evolve(shape, only_present=True)
            found = await self._matches(present, parameters)
            if len(found.ids) == query.page.limit:
                return found
        return await self._matches(shape, parameters)

    async def _matches(self, shape: Shape, parameters: Parameters) -> PatientMatches:
        rows = await self._session.all(matches_of(shape), parameters)
        # Where the page is empty there is still one row, with the counts alone.
        ids = tuple(row[2] for row in rows if row[2] is not None)
        return PatientMatches(ids, matching=rows[0][0], total=rows[0][1])

    async def with_ids(self, clinic_id: ClinicId, ids: Sequence[RecordId]) -> tuple[Patient, ...]:
        found = await self._known(clinic_id, ids)
        missing = [id_ for id_ in ids if id_ not in found]
        for row in await self._some(statements.WITH_IDS, clinic_id, missing):
            found[row[0]] = patient_of(row, self._summaries)
        return tuple(found[id_] for id_ in ids if id_ in found)

    async def _known(self, clinic_id: ClinicId, ids: Sequence[RecordId]) -> dict[RecordId, Patient]:
        """Return those whose summaries are known, or who have none."""
        found: dict[RecordId, Patient] = {}
        for *fields, document in await self._some(statements.WITH_IDS_IN_SHORT, clinic_id, ids):
            summary = None if document is None else self._summaries.find(document)
            if document is None or summary is not None:
                found[RecordId(fields[0])] = patient_with(fields, summary)
        return found

    async def _some(
        self, statement: Statement, clinic_id: ClinicId, ids: Sequence[RecordId]
    ) -> list[Row]:
        if not ids:
            return []
        await self._session.hold((clinic_id,))
        parameters = {"which_clinic": clinic_id, "which": text_of([*ids])}
        return await self._session.all(statement, parameters)

    async def search(self, search: PatientSearch) -> tuple[Patient, ...]:
        given = {
            "mrn_key": key_or_none(search.mrn),
            "birth_date_key": key_or_none(search.birth_date),
            "name_key": key_or_none(search.full_name),
        }
        conditions = {name: value for name, value in given.items() if value is not None}
        parameters: dict[str, Any] = {
            "clinics": text_of(list(dict.fromkeys(search.clinic_ids))),
            **conditions,
            **cut(search.page),
        }
        parameters["enough"] = min(parameters["limit"] + parameters["offset"], NO_LIMIT)
        await self._session.hold(search.clinic_ids)
        rows = await self._session.all(statements.in_clinics(tuple(conditions)), parameters)
        return tuple(map(patient_of, rows))

    async def walk(self, walk: PatientWalk) -> tuple[Patient, ...]:
        given = {
            "behind": walk.behind,
            "which_user": walk.user_id,
            "has_reports": walk.has_reports or None,
            "lacks_email": walk.lacks_email or None,
        }
        conditions = tuple(name for name, value in given.items() if value is not None)
        parameters = {"clinics": text_of(walk.clinic_ids), "limit": walk.limit, **given}
        await self._session.hold(walk.clinic_ids)
        rows = await self._session.all(statements.walk_of(conditions), parameters)
        return tuple(map(patient_of, rows))

    async def by_mrn(self, query: EhrPatientQuery) -> PatientPage:
        found, number = statements.by_mrn(tuple(_conditions_of(query)))
        of_clinic = {"which_clinic": query.clinic_id, "which_user": query.user_id}
        await self._session.hold((query.clinic_id,))
        rows = await self._session.all(found, {**of_clinic, **cut(query.page)})
        matching = await self._session.first(number, of_clinic)
        tally = await self._session.first(statements.TALLY, of_clinic)
        patients = tuple(map(patient_of, rows))
        return PatientPage(patients, matching[0] if matching else 0, tally[0] if tally else 0)

    async def of_user(self, user_id: UserId, page: Page = EVERYTHING) -> tuple[Patient, ...]:
        parameters = {"which_user": user_id, **cut(page)}
        rows = await settled(self._session, statements.OF_USER, parameters, clinic=1)
        return tuple(map(patient_of, rows))

    async def with_mrn(self, clinic_id: ClinicId, mrn: str) -> tuple[Patient, ...]:
        return await self._of_clinic(
            statements.WITH_MRN, clinic_id, {"mrn_key": indexed(collation_key(mrn))}
        )

    async def some_of_clinic(self, clinic_id: ClinicId, limit: int) -> tuple[Patient, ...]:
        return await self._of_clinic(statements.SOME, clinic_id, {"limit": limit})

    async def of_clinic(self, clinic_id: ClinicId) -> tuple[Patient, ...]:
        return await self._of_clinic(statements.OF_CLINIC, clinic_id, {})

    async def tally(self, clinic_id: ClinicId) -> Tally:
        await self._session.hold((clinic_id,))
        row = await self._session.first(statements.TALLY, {"which_clinic": clinic_id})
        total, outside_plan, counts = row or (0, 0, "[]")
        states: dict[str, dict[str, int]] = {}
        for provider, state, number in value_of(counts):
            states.setdefault(provider, {})[state] = number
        providers = {
            name: ProviderCount(sum(of_state.values()), of_state)
            for name, of_state in states.items()
        }
        return Tally(total, outside_plan, providers)

    async def _of_clinic(
        self, statement: Statement, clinic_id: ClinicId, parameters: Parameters
    ) -> tuple[Patient, ...]:
        await self._session.hold((clinic_id,))
        of_clinic = {"which_clinic": clinic_id, **parameters}
        return tuple(map(patient_of, await self._session.all(statement, of_clinic)))

    # Many records

    async def save_all(self, changes: Sequence[tuple[Patient, Patient]]) -> None:
        await self._session.hold({patient.clinic_id for pair in changes for patient in pair})
        tagged = [new for new, was in changes if new.tags != was.tags]
        placed = [new for new, was in changes if new.sites != was.sites]
        # Rows that are written anew need not move before.
        await self._session.run(statements.DELETE_TAGS, _which(tagged))
        await self._session.run(statements.DELETE_SITES, _which(placed))
        for columns, patients_ in _alike(changes):
            values = dict(columns)
            statement = statements.update_of_many(tuple(values))
            try:
                number = await self._session.run(statement, {**values, **_which(patients_)})
            except UniqueViolation as violation:
                raise _refusal(violation, patients_[0]) from None
            if number != len(patients_):
                raise PatientNotFound(patients_[0].clinic_id)
        tags = (row for patient in tagged for row in _tag_rows(patient))
        await self._session.insert(statements.INSERT_TAG, tags)
        sites = (row for patient in placed for row in _site_rows(patient))
        await self._session.insert(statements.INSERT_SITE, sites)

    async def forget_all(self, patients: Sequence[Patient]) -> None:
        await self._session.hold({patient.clinic_id for patient in patients})
        *parts, whole = statements.FORGET
        for statement in parts:
            await self._session.run(statement, _which(patients))
        if await self._session.run(whole, _which(patients)) != len(patients):
            raise PatientNotFound(*{patient.clinic_id for patient in patients})

    async def remove_of_user(self, user_id: UserId, deletion: Deletion) -> tuple[ClinicId, ...]:
        clinics = await self._clinics_of(user_id)
        of_user = {"which_user": user_id, "clinics": text_of(clinics)}
        await self._session.run(statements.MOVE_OF_USER, {**of_user, **values_of(deletion)})
        await self._session.run(statements.DELETE_OF_USER, of_user)
        return tuple(clinics)

    async def remove_non_custodial(self, clinic_id: ClinicId, deletion: Deletion) -> int:
        of_clinic = {"which_clinic": clinic_id}
        await self._session.hold((clinic_id,))
        await self._session.run(statements.MOVE_NON_CUSTODIAL, {**of_clinic, **values_of(deletion)})
        return await self._session.run(statements.DELETE_NON_CUSTODIAL, of_clinic)

    async def set_email(self, user_id: UserId, email: str | None, now: datetime) -> None:
        await self._session.run(
            statements.SET_EMAIL,
            {
                "which_user": user_id,
                "clinics": text_of(await self._clinics_of(user_id)),
                "new_email": email,
                "email_search": None if email is None else searched(email),
                "now": number_of(now),
            },
        )

    async def set_data_sources(
        self, user_id: UserId, data_sources: tuple[DataSource, ...], now: datetime
    ) -> tuple[ClinicId, ...]:
        of_user = {"which_user": user_id}
        rows = await settled(self._session, statements.SOURCES_OF_USER, of_user, clinic=1)
        wanted = [data_source_row(source) for source in data_sources]
        new = text_of([[*row.values()] for row in wanted])
        different = [row[0] for row in rows if row[2] is None or text_of(value_of(row[2])) != new]
        if different:
            which = {"which": text_of(different)}
            await self._session.run(statements.DELETE_SOURCES, which)
            await self._session.run_for_each(
                statements.INSERT_SOURCE_OF_SOME,
                [{**which, "position": at, **row} for at, row in enumerate(wanted)],
            )
            await self._session.run(statements.TOUCH_WITH_SOURCES, {**which, "now": number_of(now)})
        return tuple(row[1] for row in rows)

    # Nobody holds a clinic to change a summary: they come in thousands, and nothing that is decided
    # about a clinic rests on them. The rows of the patients are locked first instead: of two who
    # write a summary the second one waits, and so does who removes a record, or moves it.
    # (The deletion record of one that is removed at that moment may have the summary of before.)

    async def set_summary(
        self, user_id: UserId, cgm: Stats | None, bgm: Stats | None, now: datetime
    ) -> int:
        given = {SummaryKind.CGM: cgm, SummaryKind.BGM: bgm}
        new = {kind: stats for kind, stats in given.items() if stats}
        ids = await self._touched(summaries.SET if new else summaries.TOUCH, user_id, now)
        await summaries.put(self._session, ids, new)
        return len(ids)

    async def remove_summary(self, user_id: UserId, now: datetime) -> int:
        ids = await self._touched(summaries.UNSET, user_id, now)
        await summaries.put(self._session, ids, dict.fromkeys(SummaryKind))
        return len(ids)

    async def remove_stats(self, summary_id: str) -> int:
        of_summary = {"which_summary": summary_id}
        owners = [row[0] for row in await self._session.all(summaries.OWNERS, of_summary)]
        which = {**of_summary, "which": text_of(owners)}
        rows = await self._session.all(summaries.REMOVE_BY_ID, which)
        for kind in SummaryKind:
            ids = [row[0] for row in rows if row[1] == kind]
            await summaries.put(self._session, ids, {kind: None})
        return len({row[0] for row in rows})

    async def _touched(self, change: Statement, user_id: UserId, now: datetime) -> list[RecordId]:
        parameters = {"which_user": user_id, "now": number_of(now)}
        return [row[0] for row in await self._session.all(change, parameters)]

    async def _clinics_of(self, user_id: UserId) -> list[ClinicId]:
        """Return the clinics of which a user is a patient; nobody else changes them now."""
        of_user = {"which_user": user_id}
        rows = await settled(self._session, statements.CLINICS_OF_USER, of_user, clinic=0)
        return sorted(row[0] for row in rows)

    async def add_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        parameters = _of_some(clinic_id, user_ids) | {"tag": tag_id}
        change = statements.ADD_TAG[user_ids is not None]
        await self._run(change, parameters, now)

    async def remove_tag(
        self, clinic_id: ClinicId, tag_id: TagId, user_ids: Collection[UserId] | None, now: datetime
    ) -> None:
        parameters = _of_some(clinic_id, user_ids) | {"tag": tag_id}
        change = statements.REMOVE_TAG[user_ids is not None]
        await self._run(change, parameters, now)

    async def rename_site(self, clinic_id: ClinicId, site: Site, now: datetime) -> None:
        parameters = {"which_clinic": clinic_id, "site": site.id, "site_name": site.name}
        await self._run(statements.RENAME_SITE, parameters, now)

    async def remove_site(self, clinic_id: ClinicId, site_id: SiteId, now: datetime) -> None:
        parameters = {"which_clinic": clinic_id, "site": site_id}
        await self._run(statements.REMOVE_SITE, parameters, now)

    async def move_site(
        self, clinic_id: ClinicId, source: SiteId, target: Site, now: datetime
    ) -> None:
        parameters = {
            "which_clinic": clinic_id,
            "source": source,
            "site": target.id,
            "site_name": target.name,
        }
        await self._run(statements.MOVE_SITE, parameters, now)

    async def tag_to_site(
        self, clinic_id: ClinicId, tag_id: TagId, site: Site, now: datetime
    ) -> None:
        parameters = {
            "which_clinic": clinic_id,
            "tag": tag_id,
            "site": site.id,
            "site_name": site.name,
        }
        await self._run(statements.TAG_TO_SITE, parameters, now)

    async def _run(
        self, change: Iterable[Statement], parameters: dict[str, Any], now: datetime
    ) -> None:
        values = {**parameters, "now": number_of(now)}
        await self._session.hold((parameters["which_clinic"],))
        for statement in change:
            await self._session.run(statement, values)
