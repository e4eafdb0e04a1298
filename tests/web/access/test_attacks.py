"""Attacks on accounts, named after them; what an attacker tries, and what they get."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyotp
import pytest

from cc_voice.web.access import account_records, failed_tries, second_factor
from cc_voice.web.access.accounts import AccountError, Accounts, SignInRefused, TooManyTries
from cc_voice.web.access.authentication import COOKIE
from cc_voice.web.access.permissions import ROUTES
from cc_voice.web.access.roles import AccountAccess
from cc_voice.web.access.tokens import TokenLimits
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import event_streams
from cc_voice.web.live.event_streams import LiveView
from tests.conftest import PATIENCE_S
from tests.web.access.sites import TEAM_A, browser, enter, fill, join, sign_in
from tests.web.access.test_permissions import address
from tests.web.conftest import ALL, CHEAP, ORIGIN, PASSWORD, Clock

GOOD = {"account": "rosa", "password": PASSWORD}


# -- brute force -----------------------------------------------------------------------------------------------------


async def test_brute_force_of_a_password_is_slowed_down_and_written_down(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    codes = [(await stranger.post("/login", data=GOOD | {"password": f"guess {n}"})).status_code for n in range(10)]
    assert codes == [401] * failed_tries.FREE_HERE + [429] * (10 - failed_tries.FREE_HERE)
    await appliance.audit.flush()
    refused = [entry for entry in appliance.audit.entries() if entry.action == "refused"]
    assert len(refused) == 10
    assert all("guess" not in entry.object and entry.actor == "nobody" for entry in refused)


def test_brute_force_of_codes_is_slowed_down_like_passwords(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "auth.sqlite", CHEAP)
    accounts.create("rosa", PASSWORD, "admin", must_change=False, access=ALL)
    secret = with_factor(accounts, 50)
    for number in range(failed_tries.FREE_HERE):
        with pytest.raises(SignInRefused, match="User name, password or code is wrong"):
            accounts.sign_in("rosa", PASSWORD, "10.0.0.1", 100, code=f"{number:06}")
    with pytest.raises(TooManyTries):
        accounts.sign_in("rosa", PASSWORD, "10.0.0.1", 100, code=pyotp.TOTP(secret).at(100))
    accounts.close()


def with_factor(accounts: Accounts, now_s: float) -> str:
    secret = accounts.offer_second_factor("rosa")
    accounts.confirm_second_factor("rosa", pyotp.TOTP(secret).at(int(now_s)), now_s)
    return secret


def test_a_code_is_good_once_and_around_now(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "auth.sqlite", CHEAP)
    accounts.create("rosa", PASSWORD, "admin", must_change=False, access=ALL)
    secret = with_factor(accounts, 50)
    code = pyotp.TOTP(secret).at(1000)
    with pytest.raises(SignInRefused):
        accounts.sign_in("rosa", PASSWORD, "a", 1000)
    assert accounts.sign_in("rosa", PASSWORD, "a", 1000, code=f" {code[:3]} {code[3:]}")
    with pytest.raises(SignInRefused):
        accounts.sign_in("rosa", PASSWORD, "a", 1001, code=code)
    with pytest.raises(SignInRefused):
        accounts.sign_in("rosa", PASSWORD, "a", 2000, code=pyotp.TOTP(secret).at(1900))
    with pytest.raises(AccountError, match="not the app"):
        accounts.remove_second_factor("rosa", "000000", 3000)
    accounts.remove_second_factor("rosa", pyotp.TOTP(secret).at(3000), 3000)
    assert accounts.sign_in("rosa", PASSWORD, "a", 3001)
    accounts.close()


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12345\0"])
def test_what_is_no_code_is_of_no_step(code: str) -> None:
    assert second_factor.step_of(second_factor.new_secret(), code, 1000, 0) is None


async def test_a_second_factor_is_set_up_asked_for_and_removed(rosa: httpx.AsyncClient, clock: Clock) -> None:
    shown = (await rosa.post("/account/second-factor")).text
    secret = shown.split('class="secret">')[1].split("<")[0]
    assert "otpauth://totp/" in shown
    assert (await rosa.post("/account/second-factor/confirm", data={"code": "1"})).status_code == 400
    confirmed = await rosa.post("/account/second-factor/confirm", data={"code": pyotp.TOTP(secret).at(int(clock.now_s))})
    assert confirmed.status_code == 303
    assert secret not in (await rosa.get("/account")).text
    clock.now_s += 60
    assert (await rosa.post("/login", data=GOOD)).status_code == 401
    assert (await rosa.post("/login", data=GOOD | {"code": pyotp.TOTP(secret).at(int(clock.now_s))})).status_code == 303
    clock.now_s += 60
    code = pyotp.TOTP(secret).at(int(clock.now_s))
    assert (await rosa.post("/account/second-factor/remove", data={"code": code})).status_code == 303
    assert (await rosa.post("/login", data=GOOD)).status_code == 303


# -- sessions --------------------------------------------------------------------------------------------------------


async def test_session_fixation_gets_a_token_that_nobody_signed_in_with(stranger: httpx.AsyncClient) -> None:
    stranger.cookies.set(COOKIE, "chosen-by-the-attacker", domain="appliance.test")
    answer = await stranger.post("/login", data=GOOD)
    assert answer.cookies[COOKIE] != "chosen-by-the-attacker"
    stranger.cookies.clear()
    stranger.cookies.set(COOKIE, "chosen-by-the-attacker", domain="appliance.test")
    assert (await stranger.get("/calls")).status_code == 303


async def test_session_fixation_with_a_session_of_ones_own_ends_that_session(appliance: Appliance) -> None:
    """The attacker signs in, plants the cookie in the victim's browser, and waits for the victim to sign in over it."""
    join(appliance, "mallory", "agent", AccountAccess(user_id="m"))
    async with browser(appliance) as attacker, browser(appliance) as victim:
        await sign_in(attacker, "mallory")
        planted = attacker.cookies[COOKIE]
        victim.cookies.set(COOKIE, planted, domain="appliance.test")
        answer = await victim.post("/login", data=GOOD)
        assert answer.cookies[COOKIE] != planted
        assert (await attacker.get("/account")).status_code == 303, "the planted session is over, and was never rosa's"


