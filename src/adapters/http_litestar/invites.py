"""Controllers of invites: what clinics and those whom they invite do, and what patients do."""

from typing import Any, Final, TypeVar

from litestar import Controller, MediaType, Response, delete, get, patch, post, put
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.body import JsonBody, read
from adapters.http_litestar.errors import ReasonedRefusal, Refusal
from adapters.http_litestar.paths import ByClinic, ByInvite, ByUser, Call, key_of
from adapters.http_litestar.wire.clinicians import ClinicianJson, clinician_json
from adapters.http_litestar.wire.invites import (
    AcceptanceBody,
    InvitationBody,
    InviteJson,
    LooseInvitation,
    SharingBody,
    invite_json,
)
from adapters.http_litestar.wire.patients import PatientJson, patient_json
from clinic_domain.invites.clinicians import ClinicianInviteService
from clinic_domain.invites.patients import PatientInviteService
from clinic_domain.patients.model import JoiningDetails

T = TypeVar("T")

UNREADABLE: Final = "Error decoding the confirmation"
NOT_CREATED: Final = "Error creating patient"
NOTHING: Final = "Nothing found"


class InviteBody(JsonBody[T]):
    """
    Decodes what is said of an invite, whatever content type it has.

    The option `loose` names the type of what counts as readable at all, where what is wrong beyond
    that is said in the usual form.
    """

    def decode_bytes(self, value: bytes) -> Any:
        connection: ASGIConnection[Any, Any, Any, Any] = self.asgi_connection
        handler = connection.route_handler
        loose, type_ = handler.opt.get("loose"), self._types[handler.handler_id]
        try:
            found = read(value, loose or type_)
        except Refusal as refusal:
            detail = None if handler.opt.get("is_silent") else refusal.message
            raise ReasonedRefusal(400, handler.opt["unreadable"], detail) from None
        return read(value, type_) if loose else found


def _ok() -> Response[str]:
    return Response("OK", media_type=MediaType.TEXT)


def _listed(found: list[InviteJson]) -> list[InviteJson]:
    if not found:
        raise ReasonedRefusal(404, NOTHING)
    return found


class ClinicianInviteController(Controller):
    """What the admins of a clinic do."""

    path = "/v1/clinics/{clinicId:str}/invites/clinicians"
    tags = ("Clinics", "Confirmations")
    dto = InviteBody

    @post(
        operation_id="InviteClinician",
        status_code=200,
        opt={"loose": LooseInvitation, "unreadable": UNREADABLE, "is_silent": True},
    )
    async def invite_clinician(
        self,
        request: Call,
        clinic_id: ByClinic,
        clinician_invites: NamedDependency[ClinicianInviteService],
        data: JSONBody[InvitationBody],
    ) -> ClinicianJson:
        roles = tuple(data.roles)
        invited = await clinician_invites.invite(clinic_id, str(data.email), roles, request.user)
        return clinician_json(invited)

    @patch("/{inviteId:str}", operation_id="ResendInvite")
    async def resend_invite(
        self,
        request: Call,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        clinician_invites: NamedDependency[ClinicianInviteService],
    ) -> InviteJson:
        view = await clinician_invites.resend(clinic_id, key_of(invite_id), request.user)
        return invite_json(view)

    @get("/{inviteId:str}", operation_id="GetClinicianInvite")
    async def get_clinician_invite(
        self,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        clinician_invites: NamedDependency[ClinicianInviteService],
    ) -> InviteJson:
        return invite_json(await clinician_invites.get(clinic_id, key_of(invite_id)))

    @delete("/{inviteId:str}", operation_id="DeleteInvite", status_code=200)
    async def delete_invite(
        self,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        clinician_invites: NamedDependency[ClinicianInviteService],
    ) -> Response[str]:
        await clinician_invites.withdraw(clinic_id, key_of(invite_id))
        return _ok()


