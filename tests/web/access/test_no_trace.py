"""Traces of others: what a supervisor of team A gets from every page, operation and tool is the same with and without team B.

The same questions are asked before and after team B comes: calls, words, a call in progress, failed ones, reports of Zoom's, a
roster, thresholds of their own. Nothing may differ, not a count, a percentile, a choice in a list or the words of an error; and
none of their names may stand anywhere, but where the question itself named them.
"""

import asyncio
import datetime
import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from cc_voice.call.batch import StageReached
from cc_voice.query import policies, reports
from cc_voice.query.datasets import DATASETS
from cc_voice.query.policies import PolicyChange
from cc_voice.query.sql import snapshot
from cc_voice.store import batches, enrichment, streams
from cc_voice.store.database import Connection
from cc_voice.store.zoom_reports import RECORDS, AgentStatus, Disposition, Engagement, FlowRun, Queue, QueueInterval, TimelineStep
from cc_voice.web.access.permissions import ROUTES, STATIC
from cc_voice.web.access.roles import AccountAccess, Role
from cc_voice.web.appliance import Appliance
from tests.query.test_reports import ALWAYS, needed
from tests.stored_calls import NOON, batch_of, call, interval, leg, say, unix_ms
from tests.web.access.sites import browser, join, sign_in
from tests.web.access.test_permissions import ENDLESS, VALUES
from tests.web.conftest import record

B_NAMES = ("Bob", "Dora", "Sales", "quixotic", "South", "team-b", "bobscall", "quixotry", "bobslive", "bobslost", "Returned")
"""What team B is known by: people, queue, words, team, calls, disposition."""
FOREIGN_CALLS = ("bobscall", "bobslive", "bobslost")
VOLATILE = re.compile(rb'"(?:age_s|took_ms|last_used_s|used_s|seen_s)":[^,}]+|name="csrf" value="[^"]*"|disk_free_bytes":\d+')
MCP = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
TEAM = AccountAccess(teams=frozenset({"team-a"}), queues=frozenset({"billing"}))
SEEN: dict[str, tuple[Role, AccountAccess]] = {
    "supervisor": ("supervisor", TEAM),
    "analyst": ("analyst", TEAM),
    "agent": ("agent", AccountAccess(user_id="ana")),
}


def fill_team_a(appliance: Appliance) -> None:
    """Ana's calls, one of which is hers in part: it came from Cid, who is of no team."""
    mine = call("mine", leg("mine"), said=(say("mine", "agent", 100, "mine refund"),), intervals=(interval("mine", "talk", 0, 9),))
    later = call(
        "later", leg("later", hold_ms=3000), at=NOON + datetime.timedelta(days=1), said=(say("later", "agent", 9, "refund"),)
    )
    _store(appliance, mine, later)
    appliance.database.write_now(lambda con: _team(con, "ana", "team-a", "North"))


def fill_team_b(appliance: Appliance) -> None:
    """Everything that a team can leave behind."""
    bobscall = call(
        *("bobscall", leg("bobscall", agent="bob", queue="sales", hold_ms=60_000)),
        said=(say("bobscall", "agent", 100, "quixotic refund"), say("bobscall", "customer", 2000, "quixotry", conf=0.1)),
        intervals=(interval("bobscall", "talk", 0, 9),),
    )
    again = call("bobsnext", leg("bobsnext", agent="dora", queue="sales"), at=NOON + datetime.timedelta(hours=1), said=())
    _store(appliance, bobscall, again)
    site = appliance.settings.site

    def write(con: Connection) -> None:
        _team(con, "bob", "team-b", "South")
        _team(con, "dora", "team-b", "South")
        next_set = "select max(threshold_set_id) + 1, 'South', any_value(params), now() from dim_threshold_set"
        con.execute(f"insert into dim_threshold_set {next_set}")
        newest = "(select max(threshold_set_id) from dim_threshold_set)"
        con.execute(f"update fact_leg set threshold_set_id = {newest} where call_id = 'bobscall'")
        con.execute("insert into access_log values (1, now(), 'rosa', null, 'local', 'play', 'bobscall', 'bobscall', 'x')")
        for stream_id, call_id in (("bobslive-s", "bobslive"), ("bobslost-s", "bobslost")):
            known = {"stream_id": stream_id, "call_id": call_id, "product": "contact_center", "instance_id": call_id}
            rest = {"app": "sales", "target": "{}", "language": "en", "started_unix_ms": unix_ms(NOON)}
            streams.open_stream(con, **known, **rest)  # type: ignore[arg-type]
            assert streams.take(con, stream_id) is not None
        con.execute("update stream set agent_user_id = 'bob', queue_id = 'sales' where call_id in ('bobslive', 'bobslost')")
        batches.write_batch(
            con, StageReached(call_id="bobslost", stream_id="bobslost-s", epoch=1, stage="failed", reason="quixotic"), site
        )

    appliance.database.write_now(write)
    told = appliance.database.write_now
    today = NOON.date()
    for dataset, each in _reports_of_team_b().items():
        told(lambda con, dataset=dataset, each=each: enrichment.take(con, dataset, [each], site, today))  # type: ignore[misc,arg-type]
    text = '[[thresholds]]\nname = "South"\nqueues = ["Sales"]\ndead_air_ms = 4000\n'
    policies.publish(appliance.database, appliance.settings, PolicyChange(kind="thresholds", text=text, seen=None, actor="rosa"))


