"""The page of reports shows a report, in a browser as people have it."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urljoin

import attrs
import httpx
import pytest
import uvicorn
from litestar.types import ASGIApp

import adapters.xealth
from adapters.http_litestar import Partners, create_app
from adapters.spreadsheet import XlsxWorkbooks
from adapters.system import SystemClock
from adapters.xealth import ViewerAssets, XealthWebhook
from clinic_domain.access.model import Principal
from clinic_domain.access.ports import Sessions
from clinic_domain.clinics.model import EhrProcedureCodes, EhrSettings, ScheduledReports
from clinic_domain.ehr.model import RestrictedToken
from clinic_domain.patients.model import EhrSubscription
from clinic_domain.testing.examples import a_clinic, a_patient
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.values import UserId
from support.browser import browsing, chromium
from support.service import free_port
from support.world import World

REPORTS: Final = ScheduledReports("14d", on_upload_enabled=False)
CLINIC: Final = a_clinic(
    ehr_settings=EhrSettings(
        enabled=True,
        provider="xealth",
        source_id="harbor",
        mrn_id_type="MR",
        procedure_codes=EhrProcedureCodes(),
        scheduled_reports=REPORTS,
    )
)
SUBSCRIPTION: Final = EhrSubscription(
    active=True, provider="xealth", created_at=A_MORNING, updated_at=A_MORNING
)
PATIENT: Final = a_patient(
    CLINIC,
    user_id=UserId("1234567890"),
    mrn="1",
    full_name='Ann </script> & "Co"',
    ehr_subscriptions={"xealthReports": SUBSCRIPTION},
)
PDFJS: Final = Path(adapters.xealth.__file__).parent / "pdfjs"
VIEWER: Final = "/v1/xealth/report/web/viewer.html"
QUERY: Final = f"clinicId={CLINIC.id}&patientId={PATIENT.user_id}&restricted_token=token"


def a_pdf(*pages: str) -> bytes:
    """Return a document with a line of text on each page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 36 Tf 72 700 Td ({text}) Tj ET 0.2 0.5 0.9 rg 72 560 300 90 re f"
        page = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>"
        )
        objects += [page, f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream"]
    document, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(document))
        document += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        document
        + (
            f"xref\n0 {size}\n0000000000 65535 f \n{table}"
            f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(document)}\n%%EOF\n"
        ).encode()
    )


class NoSessions(Sessions):
    async def identify(self, token: str) -> Principal | None:
        return None


