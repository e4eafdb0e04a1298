"""Signing in over HTTP: cookies, redirects, forged requests, tokens, the one-time password."""

from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.web.access import accounts as limits
from cc_voice.web.access import failed_tries
from cc_voice.web.access.authentication import COOKIE, local_path
from cc_voice.web.app import create_app
from cc_voice.web.appliance import Appliance
from tests.web.conftest import ORIGIN, PASSWORD, Clock

GOOD = {"account": "rosa", "password": PASSWORD}


async def test_a_stranger_is_sent_to_sign_in_and_back(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/calls?words=a%26b&agent=Zoë")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2Fcalls%3F")
    form = await stranger.get(answer.headers["location"])
    assert 'value="/calls?words=a%26b&amp;agent=Zo' in form.text
    signed = await stranger.post("/login", data=GOOD | {"next": "/calls?words=a%26b"})
    assert (signed.status_code, signed.headers["location"]) == (303, "/calls?words=a%26b")
    assert (await stranger.get("/calls")).status_code == 200


async def test_a_program_without_a_token_is_told_how(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/api/v1/calls")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == 401


@pytest.mark.parametrize("data", [GOOD | {"password": "wrong"}, GOOD | {"account": "nobody"}, {}, {"account": "rosa"}])
async def test_a_refusal_does_not_say_what_was_wrong(stranger: httpx.AsyncClient, data: dict[str, str]) -> None:
    answer = await stranger.post("/login", data=data)
    assert answer.status_code == 401
    assert "User name, password or code is wrong." in answer.text
    assert "set-cookie" not in answer.headers


async def test_who_tries_too_often_is_told_when_to_come_back(stranger: httpx.AsyncClient, clock: Clock) -> None:
    for _ in range(failed_tries.FREE_HERE):
        await stranger.post("/login", data=GOOD | {"password": "wrong"})
    answer = await stranger.post("/login", data=GOOD)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert "Wait 1 second" in answer.text
    clock.now_s += 1
    assert (await stranger.post("/login", data=GOOD)).status_code == 303


async def test_the_current_password_is_not_to_be_guessed(rosa: httpx.AsyncClient) -> None:
    new = {"new": "a much better one", "again": "a much better one"}
    answers = [await rosa.post("/password", data={"current": "wrong", **new}) for _ in range(failed_tries.FREE_HERE + 1)]
    assert [answer.status_code for answer in answers] == [400] * failed_tries.FREE_HERE + [429]
    assert "retry-after" in answers[-1].headers


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: httpx.AsyncClient) -> None:
    cookie = (await stranger.post("/login", data=GOOD)).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie


async def test_behind_https_the_cookie_never_leaves_it(appliance: Appliance) -> None:
    settings = msgspec.structs.replace(appliance.settings, public_url="https://calls.example")
    app = create_app(msgspec.structs.replace(appliance, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        assert "secure" in (await client.post("/login", data=GOOD)).headers["set-cookie"].lower()


async def test_signing_out_ends_the_session_on_the_server(rosa: httpx.AsyncClient) -> None:
    token = rosa.cookies[COOKIE]
    answer = await rosa.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    rosa.cookies.set(COOKIE, token, domain="appliance.test")
    assert (await rosa.get("/calls")).status_code == 303


async def test_a_session_ends_when_nobody_uses_it(rosa: httpx.AsyncClient, clock: Clock) -> None:
    clock.now_s += limits.IDLE_S + 1
    assert (await rosa.get("/calls")).status_code == 303


FORGED = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://["},
    {"origin": ORIGIN.removeprefix("http:")},
    {"origin": ORIGIN + ".evil.example"},
    {"origin": "http://appliance.test:8080"},
    {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
    {"origin": ORIGIN, "sec-fetch-site": "same-site"},
    {"origin": ORIGIN, "sec-fetch-site": "none"},
]


@pytest.mark.parametrize("path", ["/login", "/logout", "/password", "/theme", "/account/tokens", "/account/tokens/1/revoke"])
async def test_a_form_of_another_page_changes_nothing(rosa: httpx.AsyncClient, appliance: Appliance, path: str) -> None:
    appliance.accounts.create_token("rosa", "kept", 0)
    for headers in FORGED:
        answer = await rosa.post(path, data=GOOD | {"theme": "dark", "label": "forged"}, headers=headers)
        assert answer.status_code == 403, headers
        assert [token.label for token in appliance.accounts.tokens("rosa")] == ["kept"], headers
        page = await rosa.get("/live")
        assert page.status_code == 200, headers
        assert 'data-theme="' not in page.text, headers


async def test_the_browser_s_word_is_enough_behind_a_proxy_that_renames_the_host(stranger: httpx.AsyncClient) -> None:
    headers = {"origin": "https://calls.example", "sec-fetch-site": "same-origin"}
    assert (await stranger.post("/login", data=GOOD, headers=headers)).status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil",
        "/login",
        "",
        "/a\\b",
    ],
)
async def test_sign_in_never_leads_to_another_site(stranger: httpx.AsyncClient, path: str) -> None:
    answer = await stranger.post("/login", data=GOOD | {"next": path})
    assert answer.headers["location"] == "/"