def _reports_of_team_b() -> dict[str, object]:
    at = unix_ms(NOON)
    fields: dict[str, object] = {
        "user_id": "bob",
        "user_name": "Bob",
        "queue_id": "sales",
        "queue_name": "Sales",
        "engagement_id": "instance of bobscall",
        "disposition_id": "d1",
        "name": "Returned",
        "status": "quixotic",
        "flow_name": "quixotic",
        "run_id": "r1",
        "step": "quixotic",
    }
    kinds = (Engagement, QueueInterval, Disposition, AgentStatus, FlowRun, TimelineStep, Queue)
    found: dict[str, object] = {}
    for dataset, kind in RECORDS.items():
        if kind in kinds:
            given = {}
            for field in msgspec.structs.fields(kind):
                if field.name in fields:
                    given[field.name] = fields[field.name]
                elif field.required:
                    given[field.name] = at if "unix_ms" in field.name else "quixotic" if field.type is str else 1
            found[dataset] = kind(**given)
    return found


def _store(appliance: Appliance, *made: object) -> None:
    for each in made:
        batch = batch_of(each)  # type: ignore[arg-type]
        appliance.database.write_now(lambda con, batch=batch: batches.write_batch(con, batch, appliance.settings.site))
        known = batch.call.call
        record(appliance.settings.recordings_dir, known.call_id, f"{known.call_id}-s", known.start_unix_ms)


def _team(con: Connection, user_id: str, team_id: str, name: str) -> None:
    con.execute("update dim_agent set team_id = ?, team_name = ? where user_id = ?", [team_id, name, user_id])


# -- every question --------------------------------------------------------------------------------------------------


def addresses() -> list[str]:
    """Every GET of the table of permissions, for every id, name and filter that could tell something."""
    found = ["/search?q=refund", "/search?q=quixotic", "/search?q=refund+-quixotic", "/calls?words=refund", "/calls?words=quixotic"]
    found += [
        "/calls?agent=Bob",
        "/calls?queue=Sales",
        "/calls?language=en",
        "/live?all=1",
        "/api/v1/calls?updated_since=2020-01-01T00:00:00Z",
    ]
    found += [
        "/api/v1/search?q=refund",
        "/api/v1/search?q=quixotic",
        "/api/v1/search?q=refund&agent=Bob",
        "/api/v1/calls?queue=Sales",
    ]
    for method, path in ROUTES:
        if method != "GET" or path in (STATIC, "/login", "/login/oidc", "/login/oidc/callback", "/healthz", "/readyz"):
            continue
        if path in ("/search", "/api/v1/search"):
            continue
        for value in _values(path):
            found.append(re.sub(r"\{(\w+)\}", lambda each, value=value: value or VALUES[each[1]], path))  # type: ignore[misc]
    for prefix in ("/reports", "/api/v1/reports"):
        for report in reports.list_reports():
            params = needed(report) | {param.name: ALWAYS[param.name] for param in report.params if param.name in ALWAYS}
            params |= {param.name: "instance of bobscall" for param in report.params if param.name == "engagement"}
            found.append(f"{prefix}/{report.name}?{httpx.QueryParams(params)}")
    for name in DATASETS:
        found += [f"/api/v1/tables/{name}", f"/api/v1/tables/{name}?format=csv"]
    return found


