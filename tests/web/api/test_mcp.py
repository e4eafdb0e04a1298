"""The MCP server, asked by the official client: over HTTP with tokens and on standard input; the same rows as `cc-voice report`."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from click.testing import CliRunner
from mcp import Client, types
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from cc_voice.commands.main import main
from cc_voice.web import api
from cc_voice.web.access.roles import ROLES, AccountAccess, Right, Role, rights_of
from cc_voice.web.access.tokens import TokenLimits
from cc_voice.web.api.mcp_tools import MOST_CELLS, TOOLS
from cc_voice.web.appliance import Appliance
from tests.conftest import PATIENCE_S
from tests.web.access.sites import SECRETS, TEAM_A, fill, join
from tests.web.conftest import Served

PERIOD = {"since": "2026-11-01", "until": "2026-11-30"}
QUESTIONS = (
    ("hold-by-agent", {**PERIOD, "min_legs": "1"}),
    ("agent-talk", PERIOD),
    ("before-after", {"change": "2026-11-02", "days": "7", "metric": "hold_pct"}),
)
"""Three that whoever asks why hold time rose would ask."""
ALL_TOOLS = ["list_reports", "report", "describe_columns", "search", "sql"]
MODES = ["auto", "legacy"]
"""The protocol without a handshake, and the one with it, which most assistants speak."""


def token_of(appliance: Appliance, name: str, limits: TokenLimits | None = None) -> str:
    return appliance.accounts.create_token(name, "assistant", appliance.now(), limits or TokenLimits())


@asynccontextmanager
async def over_http(url: str, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http:
        transport = streamable_http_client(f"{url}/api/v1/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


@asynccontextmanager
async def on_stdio(folder: Path, mode: str = "auto") -> AsyncIterator[Client]:
    command = StdioServerParameters(command=sys.executable, args=["-m", "cc_voice", "mcp", "--data-dir", str(folder)])
    async with Client(stdio_client(command), mode=mode) as client:
        yield client


async def ask(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """The answer of a tool, which comes twice, as text and as data."""
    answer = await client.call_tool(tool, arguments)
    [content] = answer.content
    assert isinstance(content, types.TextContent)
    assert not answer.is_error, content.text
    assert answer.structured_content == json.loads(content.text)
    return answer.structured_content


async def refused(client: Client, tool: str, /, **arguments: Any) -> str:
    answer = await client.call_tool(tool, arguments)
    [content] = answer.content
    assert answer.is_error
    assert isinstance(content, types.TextContent)
    return content.text


def reported(folder: Path, name: str, params: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of `cc-voice report`."""
    given = [word for key, value in params.items() for word in ("--param", f"{key}={value}")]
    done = CliRunner().invoke(main, ["report", name, *given, "--format", "json", "--data-dir", str(folder)])
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def fill_with_hold(appliance: Appliance) -> None:
    """The calls of two teams, with some hold in each leg."""
    fill(appliance)
    sql = "update fact_leg set hold_ms = 6000 * leg_no, hold_count = leg_no, silence_ms = 900"
    appliance.database.write_now(lambda con: con.execute(sql))


# -- the same rows ---------------------------------------------------------------------------------------------------


async def test_the_official_client_gets_the_rows_of_the_command_over_http(appliance: Appliance, served: Served) -> None:
    fill_with_hold(appliance)
    async with over_http(served.url, token_of(appliance, "rosa")) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ALL_TOOLS
        answers = [await ask(client, "report", name=name, params=params) for name, params in QUESTIONS]
    for (name, params), answer in zip(QUESTIONS, answers, strict=True):
        rows = await asyncio.to_thread(reported, appliance.settings.data_dir, name, dict(params))
        assert rows, name
        assert answer["rows"] == rows
        assert (answer["report"], answer["n_rows"], answer["n_calls"], answer["is_cut"]) == (name, len(rows), 3, False)
    assert answers[0]["period"] == PERIOD
    assert answers[2]["period"] == {"since": "2026-10-26", "until": "2026-11-08"}, "seven days before the change, seven after it"
    assert answers[0]["units"]["hold_pct_ros"] == "%"


