"""Path parameters of controllers; the gate has checked them already."""

from typing import Annotated, Any
from urllib.parse import unquote

from litestar import Request
from litestar.datastructures import State
from litestar.params import PathParameter

from adapters.http_litestar.operations import OBJECT_ID, SUMMARY_ID, USER_ID
from clinic_domain.access.model import Principal
from clinic_domain.patients.model import Permission, Provider
from clinic_domain.values import ClinicId, InviteId, SiteId, TagId, UserId

ByClinic = Annotated[ClinicId, PathParameter(name="clinicId", pattern=OBJECT_ID)]
AnyClinic = Annotated[ClinicId, PathParameter(name="clinicId")]
"""Perhaps no id, and still percent-encoded."""
AnyUser = Annotated[UserId, PathParameter(name="userId")]
"""Likewise."""
ByClinician = Annotated[UserId, PathParameter(name="clinicianId", pattern=USER_ID)]
ByPatient = Annotated[UserId, PathParameter(name="patientId", pattern=USER_ID)]
ByUser = Annotated[UserId, PathParameter(name="userId", pattern=USER_ID)]
ByMigratedClinic = Annotated[
    ClinicId, PathParameter(name="clinicId", pattern=OBJECT_ID, min_length=24, max_length=24)
]
ByTag = Annotated[TagId, PathParameter(name="patientTagId", pattern=OBJECT_ID)]
BySite = Annotated[
    SiteId, PathParameter(name="siteId", pattern=OBJECT_ID, min_length=24, max_length=24)
]
ByInvite = Annotated[str, PathParameter(name="inviteId", min_length=1)]
"""Still percent-encoded: the key of an invite may have a slash in it."""
ByShareCode = Annotated[str, PathParameter(name="shareCode", min_length=1)]
"""Still percent-encoded."""
BySummary = Annotated[
    str, PathParameter(name="summaryId", pattern=SUMMARY_ID, min_length=0, max_length=24)
]
ByPermission = Annotated[Permission, PathParameter(name="permission")]
ByProvider = Annotated[Provider, PathParameter(name="providerId")]

Call = Request[Principal, Any, State]
"""A request of somebody whom the gate knows."""


def key_of(invite_id: str) -> InviteId:
    """Return the key of an invite that stands, encoded, in a path."""
    return InviteId(unquote(invite_id))
