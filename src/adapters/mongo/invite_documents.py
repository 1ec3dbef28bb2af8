"""Invites as documents: the confirmations of the reference."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adapters.mongo.documents import MOMENT, NEVER, TEXT, Document, Member, Shape, Unreadable, made
from clinic_domain.invites.model import Invite, InviteKind, InviteStatus

TYPES: Final[Mapping[InviteKind, str]] = {
    InviteKind.CLINICIAN: "clinician_invitation",
    InviteKind.PATIENT: "careteam_invitation",
}
# Between persons there are invites as well, which name no clinic.
OURS: Final[Document] = {
    "type": {"$in": list(TYPES.values())},
    "clinicId": {"$exists": True},
}
"""The condition of documents that are invites of or to clinics."""

OPTIONAL: Final = ("context", "expiresAt")
"""Members that a document may lack."""

_KINDS: Final = {type_: kind for kind, type_ in TYPES.items()}
_TEMPLATES: Final = {
    InviteKind.CLINICIAN: "clinician_invitation",
    InviteKind.PATIENT: "patient_clinic_invitation",
}
_STATUSES: Final = frozenset(InviteStatus)
_BEFORE_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)
"""What stands for the time of a change where there was none."""

_SHAPE: Final = Shape(
    Invite,
    (
        Member("id", "_id", TEXT),
        Member("clinic_id", "clinicId", TEXT),
        Member("creator_id", "creatorId", TEXT, missing=""),
        Member("created_time", "created", MOMENT, missing=NEVER),
        Member("email", "email", TEXT),
        Member("expires_time", "expiresAt", MOMENT),
    ),
)


def invite_document(invite: Invite) -> Document:
    """Return the document of an invite."""
    document: Document = {
        **_SHAPE.encode(invite),
        "type": TYPES[invite.kind],
        "status": invite.status.value,
        "creator": _creator(invite),
        "modified": invite.modified_time or _BEFORE_TIME,
        "templateName": _TEMPLATES[invite.kind],
        "userId": invite.invitee_id or "",
    }
    if invite.offer is not None:
        document["context"] = _bytes_of(invite.offer)
    return document


def invite_of(document: Document) -> Invite:
    """Return the invite of a document. Raises Unreadable."""
    kind, status = _KINDS.get(document.get("type", "")), document.get("status")
    if kind is None or status not in _STATUSES:
        raise Unreadable("type or status")
    modified = MOMENT.decode(document.get("modified") or _BEFORE_TIME)
    creator = document.get("creator")
    return made(
        Invite,
        **_SHAPE.attributes(document),
        kind=kind,
        status=InviteStatus(status),
        modified_time=None if modified == _BEFORE_TIME else modified,
        clinic_name=(creator.get("clinicName") or None) if isinstance(creator, dict) else None,
        invitee_id=document.get("userId") or None,
        offer=_offer_of(document.get("context")),
    )


def _creator(invite: Invite) -> Document:
    if invite.kind is InviteKind.PATIENT:
        return {}
    name = {"clinicName": invite.clinic_name} if invite.clinic_name else {}
    return {"clinicId": invite.clinic_id, **name}


def _bytes_of(offer: Mapping[str, Any]) -> bytes:
    return json.dumps(
        offer, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()


def _offer_of(stored: Any) -> Mapping[str, Any] | None:
    if stored is None:
        return None
    try:
        offer = json.loads(stored)
    except (TypeError, ValueError):
        raise Unreadable("context") from None
    if offer is not None and not isinstance(offer, dict):
        raise Unreadable("context")
    return offer