class OwnInviteController(Controller):
    """What an invited clinician does."""

    path = "/v1/clinicians/{userId:str}/invites"
    tags = ("Clinics", "Confirmations")

    @get(operation_id="ListClinicianInvites")
    async def list_clinician_invites(
        self,
        request: Call,
        user_id: ByUser,
        clinician_invites: NamedDependency[ClinicianInviteService],
    ) -> list[InviteJson]:
        found = await clinician_invites.of_invitee(user_id, request.user)
        return _listed([invite_json(view) for view in found])

    @delete("/{inviteId:str}", operation_id="DismissClinicianInvite", status_code=200)
    async def dismiss_clinician_invite(
        self,
        user_id: ByUser,
        invite_id: ByInvite,
        clinician_invites: NamedDependency[ClinicianInviteService],
    ) -> Response[str]:
        await clinician_invites.dismiss(user_id, key_of(invite_id))
        return _ok()

    @put("/{inviteId:str}", operation_id="AcceptClinicianInvite")
    async def accept_clinician_invite(
        self,
        request: Call,
        user_id: ByUser,
        invite_id: ByInvite,
        clinician_invites: NamedDependency[ClinicianInviteService],
    ) -> ClinicianJson:
        member = await clinician_invites.accept(user_id, key_of(invite_id), request.user)
        return clinician_json(member)


class PatientInviteController(Controller):
    """What a clinic does with the invites of patients, and how they take them back."""

    path = "/v1/clinics/{clinicId:str}/invites/patients"
    tags = ("Clinics", "Confirmations")
    dto = InviteBody

    @get(operation_id="GetPatientInvites")
    async def get_patient_invites(
        self,
        clinic_id: ByClinic,
        patient_invites: NamedDependency[PatientInviteService],
    ) -> list[InviteJson]:
        return [invite_json(view) for view in await patient_invites.of_clinic(clinic_id)]

    @put(
        "/{inviteId:str}",
        operation_id="AcceptPatientInvitation",
        opt={"unreadable": NOT_CREATED},
    )
    async def accept_patient_invitation(
        self,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        patient_invites: NamedDependency[PatientInviteService],
        data: JSONBody[AcceptanceBody | None] = None,
    ) -> PatientJson:
        details = JoiningDetails() if data is None else data.details()
        patient = await patient_invites.accept(clinic_id, key_of(invite_id), details)
        return patient_json(patient)

    @delete("/{inviteId:str}", operation_id="ClosePatientInvite", status_code=200)
    async def close_patient_invite(
        self,
        request: Call,
        clinic_id: ByClinic,
        invite_id: ByInvite,
        patient_invites: NamedDependency[PatientInviteService],
    ) -> InviteJson:
        """Take an invite back as its patient, or turn it down as the clinic."""
        view = await patient_invites.close(clinic_id, key_of(invite_id), request.user)
        return invite_json(view)


class SharingController(Controller):
    """What a patient does."""

    path = "/confirm"
    tags = ("Confirmations",)
    dto = InviteBody

    @post(
        "/send/invite/{userId:str}/clinic",
        operation_id="SendPatientInvite",
        status_code=200,
        opt={"unreadable": UNREADABLE, "is_silent": True},
    )
    async def send_patient_invite(
        self,
        user_id: ByUser,
        patient_invites: NamedDependency[PatientInviteService],
        data: JSONBody[SharingBody],
    ) -> InviteJson:
        """Ask the clinic that a share code names to take the patient in."""
        if not data.share_code or data.permissions is None:
            raise Refusal(400)
        view = await patient_invites.send(user_id, data.share_code, data.permissions)
        return invite_json(view)

    @get("/invite/{userId:str}", operation_id="ListSentInvites")
    async def list_sent_invites(
        self, user_id: ByUser, patient_invites: NamedDependency[PatientInviteService]
    ) -> list[InviteJson]:
        """Show a patient which invites to clinics are open or were turned down."""
        found = await patient_invites.of_patient(user_id)
        return _listed([invite_json(view) for view in found])
