"""Administration pages: policies published by a form, conflicts, pins, what would change, what hides secrets."""

import re

import httpx
import msgspec
import pytest

from cc_voice.config import policies as files
from cc_voice.config.schedules import ExportJob
from cc_voice.config.settings import Secret
from cc_voice.config.thresholds import QueueThresholds
from cc_voice.media import recordings
from cc_voice.query import policies
from cc_voice.web.appliance import Appliance
from tests.call.golden import golden_stream
from tests.web.access.sites import browser, fill, sign_in
from tests.web.conftest import PASSWORD

TEXT = 'format = 1\n[[thresholds]]\nname = "default"\ndead_air_ms = {}\n'
PATH = "/admin/policies/thresholds"


async def seen(client: httpx.AsyncClient) -> str:
    found = re.search(r'name="seen" value="(\w+)"', (await client.get(PATH)).text)
    assert found is not None
    return found[1]


async def publish(client: httpx.AsyncClient, dead_air_ms: int, seen: str) -> httpx.Response:
    return await client.post(PATH, data={"text": TEXT.format(dead_air_ms), "seen": seen})


async def test_a_published_text_is_in_force_has_a_version_and_an_audit_entry_first(
    appliance: Appliance, rosa: httpx.AsyncClient
) -> None:
    answer = await publish(rosa, 5000, await seen(rosa))
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert files.in_force(appliance.settings).thresholds[0].dead_air_ms == 5000
    [version] = policies.history(appliance.database, "thresholds")
    assert (version.actor, version.after_text) == ("rosa", TEXT.format(5000))
    [entry] = [each for each in appliance.audit.entries(newest=True) if each.object == "policy thresholds"]
    assert (entry.actor, entry.action, appliance.audit.detail(entry.seq)) == ("rosa", "change", TEXT.format(5000))
    page = (await rosa.get(PATH)).text
    assert "Version 1" in page
    assert "+dead_air_ms = 5000" in page


async def test_what_cannot_be_written_down_is_not_published(appliance: Appliance, rosa: httpx.AsyncClient) -> None:
    digest = await seen(rosa)
    appliance.audit._connection.execute("pragma query_only = on")
    assert (await publish(rosa, 5000, digest)).status_code == 503
    assert policies.history(appliance.database, "thresholds") == []


async def test_who_saw_an_older_text_is_told_what_changed_and_keeps_what_they_wrote(
    appliance: Appliance, rosa: httpx.AsyncClient
) -> None:
    stale = await seen(rosa)
    await publish(rosa, 5000, stale)
    answer = await publish(rosa, 7000, stale)
    assert answer.status_code == 409
    assert "dead_air_ms = 7000" in answer.text
    assert files.in_force(appliance.settings).thresholds[0].dead_air_ms == 5000
    assert (await publish(rosa, 7000, await seen(rosa))).status_code == 303


@pytest.mark.parametrize("text", ["[[", TEXT.format(-1), "", "[language]", "\x00"])
async def test_a_text_that_cannot_be_used_is_told_on_the_page(rosa: httpx.AsyncClient, text: str) -> None:
    answer = await rosa.post(PATH, data={"text": text, "seen": await seen(rosa)})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


async def test_an_unknown_field_or_policy_is_refused(rosa: httpx.AsyncClient) -> None:
    assert (await rosa.post(PATH, data={"text": TEXT.format(1), "seen": "", "actor": "somebody"})).status_code == 400
    assert (await rosa.get("/admin/policies/retention")).status_code == 404


async def test_a_pinned_policy_is_shown_and_has_no_form(appliance: Appliance) -> None:
    pinned = msgspec.structs.replace(appliance.settings, thresholds=(QueueThresholds(dead_air_ms=7777),))
    async with browser(msgspec.structs.replace(appliance, settings=pinned)) as client:
        await sign_in(client, "rosa")
        page = (await client.get(PATH)).text
        assert "Pinned" in page
        assert "dead_air_ms = 7777" in page
        assert "<textarea" not in page
        assert (await publish(client, 1, files.digest(""))).status_code == 400


async def test_an_auditor_reads_and_changes_nothing(appliance: Appliance) -> None:
    appliance.accounts.create("aud", PASSWORD, "auditor", must_change=False)
    async with browser(appliance) as client:
        await sign_in(client, "aud")
        page = (await client.get(PATH)).text
        assert "<textarea" not in page
        assert (await publish(client, 1, files.digest(""))).status_code == 403


async def test_what_would_change_is_measured_in_the_rows_of_who_asks_and_nothing_is_changed(
    appliance: Appliance, rosa: httpx.AsyncClient, golden: str
) -> None:
    heard = msgspec.structs.replace(golden_stream(), call_id=golden)
    recordings.save_analysis(appliance.settings.recordings_dir, heard)
    text = TEXT.format(10_000) + "long_silence_ms = 4600\n"
    answer = await rosa.post(f"{PATH}/try", data={"text": text, "seen": await seen(rosa)})
    assert answer.status_code == 200, answer.text
    assert "1 of 1 legs of the 1 newest calls" in answer.text
    assert "long_silence_count" in answer.text
    appliance.accounts.create("narrow", PASSWORD, "admin", must_change=False)
    async with browser(appliance) as client:
        await sign_in(client, "narrow")
        answer = await client.post(f"{PATH}/try", data={"text": text, "seen": ""})
    assert "0 of 0 legs of the 0 newest calls" in answer.text
    assert policies.history(appliance.database, "thresholds") == []


async def test_the_overview_tells_of_streams_disk_and_queues(appliance: Appliance, rosa: httpx.AsyncClient) -> None:
    fill(appliance, recorded=True)
    page = (await rosa.get("/admin/overview")).text
    for told in ("0 live", "0 of 1", "0 waiting", "% used", " GB a day", "Billing", "Sales"):
        assert told in page, told


async def test_no_secret_stands_on_the_page_of_the_configuration(appliance: Appliance) -> None:
    hidden = msgspec.structs.replace(
        appliance.settings,
        proxy=Secret("http://u:hidden@proxy"),
        exports=(ExportJob(name="lake", to="s3://key:hidden@bucket/x"),),
    )
    async with browser(msgspec.structs.replace(appliance, settings=hidden)) as client:
        await sign_in(client, "rosa")
        for path in ("/admin/system", "/admin/exports"):
            page = (await client.get(path)).text
            assert not {"hidden@", "s1", "first token", "second token"} & set(re.findall(r"[\w@ ]+", page)), path
            assert "hidden@" not in page, path
        assert "first token" not in (await client.get("/admin/system")).text


async def test_the_models_page_tells_what_is_installed(rosa: httpx.AsyncClient) -> None:
    assert "test only" in (await rosa.get("/admin/models")).text
