"""The document and the page to read it."""

from typing import Any

import pytest

from adapters.http_litestar import Options


async def test_the_document_is_open_to_everybody(call: Any) -> None:
    answer = await call("GET", "/openapi.json", token=None)
    operation = answer.json()["paths"]["/v1/clinics"]["get"]

    assert answer.headers["content-type"] == "application/json"
    assert operation["operationId"] == "ListClinics"
    assert "shareCode" in {each["name"] for each in operation["parameters"]}


async def test_the_page_works_without_a_network(call: Any) -> None:
    page = await call("GET", "/docs", token=None)
    policy = page.headers["content-security-policy"]

    assert "http" not in page.text
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    for name in ("favicon-32x32.png", "swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"docs/{name}" in page.text
        assert (await call("GET", f"/docs/{name}", token=None)).status_code == 200


@pytest.mark.parametrize("name", ["nothing.js", "..%2F..%2Fsecret", "index.html"])
async def test_the_page_has_no_other_files(call: Any, name: str) -> None:
    assert (await call("GET", f"/docs/{name}", token=None)).status_code == 404


class TestWithoutDocumentation:
    @pytest.fixture
    def options(self) -> Options:
        return Options(has_documentation=False)

    @pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/start.js"])
    async def test_its_paths_are_unknown(self, call: Any, path: str) -> None:
        assert (await call("GET", path, token=None)).status_code == 400
        assert (await call("GET", path)).status_code == 404
