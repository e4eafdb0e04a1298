"""Forty cases, each a sentence of the decisions about scope and roles, written from those and not from the table."""

import re

import httpx
import msgspec
import pytest

from cc_voice.web.access.account_records import AccountError
from cc_voice.web.access.roles import AccountAccess
from cc_voice.web.appliance import Appliance
from tests.web.access.sites import SECRETS, TEAM_A, enter, fill, join

SITE = AccountAccess(site=True)
OWN = AccountAccess(user_id="ana")
ASKED = {"sql": "select count(*) as n, count(distinct agent_name) as agents from v_leg"}


@pytest.fixture
def teams(appliance: Appliance) -> Appliance:
    fill(appliance, recorded=True)
    return appliance


def granted(access: AccountAccess, *rights: str) -> AccountAccess:
    return msgspec.structs.replace(access, grants=frozenset(rights))  # type: ignore[arg-type]


async def ids(client: httpx.AsyncClient) -> list[str]:
    answer = (await client.get("/api/v1/calls")).json()
    assert answer["total"]["calls"] == len(answer["calls"])
    return sorted(each["call_id"] for each in answer["calls"])


async def said(client: httpx.AsyncClient, call_id: str) -> list[str]:
    return [line["text"] for line in (await client.get(f"/api/v1/calls/{call_id}")).json()["utterances"]]


# -- which rows ------------------------------------------------------------------------------------------------------


async def test_01_a_supervisor_of_a_team_sees_the_calls_with_a_leg_of_the_team(teams: Appliance) -> None:
    assert await ids(await enter(teams, "sam", "supervisor")) == ["both", "mine"]


async def test_02_of_such_a_call_only_the_legs_of_the_team(teams: Appliance) -> None:
    client = await enter(teams, "sam", "supervisor")
    assert [leg["leg_no"] for leg in (await client.get("/api/v1/calls/both")).json()["legs"]] == [1]
    assert (await client.get("/calls/both/2")).status_code == 404


async def test_03_a_supervisor_reads_the_whole_call(teams: Appliance) -> None:
    assert await said(await enter(teams, "sam", "supervisor"), "both") == ["mine refund", "hidden refund"]


async def test_04_an_analyst_reads_the_whole_call(teams: Appliance) -> None:
    assert await said(await enter(teams, "ida", "analyst"), "both") == ["mine refund", "hidden refund"]


async def test_05_an_agent_reads_the_words_of_their_own_leg_only(teams: Appliance) -> None:
    assert await said(await enter(teams, "ana", "agent", OWN), "both") == ["mine refund"]


async def test_06_an_agent_sees_their_own_calls_only(teams: Appliance) -> None:
    assert await ids(await enter(teams, "ana", "agent", OWN)) == ["both", "mine"]


async def test_07_an_agent_with_team_and_site_granted_still_sees_their_own_calls_only(teams: Appliance) -> None:
    access = AccountAccess(site=True, teams=frozenset({"team-b"}), queues=frozenset({"sales"}), user_id="ana")
    assert await ids(await enter(teams, "ana", "agent", access)) == ["both", "mine"]


async def test_08_an_agent_who_is_nobody_at_zoom_sees_nothing(teams: Appliance) -> None:
    assert await ids(await enter(teams, "new", "agent", SITE)) == []


async def test_09_queue_and_team_add_up(teams: Appliance) -> None:
    access = AccountAccess(teams=frozenset({"team-a"}), queues=frozenset({"sales"}))
    assert await ids(await enter(teams, "sam", "supervisor", access)) == ["both", "mine", "theirs"]


async def test_10_a_queue_is_the_queue_of_the_leg(teams: Appliance) -> None:
    client = await enter(teams, "sam", "supervisor", AccountAccess(queues=frozenset({"sales"})))
    assert await ids(client) == ["both", "theirs"]
    assert [leg["leg_no"] for leg in (await client.get("/api/v1/calls/both")).json()["legs"]] == [2]