@attrs.define
class Exporting:
    """The service, beside a stand-in for the one that makes reports."""

    app: ASGIApp
    asked: list[str] = attrs.field(factory=list)
    is_broken: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/export/"):
            await self.app(scope, receive, send)
            return
        self.asked.append(scope["raw_path"].decode() + "?" + scope["query_string"].decode())
        body = b"broken" if self.is_broken else a_pdf("Glucose report, page 1", "Page 2")
        headers = [(b"content-type", b"application/pdf"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@attrs.frozen
class Running:
    address: str
    exporting: Exporting


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    port, world = free_port(), World()
    address = f"http://127.0.0.1:{port}"
    partners = Partners(
        xealth=XealthWebhook(world.app.enrollments, address, "secret"),
        assets=ViewerAssets(SystemClock().now()),
    )
    app = create_app(
        world.app, NoSessions(), XlsxWorkbooks(), readiness=world.storage.ping, partners=partners
    )
    exporting = Exporting(app)
    world.restricted_tokens.tokens["token"] = RestrictedToken("token", PATIENT.user_id)

    async def prepared(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await world.has(CLINIC, PATIENT)
        await exporting(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(prepared, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Running(address, exporting)
    server.should_exit = True
    thread.join()


def test_the_page_holds_the_address_of_the_report(running: Running) -> None:
    """Encoded for where it stands (XEALTH-22, XEALTH-23)."""
    page = httpx.get(f"{running.address}{VIEWER}?{QUERY}")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.content.startswith(b"\xef\xbb\xbf")
    assert "fullName=Ann\\u002b%3C%2Fscript%3E\\u002b%26\\u002b%22Co%22\\u0026inline" in page.text
    assert f"\\/export\\/report\\/{PATIENT.user_id}?dob=1984-02-29\\u0026" in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("path", "kind"), [("web/viewer.mjs", "text/javascript"), ("web/viewer.css", "text/css")]
)
def test_files_are_served_whole_in_part_or_not_at_all(
    running: Running, path: str, kind: str
) -> None:
    """XEALTH-24."""
    url = f"{running.address}/v1/xealth/report/{path}"
    whole = httpx.get(url)
    part = httpx.get(url, headers={"range": "bytes=5-9"})
    end = httpx.get(url, headers={"range": "bytes=-4"})
    beyond = httpx.get(url, headers={"range": "bytes=10000000-"})
    known = httpx.get(url, headers={"if-modified-since": whole.headers["last-modified"]})
    head = httpx.head(url)

    assert (whole.status_code, whole.headers["content-type"]) == (200, kind)
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    assert (end.status_code, end.content) == (206, whole.content[-4:])
    assert (beyond.status_code, known.status_code) == (416, 304)
    assert (head.status_code, head.content) == (200, b"")
    assert httpx.post(url).status_code == 200


@pytest.mark.parametrize(
    "path", ["", "web", "web/", "web/viewer.html.tmpl", "%2e%2e/pages.py", "x.mjs"]
)
def test_there_are_no_other_files(running: Running, path: str) -> None:
    url = httpx.URL(running.address).copy_with(raw_path=b"/v1/xealth/report/" + path.encode())

    answer = httpx.get(url)

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


@pytest.fixture
def _pdfjs() -> None:
    if not (PDFJS / "VERSION").exists():
        pytest.skip("pdf.js is not there; `python hatch_build.py` fetches it, with npm")


@pytest.mark.usefixtures("_pdfjs")
def test_the_page_finds_all_that_it_asks_for(running: Running) -> None:
    """Files of ours and of pdf.js, of the types without which browsers refuse them (XEALTH-24)."""
    page = httpx.get(f"{running.address}{VIEWER}?{QUERY}").text
    script = httpx.get(f"{running.address}/v1/xealth/report/web/viewer.mjs").text
    asked = re.findall(r'(?:href|src)="([^":]+)"', page) + re.findall(r'"(\.{1,2}/[^"]+)"', script)

    assert {"viewer.mjs", "pdf_viewer.css", "../build/pdf.mjs", "../build/pdf.worker.mjs"} <= {
        *asked
    }
    for path in asked:
        answer = httpx.get(urljoin(f"{running.address}{VIEWER}", path))
        kind = {".mjs": "text/javascript", ".css": "text/css"}[PurePosixPath(path).suffix]
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("_pdfjs")
def test_files_of_pdfjs_are_served_and_nothing_that_only_people_read(running: Running) -> None:
    files = [path.relative_to(PDFJS).as_posix() for path in PDFJS.rglob("*") if path.is_file()]
    sample = {PurePosixPath(path).suffix: path for path in files}

    kinds = {}
    for suffix, path in sample.items():
        answer = httpx.get(f"{running.address}/v1/xealth/report/{path}")
        kinds[suffix] = answer.headers["content-type"] if answer.is_success else answer.status_code
        assert not answer.is_success or answer.content == (PDFJS / path).read_bytes()

    assert kinds == {
        "": 404,
        ".bcmap": "application/octet-stream",
        ".css": "text/css",
        ".gif": "image/gif",
        ".mjs": "text/javascript",
        ".pfb": "application/octet-stream",
        ".svg": "image/svg+xml",
        ".ttf": "font/ttf",
    }


@pytest.fixture
def program(_pdfjs: None) -> str:
    """Return where a browser is."""
    found = chromium()
    if found is None:
        pytest.skip("there is no Chromium")
    return found


def test_a_browser_shows_the_report(running: Running, program: str, tmp_path: Path) -> None:
    """Chromium, with the policy of the page in force."""
    running.exporting.asked.clear()

    with browsing(program, tmp_path) as browser:
        browser.open(f"{running.address}{VIEWER}?{QUERY}")
        shown = browser.wait_for("document.querySelector('.textLayer span')?.textContent")
        pages = browser.wait_for("document.getElementById('pages').textContent")
        browser.wait_for("document.getElementById('loadingIcon').classList.contains('hidden')")
        browser.screenshot(tmp_path / "page.png")

    assert (shown, pages) == ("Glucose report, page 1", "2")
    assert browser.console == []
    [asked] = set(running.exporting.asked)
    assert asked.startswith(f"/export/report/{PATIENT.user_id}?dob=1984-02-29&fullName=Ann+")


def test_a_browser_says_that_a_report_cannot_be_had(
    running: Running, program: str, tmp_path: Path
) -> None:
    with browsing(program, tmp_path) as browser:
        running.exporting.is_broken = True
        browser.open(f"{running.address}{VIEWER}?{QUERY}")
        problem = browser.wait_for("document.getElementById('problem').textContent")
    running.exporting.is_broken = False

    assert problem.startswith("The report cannot be shown.")
