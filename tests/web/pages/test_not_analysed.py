"""Not analysed: what came to nothing is told wherever somebody looks for a call: live, list, a page of its own, the API."""

import httpx
import pytest

from cc_voice.call.batch import StageReached
from cc_voice.store import batches, streams
from cc_voice.web.appliance import Appliance
from tests.call.golden import T0

WHY = "Zoom sends audio in RTP <packets>"
LONG_AGO = T0 - 8 * 86_400_000


def announce(appliance: Appliance, call_id: str, stage: str, started_unix_ms: int = T0) -> None:
    """Let a stream of a call be announced, taken up and brought to a stage."""
    stream_id = f"{call_id}-s"
    appliance.database.write_now(
        lambda con: streams.open_stream(
            con,
            stream_id=stream_id,
            call_id=call_id,
            product="phone",
            instance_id="P1",
            app="sales",
            target="{}",
            language="en",
            started_unix_ms=started_unix_ms,
        )
    )
    appliance.database.write_now(lambda con: streams.take(con, stream_id))
    reached = StageReached(call_id=call_id, stream_id=stream_id, epoch=1, stage=stage, reason=WHY)
    appliance.database.write_now(lambda con: batches.write_batch(con, reached, appliance.settings.site))


@pytest.fixture
def lost(appliance: Appliance) -> str:
    """A call that failed an hour ago, beside one that goes on and one that failed before anybody would look; its id."""
    announce(appliance, "old", "failed", LONG_AGO)
    announce(appliance, "well", "recorded")
    announce(appliance, "lost", "failed")
    return "lost"


async def test_a_call_that_failed_is_listed_with_its_reason(rosa: httpx.AsyncClient, lost: str) -> None:
    html = (await rosa.get("/not-analysed")).text
    assert f'href="/calls/{lost}"' in html
    assert "Zoom sends audio in RTP &lt;packets&gt;" in html
    assert "1 not analysed" in html
    assert "/calls/old" not in html
    assert "/calls/well" not in html


async def test_the_page_of_a_call_that_failed_promises_nothing(rosa: httpx.AsyncClient, lost: str) -> None:
    html = (await rosa.get(f"/calls/{lost}")).text
    assert "Zoom sends audio in RTP &lt;packets&gt;" in html
    assert "This call was not analysed" in html
    assert "Nothing was recognised." in html
    assert "Preliminary" not in html
    assert "Preliminary" in (await rosa.get("/calls/well")).text


async def test_live_and_the_list_lead_there(rosa: httpx.AsyncClient, lost: str) -> None:
    for path in ("/live", "/calls"):
        assert 'href="/not-analysed"' in (await rosa.get(path)).text, path


async def test_nothing_leads_there_when_all_is_well(rosa: httpx.AsyncClient, golden: str) -> None:
    for path in ("/live", "/calls"):
        assert 'href="/not-analysed"' not in (await rosa.get(path)).text, path
    assert "Every call of the last 7 days was analysed." in (await rosa.get("/not-analysed")).text


async def test_what_zoom_revoked_is_told_too(rosa: httpx.AsyncClient, appliance: Appliance) -> None:
    announce(appliance, "gone", "revoked")
    assert "Revoked by Zoom, deleted" in (await rosa.get("/not-analysed")).text


async def test_programs_are_told_which_and_why(rosa: httpx.AsyncClient, lost: str) -> None:
    live = (await rosa.get("/api/v1/live")).json()
    assert [call["call_id"] for call in live["calls"]] == ["well"]
    assert [(call["call_id"], call["stage"], call["failure"]) for call in live["not_analysed"]] == [(lost, "failed", WHY)]