async def test_11_a_supervisor_may_be_granted_their_own_calls_too(teams: Appliance) -> None:
    access = AccountAccess(teams=frozenset({"team-b"}), user_id="ana")
    assert await ids(await enter(teams, "sam", "supervisor", access)) == ["both", "mine", "theirs"]


async def test_12_the_site_is_everything(teams: Appliance) -> None:
    assert await ids(await enter(teams, "ida", "analyst", SITE)) == ["both", "mine", "theirs"]


async def test_13_a_call_without_agent_and_queue_is_for_the_site_only(teams: Appliance) -> None:
    teams.database.write_now(lambda con: con.execute("update fact_leg set agent_key = null, queue_key = null") and None)
    every = AccountAccess(teams=frozenset({"team-a", "team-b"}), queues=frozenset({"billing", "sales"}), user_id="ana")
    assert await ids(await enter(teams, "sam", "supervisor", every)) == []
    assert len(await ids(await enter(teams, "ida", "supervisor", SITE))) == 3


async def test_14_a_role_without_rows_sees_nothing(teams: Appliance) -> None:
    client = await enter(teams, "new", "supervisor", AccountAccess())
    assert await ids(client) == []
    assert (await client.get("/calls/mine")).status_code == 404


async def test_15_a_search_counts_and_shows_what_is_in_scope(teams: Appliance) -> None:
    client = await enter(teams, "sam", "supervisor")
    hits = (await client.get("/api/v1/search?q=refund")).json()["hits"]
    assert sorted((hit["call_id"], len(hit["passages"]) + hit["more_passages"]) for hit in hits) == [("both", 2), ("mine", 1)]


async def test_16_an_agents_search_finds_no_word_of_another_leg(teams: Appliance) -> None:
    client = await enter(teams, "ana", "agent", OWN)
    assert (await client.get("/api/v1/search?q=hidden")).json()["hits"] == []
    hits = (await client.get("/api/v1/search?q=refund")).json()["hits"]
    assert sorted((hit["call_id"], len(hit["passages"]) + hit["more_passages"]) for hit in hits) == [("both", 1), ("mine", 1)]


async def test_17_a_report_adds_up_legs_in_scope(teams: Appliance) -> None:
    client = await enter(teams, "sam", "supervisor")
    rows = (await client.get("/api/v1/reports/agent-talk?since=2026-11-01&until=2026-11-30")).json()
    assert [(row["agent_name"], row["n_legs"]) for row in rows] == [("Ana", 2)]


async def test_18_sql_asks_legs_in_scope(teams: Appliance) -> None:
    client = await enter(teams, "ida", "analyst")
    assert (await client.post("/api/v1/sql", json=ASKED)).json()["rows"] == [[2, 1]]


async def test_19_a_supervisor_of_team_a_finds_no_trace_of_team_b_on_any_page(teams: Appliance) -> None:
    """But inside a call that both teams had: there the whole of it may be read."""
    client = await enter(teams, "sam", "supervisor", all_grants=True)
    pages = ["/live", "/calls", "/search?q=refund", "/search?q=nothing", "/reports", "/not-analysed", "/calls/mine", "/account"]
    pages += [f"/reports/{name}?since=2026-11-01&until=2026-11-30" for name in ("agent-talk", "days", "hold-by-agent", "transfers")]
    pages += ["/api/v1/calls", "/api/v1/live", "/api/v1/search?q=mine", "/api/v1/calls/mine"]
    for path in pages:
        answer = await client.get(path)
        assert answer.status_code == 200, path
        words = {word for word in SECRETS if re.search(rf"\b{word}\b", answer.text)}
        # Both are words of HTML and of our own sentences
        assert words - {"theirs", *(["hidden"] if answer.text.startswith("<!doctype") else [])} == set(), path