async def test_the_owner_gets_the_rows_of_the_command_on_standard_input(appliance: Appliance) -> None:
    fill_with_hold(appliance)
    folder = appliance.settings.data_dir
    appliance.database.close()  # nobody serves: the command opens the store itself
    async with on_stdio(folder) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ALL_TOOLS
        name, params = QUESTIONS[0]
        assert (await ask(client, "report", name=name, params=params))["rows"] == reported(folder, name, params)
        assert (await ask(client, "search", query="refund"))["n_calls"] == 3
        assert (await ask(client, "describe_columns", find="hold_ms"))["n_columns"] > 0
        assert (await ask(client, "sql", select="select count(*) as n from v_call"))["rows"] == [[3]]
        assert "did you mean agent-talk" in await refused(client, "report", name="agent-tal")
    mine = [entry for entry in appliance.audit.entries() if entry.actor.startswith("os:")]
    assert {entry.action for entry in mine} == {"report", "search", "sql"}


async def test_the_owner_asks_the_running_service_through_its_socket(appliance: Appliance, served: Served) -> None:
    fill(appliance)
    async with on_stdio(appliance.settings.data_dir, "legacy") as client:
        answer = await ask(client, "report", name="agent-talk", params=PERIOD)
    assert {row["agent_name"] for row in answer["rows"]} == {"Ana", "Bob"}


# -- who sees what ---------------------------------------------------------------------------------------------------


async def test_a_supervisor_of_team_a_finds_no_trace_of_team_b(appliance: Appliance, served: Served) -> None:
    fill(appliance)
    join(appliance, "sam", "supervisor", all_grants=True)
    told = []
    async with over_http(served.url, token_of(appliance, "sam")) as client:
        known = await ask(client, "list_reports")
        for report in known["reports"]:
            needed = {"change": "2026-11-02", "engagement": "theirs", "phrase": "refund", "text": "refund", "words": "refund"}
            params = {each["name"]: needed[each["name"]] for each in report["params"] if each["default"] is None}
            params |= {name: day for name, day in PERIOD.items() if name in {each["name"] for each in report["params"]}}
            answer = await ask(client, "report", name=report["name"], params=params)
            answer["asked"] = {}
            told.append(answer)
            assert answer["n_calls"] in (2, None), "the call of team B is not counted"
        told.append(await ask(client, "search", query="mine"))
        told.append(await ask(client, "sql", select="select * from v_leg"))
        told.append(await ask(client, "sql", select="select * from v_call"))
        said = await refused(client, "search", query="refund", agent="Nobody")
    assert [hit["call_id"] for hit in told[-3]["hits"]] == ["both", "mine"]
    text = json.dumps(told) + said
    assert [word for word in SECRETS if re.search(rf"\b{word}\b", text)] == []


NEEDS: dict[str, Right] = {"list_reports": "numbers", "report": "numbers", "search": "words", "sql": "export"}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_has_the_tools_of_its_rights(appliance: Appliance, served: Served, role: Role) -> None:
    rights = rights_of(role, ())
    join(appliance, "sam", role, AccountAccess(user_id="ana") if role == "agent" else TEAM_A)
    expected = [
        name
        for name in ALL_TOOLS
        if name not in NEEDS or NEEDS[name] in rights or (name not in ("search", "sql") and "audit" in rights)
    ]
    async with over_http(served.url, token_of(appliance, "sam")) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == expected
        for name in set(ALL_TOOLS) - set(expected):
            assert "there is no tool" in await refused(client, name, select="select 1", query="x")


@pytest.mark.parametrize("mode", MODES)
async def test_a_token_cut_to_numbers_reads_no_words(appliance: Appliance, served: Served, mode: str) -> None:
    fill(appliance)
    token = token_of(appliance, "rosa", TokenLimits(rights=frozenset({"numbers"})))
    async with over_http(served.url, token, mode) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["list_reports", "report", "describe_columns"]
        assert "there is no tool" in await refused(client, "search", query="refund")


async def test_a_revoked_token_is_refused_by_the_next_question(appliance: Appliance, served: Served) -> None:
    async with over_http(served.url, token_of(appliance, "rosa")) as client:
        await ask(client, "list_reports")
        [token] = appliance.accounts.tokens("rosa")
        appliance.accounts.revoke_token("rosa", token.token_id)
        with pytest.raises(Exception, match=r"401|Unauthorized|error"):
            await client.call_tool("list_reports", {})


async def test_what_is_asked_is_in_the_audit_log_under_the_tokens_owner(appliance: Appliance, served: Served) -> None:
    fill(appliance)
    async with over_http(served.url, token_of(appliance, "rosa")) as client:
        await ask(client, "report", name="agent-talk", params=PERIOD)
        await ask(client, "search", query="refund", queue="billing")
        await ask(client, "sql", select="select 1 as one")
    await appliance.audit.flush()
    mine = [entry for entry in appliance.audit.entries() if entry.actor == "rosa"]
    assert {(entry.action, entry.object) for entry in mine} == {("report", "agent-talk"), ("search", "words"), ("sql", "SQL")}
    assert {entry.token_id for entry in mine} == {1}
    assert {entry.address for entry in mine} == {"127.0.0.1"}


