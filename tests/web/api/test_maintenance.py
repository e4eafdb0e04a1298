"""Administration and maintenance over the API: what the pages show, calls deleted, and jobs, which are the commands themselves."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import soundfile

from cc_voice.config.schedules import ExportJob
from cc_voice.web.access.command_audit import command_deed, export_audit
from cc_voice.web.appliance import Appliance
from cc_voice.web.jobs import Job, folder
from tests.conftest import PATIENCE_S
from tests.web.access.sites import TEAM_A, browser, enter, fill, sign_in
from tests.web.conftest import PASSWORD, Served


async def test_administration_is_told_as_on_the_pages(rosa: httpx.AsyncClient, golden: str) -> None:
    overview = (await rosa.get("/api/v1/overview")).json()
    assert overview["running"]["workers_wanted"] == 1
    assert {"disk", "exports", "lag_ms", "last_backup_s", "streams_live"} <= overview.keys()
    assert (await rosa.get("/api/v1/queues")).json() == [], "its call came through no queue"
    assert {each["state"] for each in (await rosa.get("/api/v1/models")).json()} <= {"ok", "test only", "available", "obsolete"}
    lines = {each["key"]: each for each in (await rosa.get("/api/v1/configuration")).json()}
    assert lines["apps[1].webhook_secret"]["value"] == "hidden"
    assert "first token" not in str(lines)


async def test_no_password_of_a_bucket_is_told(appliance: Appliance) -> None:
    jobs = (ExportJob(name="lake", to="s3://key:secret@bucket.example/calls"),)
    settings = msgspec.structs.replace(appliance.settings, exports=jobs)
    async with aclosing(browser(msgspec.structs.replace(appliance, settings=settings))) as client:
        await sign_in(client, "rosa")
        for address in ("/api/v1/exports", "/api/v1/overview", "/api/v1/configuration", "/admin/exports", "/admin/system"):
            told = (await client.get(address)).text
            assert "secret@" not in told, address
        assert "bucket.example/calls" in told
    export_audit(appliance.audit)("lake", jobs[0].to)
    deed = command_deed("export.lake", {"uri": jobs[0].to}, None)
    assert deed is not None
    [entry] = appliance.audit.entries(newest=True, limit=1)
    assert "secret@" not in f"{deed.detail} {appliance.audit.detail(entry.seq)}"


async def test_a_call_is_deleted_once(rosa: httpx.AsyncClient, appliance: Appliance, golden: str) -> None:
    assert (await rosa.delete("/api/v1/calls/golden")).status_code == 204
    assert (await rosa.get("/api/v1/calls/golden")).status_code == 404
    assert not (appliance.settings.recordings_dir / "golden").exists()
    assert (await rosa.delete("/api/v1/calls/golden")).status_code == 404
    deeds = [(each.actor, each.call_id) for each in appliance.audit.entries() if each.action == "delete"]
    assert deeds[0] == ("rosa", "golden")


async def test_whoever_sees_team_a_deletes_no_call_of_team_b(appliance: Appliance) -> None:
    fill(appliance, recorded=True)
    async with aclosing(await enter(appliance, "sam", "admin", TEAM_A)) as sam:
        foreign, unknown = [await sam.delete(f"/api/v1/calls/{each}") for each in ("theirs", "nobody")]
        assert (foreign.status_code, unknown.status_code) == (404, 404)
        assert foreign.text.replace("theirs", "nobody") == unknown.text
        assert (await sam.delete("/api/v1/calls/..")).status_code in (404, 405)
        assert (appliance.settings.recordings_dir / "theirs").is_dir()
        assert (await sam.delete("/api/v1/calls/mine")).status_code == 204


async def ended(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    """Return a job when it is over."""
    assert answer.status_code == 202, answer.text
    async with asyncio.timeout(20 * PATIENCE_S):
        while (job := (await client.get(answer.headers["location"])).json())["state"] in ("waiting", "running"):
            await asyncio.sleep(0.1)
    found: dict[str, Any] = job
    return found


async def test_jobs_do_what_the_commands_do(appliance: Appliance, served: Served, golden: str, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=served.url, headers={"origin": served.url}) as client:
        await client.post("/login", data={"account": "rosa", "password": PASSWORD})
        roster = "user_id,user_name,team_id,team_name\nana,Ana,team-a,North\n"
        enriched = await ended(client, await client.post("/api/v1/enrichments", content=roster))
        assert (enriched["state"], enriched["actor"]) == ("done", "rosa"), enriched
        assert enriched["notes"][0].startswith("1 rows of agents")
        nonsense = await ended(client, await client.post("/api/v1/enrichments", content=b"a,b\n1,2\n"))
        assert (nonsense["state"], str(tmp_path) in nonsense["problem"]) == ("failed", False)
        measured = await ended(client, await client.post("/api/v1/recomputations", json={"call_ids": ["golden"]}))
        assert measured["state"] == "done", measured
        assert list(measured["summary"]["problems"]) == ["golden"], "a recording that nobody has heard"
        [run] = (await client.get("/api/v1/recomputations")).json()
        assert run["plan"]["call_ids"] == ["golden"]
        assert (await client.delete(f"/api/v1/recomputations/{run['name']}")).status_code == 204
        assert (await client.delete(f"/api/v1/recomputations/{run['name']}")).status_code == 404
        sound = tmp_path / "quiet.wav"
        soundfile.write(sound, np.zeros((16_000, 2), np.int16), 16_000)
        asked = "/api/v1/imports?agent_channel=0&customer_channel=1&start=2026-11-02T10:00:00Z"
        imported = await ended(client, await client.post(asked, content=sound.read_bytes()))
        assert imported["state"] == "done", imported
        call = (await client.get(f"/api/v1/calls/{imported['call_id']}")).json()["call"]
        assert (call["start_ts"][:16], call["end_ts"][17:19]) == ("2026-11-02T10:00", "01")
        assert len((await client.get("/api/v1/jobs")).json()) == 4
    assert list(folder(appliance.settings).glob("*.upload")) == []


async def test_what_a_job_found_is_not_told_to_whoever_sees_a_part(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    job = Job(id="0a", kind="import", actor="rosa", asked="", asked_s=1.0, state="done", call_id="theirs", notes=("theirs",))
    gone = msgspec.structs.replace(job, id="0b", state="running")
    folder(appliance.settings).mkdir()
    for each in (job, gone):
        (folder(appliance.settings) / f"{each.id}.json").write_bytes(msgspec.json.encode(each))
    assert (await rosa.get("/api/v1/jobs/0a")).json()["call_id"] == "theirs"
    assert (await rosa.get("/api/v1/jobs/0b")).json()["state"] == "interrupted"
    assert (await rosa.get("/api/v1/jobs/..%2F0a")).status_code == 404
    for role in ("admin", "auditor"):
        async with aclosing(await enter(appliance, role, role, TEAM_A)) as other:  # type: ignore[arg-type]
            assert "theirs" not in (await other.get("/api/v1/jobs")).text


async def test_a_body_of_nothing_or_of_other_fields_is_refused(rosa: httpx.AsyncClient) -> None:
    assert (await rosa.post("/api/v1/imports")).status_code == 400
    assert (await rosa.post("/api/v1/imports?language=klingon", content=b"x")).json()["errors"][0]["name"] == "language"
    assert (await rosa.post("/api/v1/enrichments?dataset=nothing", content=b"x")).json()["errors"][0]["name"] == "dataset"
    wrong = await rosa.post("/api/v1/recomputations", json={"what": "metrics", "jobs": 64})
    assert (wrong.status_code, "jobs" in wrong.text) == (400, True)
