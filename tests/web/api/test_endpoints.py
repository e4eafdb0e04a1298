"""The API: what programs get, in which shape, and what they are told when they ask for nonsense."""

import csv
import io
import re
from urllib.parse import unquote

import httpx
import pytest

from cc_voice.web.appliance import Appliance
from cc_voice.web.pages import filters
from tests.call.golden import T0
from tests.web.conftest import PASSWORD, store_golden


async def test_calls_come_with_their_totals(rosa: httpx.AsyncClient, golden: str) -> None:
    found = (await rosa.get("/api/v1/calls")).json()
    [call] = found["calls"]
    assert (call["call_id"], call["duration_ms"], call["agent_name"]) == ("golden", 60_000, "ana")
    assert call["start_ts"].startswith("2026-09-21T")
    assert found["total"]["calls"] == 1
    assert found["total"]["agent_talk_pct"] == pytest.approx(51.63, abs=0.01)


async def test_calls_are_filtered_and_paged_as_on_the_page(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    for number in range(3):
        store_golden(appliance.database, appliance.settings, f"call{number}", T0 + number * 3_600_000)
    first = await rosa.get("/api/v1/calls?limit=1&agent=ana")
    page = (await rosa.get(f"/api/v1/calls?limit=1&agent=ana&cursor={first.json()['next']}")).json()
    assert [call["call_id"] for call in page["calls"]] == ["call1"]
    assert page["total"]["calls"] == 3
    [link] = re.findall(r'<(/api/v1/calls[^>]*)>; rel="next"', first.headers["link"])
    assert (await rosa.get(link)).json() == page
    assert (await rosa.get("/api/v1/calls?agent=nobody")).json()["calls"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=many",
        "cursor=nonsense",
        "cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LCIiXQ",
        "updated_since=yesterday",
        "updated_since=2026-11-23T00:00:00",
        "updated_since=0001-01-01T00:00:00%2B23:59",
        "sinse=2026-11-23",
        "limit=1&limit=2",
        "to=2026-01-01&from=2026-02-01",
        "from=yesterday",
        "from=0001-01-01",
        "min_length=x",
    ],
)
async def test_a_program_is_told_what_is_wrong(rosa: httpx.AsyncClient, query: str) -> None:
    answer = await rosa.get(f"/api/v1/calls?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    told = answer.json()
    assert (told["status"], told["title"], told["type"]) == (400, "Bad Request", "about:blank")
    [error] = told["errors"]
    assert error["source"] == "query"
    assert error["name"] == query.partition("=")[0]
    assert error["detail"]


async def test_a_call_comes_with_everything_behind_it(rosa: httpx.AsyncClient, golden: str) -> None:
    call = (await rosa.get("/api/v1/calls/golden")).json()
    assert call["channels"] == {"a": "agent", "c": "customer"}
    [leg] = call["legs"]
    assert leg["metrics"]["analysed_ms"] == 49_000
    assert leg["reasons"]["acw_ms"] == "not_imported"
    assert {"kind": "hold", "start_ms": 30_000, "end_ms": 40_000}.items() <= leg["intervals"][
        [i["kind"] for i in leg["intervals"]].index("hold")
    ].items()
    assert call["utterances"][0]["words"]
    unknown = await rosa.get("/api/v1/calls/unknown")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "there is no measured call unknown")


async def test_the_floor_names_workers(rosa: httpx.AsyncClient) -> None:
    live = (await rosa.get("/api/v1/live")).json()
    assert live["calls"] == []
    [worker] = live["workers"]
    assert worker.pop("recognisers") == {"lent": 0, "fresh": 0, "replaced": 0, "let_go": 0, "spoilt": 0, "out": 0, "kept": 0} | {
        "kept_mb": 0.0,
        "budget_mb": 0.0,
    }
    assert worker == {"number": 1, "pid": None, "streams": 0, "restarts": 0}