# -- what is asked wrongly -------------------------------------------------------------------------------------------


async def test_what_is_not_understood_is_told_by_its_name(appliance: Appliance, served: Served) -> None:
    fill(appliance)
    async with over_http(served.url, token_of(appliance, "rosa")) as client:
        assert "`colour`" in await refused(client, "report", name="agent-talk", colour="red")
        assert "colour" in await refused(client, "report", name="agent-talk", params={"colour": "red"})
        assert "did you mean agent-talk" in await refused(client, "report", name="agent-tal")
        assert "until is a date" in await refused(client, "search", query="refund", until="yesterday")
        assert "$.party" in await refused(client, "search", query="refund", party="both")
        assert await refused(client, "search", query='"')
        assert await refused(client, "sql", select="delete from v_call")
        assert await refused(client, "sql", select="select * from read_csv('/etc/passwd')")
        assert "there is no tool 'delete_calls'" in await refused(client, "delete_calls")
        cut = await ask(client, "sql", select="select * from range(5)", limit=2)
        assert (cut["n_rows"], len(cut["rows"]), cut["is_cut"]) == (5, 2, True)
        wide = await ask(client, "sql", select="select unnest(range(300)) as n, * from v_leg", limit=1000)
        assert len(wide["rows"]) * len(wide["columns"]) <= MOST_CELLS < wide["n_rows"] * len(wide["columns"])
        assert (await ask(client, "report", name="agent-talk", params=PERIOD, limit=1))["is_cut"]
        empty = await ask(client, "report", name="agent-talk", params={"since": "2020-01-01", "until": "2020-01-02"})
        assert (empty["n_rows"], empty["n_calls"]) == (0, 0)
        assert empty["no_rows"].startswith("no call from 2020-01-01")
        far = await client.call_tool("report", {"name": "before-after", "params": {"change": "2026-11-02", "days": 4_000_000}})
        assert "something is broken" not in str(far.content)


async def test_what_to_know_before_numbers_are_believed_is_told(appliance: Appliance, served: Served) -> None:
    fill(appliance)
    appliance.database.write_now(lambda con: con.execute("update fact_leg set metric_version = '2' where call_id = 'mine'"))
    async with over_http(served.url, token_of(appliance, "rosa")) as client:
        [note] = (await ask(client, "report", name="agent-talk", params=PERIOD))["notes"]
    assert "2 versions of the formulas" in note


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"jsonrpc": "2.0"}', b"[" * 60_000, b'{"method":"\xff"}'])
async def test_garbage_is_refused_and_breaks_nothing(rosa: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    answer = await rosa.post("/api/v1/mcp", content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert (await rosa.post("/api/v1/mcp", content=b"x" * 70_000, headers=headers)).status_code == 413


async def test_a_page_of_another_site_asks_nothing(rosa: httpx.AsyncClient) -> None:
    answer = await rosa.post("/api/v1/mcp", json={}, headers={"origin": "http://elsewhere.test"})
    assert answer.status_code == 403
    assert (await rosa.get("/api/v1/mcp")).status_code == 405


# -- tools and the extra ---------------------------------------------------------------------------------------------


def test_a_tool_tells_what_it_takes() -> None:
    for tool in TOOLS:
        schema = tool.schema()
        assert (schema["type"], schema["additionalProperties"]) == ("object", False), tool.name
        assert all("description" in each for each in schema["properties"].values()), tool.name


def test_nothing_of_mcp_is_loaded_by_help_or_by_a_service_that_is_not_asked() -> None:
    code = """
import sys
from cc_voice.commands.main import main
try:
    main(["--help"])
except SystemExit:
    pass
import cc_voice.commands.mcp, cc_voice.web.app, cc_voice.web.service
print(sorted({name.partition(".")[0] for name in sys.modules} & {"mcp", "mcp_types", "starlette", "httpx2"}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stderr.strip() == "[]"


async def test_without_the_extra_the_reason_is_told(
    rosa: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "cc_voice.web.api.mcp_server", raising=False)
    monkeypatch.delattr(api, "mcp_server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    answer = await rosa.post("/api/v1/mcp", json={})
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no MCP server here: the extra `mcp` is not installed")
    start = "import sys; sys.modules['mcp'] = None; from cc_voice.commands.main import main"
    code = f"{start}; main(['mcp', '--data-dir', {str(tmp_path)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, "needs the extra `mcp`" in done.stderr) == (1, True)
