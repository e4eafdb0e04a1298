"""Odd requests: every method at every address, JSON without bottom, NUL bytes, numbers without end. Nothing of it is our fault."""

import itertools
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from cc_voice.query.operation_arguments import ARGUMENTS
from cc_voice.web.app import create_app
from cc_voice.web.appliance import Appliance
from cc_voice.web.head_requests import with_head
from tests.conftest import PATIENCE_S
from tests.web.conftest import ORIGIN, PASSWORD, Served

METHODS = ("OPTIONS", "HEAD", "PUT", "TRACE", "FOO")
NASTY = (
    "%00",
    "a%00b",
    "9" * 30,
    "9" * 5000,
    "-" + "9" * 30,
    "1e400",
    "NaN",
    "%ff%fe",
    "%ED%A0%80",
    "x" * 3000,
    "2026-99-99",
    "((((",
)
PARAMETERS = {
    "/calls": ("from", "agent", "min_length", "words", "page", "language"),
    "/api/v1/calls": ("limit", "offset", "to", "product", "min_length"),
    "/calls/golden": ("t", "leg"),
    "/api/v1/calls/golden/transcript": ("leg", "format"),
    "/api/v1/calls/golden/contact-lens": ("leg",),
    "/search": ("q", "from", "after", "party"),
    "/api/v1/search": ("q", "after", "limit"),
    "/reports/agent-talk": ("since", "until", "agent", "queue"),
    "/api/v1/reports/agent-talk": ("since", "until", "format"),
    "/login": ("next",),
}


def addresses(appliance: Appliance) -> list[str]:
    """Return an address of every route."""
    filled = {"call_id": "golden", "leg_no": "1", "name": "agent-talk", "token_id": "1"}
    return [re.sub(r"{(\w+):\w+}", lambda m: filled.get(m[1], "app.css"), route.path) for route in create_app(appliance).routes]


async def test_every_method_at_every_address_has_an_answer(stranger: httpx.AsyncClient, appliance: Appliance, golden: str) -> None:
    for path in addresses(appliance):
        for method in METHODS:
            answer = await stranger.request(method, path)
            assert answer.status_code < 500, (method, path)
            assert answer.status_code != 200 or "static" in path, (method, path)
        assert (await stranger.options(path)).status_code == 204, path


async def test_head_is_get_without_the_body(appliance: Appliance, golden: str) -> None:
    transport = httpx.ASGITransport(with_head(create_app(appliance)))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        assert (await client.head("/calls")).status_code == 303
        await client.post("/login", data={"account": "rosa", "password": PASSWORD})
        for path in ("/calls", "/live", "/calls/golden", "/reports/agent-talk", "/api/v1/calls", "/login", "/nowhere", "/logout"):
            head, got = await client.head(path), await client.get(path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers["content-type"] == got.headers["content-type"], path


@pytest.mark.parametrize("path", ["/api/v1/sql", "/webhooks/zoom", "/owner/command", "/login", "/theme"])
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/x"]
)
async def test_no_body_is_our_fault(rosa: httpx.AsyncClient, path: str, kind: str) -> None:
    deep = b"[" * 3500 + b"]" * 3500
    bodies = (
        deep,
        b'{"sql":' + deep + b"}",
        b'{"sql":"' + b"(" * 7000 + b'"}',
        b'{"sql": ' + b"9" * 7000 + b"}",
        b"",
        b"\0",
        b"null",
    )
    for body in (
        *bodies,
        b"\xff\xfe",
        b'{"sql":"\\ud800"}',
        b'{"sql":"select 1\\u0000"}',
        b"theme=%00&theme=%ed%a0%80",
        b"a&" * 4000,
    ):
        answer = await rosa.post(path, content=body, headers={"content-type": kind})
        assert answer.status_code < 500, body[:20]


async def test_json_without_bottom_is_refused(rosa: httpx.AsyncClient) -> None:
    answer = await rosa.post("/api/v1/sql", content=b'{"sql":' + b"[" * 60_000, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "the request is nested too deeply")


async def test_no_parameter_is_our_fault(rosa: httpx.AsyncClient, golden: str) -> None:
    for path, names in PARAMETERS.items():
        for name in names:
            for value in NASTY:
                answer = await rosa.get(f"{path}?{name}={value}")
                assert answer.status_code < 500, (path, name, value[:20])
    for path in ("/calls/{}", "/api/v1/calls/{}", "/reports/{}", "/api/v1/reports/{}", "/calls/{}/audio.flac"):
        for value in NASTY:
            assert (await rosa.get(path.format(value))).status_code in (400, 404), (path, value[:20])


WRONG_KINDS: tuple[Any, ...] = (None, 7, [], {}, [{}], True, 1.5, {"a": {"b": [1]}})


async def test_a_command_with_arguments_that_do_not_fit_is_told_so(served: Served, golden: str, tmp_path: Path) -> None:
    """Each question without its arguments, and with each of them of other kinds: 422 or an answer, and never a fault of ours."""
    transport = httpx.AsyncHTTPTransport(uds=str(served.owner_socket))
    offenders = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://owner", timeout=10 * PATIENCE_S) as client:
        for question, arguments in ARGUMENTS.items():
            needed = [name for name in arguments if not name.endswith("?") and name != "by"]
            answer = await client.post("/owner/command", json={"command": question, "arguments": {}})
            if answer.status_code not in ((422,) if needed else (200, 400)):  # 400: one of several is wanted
                offenders[question, "nothing"] = answer.text
            for name, value in itertools.product(needed, WRONG_KINDS):
                asked = {"command": question, "arguments": {**dict.fromkeys(needed, str(tmp_path / "x")), name: value}}
                answer = await client.post("/owner/command", json=asked)
                if answer.status_code >= 500:
                    offenders[question, name, repr(value)] = answer.text
    assert offenders == {}