async def test_a_session_is_listed_with_its_place_and_ended_from_elsewhere(appliance: Appliance) -> None:
    fox = {"user-agent": "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/140.0"}
    async with browser(appliance) as here, browser(appliance) as there:
        await sign_in(here, "rosa")
        there.headers.update(fox)
        await sign_in(there, "rosa")
        page = (await here.get("/account")).text
        assert "Firefox" in page
        session_id = page.split("/account/sessions/")[1].split("/")[0]
        assert session_id not in there.cookies[COOKIE]
        assert (await here.post(f"/account/sessions/{session_id}/end")).status_code == 303
        assert (await there.get("/account")).status_code == 303
        assert (await here.get("/account")).status_code == 200


async def test_a_session_of_somebody_else_cannot_be_ended_by_its_id(appliance: Appliance) -> None:
    sam = await enter(appliance, "sam", "supervisor")
    async with browser(appliance) as rosa:
        await sign_in(rosa, "rosa")
        [theirs] = appliance.accounts.sessions(appliance.now(), "rosa")
        await sam.post(f"/account/sessions/{theirs.session_id}/end")
        assert (await rosa.get("/account")).status_code == 200
        assert (await sam.post(f"/admin/sessions/{theirs.session_id}/end")).status_code == 403
        [mine] = appliance.accounts.sessions(appliance.now(), "sam")
        assert (await rosa.post(f"/admin/sessions/{mine.session_id}/end")).status_code == 303
        assert (await sam.get("/calls")).status_code == 303
        assert (await rosa.post("/admin/sessions/nobody/end")).status_code == 404


async def test_an_administrator_signs_everybody_out_but_themselves(appliance: Appliance) -> None:
    sam = await enter(appliance, "sam", "supervisor")
    async with browser(appliance) as rosa:
        await sign_in(rosa, "rosa")
        assert (await rosa.post("/admin/sessions/end")).status_code == 303
        assert (await sam.get("/calls")).status_code == 303
        assert (await rosa.get("/admin/users")).status_code == 200


