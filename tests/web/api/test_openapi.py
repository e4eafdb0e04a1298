"""The OpenAPI document, held to what the service does: schemathesis asks every operation what it allows, and what it does not."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from cc_voice.web.access.permissions import ROUTES
from cc_voice.web.api import routes
from cc_voice.web.api.description import PREFIX
from cc_voice.web.api.reference import drawn
from cc_voice.web.appliance import Appliance
from tests.conftest import PATIENCE_S
from tests.web.access.sites import fill, join
from tests.web.conftest import ORIGIN, PASSWORD, Served

EXAMPLES = {"/api/v1/sql": 3, "/api/v1/policies/{kind}/trials": 3}
EXAMPLES |= dict.fromkeys(("/api/v1/imports", "/api/v1/enrichments", "/api/v1/recomputations"), 2)
"""Each of these is a process of its own."""
NAMES_IN_ITS_BODY = {("POST", f"/api/v1/{kind}") for kind in ("calibrations", "coaching", "evaluations")}
"""A leg that is out of scope is not there, also where the body names it."""
MOST = 8
KNOWN = {"call_id": "mine", "metric": "talk_ms_agent", "deed": "unlock", "kind": "thresholds", "version": 1}
NAMES = {"/api/v1/reports/{name}": "agent-talk", "/api/v1/tables/{name}": "words"}
HELD = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    found = routes.description().document["paths"]
    return {(method.upper(), path): each for path, methods in found.items() for method, each in methods.items()}


def test_every_operation_is_described_with_all_its_statuses() -> None:
    in_table = {key for key in ROUTES if key[1].startswith(PREFIX)} - {("GET", "/api/v1/docs"), ("POST", "/api/v1/mcp")}
    assert operations().keys() == in_table
    for key, operation in operations().items():
        assert operation["summary"], key
        assert len(operation["description"]) > 40, key
        assert operation["security"], key
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (key, parameter["name"])
        statuses = set(operation["responses"])
        assert {"400", "401", "403", "503"} <= statuses, key
        assert ("404" in statuses) == ("{" in key[1] or key in NAMES_IN_ITS_BODY), key
        for status, answer in operation["responses"].items():
            assert len(answer["description"]) > 4, (key, status)
            if int(status) >= 400 and status != "416":
                assert list(answer["content"]) == ["application/problem+json"], (key, status)


def test_the_document_is_openapi_3_1_and_drawn_whole() -> None:
    document = routes.description().document
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
    page = drawn(document)
    assert len(page.operations) == len(operations())
    assert all(each.type for operation in page.operations for each in operation.parameters), "every parameter says its type"


async def test_the_page_of_the_api_is_ours_alone(rosa: httpx.AsyncClient) -> None:
    html = (await rosa.get("/api/v1/docs")).text
    assert "updated_since" in html
    assert "`" not in html, "what is code is shown as code"
    assert "http://" not in html.replace(ORIGIN, "")
    assert "https://" not in html


@pytest.mark.parametrize("mode", tuple(GenerationMode), ids=lambda mode: mode.value)
async def test_schemathesis_finds_no_fault_and_no_status_that_is_not_told(
    appliance: Appliance, served: Served, mode: GenerationMode
) -> None:
    fill(appliance, recorded=True)
    join(appliance, "sam", "supervisor")
    appliance.draining.set()  # streams end at once
    async with httpx.AsyncClient(base_url=served.url, headers={"origin": served.url}) as client:
        answer = await client.post("/login", data={"account": "rosa", "password": PASSWORD})
        assert answer.status_code == 303
        cookies = dict(client.cookies)
    statuses, faults = await asyncio.to_thread(fuzz, served.url, cookies, mode)
    assert faults == []
    assert {200, 404} <= statuses if mode is GenerationMode.POSITIVE else {400, 404} <= statuses
    assert not [status for status in statuses if status >= 500]


def without_credentials() -> dict[str, Any]:
    """Return the document without its security schemes: schemathesis would make up tokens, and learn no more than 401."""
    document: dict[str, Any] = msgspec.json.decode(routes.description().text)
    del document["components"]["securitySchemes"]
    for methods in document["paths"].values():
        for operation in methods.values():
            del operation["security"]
    return document


def fuzz(url: str, cookies: dict[str, str], mode: GenerationMode) -> tuple[set[int], list[str]]:
    """Ask every operation; return the statuses that came, and what was wrong."""
    load_all_checks()
    checks = CHECKS.get_by_names(list(HELD))
    seen: set[int] = set()
    faults = []
    with requests.Session() as session:
        session.cookies.update(cookies)
        for found in schemathesis.openapi.from_dict(without_credentials()).get_all_operations():
            operation = found.ok()
            about = settings(
                max_examples=EXAMPLES.get(operation.path, MOST),
                phases=[Phase.generate],
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )

            @about
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Case) -> None:
                if mode is GenerationMode.POSITIVE and case.operation.label != "DELETE /api/v1/calls/{call_id}":
                    known = KNOWN | {"name": NAMES.get(case.operation.path, "sam")}
                    case.path_parameters |= {name: known[name] for name in case.path_parameters if name in known}
                answer = case.call(base_url=url, session=session, headers={"origin": url}, timeout=10 * PATIENCE_S)
                seen.add(answer.status_code)
                case.validate_response(answer, checks=checks)
                if answer.status_code >= 400 and answer.status_code != 416:
                    assert answer.headers["content-type"] == ["application/problem+json"], answer.headers
                    assert answer.json()["status"] == answer.status_code

            try:
                ask()
            except Unsatisfiable:
                pass  # an operation without parameters: there is nothing to get wrong
            except BaseException as fault:  # failures come in groups, which are no exceptions
                faults.append(f"{operation.label}: {fault}")
    return seen, faults
