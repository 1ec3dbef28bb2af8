"""What Xealth, and whoever opens a report from there, calls."""

import hmac
import uuid
from typing import Any, Final

import attrs

from adapters.xealth.forms import form_json, programs_json
from adapters.xealth.pages import ReportPage, page_of, report_link
from adapters.xealth.requests import EnrolleeBody, EventBody, PreorderBody, read_request
from clinic_domain.ehr.errors import (
    BearerRequired,
    InvalidBearer,
    InvalidEventContext,
    InvalidRestrictedToken,
    UnexpectedEventType,
)
from clinic_domain.ehr.programs import EnrollmentService
from clinic_domain.values import ClinicId, UserId

_SCHEME: Final = "Bearer "


@attrs.frozen
class XealthWebhook:
    """
    Lets in whoever knows the token; without one, or switched off, nobody.

    *application_url* is where browsers find the pages and the export of reports.
    """

    _enrollments: EnrollmentService
    _application_url: str | None = None
    _token: str | None = attrs.field(default=None, repr=False)
    _is_enabled: bool = True

    def admit(self, authorization: str | None) -> None:
        """
        Return where the header holds the token (XEALTH-1).

        Raises:
            BearerRequired, InvalidBearer: it does not.
        """
        shown = authorization or ""
        if not shown.startswith(_SCHEME) or len(shown) == len(_SCHEME):
            raise BearerRequired
        known = self._token or ""
        is_right = hmac.compare_digest(shown.removeprefix(_SCHEME).encode(), known.encode())
        if not self._is_enabled or not known or not is_right:
            raise InvalidBearer

    async def preorder(self, body: bytes) -> dict[str, Any]:
        """Answer both steps before an order (8.8.4)."""
        request = read_request(body, PreorderBody)
        if request.event_type != "preorder":
            raise UnexpectedEventType(request.event_type or "")
        enrollee = request.enrollee()
        match request.event_context:
            case "initial":
                return form_json(await self._enrollments.offer_form(enrollee, str(uuid.uuid4())))
            case "subsequent":
                return form_json(await self._enrollments.take_form(enrollee, request.entry))
            case other:
                raise InvalidEventContext(other or "")

    async def notification(self, body: bytes) -> None:
        """Follow an order (8.8.6)."""
        request = read_request(body or b"{}", EventBody)
        await self._enrollments.follow(request.event())

    async def programs(self, body: bytes) -> dict[str, Any]:
        """Tell how an enrolment stands (8.8.7)."""
        request = read_request(body or b"{}", EnrolleeBody)
        return programs_json(await self._enrollments.program(request.enrollee()))

    async def program_url(self, body: bytes) -> dict[str, Any]:
        """Tell where the report is (8.8.8)."""
        request = read_request(body or b"{}", EnrolleeBody)
        access = await self._enrollments.grant_report(request.enrollee())
        return {"url": report_link(self._application_url or "", access)}

    async def report_page(self, clinic_id: str, patient_id: str, token: str) -> ReportPage:
        """Return the page that shows a report (8.8.9)."""
        if not self._is_enabled:
            raise InvalidRestrictedToken
        access = await self._enrollments.open_report(ClinicId(clinic_id), UserId(patient_id), token)
        return page_of(self._application_url or "", access)
