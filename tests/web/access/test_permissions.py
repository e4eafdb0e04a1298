"""Every route × role, generated from the one table; and that the table names every route of the application and nothing else."""

import re

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from cc_voice.web.access.permissions import ROUTES, STATIC, RouteNeed
from cc_voice.web.access.roles import RIGHTS, ROLES, AccountAccess, Role, grantable, held, rights_of
from cc_voice.web.app import create_app
from cc_voice.web.appliance import Appliance
from tests.web.access.sites import TEAM_A, browser, fill, join, sign_in
from tests.web.conftest import PASSWORD

ENDLESS = ("/live/events", "/calls/{call_id}/events", "/api/v1/live/words", "/api/v1/live/alerts")
"""Streams: asked for while the service stops, which ends them."""
ELSEWHERE = {
    ("POST", "/webhooks/zoom"): 401,
    ("POST", "/owner/command"): 404,
    ("POST", "/login"): 401,
    ("GET", "/login/oidc"): 404,
    ("GET", "/login/oidc/callback"): 404,
    ("GET", "/healthz"): 503,
    ("GET", "/readyz"): 503,
}
"""Routes for anybody: what a browser gets there without a signature, the socket, a password, and from a service without workers."""
VALUES = {
    "call_id": "mine",
    "alert_id": "x",
    "leg_no": "1",
    "rule_id": "greeting",
    "form_id": "service-call",
    "evaluation_id": "none",
    "sample_id": "none",
    "coaching_id": "none",
    "name": "agent-talk",
    "metric": "hold_ms",
    "token_id": "1",
    "session_id": "x",
    "deed": "unlock",
    "path": "x",
    "kind": "language",
    "version": "1",
    "job_id": "0",
}


def routes(app: Litestar) -> set[tuple[str, str]]:
    found = set()
    for route in app.routes:
        assert isinstance(route, HTTPRoute), f"{route.path} is of a kind that the guard does not see"
        path = STATIC if route.path_format.startswith(f"{STATIC}/") else route.path_format
        found |= {(method, path) for method in route.methods - {"OPTIONS", "HEAD"}}
    return found


def test_every_route_stands_in_the_table_and_nothing_else_does(appliance: Appliance) -> None:
    assert routes(create_app(appliance)) == ROUTES.keys()


def test_a_need_names_rights_that_there_are() -> None:
    for key, need in ROUTES.items():
        assert (need.who == "right") == bool(need.rights), key
        assert set(need.rights) <= set(RIGHTS), key


def test_an_agents_rights_never_reach_beyond_their_own() -> None:
    assert {held("agent", right) for right in RIGHTS} <= {"own", "own grant", None}


@pytest.mark.parametrize("role", ROLES)
def test_a_grant_that_a_role_cannot_have_counts_for_nothing(role: Role) -> None:
    every = rights_of(role, RIGHTS)
    assert every == rights_of(role, grantable(role))
    assert every == {right for right in RIGHTS if held(role, right)}


@pytest.fixture
def teams(appliance: Appliance) -> Appliance:
    fill(appliance, recorded=True)
    return appliance


def address(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: VALUES[found[1]], path)


async def status(appliance: Appliance, client: httpx.AsyncClient, method: str, path: str) -> int:
    if path == STATIC:
        return 200
    if path in ENDLESS:
        appliance.draining.set()
        code = (await client.get(address(path))).status_code
        appliance.draining.clear()
        return code
    if path == "/api/v1/sql":
        return (await client.post(address(path), content=b"{")).status_code  # let in, it is no question
    return (await client.request(method, address(path))).status_code