def _values(path: str) -> tuple[str | None, ...]:
    if "{call_id}" not in path:
        return () if "{name}" in path else (None,)
    return ("mine", *FOREIGN_CALLS) if path.count("{") == 1 else (None,)


async def told(appliance: Appliance, client: httpx.AsyncClient, program: httpx.AsyncClient) -> AsyncIterator[tuple[str, bytes]]:
    """Yield what is answered to every question, without what changes by itself: to a browser, what is of the API to a token."""
    for address in addresses():
        if address.split("?")[0] in ENDLESS or address.endswith("/events"):
            appliance.draining.set()
        answer = await (program if address.startswith("/api/") else client).get(address)
        appliance.draining.clear()
        assert answer.status_code < 500, (address, answer.text)
        yield address, b"%d " % answer.status_code + _kept(answer.content)
    views = ("v_leg", "v_call", "v_utterance", "v_agent", "v_queue", "v_threshold_set", "v_agent_day", "v_queue_day")
    rows = " union all ".join(f"select '{view}', to_json(t)::varchar from {view} as t" for view in views)
    shown = await program.post("/api/v1/sql", json={"sql": f"{rows} order by all"})
    assert shown.status_code in (200, 403), shown.text
    yield "sql", _kept(shown.content)
    for tool, arguments in (
        ("list_reports", {}),
        ("report", {"name": "agent-talk", "params": dict(ALWAYS)}),
        ("report", {"name": "hold-by-agent", "params": {**ALWAYS, "queue": "Sales"}}),
        ("describe_columns", {}),
        ("search", {"query": "refund"}),
        ("search", {"query": "refund", "agent": "Bob"}),
        ("sql", {"select": "select agent_name, queue_name from v_leg"}),
    ):
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        answer = await program.post("/api/v1/mcp", json=message, headers=MCP)
        yield f"mcp {tool} {arguments}", _kept(answer.content)


def _kept(content: bytes) -> bytes:
    return VOLATILE.sub(b"", content)


def named(asked: str, content: bytes) -> list[str]:
    """Return names of team B that an answer has, and its question has not."""
    text = content.decode(errors="replace")
    return [name for name in B_NAMES if name not in asked and re.search(rf"\b{name}\b", text)]


@pytest.mark.parametrize(
    "who", ["supervisor", *(pytest.param(each, marks=pytest.mark.nightly) for each in SEEN if each != "supervisor")]
)
async def test_everything_is_answered_as_if_the_other_team_were_not_there(appliance: Appliance, who: str) -> None:
    fill_team_a(appliance)
    role, access = SEEN[who]
    join(appliance, "sam", role, access, all_grants=True)
    token = appliance.accounts.create_token("sam", "all", appliance.now())
    async with browser(appliance) as client, browser(appliance) as program:
        await sign_in(client, "sam")
        program.headers["authorization"] = f"Bearer {token}"
        before = {asked: content async for asked, content in told(appliance, client, program)}
        fill_team_b(appliance)
        await asyncio.to_thread(_copy, appliance)
        after = {asked: content async for asked, content in told(appliance, client, program)}
    assert before.keys() == after.keys()
    assert len(after) > 200
    assert {asked: _first(before[asked], after[asked]) for asked in before if before[asked] != after[asked]} == {}
    assert {asked: names for asked, content in after.items() if (names := named(asked, content))} == {}
    assert sum(b"mine" in content for content in after.values()) > 20
    async with browser(appliance) as rosa:
        await sign_in(rosa, "rosa")
        seen = "".join(
            [
                (await rosa.get(asked)).text
                for asked in ("/api/v1/calls", "/api/v1/streams", "/api/v1/tables/threshold_sets", "/search?q=refund")
            ]
        )
        assert [name for name in ("bobscall", "bobslive", "South", "quixotic") if name not in seen] == [], "whoever may see it does"


def _copy(appliance: Appliance) -> None:
    """Make the copy for SQL anew: it may be a few seconds old otherwise, and then it could tell nothing."""
    appliance.settings.sql_dir.mkdir(exist_ok=True)
    appliance.database.read_now(lambda con: snapshot.refresh(con, appliance.settings.sql_dir, 4e9))


def _first(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    at = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    return before[max(0, at - 60) : at + 60], after[max(0, at - 60) : at + 60]
