"""The API as HTTP has it: methods, problems, unknown parameters, tags, pages, forms. Asked over real sockets."""

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import polars as pl
import pytest

from cc_voice.query.datasets import DATASETS
from cc_voice.web.api import routes
from cc_voice.web.api.entity_tags import knows
from cc_voice.web.appliance import Appliance
from tests.web.access.sites import SECRETS, enter, fill, join
from tests.web.access.test_permissions import address
from tests.web.conftest import PASSWORD, Served

PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
async def api(appliance: Appliance, served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A program with rosa's rights, at the real service; three calls are stored."""
    fill(appliance, recorded=True)
    token = appliance.accounts.create_token("rosa", "all", appliance.now())
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{served.url}/api/v1", headers=headers) as client:
        yield client


def paths(method: str) -> list[str]:
    return [path for path, methods in routes.description().document["paths"].items() if method in methods]


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.request.url
    told: dict[str, Any] = answer.json()
    assert told.keys() == {"type", "title", "status", "detail", "errors"}
    assert told["status"] == status
    return told


async def test_an_unknown_parameter_is_refused_by_its_name_everywhere(
    appliance: Appliance, rosa: httpx.AsyncClient, golden: str
) -> None:
    people = (rosa, await enter(appliance, "sam", "supervisor"), await enter(appliance, "ann", "analyst"))
    for method, path in ((m.upper(), p) for p, ms in routes.description().document["paths"].items() for m in ms):
        for person in people:  # administrators write no rule and deal with no alert
            answer = await person.request(method, f"{address(path)}?sinse=2026-11-23")
            if answer.status_code != 403:
                break
        [error] = is_problem(answer, 400)["errors"]
        assert (error["source"], error["name"]) == ("query", "sinse"), path
    report = await rosa.get("/api/v1/reports/agent-talk?queues=x")
    assert [each["name"] for each in is_problem(report, 400)["errors"]] == ["queues"]
    value = await rosa.get("/api/v1/reports/agent-talk?since=yesterday")
    assert [each["name"] for each in is_problem(value, 400)["errors"]] == ["since"]


async def test_a_stranger_is_told_how_to_ask(stranger: httpx.AsyncClient) -> None:
    for path, methods in routes.description().document["paths"].items():
        for method in methods:
            answer = await stranger.request(method.upper(), address(path))
            is_problem(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_field_of_a_body_is_named(rosa: httpx.AsyncClient) -> None:
    for body, name in (({"sq": "select 1"}, "sq"), ({"sql": 1}, "sql"), ({}, "sql")):
        [error] = is_problem(await rosa.post("/api/v1/sql", json=body), 400)["errors"]
        assert error["source"] == "body"
        assert name in f"{error['name']} {error['detail']}"


async def test_head_and_options_are_right_everywhere(appliance: Appliance, api: httpx.AsyncClient) -> None:
    for path in paths("get"):
        there = address(path).removeprefix("/api/v1")
        allowed = (await api.options(there)).headers["allow"].split(", ")
        assert {"GET", "HEAD", "OPTIONS"} <= set(allowed), path
        told = (await api.request("PATCH", there)).headers["allow"].split(", ")
        assert set(told) == set(allowed), path
        if path in ("/api/v1/live/words", "/api/v1/live/alerts"):
            continue  # they have no end
        head, whole = await api.head(there), await api.get(there)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        assert head.headers["content-type"] == whole.headers["content-type"], path
    is_problem(await api.request("PATCH", "/calls"), 405)
    is_problem(await api.get("/nothing"), 404)


async def test_an_unchanged_answer_has_no_body(appliance: Appliance, api: httpx.AsyncClient) -> None:
    for path in ("/calls", "/calls/mine", "/reports", "/calls/mine/transcript", "/calls/mine/audio", "/tables/legs?format=csv"):
        first = await api.get(path)
        tag = first.headers["etag"]
        again = await api.get(path, headers={"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
        assert (await api.get(path, headers={"if-none-match": '"other"'})).content == first.content
    tag = (await api.get("/calls")).headers["etag"]
    appliance.database.write_now(lambda con: con.execute("update dim_agent set display_name = 'Ana B.' where user_id = 'ana'"))
    assert (await api.get("/calls", headers={"if-none-match": tag})).status_code == 200


@pytest.mark.parametrize(
    ("header", "known"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("", False), ("a", False)],
)
def test_if_none_match_is_read_as_rfc_9110_has_it(header: str, known: bool) -> None:
    assert knows(header, '"a"') is known


async def test_tables_come_in_the_form_that_is_accepted(api: httpx.AsyncClient) -> None:
    for path, rows in (("/calls", 3), ("/reports/agent-talk?since=2020-01-01", None), ("/tables/legs", 4), ("/audit", None)):
        plain = await api.get(path)
        assert plain.headers["content-type"] == "application/json"
        parquet = await api.get(path, headers={"accept": PARQUET})
        assert parquet.headers["content-type"] == PARQUET, path
        table = pl.read_parquet(io.BytesIO(parquet.content))
        assert rows is None or table.height == rows, path
        text = await api.get(path, headers={"accept": "text/csv;q=0.9, application/xml"})
        assert text.headers["content-type"].startswith("text/csv"), path
        assert text.text.splitlines()[0].split(",") == table.columns, path
        browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
        assert (await api.get(path, headers=browser)).headers["content-type"] == "application/json", path
        is_problem(await api.get(path, headers={"accept": "application/xml"}), 406)
    answer = await api.post("/sql", json={"sql": "select 1::hugeint as n, 'x' as t"}, headers={"accept": PARQUET})
    assert pl.read_parquet(io.BytesIO(answer.content)).rows() == [(1, "x")]
    empty = await api.get("/calls?agent=nobody&format=parquet")
    assert pl.read_parquet(io.BytesIO(empty.content)).schema["start_ts"] == pl.Datetime("us", "UTC")


async def test_files_need_the_right_to_export(appliance: Appliance, served: Served) -> None:
    fill(appliance)
    join(appliance, "sam", "supervisor")
    token = appliance.accounts.create_token("sam", "all", appliance.now())
    headers = {"authorization": f"Bearer {token}", "accept": "text/csv"}
    async with httpx.AsyncClient(base_url=f"{served.url}/api/v1", headers=headers) as client:
        for path in ("/calls", "/reports/agent-talk", "/tables/calls"):
            is_problem(await client.get(path), 403)


async def everything(api: httpx.AsyncClient, path: str, key: str, query: str) -> list[Any]:
    """Read a list to its end."""
    found, cursor = [], ""
    while True:
        page = (await api.get(f"{path}?{query}{f'&cursor={cursor}' if cursor else ''}")).json()
        found += page[key]
        if (cursor := page["next"]) is None:
            return found


async def test_a_list_is_read_page_by_page_and_then_what_changed(appliance: Appliance, api: httpx.AsyncClient) -> None:
    calls = await everything(api, "/calls", "calls", "limit=1")
    assert sorted(each["call_id"] for each in calls) == ["both", "mine", "theirs"]
    changed = await everything(api, "/calls", "calls", "limit=2&updated_since=2020-01-01T00:00:00Z")
    assert [each["updated_ts"] for each in changed] == sorted(each["updated_ts"] for each in calls)
    newest = changed[-1]["updated_ts"]
    assert [each["call_id"] for each in await everything(api, "/calls", "calls", f"updated_since={newest}")] == ["both"]
    appliance.database.write_now(lambda con: con.execute("update fact_call set last_update_ts = now() where call_id = 'mine'"))
    assert [each["call_id"] for each in await everything(api, "/calls", "calls", f"updated_since={newest}")] == ["both", "mine"]


async def test_a_table_is_read_page_by_page_with_whole_calls(api: httpx.AsyncClient) -> None:
    names = [each["name"] for each in (await api.get("/tables")).json()]
    assert names == list(DATASETS)
    for name in names:
        whole = await everything(api, f"/tables/{name}", "rows", "limit=500")
        singly = await everything(api, f"/tables/{name}", "rows", "limit=1")
        assert sorted(singly, key=str) == sorted(whole, key=str), name
    legs = await everything(api, "/tables/legs", "rows", "limit=1")
    assert [row["call_id"] for row in legs] == ["mine", "theirs", "both", "both"]


async def test_the_parts_of_a_call_are_those_of_the_call(rosa: httpx.AsyncClient, golden: str) -> None:
    whole = (await rosa.get("/api/v1/calls/golden")).json()
    parts = {each: (await rosa.get(f"/api/v1/calls/golden/{each}")).json() for each in ("legs", "events", "intervals", "languages")}
    assert (parts["legs"], parts["events"]) == (whole["legs"], whole["events"])
    assert [each["intervals"] for each in parts["intervals"]] == [leg["intervals"] for leg in whole["legs"]]
    lines = (await rosa.get("/api/v1/calls/golden/utterances")).json()
    assert lines == {"utterances": whole["utterances"], "unused": whole["unused"]}
    holds = (await rosa.get("/api/v1/calls/golden/intervals?kind=hold")).json()
    assert [(each["start_ms"], each["end_ms"]) for each in holds[0]["intervals"]] == [(30_000, 40_000)]
    assert {each["leg_no"] for each in parts["languages"]} <= {1}


async def test_a_number_comes_with_what_stands_behind_it(rosa: httpx.AsyncClient, golden: str) -> None:
    [hold] = (await rosa.get("/api/v1/calls/golden/evidence/hold_ms")).json()
    assert hold["value"] == sum(each["end_ms"] - each["start_ms"] for each in hold["intervals"]) == 10_000
    [work] = (await rosa.get("/api/v1/calls/golden/evidence/acw_ms?leg=1")).json()
    assert (work["value"], work["reason"]) == (None, "not_imported")
    assert len(work["explanation"]) > 10
    is_problem(await rosa.get("/api/v1/calls/golden/evidence/nonsense"), 404)
    is_problem(await rosa.get("/api/v1/calls/golden/evidence/hold_ms?leg=2"), 404)


async def test_an_administrator_runs_accounts_through_the_api(rosa: httpx.AsyncClient) -> None:
    made = await rosa.post(
        "/api/v1/accounts", json={"name": "tom", "role": "supervisor", "teams": ["team-a"], "grants": ["export"]}
    )
    assert made.status_code == 201
    assert len(made.json()["password"]) >= 12
    assert made.json()["account"]["access"]["teams"] == ["team-a"]
    is_problem(await rosa.post("/api/v1/accounts", json={"name": "tom", "role": "agent"}), 400)
    is_problem(await rosa.post("/api/v1/accounts", json={"name": "eve", "role": "agent", "password": "x"}), 400)
    for wrong, field in (
        ({"name": "Rosa", "role": "agent"}, "name"),
        ({"name": "a/b", "role": "agent"}, "name"),
        ({"name": "eve", "role": "auditor", "grants": ["export"]}, "grants"),
        ({"name": "eve", "role": "analyst", "teams": [""]}, "teams"),
        ({"name": "eve", "role": "agent", "user_id": ""}, "user_id"),
    ):
        refused = await rosa.post("/api/v1/accounts", json=wrong)
        assert (refused.status_code, [each["name"] for each in refused.json()["errors"]]) == (400, [field]), wrong
    changed = await rosa.put("/api/v1/accounts/tom", json={"role": "analyst", "site": True})
    access = changed.json()["account"]["access"]
    assert (changed.json()["account"]["role"], access["site"], access["teams"]) == ("analyst", True, [])
    disabled = await rosa.post("/api/v1/accounts/tom/disable")
    assert disabled.json()["account"]["disabled_s"] is not None
    is_problem(await rosa.put("/api/v1/accounts/rosa", json={"role": "agent"}), 400)  # the last administrator
    is_problem(await rosa.get("/api/v1/accounts/nobody"), 404)
    log = (await rosa.get("/api/v1/audit?q=account tom")).json()["entries"]
    assert [each["object"] for each in log] == [
        *["account tom made"] * 2,  # written down before it is tried
        "account tom changed",
        "account tom: disable",
    ]


async def test_a_person_makes_and_revokes_tokens_through_the_api(appliance: Appliance, rosa: httpx.AsyncClient) -> None:
    asked = {"label": "nightly", "rights": ["numbers"], "teams": ["team-a"], "days": 7}
    token = (await rosa.post("/api/v1/me/tokens", json=asked)).json()["token"]
    [listed] = (await rosa.get("/api/v1/me/tokens")).json()
    assert (listed["label"], token in str(listed)) == ("nightly", False)
    headers = {"authorization": f"Bearer {token}"}
    me = (await rosa.get("/api/v1/me", headers=headers)).json()
    assert (me["account"], me["rights"], me["teams"], me["site"]) == ("rosa", ["numbers"], ["team-a"], False)
    is_problem(await rosa.post("/api/v1/me/tokens", json=asked, headers=headers), 403)  # a token makes no tokens
    is_problem(await rosa.post("/api/v1/me/tokens", json=asked | {"rights": ["audit", "coach"]}), 400)
    assert (await rosa.delete(f"/api/v1/me/tokens/{listed['token_id']}")).status_code == 204
    is_problem(await rosa.get("/api/v1/me", headers=headers), 401)
    is_problem(await rosa.delete(f"/api/v1/me/tokens/{listed['token_id']}"), 404)


async def test_sessions_are_ended_through_the_api(appliance: Appliance, rosa: httpx.AsyncClient) -> None:
    appliance.accounts.sign_in("rosa", PASSWORD, "10.0.0.9", appliance.now())
    [other] = [each for each in (await rosa.get("/api/v1/me/sessions")).json() if each["address"] == "10.0.0.9"]
    assert (await rosa.delete(f"/api/v1/me/sessions/{other['session_id']}")).status_code == 204
    appliance.accounts.sign_in("rosa", PASSWORD, "10.0.0.9", appliance.now())
    assert (await rosa.delete("/api/v1/sessions")).json() == {"ended": 1}
    assert len((await rosa.get("/api/v1/sessions")).json()) == 1


async def test_no_row_beyond_the_scope_comes_through_any_list(appliance: Appliance, served: Served) -> None:
    fill(appliance)
    join(appliance, "ann", "analyst")
    secrets = set(SECRETS) - {"hidden"}  # analysts read the whole of a call that was handed on
    token = appliance.accounts.create_token("ann", "all", appliance.now())
    async with httpx.AsyncClient(base_url=f"{served.url}/api/v1", headers={"authorization": f"Bearer {token}"}) as client:
        for name in DATASETS:
            text = (await client.get(f"/tables/{name}")).text
            assert not [secret for secret in secrets if secret in text], name
        assert "mine" in (await client.get("/tables/words")).text
        assert "theirs" not in (await client.get("/calls?updated_since=2020-01-01T00:00:00Z")).text
        assert (await client.get("/streams")).json() == {"streams": [], "next": None}