async def test_a_report_comes_as_json_and_as_csv(rosa: httpx.AsyncClient, golden: str) -> None:
    names = [report["name"] for report in (await rosa.get("/api/v1/reports")).json()]
    assert "agent-talk" in names
    query = "since=2026-09-01&until=2026-09-30"
    [row] = (await rosa.get(f"/api/v1/reports/agent-talk?{query}")).json()
    assert row["agent_name"] == "ana"
    answer = await rosa.get(f"/api/v1/reports/agent-talk?{query}&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    [line] = csv.DictReader(io.StringIO(answer.text))
    assert line["agent_name"] == "ana"
    assert list(line) == list(row)


@pytest.mark.parametrize("form", ["json", "csv"])
async def test_legs_measured_in_different_ways_stand_in_a_header(rosa: httpx.AsyncClient, appliance: Appliance, form: str) -> None:
    for number in range(2):
        store_golden(appliance.database, appliance.settings, f"call{number}", T0 + number * 3_600_000)
    asked = f"/api/v1/reports/agent-talk?since=2026-09-01&until=2026-09-30&format={form}"
    assert "cc-voice-note" not in (await rosa.get(asked)).headers
    appliance.database.write_now(lambda con: con.execute("update fact_leg set detector = 'gehör, alt' where call_id = 'call0'"))
    answer = await rosa.get(asked)
    assert answer.status_code == 200
    assert answer.headers["cc-voice-note"].isascii()
    told = unquote(answer.headers["cc-voice-note"])
    assert told.startswith("Legs measured in different ways: 2 detectors of speech: gehör, alt in 1 leg, ")
    assert told.endswith(" in 1 leg. Measure them alike with cc-voice recompute, or narrow the days.")


async def test_no_cell_of_a_csv_is_a_formula(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    store_golden(appliance.database, appliance.settings)
    appliance.database.write_now(lambda con: con.execute("update dim_agent set display_name = '=cmd()'"))
    answer = await rosa.get("/api/v1/reports/agent-talk?since=2026-09-01&until=2026-09-30&format=csv")
    [line] = csv.DictReader(io.StringIO(answer.text))
    assert line["agent_name"] == "'=cmd()"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/reports/unknown", 404),
        ("/api/v1/reports/agent-talk?since=yesterday", 400),
        ("/api/v1/reports/agent-talk?nonsense=1", 400),
        ("/api/v1/reports/agent-talk?format=xml", 400),
        ("/api/v1/unknown", 404),
        ("/api/v1/calls/golden/audio?format=mp3", 400),
    ],
)
async def test_nonsense_is_answered_in_json(rosa: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await rosa.get(path)
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("form", "media_type", "begins"),
    [("vtt", "text/vtt", "WEBVTT"), ("srt", "application/x-subrip", "1\n00:00:"), ("txt", "text/plain", "[00:00:")],
)
async def test_a_transcript_is_a_file(rosa: httpx.AsyncClient, golden: str, form: str, media_type: str, begins: str) -> None:
    answer = await rosa.get(f"/api/v1/calls/golden/transcript?format={form}")
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["content-disposition"] == f'attachment; filename="golden.{form}"'
    assert answer.text.startswith(begins)
    assert (await rosa.get(f"/api/v1/calls/gone/transcript?format={form}")).status_code == 404
    assert (await rosa.get(f"/api/v1/calls/golden/transcript?format={form}&leg=2")).status_code == 400


async def test_a_leg_comes_in_the_shape_of_contact_lens(rosa: httpx.AsyncClient, golden: str) -> None:
    assert (await rosa.get("/api/v1/calls/golden/contact-lens")).json()["CustomerMetadata"]["ContactId"] == "golden-1"
    assert (await rosa.get("/api/v1/calls/golden/contact-lens?leg=2")).status_code == 400


async def test_the_page_of_a_call_offers_its_files(rosa: httpx.AsyncClient, golden: str) -> None:
    html = (await rosa.get("/calls/golden")).text
    for link in re.findall(r'href="(/api/v1/calls/golden[^"]*)" download', html):
        assert (await rosa.get(link)).status_code == 200, link
    assert "Transcript, WebVTT" in html