def let_in(need: RouteNeed, code: int) -> bool:
    return code not in (401, 403) and code < 500


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("all_grants", [False, True], ids=["role alone", "every grant"])
async def test_each_role_is_let_in_where_the_table_says(teams: Appliance, role: Role, all_grants: bool) -> None:
    access = AccountAccess(user_id="ana") if role == "agent" else TEAM_A
    join(teams, "sam", role, access, all_grants=all_grants)
    rights = rights_of(role, grantable(role) if all_grants else ())
    offenders = {}
    async with browser(teams) as client:
        await sign_in(client, "sam")
        for (method, path), need in ROUTES.items():
            if (method, path) in ELSEWHERE or path == "/logout":
                continue
            code = await status(teams, client, method, path)
            may = need.who != "right" or bool(rights & set(need.rights))
            if may != let_in(need, code) or (not may and code != 403):
                offenders[method, path] = code
    assert offenders == {}


async def test_a_stranger_is_let_in_nowhere_but_where_anybody_is(teams: Appliance) -> None:
    offenders = {}
    async with browser(teams) as client:
        for (method, path), need in ROUTES.items():
            code = await status(teams, client, method, path)
            is_sent_away = code == 401 if path.startswith("/api/") else code == 303
            if need.who != "anybody" and not is_sent_away:
                offenders[method, path] = code
            if need.who == "anybody" and code != ELSEWHERE.get((method, path), code):
                offenders[method, path] = code
    assert offenders == {}


async def test_a_token_is_no_person(teams: Appliance) -> None:
    token = teams.accounts.create_token("rosa", "all", teams.now())
    async with browser(teams) as client:
        client.headers["authorization"] = f"Bearer {token}"
        for (method, path), need in ROUTES.items():
            if need.who == "person":
                assert await status(teams, client, method, path) == 403, (method, path)
            if need.rights == ("administer",):
                assert await status(teams, client, method, path) == 403, "to administer has to be named when a token is made"


FOREIGN = [
    "/calls/{}",
    "/calls/{}/1",
    "/calls/{}/audio.flac",
    "/calls/{}/audio.wav",
    "/calls/{}/peaks.json",
    "/calls/{}/events",
    "/api/v1/calls/{}",
    "/api/v1/calls/{}/audio",
    "/api/v1/calls/{}/transcript",
    "/api/v1/calls/{}/contact-lens",
    *(f"/api/v1/calls/{{}}/{part}" for part in ("legs", "utterances", "intervals", "events", "languages", "evidence/hold_ms")),
]


async def test_id_enumeration_finds_no_difference_between_foreign_and_unknown(teams: Appliance) -> None:
    """What is out of scope is answered as what is not there: same status, same words."""
    join(teams, "sam", "supervisor", TEAM_A)
    async with browser(teams) as client:
        await sign_in(client, "sam")
        for path in FOREIGN:
            foreign, unknown = [await client.get(path.format(call_id)) for call_id in ("theirs", "nobody")]
            assert (foreign.status_code, unknown.status_code) == (404, 404), path
            assert foreign.text.replace("theirs", "nobody") == unknown.text, path
            if "events" not in path:
                assert (await client.get(path.format("mine"))).status_code == 200, path
        assert (await client.get("/calls?words=theirs")).status_code == 200, "no redirect to it either"
        assert (await client.get("/search?q=theirs")).status_code == 200
        assert (await client.get("/calls?words=mine")).headers.get("location") == "/calls/mine"


async def test_the_rail_has_what_a_visitor_may_use(teams: Appliance) -> None:
    shown = {"admin": ("Live", "Calls", "Reports", "Admin", "Audit"), "auditor": ("Reports", "Admin", "Audit")}
    shown |= {"supervisor": ("Live", "Calls", "Search", "Reports"), "agent": ("Live", "Calls", "Search", "Reports")}
    for role, items in shown.items():
        join(teams, role, role)  # type: ignore[arg-type]
        async with browser(teams) as client:
            await sign_in(client, role)
            page = (await client.get("/account")).text
            assert tuple(re.findall(r'class="nav" [^>]*>.*?</svg>(\w+)</a>', page)) == items, role


def test_passwords_of_these_tests_are_long_enough() -> None:
    assert len(PASSWORD) >= 12