@given(st.text(alphabet="/\\ab:?#\t\n .", max_size=12))
def test_where_to_go_next_is_a_path_of_ours(text: str) -> None:
    path = local_path(text)
    assert path[0] == "/"
    assert path[1:2] not in ("/", "\\")
    assert not set(path) & set("\\\t\n")


async def test_the_one_time_password_opens_one_page_only(stranger: httpx.AsyncClient, appliance: Appliance, tmp_path: Path) -> None:
    appliance.accounts.create("admin", "one-time-password", "admin", must_change=True)
    (tmp_path / "first-login.txt").write_text("one-time-password")
    await stranger.post("/login", data={"account": "admin", "password": "one-time-password"})
    for path in ("/", "/calls", "/account"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/password"), path
    assert (await stranger.get("/api/v1/calls")).status_code == 403
    assert "Choose your own" in (await stranger.get("/password")).text
    refused = await stranger.post("/password", data={"current": "one-time-password", "new": "short", "again": "short"})
    assert refused.status_code == 400
    assert "at least 12 characters" in refused.text
    twice = {"current": "one-time-password", "new": "a much better one", "again": "a much better one"}
    changed = await stranger.post("/password", data=twice)
    assert (changed.status_code, changed.headers["location"]) == (303, "/")
    assert (await stranger.get("/calls")).status_code == 200
    assert not (tmp_path / "first-login.txt").exists()


async def test_a_password_must_be_repeated_exactly(rosa: httpx.AsyncClient) -> None:
    answer = await rosa.post("/password", data={"current": PASSWORD, "new": "a much better one", "again": "a much better One"})
    assert answer.status_code == 400
    assert "not repeated exactly" in answer.text


async def test_a_token_is_shown_once_reads_and_can_be_revoked(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    shown = await rosa.post("/account/tokens", data={"label": "<nightly>"})
    secret = shown.text.split('class="secret">')[1].split("<")[0]
    page = (await rosa.get("/account")).text
    assert secret not in page
    assert "&lt;nightly&gt;" in page
    transport = httpx.ASGITransport(create_app(appliance))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"authorization": f"Bearer {secret}"}) as program:
        assert (await program.get("/api/v1/calls")).status_code == 200
        assert (await program.post("/account/tokens", data={"label": "more"})).status_code == 403
        assert (await program.post("/password", data={})).status_code == 403
        [token] = appliance.accounts.tokens("rosa")
        assert (await rosa.post(f"/account/tokens/{token.token_id}/revoke")).status_code == 303
        assert (await program.get("/api/v1/calls")).status_code == 401


@pytest.mark.parametrize("number", ["0", "999", "9" * 19, "9" * 30, "9" * 5000])
async def test_revoking_what_is_no_token_changes_nothing(rosa: httpx.AsyncClient, appliance: Appliance, number: str) -> None:
    await rosa.post("/account/tokens", data={"label": "nightly"})
    assert (await rosa.post(f"/account/tokens/{number}/revoke")).status_code in (303, 404)
    assert len(appliance.accounts.tokens("rosa")) == 1


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer ", "Basic cm9zYTp4", "Bearer \u00e4"])
async def test_a_wrong_token_is_no_token(stranger: httpx.AsyncClient, value: str) -> None:
    answer = await stranger.get("/api/v1/calls", headers={"authorization": value.encode("latin-1")})
    assert answer.status_code == 401


async def test_colours_are_remembered_and_lead_back(rosa: httpx.AsyncClient) -> None:
    answer = await rosa.post("/theme", data={"theme": "dark"}, headers={"referer": f"{ORIGIN}/calls?page=2"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/calls?page=2")
    assert '<html lang="en" data-theme="dark">' in (await rosa.get("/live")).text
    elsewhere = await rosa.post("/theme", data={"theme": '"><script>'}, headers={"referer": "https://evil.example/x"})
    assert elsewhere.headers["location"] == "/"
    assert 'data-theme="' not in (await rosa.get("/live")).text
