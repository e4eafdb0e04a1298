"""Signing in with a provider: the way in, and every way in which an answer is not one of the provider to this browser."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from joserfc.jwk import ECKey, OctKey

from cc_voice.config.oidc_settings import ClaimRule, OidcSettings
from cc_voice.web.access import account_records
from cc_voice.web.access.claim_mapping import mapped
from cc_voice.web.access.oidc import OidcClient
from cc_voice.web.appliance import Appliance
from tests.web.access.sign_in_provider import CLIENT, SECRET, SignInProvider, provider
from tests.web.access.sites import browser
from tests.web.conftest import ORIGIN, PASSWORD

RULES = (
    ClaimRule(claim="groups", value="cc-admin", role="admin"),
    ClaimRule(claim="groups", value="cc-sup", role="supervisor", teams=("team-a",)),
    ClaimRule(claim="groups", value="cc-sup-b", role="supervisor", teams=("team-b",), grants=("export", "administer")),
    ClaimRule(claim="groups", value="cc-agent", role="agent"),
)


@pytest.fixture
async def elsewhere() -> AsyncIterator[SignInProvider]:
    async with provider() as made:
        yield made


@pytest.fixture
def site_with_provider(appliance: Appliance, elsewhere: SignInProvider, tmp_path: Path) -> Appliance:
    secret = tmp_path / "client-secret"
    secret.write_text(f"{SECRET}\n")
    oidc = OidcSettings(
        issuer=elsewhere.url, client_id=CLIENT, client_secret_file=str(secret), allow_insecure=True, user_id_claim="zoom_id"
    )
    settings = msgspec.structs.replace(appliance.settings, oidc=oidc, claims=RULES, public_url=ORIGIN)
    client = OidcClient(oidc, ORIGIN)
    return msgspec.structs.replace(appliance, settings=settings, oidc=client, now=time.time)


async def enter(client: httpx.AsyncClient, elsewhere: SignInProvider, **changed: Any) -> httpx.Response:
    """Go out to the provider and come back; `changed` are parameters of the way back."""
    out = await client.get("/login/oidc", params={"next": "/calls"})
    assert out.status_code == 303, out.text
    back = {**elsewhere.authorize(out.headers["location"]), **changed}
    return await client.get("/login/oidc/callback", params={name: value for name, value in back.items() if value is not None})


async def test_somebody_with_a_mapped_claim_comes_in_with_its_role_and_rows(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    async with browser(site_with_provider) as client:
        assert "/login/oidc?next=" in (await client.get("/login")).text
        answer = await enter(client, elsewhere)
        assert (answer.status_code, answer.headers["location"]) == (303, "/calls")
        assert (await client.get("/calls")).status_code == 200
    record = await site_with_provider.accounts.ask(account_records.found, "ines")
    assert (record.role, record.access.teams, record.has_password) == ("supervisor", frozenset({"team-a"}), False)
    assert record.display_name == "Ines Roth"
    entries = site_with_provider.audit.entries(newest=True)
    assert any((each.actor, each.action) == ("ines", "sign-in") for each in entries)


async def test_who_has_no_mapped_claim_has_no_role_and_no_entry(site_with_provider: Appliance, elsewhere: SignInProvider) -> None:
    for groups in ([], ["cc-sup-not"], "no-cc-sup", None, {"cc-sup": 1}, ["CC-SUP"]):
        elsewhere.person["groups"] = groups
        async with browser(site_with_provider) as client:
            answer = await enter(client, elsewhere)
            assert answer.status_code == 401
            assert "You have no role here" in answer.text
            assert (await client.get("/calls")).status_code == 303
    assert [each.name for each in await site_with_provider.accounts.ask(account_records.load_all)] == ["rosa"]


async def test_roles_follow_the_claims_and_whoever_loses_them_loses_sessions_and_tokens(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    accounts = site_with_provider.accounts
    async with browser(site_with_provider) as client:
        await enter(client, elsewhere)
        token = accounts.create_token("ines", "script", site_with_provider.now())
        elsewhere.person |= {"groups": ["cc-sup", "cc-sup-b"], "preferred_username": "renamed"}
        async with browser(site_with_provider) as other:
            assert (await enter(other, elsewhere)).status_code == 303
        record = await accounts.ask(account_records.found, "ines")  # the subject is who it is; the name stays
        assert (record.access.teams, record.access.grants) == (frozenset({"team-a", "team-b"}), frozenset({"export"}))
        elsewhere.person["groups"] = []
        async with browser(site_with_provider) as other:
            assert (await enter(other, elsewhere)).status_code == 401
        assert (await client.get("/calls")).status_code == 303
        assert accounts.program(token, site_with_provider.now()) is None


async def test_no_account_of_this_site_is_taken_over_by_its_name(site_with_provider: Appliance, elsewhere: SignInProvider) -> None:
    elsewhere.person |= {"preferred_username": "Rosa", "groups": ["cc-admin"]}
    async with browser(site_with_provider) as client:
        assert (await enter(client, elsewhere)).status_code == 401
    elsewhere.person |= {"preferred_username": "a/b:c"}
    async with browser(site_with_provider) as client:
        assert (await enter(client, elsewhere)).status_code == 401


async def test_a_disabled_account_stays_out_and_has_no_password(site_with_provider: Appliance, elsewhere: SignInProvider) -> None:
    async with browser(site_with_provider) as client:
        await enter(client, elsewhere)
        for password in ("", PASSWORD):
            form = {"account": "ines", "password": password}
            assert (await client.post("/login", data=form)).status_code == 401
    await site_with_provider.accounts.ask(account_records.disable, "ines", site_with_provider.now())
    async with browser(site_with_provider) as client:
        assert "disabled" in (await enter(client, elsewhere)).text


@pytest.mark.parametrize(
    ("back", "told"),
    [
        ({"state": "another"}, "Begin again"),
        ({"state": None}, "Begin again"),
        ({"state": "ü"}, "Begin again"),
        ({"code": None}, "Begin again"),
        ({"code": "invented"}, "Begin again"),
        ({"error": "access_denied"}, "Begin again"),
        ({"iss": "https://evil.example"}, "Begin again"),
    ],
)
async def test_an_answer_that_is_not_the_one_to_this_browser_is_refused(
    site_with_provider: Appliance, elsewhere: SignInProvider, back: dict[str, Any], told: str
) -> None:
    async with browser(site_with_provider) as client:
        answer = await enter(client, elsewhere, **back)
        assert (answer.status_code, told in answer.text) == (401, True)
        assert (await client.get("/calls")).status_code == 303


async def test_a_link_with_somebody_elses_code_signs_nobody_in(site_with_provider: Appliance, elsewhere: SignInProvider) -> None:
    async with browser(site_with_provider) as thief, browser(site_with_provider) as victim:
        out = await thief.get("/login/oidc")
        back = elsewhere.authorize(out.headers["location"])
        assert (await victim.get("/login/oidc/callback", params=back)).status_code == 401
        await victim.get("/login/oidc")  # with a sign-in of their own under way too
        assert (await victim.get("/login/oidc/callback", params=back)).status_code == 401


async def test_a_code_counts_once(site_with_provider: Appliance, elsewhere: SignInProvider) -> None:
    async with browser(site_with_provider) as client:
        out = await client.get("/login/oidc")
        cookie = client.cookies["cc_voice_oidc"]
        back = elsewhere.authorize(out.headers["location"])
        assert (await client.get("/login/oidc/callback", params=back)).status_code == 303
        assert "cc_voice_oidc" not in client.cookies
        again = await client.get("/login/oidc/callback", params=back, headers={"cookie": f"cc_voice_oidc={cookie}"})
        assert again.status_code == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"aud": None},
        {"exp": 1},
        {"exp": "never"},
        {"exp": None},
        {"iat": 9_999_999_999},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 1},
        {"sub": None},
        {"sub": ""},
        {"sub": ["u-1"]},
    ],
    ids=str,
)
async def test_an_id_token_that_says_something_else_is_refused(
    site_with_provider: Appliance, elsewhere: SignInProvider, changed: dict[str, Any]
) -> None:
    elsewhere.changed = changed
    async with browser(site_with_provider) as client:
        assert (await enter(client, elsewhere)).status_code == 401


async def test_a_token_signed_by_another_key_or_with_the_secret_is_refused(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "first"}, auto_kid=False)
    shared = OctKey.import_key(SECRET.ljust(32, "x"), {"kid": "first"})
    for key, algorithm in ((stranger, "ES256"), (shared, "HS256")):
        elsewhere.signed_by, elsewhere.algorithm = key, algorithm
        async with browser(site_with_provider) as client:
            assert (await enter(client, elsewhere)).status_code == 401


async def test_new_keys_of_the_provider_are_fetched_when_a_token_names_one_but_not_for_every_stranger(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    now = [time.time()]
    client_side = OidcClient(site_with_provider.oidc.settings, ORIGIN, lambda: now[0])  # type: ignore[union-attr]
    site = msgspec.structs.replace(site_with_provider, oidc=client_side)
    async with browser(site) as client:
        assert (await enter(client, elsewhere)).status_code == 303
        elsewhere.key = ECKey.generate_key("P-256", {"kid": "second"}, auto_kid=False)
        elsewhere.published = [elsewhere.key]
        fetched = elsewhere.asked.count("/keys")
        assert (await enter(client, elsewhere)).status_code == 401
        assert elsewhere.asked.count("/keys") == fetched  # within a minute of the last time
        now[0] += 50 + 11
        elsewhere.changed = {"iat": int(now[0]), "exp": int(now[0]) + 300}
        assert (await enter(client, elsewhere)).status_code == 303


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
    ids=str,
)
async def test_a_discovery_document_that_leads_elsewhere_is_refused(
    site_with_provider: Appliance, elsewhere: SignInProvider, discovery: dict[str, Any]
) -> None:
    elsewhere.discovery = discovery
    async with browser(site_with_provider) as client:
        answer = await client.get("/login/oidc")
        assert (answer.status_code, "location" in answer.headers) == (401, False)


async def test_a_provider_that_is_down_keeps_nobody_from_their_own_account(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    elsewhere.status = 503
    async with browser(site_with_provider) as client:
        assert (await client.get("/login/oidc")).status_code == 401
        assert (await client.post("/login", data={"account": "rosa", "password": PASSWORD})).status_code == 303


async def test_claims_that_only_userinfo_has_count_if_it_is_of_the_same_person(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    elsewhere.person = {"sub": "u-1"}
    elsewhere.userinfo = {"sub": "u-2", "preferred_username": "ines", "groups": ["cc-sup"]}
    async with browser(site_with_provider) as client:
        assert (await enter(client, elsewhere)).status_code == 401
        elsewhere.userinfo["sub"] = "u-1"
        assert (await enter(client, elsewhere)).status_code == 303


async def test_sign_in_never_leads_to_another_site(site_with_provider: Appliance, elsewhere: SignInProvider) -> None:
    async with browser(site_with_provider) as client:
        out = await client.get("/login/oidc", params={"next": "//evil.example"})
        back = elsewhere.authorize(out.headers["location"])
        assert (await client.get("/login/oidc/callback", params=back)).headers["location"] == "/"


@pytest.mark.parametrize("cookie", ["", "x", "e30=", "W10=", "WzEsMiwzLDRd", "é".encode().hex()])
async def test_a_cookie_that_is_none_of_ours_is_no_fault(site_with_provider: Appliance, cookie: str) -> None:
    async with browser(site_with_provider) as client:
        headers = {"cookie": f"cc_voice_oidc={cookie}"}
        assert (await client.get("/login/oidc/callback", params={"state": ""}, headers=headers)).status_code == 401


def test_the_first_rule_that_fits_gives_the_role_and_an_agent_is_who_the_claim_says() -> None:
    oidc = OidcSettings(issuer="https://p", client_id="c", user_id_claim="zoom_id")
    person = {"preferred_username": "x", "groups": ["cc-agent", "cc-admin"], "zoom_id": "ana"}
    admin = mapped(person, oidc, RULES)
    assert admin is not None
    assert (admin.role, admin.access.user_id, admin.access.site) == ("admin", None, False)
    agent = mapped({**person, "groups": ["cc-agent"]}, oidc, RULES)
    assert agent is not None
    assert (agent.role, agent.access.user_id) == ("agent", "ana")
    assert mapped({**person, "preferred_username": ""}, oidc, RULES) is None
    assert mapped(person, oidc, ()) is None


async def test_signing_out_ends_the_providers_session_where_it_can_be_ended(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    elsewhere.discovery = {"end_session_endpoint": f"{elsewhere.url}/end?tenant=1"}
    async with browser(site_with_provider) as client:
        await enter(client, elsewhere)
        answer = await client.post("/logout")
        assert (answer.status_code, "Sign out at the provider" in answer.text) == (200, True)
        address = answer.headers["refresh"].removeprefix("0; url=")
        query = dict(httpx.URL(address).params)
        assert address.startswith(f"{elsewhere.url}/end?tenant=1&")
        assert (query["client_id"], query["post_logout_redirect_uri"]) == (CLIENT, f"{ORIGIN}/login")
        assert query["id_token_hint"].count(".") == 2
        assert (await client.get("/calls")).status_code == 303, "here the session is over, whatever the provider does"


async def test_signing_out_stays_here_for_accounts_of_this_site_and_without_such_an_address(
    site_with_provider: Appliance, elsewhere: SignInProvider
) -> None:
    async with browser(site_with_provider) as client:
        await enter(client, elsewhere)
        assert (await client.post("/logout")).headers["location"] == "/login"
        elsewhere.discovery = {"end_session_endpoint": f"{elsewhere.url}/end"}
        await client.post("/login", data={"account": "rosa", "password": PASSWORD})
        assert (await client.post("/logout")).headers["location"] == "/login"


async def test_an_address_for_signing_out_in_the_open_is_refused(site_with_provider: Appliance, elsewhere: SignInProvider) -> None:
    elsewhere.discovery = {"end_session_endpoint": "http://provider.example/end"}
    async with browser(site_with_provider) as client:
        assert (await client.get("/login/oidc")).status_code == 401