async def test_20_filters_offer_no_name_out_of_scope(teams: Appliance) -> None:
    page = (await (await enter(teams, "sam", "supervisor")).get("/calls")).text
    assert ">Ana</option>" in page
    assert ">Bob</option>" not in page
    assert ">Sales</option>" not in page


# -- administrators --------------------------------------------------------------------------------------------------


async def test_21_an_administrator_sees_numbers(teams: Appliance) -> None:
    assert len(await ids(await enter(teams, "adm", "admin", SITE))) == 3


async def test_22_an_administrator_reads_no_call_by_default(teams: Appliance) -> None:
    client = await enter(teams, "adm", "admin", SITE)
    assert await said(client, "mine") == []
    assert "mine refund" not in (await client.get("/calls/mine")).text
    assert (await client.get("/api/v1/calls/mine/transcript")).status_code == 403
    assert (await client.get("/search?q=refund")).status_code == 403


async def test_23_an_administrator_hears_no_call_by_default(teams: Appliance) -> None:
    client = await enter(teams, "adm", "admin", SITE)
    assert (await client.get("/calls/mine/audio.wav")).status_code == 403
    assert "data-audio" not in (await client.get("/calls/mine")).text


async def test_24_an_administrator_can_be_granted_words_sound_and_export(teams: Appliance) -> None:
    client = await enter(teams, "adm", "admin", granted(SITE, "words", "play", "export"))
    assert await said(client, "mine") == ["mine refund"]
    assert (await client.get("/calls/mine/audio.wav")).status_code == 200
    assert (await client.post("/api/v1/sql", json=ASKED)).json()["rows"] == [[4, 2]]


async def test_25_an_administrator_with_export_and_without_words_exports_no_words(teams: Appliance) -> None:
    client = await enter(teams, "adm", "admin", granted(SITE, "export"))
    asked = {"sql": "select (select count(*) from v_leg), (select count(*) from v_utterance), (select count(*) from v_word)"}
    assert (await client.post("/api/v1/sql", json=asked)).json()["rows"] == [[4, 0, 0]]


async def test_26_an_administrator_keeps_accounts(teams: Appliance) -> None:
    client = await enter(teams, "adm", "admin", SITE)
    made = await client.post("/admin/users", data={"name": "new", "role": "agent", "user_id": "bob"})
    assert made.status_code == 200
    assert teams.accounts.ask_now(lambda con: con.execute("select role from account where name = 'new'").fetchone()) == ("agent",)


async def test_27_an_administrator_reads_the_audit_log(teams: Appliance) -> None:
    assert (await (await enter(teams, "adm", "admin", SITE)).get("/admin/audit")).status_code == 200


async def test_28_the_last_administrator_can_neither_go_nor_be_made_less(teams: Appliance) -> None:
    client = await enter(teams, "adm", "admin", SITE)
    await client.post("/admin/users/rosa/disable")
    assert (await client.post("/admin/users/adm/disable")).status_code == 400
    assert (await client.post("/admin/users/adm", data={"role": "analyst"})).status_code == 400
    assert (await client.get("/admin/users")).status_code == 200


# -- the other roles -------------------------------------------------------------------------------------------------


async def test_29_a_supervisor_plays_sound(teams: Appliance) -> None:
    assert (await (await enter(teams, "sam", "supervisor")).get("/calls/mine/audio.wav")).status_code == 200


async def test_30_an_analyst_plays_sound_only_if_granted(teams: Appliance) -> None:
    assert (await (await enter(teams, "ida", "analyst")).get("/calls/mine/audio.wav")).status_code == 403
    assert (await (await enter(teams, "eve", "analyst", granted(TEAM_A, "play"))).get("/calls/mine/audio.wav")).status_code == 200


async def test_31_an_agent_plays_own_sound_only_if_granted_and_only_own(teams: Appliance) -> None:
    assert (await (await enter(teams, "ana", "agent", OWN)).get("/calls/mine/audio.wav")).status_code == 403
    client = await enter(teams, "bob", "agent", granted(AccountAccess(user_id="bob"), "play"))
    assert (await client.get("/calls/theirs/audio.wav")).status_code == 200
    assert (await client.get("/calls/mine/audio.wav")).status_code == 404