async def test_columns_are_described(rosa: httpx.AsyncClient) -> None:
    told = (await rosa.get("/api/v1/columns")).json()
    hold = next(column for column in told if column["name"] == "hold_pct")
    assert hold["unit"] == "%"
    assert hold["formula"] == "100 · hold_ms ÷ interaction_ms"


SELECT = {"sql": "select call_id, leg_no from v_leg"}


async def test_a_select_is_answered(rosa: httpx.AsyncClient, golden: str) -> None:
    answer = (await rosa.post("/api/v1/sql", json=SELECT)).json()
    assert answer["columns"] == [{"name": "call_id", "type": "VARCHAR"}, {"name": "leg_no", "type": "INTEGER"}]
    assert answer["rows"] == [["golden", 1]]
    assert (answer["cut"], answer["age_s"]) == (None, 0.0)


async def test_sql_is_for_whoever_has_the_right(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    assert (await stranger.post("/api/v1/sql", json=SELECT)).status_code == 401
    appliance.accounts.create("sam", PASSWORD, "supervisor", must_change=False)
    await stranger.post("/login", data={"account": "sam", "password": PASSWORD})
    refused = await stranger.post("/api/v1/sql", json=SELECT)
    assert (refused.status_code, refused.json()["detail"]) == (403, "this needs the right: exports and SQL")


async def test_another_page_cannot_ask_in_sql(rosa: httpx.AsyncClient, golden: str) -> None:
    headers = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
    assert (await rosa.post("/api/v1/sql", json=SELECT, headers=headers)).status_code == 403


@pytest.mark.parametrize("text", ["drop table v_call", "select 1; select 2", "from account", "from read_text('/etc/passwd')"])
async def test_what_is_not_one_select_is_refused_with_the_reason(rosa: httpx.AsyncClient, golden: str, text: str) -> None:
    refused = await rosa.post("/api/v1/sql", json={"sql": text})
    assert refused.status_code == 400
    assert len(refused.json()["detail"]) > 20


async def test_the_api_describes_itself_and_nothing_else(rosa: httpx.AsyncClient) -> None:
    described = (await rosa.get("/api/v1/openapi.json")).json()
    assert all(path.startswith("/api/v1/") for path in described["paths"])
    for path in ("/api/v1", "/api/v1/schema", "/api/v1/schema/swagger", "/api/v1/redoc", "/schema"):
        assert (await rosa.get(path)).status_code == 404, path


async def test_the_api_names_every_parameter_it_reads(rosa: httpx.AsyncClient) -> None:
    described = (await rosa.get("/api/v1/openapi.json")).json()["paths"]
    named = {path: {p["name"] for p in methods.get("get", {}).get("parameters", [])} for path, methods in described.items()}
    assert named["/api/v1/calls"] == {"limit", "cursor", "updated_since", "format", *filters.MEANINGS}
    reports = (await rosa.get("/api/v1/reports")).json()
    assert named["/api/v1/reports/{name}"] == {"name", "format"} | {p["name"] for report in reports for p in report["params"]}
    [since] = [p for p in described["/api/v1/reports/{name}"]["get"]["parameters"] if p["name"] == "since"]
    assert since["in"] == "query"
    assert "first local date (after-transfer, agent-talk" in since["description"]


async def test_health_needs_no_sign_in_and_tells_no_secret(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    answer = await stranger.get("/healthz")
    assert answer.status_code == 503, "no worker was started"
    told = answer.json()
    states = {"status": "failing", "store": True, "disk": True, "workers": 0, "workers_wanted": 1, "streams": 0, "lag_ms": None}
    counts = ("streams_failing", "webhooks_unsigned", "webhooks_not_understood", "webhooks_not_kept", "recordings_missing")
    assert {name: told[name] for name in states} == states
    assert {name: told[name] for name in counts} == dict.fromkeys(counts, 0)
    assert told["disk_free_bytes"] > 0
    assert not (appliance.settings.data_dir / "write-probe").exists()
    assert answer.headers["cache-control"] == "no-store"