CHANGES = ["/admin/users", "/admin/users/rosa", "/admin/users/rosa/disable", "/admin/sessions/end", "/admin/tokens/1/revoke"]
CHANGES += ["/account/second-factor", "/account/second-factor/remove", "/account/tokens", "/account/sessions/x/end"]


@pytest.mark.parametrize("path", CHANGES)
async def test_csrf_changes_nothing(rosa: httpx.AsyncClient, appliance: Appliance, path: str) -> None:
    appliance.accounts.create_token("rosa", "kept", 0)
    before = state(appliance)
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ORIGIN, "sec-fetch-site": "cross-site"}):
        answer = await rosa.post(path, data={"name": "evil", "role": "admin", "site": "1"}, headers=headers)
        assert answer.status_code == 403
    assert state(appliance) == before


async def test_csrf_changes_nothing_at_any_address_of_the_table(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    """Every route that changes something for a browser's session, generated: another site's page is refused before anything."""
    offenders = {}
    before, entries = state(appliance), len(appliance.audit.entries())
    for (method, path), need in ROUTES.items():
        if method == "GET" or need.who == "anybody":
            continue
        answer = await rosa.request(method, address(path), json={}, headers={"origin": "https://evil.example"})
        if answer.status_code != 403:
            offenders[method, path] = answer.status_code
    assert offenders == {}
    assert (state(appliance), len(appliance.audit.entries())) == (before, entries)


def state(appliance: Appliance) -> Any:
    accounts = appliance.accounts
    return (accounts.ask_now(account_records.load_all), accounts.tokens(None), len(accounts.sessions(appliance.now())))


# -- tokens ----------------------------------------------------------------------------------------------------------


async def test_token_theft_is_worth_nothing_after_revocation(appliance: Appliance) -> None:
    fill(appliance)
    secret = appliance.accounts.create_token("rosa", "stolen", appliance.now())
    async with browser(appliance) as thief:
        thief.headers["authorization"] = f"Bearer {secret}"
        assert (await thief.get("/api/v1/calls/mine")).status_code == 200
        [token] = appliance.accounts.tokens("rosa")
        assert token.used_s == appliance.now()
        appliance.accounts.revoke_token("rosa", token.token_id)
        assert (await thief.get("/api/v1/calls/mine")).status_code == 401


async def test_a_stolen_token_is_worth_nothing_once_its_owner_is_disabled_or_it_expires(appliance: Appliance, clock: Clock) -> None:
    join(appliance, "sam", "supervisor")
    for_a_day = TokenLimits(expires_s=clock.now_s + 86_400)
    secrets = [appliance.accounts.create_token("sam", "x", clock.now_s, limits) for limits in (TokenLimits(), for_a_day)]
    async with browser(appliance) as thief:

        async def codes() -> list[int]:
            bearers = [{"authorization": f"Bearer {secret}"} for secret in secrets]
            return [(await thief.get("/api/v1/calls", headers=bearer)).status_code for bearer in bearers]

        assert await codes() == [200, 200]
        clock.now_s += 86_400
        assert await codes() == [200, 401]
        appliance.accounts.ask_now(account_records.disable, "sam", clock.now_s)
        assert await codes() == [401, 401]


async def test_a_token_does_what_it_was_made_for_and_no_more(appliance: Appliance) -> None:
    fill(appliance)
    join(appliance, "ida", "analyst", AccountAccess(site=True))
    limits = TokenLimits(rights=frozenset({"numbers"}), rows=TEAM_A)
    secret = appliance.accounts.create_token("ida", "wallboard", appliance.now(), limits)
    async with browser(appliance) as program:
        program.headers["authorization"] = f"Bearer {secret}"
        assert (await program.get("/api/v1/calls")).json()["total"]["calls"] == 2
        assert (await program.get("/api/v1/calls/theirs")).status_code == 404
        assert (await program.get("/api/v1/calls/mine")).json()["utterances"] == []
        for path in ("/api/v1/search?q=refund", "/api/v1/calls/mine/transcript", "/api/v1/live/words"):
            assert (await program.get(path)).status_code == 403, path
        assert (await program.post("/api/v1/sql", json={"sql": "select 1"})).status_code == 403


async def test_a_token_loses_what_its_owner_loses(appliance: Appliance) -> None:
    fill(appliance)
    join(appliance, "sam", "supervisor", AccountAccess(teams=frozenset({"team-a", "team-b"})))
    limits = TokenLimits(rows=AccountAccess(teams=frozenset({"team-b"})))
    secret = appliance.accounts.create_token("sam", "south", appliance.now(), limits)
    async with browser(appliance) as program:
        program.headers["authorization"] = f"Bearer {secret}"
        assert (await program.get("/api/v1/calls")).json()["total"]["calls"] == 2
        appliance.accounts.ask_now(account_records.change, "sam", "supervisor", TEAM_A, None)
        assert (await program.get("/api/v1/calls")).json()["total"]["calls"] == 0, "team B is not sam's any more"


@pytest.mark.parametrize(
    "limits",
    [
        TokenLimits(rights=frozenset({"export"})),
        TokenLimits(rights=frozenset({"administer"})),
        TokenLimits(rows=AccountAccess(site=True)),
        TokenLimits(rows=AccountAccess(teams=frozenset({"team-b"}))),
        TokenLimits(rows=AccountAccess(queues=frozenset({"billing"}))),
        TokenLimits(rows=AccountAccess(user_id="bob")),
    ],
)
def test_a_token_beyond_its_owner_is_not_made(appliance: Appliance, limits: TokenLimits) -> None:
    join(appliance, "sam", "supervisor")
    with pytest.raises(AccountError, match="more than its owner"):
        appliance.accounts.create_token("sam", "more", appliance.now(), limits)


async def test_the_form_of_a_token_is_read_and_what_is_wrong_told(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    data = {"label": "nightly", "rights": "numbers, export", "teams": "team-a", "days": "7"}
    assert (await rosa.post("/account/tokens", data=data)).status_code == 200
    [token] = appliance.accounts.tokens("rosa")
    assert token.limits == TokenLimits(rights=frozenset({"numbers", "export"}), rows=TEAM_A, expires_s=appliance.now() + 7 * 86_400)
    for wrong in ({"rights": "everything"}, {"days": "0"}, {"days": "9" * 30}, {"days": "x"}, {"rights": "coach"}):
        answer = await rosa.post("/account/tokens", data={"label": "x"} | wrong)
        assert answer.status_code == 400, wrong
        assert 'role="alert"' in answer.text
    assert len(appliance.accounts.tokens("rosa")) == 1


# -- mass assignment -------------------------------------------------------------------------------------------------


async def test_mass_assignment_sets_no_field_that_the_form_does_not_have(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    join(appliance, "sam", "supervisor")
    before = appliance.accounts.ask_now(account_records.found, "sam")
    for extra in ("must_change", "password", "totp", "disabled_s", "theme", "access", "rights", "created_s"):
        answer = await rosa.post("/admin/users/sam", data={"role": "supervisor", "teams": "team-a", extra: "1"})
        assert answer.status_code == 400, extra
    assert appliance.accounts.ask_now(account_records.found, "sam") == before


async def test_mass_assignment_gives_nobody_more_through_forms_of_their_own(appliance: Appliance) -> None:
    sam = await enter(appliance, "sam", "supervisor")
    more = {"role": "admin", "site": "1", "grants": "export", "rights": "", "account": "rosa", "must_change": "0"}
    await sam.post("/theme", data={"theme": "dark"} | more)
    await sam.post("/account/tokens", data={"label": "x"} | more)
    await sam.post("/account/second-factor/confirm", data={"code": "1"} | more)
    record = appliance.accounts.ask_now(account_records.found, "sam")
    assert (record.role, record.access) == ("supervisor", TEAM_A)
    assert {token.account for token in appliance.accounts.tokens(None)} == {"sam"}


@pytest.mark.parametrize(
    "data",
    [
        {"role": "root"},
        {"role": "agent", "grants": "everything"},
        {"role": "supervisor", "teams": "x" * 300},
        {"role": ""},
        {"name": "other", "role": "agent"},
    ],
)
async def test_a_form_of_an_account_that_is_wrong_changes_nothing(
    rosa: httpx.AsyncClient, appliance: Appliance, data: dict[str, str]
) -> None:
    join(appliance, "sam", "supervisor")
    answer = await rosa.post("/admin/users/sam", data=data)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert appliance.accounts.ask_now(account_records.found, "sam").access == TEAM_A


@pytest.mark.parametrize("name", ["", " sam", "os:root", "a/b", "x" * 65, "tab\there", "ROSA"])
async def test_a_name_that_is_none_or_taken_is_refused(rosa: httpx.AsyncClient, name: str) -> None:
    assert (await rosa.post("/admin/users", data={"name": name, "role": "agent"})).status_code == 400


async def test_a_new_account_gets_a_one_time_password_that_must_be_changed(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    data = {"name": "sam", "role": "supervisor", "teams": "team-a, team-b", "grants": ["export", "appeals"], "display_name": "Sam"}
    shown = (await rosa.post("/admin/users", data=data)).text
    password = shown.split('class="secret">')[1].split("<")[0]
    record = appliance.accounts.ask_now(account_records.found, "sam")
    assert record.must_change
    assert record.access == AccountAccess(grants=frozenset({"export", "appeals"}), teams=frozenset({"team-a", "team-b"}))
    async with browser(appliance) as sam:
        assert (await sam.post("/login", data={"account": "sam", "password": password})).status_code == 303
        assert (await sam.get("/calls")).headers["location"] == "/password"
    reset = (await rosa.post("/admin/users/sam/reset")).text
    assert reset.split('class="secret">')[1].split("<")[0] != password


# -- a running stream ------------------------------------------------------------------------------------------------


async def test_privilege_change_in_a_running_stream_takes_effect(appliance: Appliance) -> None:
    """What a page shows while it is open is what its visitor may see at each moment."""
    join(appliance, "sam", "supervisor")
    visitor = appliance.accounts.visitor(appliance.accounts.sign_in("sam", PASSWORD, "a", appliance.now()), appliance.now())
    seen = []

    async def look(by_now: Any) -> LiveView:
        seen.append(sorted(by_now.scope.teams))
        return LiveView({"n": str(len(seen))}, {})

    stream = event_streams.stream(appliance, visitor, look, period_s=0.01)
    messages = stream.iterator
    await asyncio.wait_for(anext(messages), PATIENCE_S)
    other = AccountAccess(teams=frozenset({"team-b"}))
    appliance.accounts.ask_now(account_records.change, "sam", "supervisor", other, None)
    await asyncio.wait_for(anext(messages), PATIENCE_S)
    assert (seen[0], seen[-1]) == (["team-a"], ["team-b"])
    appliance.accounts.ask_now(account_records.change, "sam", "auditor", AccountAccess(), None)
    assert len([message async for message in messages]) <= 1, "what was on its way, and then it ends"


async def test_a_disabled_account_is_out_of_a_running_stream(appliance: Appliance) -> None:
    join(appliance, "sam", "supervisor")
    visitor = appliance.accounts.visitor(appliance.accounts.sign_in("sam", PASSWORD, "a", appliance.now()), appliance.now())

    async def look(by_now: Any) -> LiveView:
        return LiveView({"now": str(time.monotonic_ns())}, {})

    messages = event_streams.stream(appliance, visitor, look, period_s=0.01).iterator
    await asyncio.wait_for(anext(messages), PATIENCE_S)
    appliance.accounts.ask_now(account_records.disable, "sam", appliance.now())
    assert len([message async for message in messages]) <= 1, "what was on its way, and then it ends"


def test_a_visitor_shows_neither_session_nor_token_in_its_records(appliance: Appliance) -> None:
    for record in appliance.accounts.ask_now(account_records.load_all):
        assert not {"password", "totp", "token"} & set(msgspec.structs.asdict(record))