async def test_32_a_supervisor_exports_only_if_granted(teams: Appliance) -> None:
    path = "/api/v1/reports/agent-talk?format=csv"
    plain, more = await enter(teams, "sam", "supervisor"), await enter(teams, "eve", "supervisor", granted(TEAM_A, "export"))
    assert ((await plain.get(path)).status_code, (await more.get(path)).status_code) == (403, 200)
    assert ((await plain.post("/api/v1/sql", json=ASKED)).status_code) == 403
    assert "format=csv" not in (await plain.get("/reports/agent-talk")).text


async def test_33_an_analyst_exports(teams: Appliance) -> None:
    client = await enter(teams, "ida", "analyst")
    assert (await client.get("/api/v1/reports/agent-talk?format=csv")).status_code == 200


async def test_34_an_agent_can_never_be_granted_an_export(teams: Appliance) -> None:
    with pytest.raises(AccountError, match="cannot be granted export"):
        join(teams, "ana", "agent", granted(OWN, "export"))


async def test_35_an_auditor_sees_no_call_and_no_number(teams: Appliance) -> None:
    client = await enter(teams, "hel", "auditor", SITE)
    for path in ("/live", "/calls", "/calls/mine", "/search?q=refund", "/api/v1/calls", "/api/v1/live"):
        assert (await client.get(path)).status_code == 403, path
    assert (await client.get("/reports/agent-talk")).status_code == 404


async def test_36_an_auditor_reads_the_audit_log_and_question_30(teams: Appliance) -> None:
    client = await enter(teams, "hel", "auditor", SITE)
    assert (await client.get("/admin/audit")).status_code == 200
    assert (await client.get("/api/v1/reports/access")).status_code == 200
    assert [report["name"] for report in (await client.get("/api/v1/reports")).json()] == ["access"]


async def test_37_an_auditor_sees_accounts_and_changes_none(teams: Appliance) -> None:
    client = await enter(teams, "hel", "auditor", SITE)
    page = await client.get("/admin/users/rosa")
    assert page.status_code == 200
    assert 'name="grants"' not in page.text
    assert (await client.post("/admin/users/rosa", data={"role": "agent"})).status_code == 403
    assert (await client.post("/admin/users/rosa/disable")).status_code == 403


async def test_38_nobody_but_administrators_and_auditors_reads_the_audit_log(teams: Appliance) -> None:
    for role in ("supervisor", "analyst", "agent"):
        client = await enter(teams, role, role, OWN if role == "agent" else TEAM_A)  # type: ignore[arg-type]
        assert (await client.get("/admin/audit")).status_code == 403, role
        assert (await client.get("/reports/access")).status_code == 404, role
        assert "<summary>Access" not in (await client.get("/calls/mine")).text, role


async def test_39_accounts_are_disabled_and_neither_renamed_nor_deleted(teams: Appliance) -> None:
    client = await enter(teams, "adm", "admin", SITE)
    sam = await enter(teams, "sam", "supervisor")
    assert (await client.post("/admin/users/sam", data={"name": "tom", "role": "analyst"})).status_code == 400
    assert (await client.post("/admin/users/sam/delete")).status_code == 400
    assert (await client.post("/admin/users/sam/disable")).status_code == 303
    assert (await sam.get("/calls")).status_code == 303, "out at once"
    assert "sam" in (await client.get("/admin/users")).text
    assert (await client.post("/admin/users", data={"name": "SAM", "role": "agent"})).status_code == 400, "taken for ever"


async def test_40_an_agent_of_zoom_is_one_account(teams: Appliance) -> None:
    join(teams, "ana", "agent", OWN)
    with pytest.raises(AccountError, match="another account is the agent"):
        join(teams, "ana2", "agent", OWN)
