"""The page that shows a report, and the addresses that lead there (8.8.8, 8.8.9)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

import attrs

from clinic_domain.ehr.model import ReportAccess

REPORT_PERIOD: Final = timedelta(days=14)

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_PAGE: Final = "/v1/xealth/report/web/viewer.html"
_EXPORT: Final = "/export/report/"
_HTML: Final = """\ufeff<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>PDF viewer</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="pdf_viewer.css">
<link rel="stylesheet" href="viewer.css">
<script type="module" src="viewer.mjs"></script>
</head>
<body>
<script type="application/json" id="report">{"url": "%s"}</script>
<div id="toolbar" role="toolbar" aria-label="Report">
<button type="button" id="previous" title="Previous page">&#x2039;</button>
<input type="number" id="page" min="1" value="1" aria-label="Page">
<span>/ <span id="pages">-</span></span>
<button type="button" id="next" title="Next page">&#x203a;</button>
<button type="button" id="out" title="Smaller">&#x2212;</button>
<button type="button" id="in" title="Larger">+</button>
<button type="button" id="download" title="Download">Download</button>
</div>
<div id="loadingIcon" role="status">Loading</div>
<div id="problem" role="alert" class="hidden"></div>
<div id="container" tabindex="0"><div id="viewer" class="pdfViewer"></div></div>
</body>
</html>
"""
_ESCAPED: Final = {
    "/": "\\/",
    **{character: f"\\u{ord(character):04x}" for character in "&+<>'`\u2028\u2029"},
}


@attrs.frozen
class ReportPage:
    """A page, and the only other origin that it may talk to."""

    html: str
    origin: str


def report_link(application_url: str, access: ReportAccess) -> str:
    """Return the address of the page (XEALTH-19)."""
    query = {
        "clinicId": access.clinic.id,
        "patientId": access.patient.user_id,
        "restricted_token": access.token,
    }
    return f"{application_url.rstrip('/')}{_PAGE}?{urlencode(query)}"


def page_of(application_url: str, access: ReportAccess) -> ReportPage:
    """Return the page, which holds the address of the report itself (XEALTH-23)."""
    url = _report_url(application_url, access)
    parts = urlsplit(application_url)
    return ReportPage(_HTML % _in_script(url), f"{parts.scheme}://{parts.netloc}")


def _report_url(application_url: str, access: ReportAccess) -> str:
    """Return where the export is, and what it should show (XEALTH-22)."""
    clinic, patient = access.clinic, access.patient
    end = patient.summary.last_data if patient.summary else None
    query = {
        "bgUnits": clinic.details.preferred_bg_units,
        "dob": patient.birth_date,
        "endDate": end and _whole_seconds(end),
        "fullName": patient.full_name,
        "inline": "true",
        "mrn": patient.mrn,
        "reports": "all",
        "restricted_token": access.token,
        "startDate": end and _whole_seconds(_start_of(end)),
        "tzName": clinic.details.timezone,
        "userId": patient.user_id,
    }
    given = {name: value for name, value in query.items() if value}
    return f"{application_url.rstrip('/')}{_EXPORT}{patient.user_id}?{urlencode(given)}"


def _start_of(end: datetime) -> datetime:
    return end - min(REPORT_PERIOD, end - _EARLIEST)


def _whole_seconds(moment: datetime) -> str:
    # strftime gives years before 1000 fewer than four digits.
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _in_script(text: str) -> str:
    """Return the inside of a string of JavaScript that also may stand inside of HTML."""
    quoted = json.dumps(text)[1:-1].replace('\\"', "\\u0022")
    return "".join(_ESCAPED.get(character, character) for character in quoted)
