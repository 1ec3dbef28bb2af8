"""The API document names the statuses that operations answer, and no others."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import httpx
import pytest

from adapters.http_litestar import Partners, create_app
from adapters.http_litestar.routing import Routes
from adapters.redox import RedoxWebhook
from adapters.spreadsheet import XlsxWorkbooks
from adapters.xealth import XealthWebhook
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.model import Clinic, ClinicDetails
from clinic_domain.clinics.share_codes import MAX_ATTEMPTS
from clinic_domain.clinics.sites import MAX_SITES
from clinic_domain.ehr.model import RestrictedToken
from clinic_domain.patients.model import EhrSubscription, MatchedMessage
from clinic_domain.testing.examples import (
    a_clinic,
    a_clinician,
    a_clinician_invite,
    a_migration,
    a_patient,
    a_record_id,
    a_site,
    a_tag,
    ehr_settings,
)
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.users import User
from clinic_domain.values import InviteId, UserId
from support.goldens import golden, goldens
from support.statuses import our_statuses
from support.world import SERVER, World, user

# At any time, or by rule of the gate, whatever the operation.
SHARED: Final = frozenset({400, 413, 500, 503})

ADMIN, USER = UserId("aaaaaaaaaa"), UserId("bbbbbbbbbb")
TAG: Final = a_tag()
CLINIC: Final = a_clinic(admins=(ADMIN,), tags=(TAG,), is_migrated=True)
FULL: Final = a_clinic(
    tags=(TAG,), sites=tuple(a_site(f"{number}") for number in range(MAX_SITES)), is_migrated=True
)
LEGACY: Final = attrs.evolve(
    CLINIC,
    is_migrated=False,
    admins=(USER,),
    details=ClinicDetails("x", "mg/dL", "x", "x", "x", "x", "x", clinic_type="other"),
)
CONNECTED: Final = a_clinic(ehr_settings=ehr_settings("xealth"))
SUBSCRIBED: Final = a_patient(
    CONNECTED,
    user_id=USER,
    mrn="1",
    full_name="Ada Coast",
    birth_date="1990-01-01",
    ehr_subscriptions={
        "xealthReports": EhrSubscription(
            active=True,
            provider="xealth",
            created_at=A_MORNING,
            updated_at=A_MORNING,
            matched_messages=(MatchedMessage(a_record_id(), "order", "new"),),
        )
    },
)
ABOUT: Final = {
    "deployment": "source",
    "patientIdentity": {"ids": [{"id": "1", "type": "MR"}]},
    "datasets": {
        "demographicsV1": {
            "name": {"given": ["Ada"], "family": ["Coast"]},
            "birthDate": "1990-01-01",
        }
    },
}


def _invited(clinic: Clinic, *others: Clinician) -> tuple[Any, ...]:
    pending = a_clinician(clinic, user_id=None, invite_id=InviteId("key"))
    invite = a_clinician_invite(clinic, id="key", invitee_id=USER, creator_id=ADMIN)
    return (clinic, pending, invite, *others)


def _an_admin(clinic: Clinic, user_id: UserId) -> Clinician:
    return a_clinician(clinic, user_id=user_id, roles=(Role.CLINIC_ADMIN,))


def _with_account(world: World) -> None:
    world.users.accounts[USER] = User(USER, emails=("b@example.com",), roles=("clinic",))


def _without_codes(world: World) -> None:
    _with_account(world)
    world.share_codes.given[:] = MAX_ATTEMPTS * [CLINIC.share_code.value]


def _with_token(world: World) -> None:
    world.restricted_tokens.tokens["token"] = RestrictedToken("token", USER)


@attrs.frozen
class Situation:
    """A request, and what is there when it comes."""

    method: str
    path: str
    body: Any = None
    caller: UserId | None = None
    has: tuple[Any, ...] = ()
    prepare: Callable[[World], None] = lambda _: None


_C: Final = f"/v1/clinics/{CLINIC.id}"
_INVITE: Final = f"/v1/clinicians/{USER}/invites/key"
_INVITATION: Final = {"email": "c@example.com", "roles": ["CLINIC_MEMBER"]}
_DESCRIPTION: Final = {"name": "Harbor", "preferredBgUnits": "mg/dL"}
_NOTHING: Final = {"suppressedNotifications": {"patientClinicInvitation": True}}
_REPORT: Final = {"clinicId": CONNECTED.id, "patientId": USER, "restricted_token": "token"}

# What no golden shows: the reference errs there, or its recording could not bring it about.
UNRECORDED: Final[Mapping[str, Situation]] = {
    "AcceptClinicianInvite 404": Situation("PUT", _INVITE, None, USER, (), _with_account),
    "AcceptClinicianInvite 409": Situation(
        *("PUT", _INVITE, None, USER),
        has=_invited(CLINIC, a_clinician(CLINIC, user_id=USER)),
        prepare=_with_account,
    ),
    "AcceptClinicianInvite 422": Situation(
        "PUT", _INVITE, None, USER, _invited(LEGACY), _with_account
    ),
    "AssociateClinicianToUser 409": Situation(
        *("PATCH", f"{_C}/invites/clinicians/key/clinician", {"userId": USER}),
        has=_invited(CLINIC, a_clinician(CLINIC, user_id=USER)),
    ),
    "ConvertPatientTagToSite 409": Situation(
        "POST", f"/v1/clinics/{FULL.id}/patient_tags/{TAG.id}/site", has=(FULL,)
    ),
    "CreateClinic 404": Situation("POST", "/v1/clinics", _DESCRIPTION, USER),
    "CreateClinic 409": Situation(
        "POST", "/v1/clinics", _DESCRIPTION, USER, (CLINIC,), _without_codes
    ),
    "CreatePatientTag 404": Situation("POST", f"{_C}/patient_tags", {"name": "x"}),
    "EnableNewClinicExperience 409": Situation(
        *("POST", f"/v1/clinicians/{USER}/migrate"), has=(CLINIC,), prepare=_without_codes
    ),
    "InviteClinician 404": Situation("POST", f"{_C}/invites/clinicians", _INVITATION),
    "TriggerInitialMigration 404": Situation(
        "POST", f"{_C}/migrate", {}, ADMIN, (_an_admin(CLINIC, ADMIN),)
    ),
    "TriggerInitialMigration 409": Situation(
        *("POST", f"{_C}/migrate", {}, USER),
        has=(LEGACY, _an_admin(LEGACY, USER), a_migration(LEGACY, user_id=USER)),
        prepare=_with_account,
    ),
    "UpdateClinic 404": Situation("PUT", _C, _DESCRIPTION),
    "UpdateClinicUserDetails 422": Situation(
        *("POST", f"/v1/users/{USER}/clinics", {"email": "c@example.com"}),
        has=(
            CLINIC,
            a_clinician(CLINIC, user_id=USER),
            a_clinician(CLINIC, user_id=ADMIN, email="c@example.com"),
        ),
    ),
    "UpdateSuppressedNotifications 404": Situation(
        *("POST", f"{_C}/suppressed_notifications", _NOTHING, ADMIN),
        has=(_an_admin(CLINIC, ADMIN),),
    ),
    "ViewPDFReport 422": Situation(
        *("GET", f"/v1/xealth/report/web/viewer.html?{urlencode(_REPORT)}"),
        has=(CONNECTED, attrs.evolve(SUBSCRIBED, mrn=None)),
        prepare=_with_token,
    ),
    "XealthGetPrograms 404": Situation(
        "PUT", "/v1/xealth/programs", ABOUT, has=(CONNECTED, SUBSCRIBED)
    ),
}


class SpelledSessions(Sessions):
    async def identify(self, token: str) -> Principal | None:
        return SERVER if token == "server" else user(token)


@cache
def recorded() -> frozenset[tuple[str, int]]:
    """Return every operation of the goldens with each status that it answered."""
    routes, found = Routes.of(()), set()
    for step in (step for name in goldens() for step in golden(name)["steps"]):
        if "request" not in step:
            continue
        path = routes.find(step["request"]["path"].partition("?")[0])
        operation = path[0].operations.get(step["request"]["method"]) if path else None
        if operation:
            found.add((operation.id, step["response"]["status"]))
    return frozenset(found)


def documented() -> frozenset[tuple[str, int]]:
    ours = our_statuses().items()
    return frozenset((id_, status) for id_, statuses in ours for status in statuses)


def test_every_recorded_status_is_documented() -> None:
    assert recorded() - documented() == frozenset()
    assert len(recorded()) > 300


def test_every_documented_refusal_is_recorded_or_shown_here() -> None:
    unrecorded = {
        f"{id_} {status}"
        for id_, status in documented() - recorded()
        if status >= 400 and status not in SHARED
    }

    assert unrecorded == set(UNRECORDED)


@pytest.mark.parametrize("name", UNRECORDED)
async def test_unrecorded(name: str) -> None:
    world, situation = World(), UNRECORDED[name]
    partners = Partners(
        redox=RedoxWebhook(world.app.messages, "secret"),
        xealth=XealthWebhook(world.app.enrollments, "https://app.example.com", "secret"),
    )
    app = create_app(
        world.app,
        SpelledSessions(),
        XlsxWorkbooks(),
        readiness=world.storage.ping,
        partners=partners,
    )
    await world.has(*situation.has)
    situation.prepare(world)
    headers = {
        "x-tidepool-session-token": situation.caller or "server",
        "authorization": "Bearer secret",
    }

    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # two names for one protocol
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.request(
            situation.method, situation.path, json=situation.body, headers=headers
        )

    path = Routes.of(()).find(situation.path.partition("?")[0])
    assert path
    assert name == f"{path[0].operations[situation.method].id} {answer.status_code}", answer.text
