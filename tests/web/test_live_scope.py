"""Words and sound in scope: of calls in progress by who handles them now, of recordings by whose legs they are."""

import asyncio
import wave
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from cc_voice.call.batch import LiveWords, StreamProgress
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.sessions.spec import SessionSpec
from cc_voice.store import batches, streams
from cc_voice.web.access import account_records
from cc_voice.web.access.roles import AccountAccess, Right
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import event_streams
from cc_voice.web.live.live_scope import words_seen
from tests.conftest import PATIENCE_S
from tests.fleet.conftest import spec
from tests.web.access.sites import TEAM_A, enter, fill, join
from tests.web.conftest import PASSWORD

OWN = AccountAccess(user_id="ana")
SEES = {
    "supervisor of the team": ("supervisor", TEAM_A, ["before", "since"]),
    "supervisor of another": ("supervisor", AccountAccess(teams=frozenset({"team-b"})), []),
    "supervisor of the queue": ("supervisor", AccountAccess(queues=frozenset({"billing"})), ["before", "since"]),
    "analyst of the site": ("analyst", AccountAccess(site=True), ["before", "since"]),
    "the agent": ("agent", OWN, ["since"]),
    "another agent": ("agent", AccountAccess(user_id="bob"), []),
    "administrator": ("admin", AccountAccess(site=True), []),
    "nobody's": ("supervisor", AccountAccess(), []),
}


def begin(appliance: Appliance) -> None:
    """A call that Bob began and Ana took over after five seconds, in progress."""
    fill(appliance)
    known = {"stream_id": "live-s", "call_id": "live", "product": "contact_center"}
    rest = {"instance_id": "E9", "app": "sales", "target": "{}", "language": "en", "started_unix_ms": 1}
    appliance.database.write_now(lambda con: streams.open_stream(con, **known, **rest))  # type: ignore[arg-type]
    row = appliance.database.write_now(lambda con: streams.take(con, "live-s"))
    assert row is not None
    told = tuple(answered(at_ms, user, queue) for at_ms, user, queue in ((0, "bob", "sales"), (5000, "ana", "billing")))
    batch = StreamProgress(**known, epoch=row.epoch, t0_unix_ms=1, media_ms=9000, events=told)
    assert appliance.database.write_now(lambda con: batches.write_batch(con, batch, appliance.settings.site))
    appliance.dispatcher.board.open(session(row))


def answered(at_ms: int, user_id: str, queue_id: str) -> CallEvent:
    names = {"display_name": user_id.title(), "queue_name": queue_id.title()}
    person = Participant(channel_id=user_id, user_id=user_id, queue_id=queue_id, **names)
    return CallEvent(at_ms=at_ms, at_unix_ms=at_ms + 1, name=EventName.USER_ANSWERED, participants=(person,))


def session(row: streams.StreamRow) -> SessionSpec:
    return msgspec.structs.replace(spec(row.stream_id), call_id=row.call_id, epoch=row.epoch)


def say(appliance: Appliance, text: str, start_ms: int, *, is_redacted: bool = True) -> None:
    board = appliance.dispatcher.board
    row = appliance.database.read_now(lambda con: streams.load(con, "live-s"))
    assert row is not None
    board.take(
        LiveWords(
            call_id="live",
            stream_id="live-s",
            epoch=row.epoch,
            channel_id=text,
            start_ms=start_ms,
            end_ms=start_ms + 500,
            text=text,
            language="en",
            is_final=False,
            is_redacted=is_redacted,
            left_unix_ms=1,
        )
    )


@pytest.mark.parametrize("who", SEES)
async def test_live_words_are_for_who_may_see_the_call_as_it_is_handled_now(appliance: Appliance, who: str) -> None:
    role, access, expected = SEES[who]
    begin(appliance)
    say(appliance, "before", 1000)
    say(appliance, "since", 6000)
    client = await enter(appliance, "sam", role, access)  # type: ignore[arg-type]
    floor = (await client.get("/api/v1/live")).json()["calls"]
    assert sorted(words["text"] for call in floor for words in call["saying"]) == expected
    is_seen = bool(expected) or who == "administrator"
    assert [call["call_id"] for call in floor] == (["live"] if is_seen else [])
    page = await client.get("/calls/live")
    assert page.status_code == (200 if is_seen else 404)
    for word in ("before", "since"):
        assert (f">{word}<" in page.text) == (word in expected), word
    assert ("live-s" in (await client.get("/live")).text) == is_seen


async def test_words_that_nobody_redacted_need_a_right_of_their_own(appliance: Appliance) -> None:
    """Live, and of the whole site: what its policy leaves as it is."""
    begin(appliance)
    join(appliance, "sam", "supervisor", TEAM_A)
    said = []
    for grants in (frozenset[Right](), frozenset[Right]({"unredacted"})):
        granted = msgspec.structs.replace(TEAM_A, grants=grants)
        appliance.accounts.ask_now(account_records.change, "sam", "supervisor", granted, None)
        token = appliance.accounts.sign_in("sam", PASSWORD, "a", appliance.now())
        visitor = appliance.accounts.visitor(token, appliance.now())
        assert visitor is not None
        say(appliance, "raw", 6000, is_redacted=False)
        seen = await words_seen(appliance, visitor, appliance.dispatcher.board.of_call("live"))
        said.append([one.text for one in seen])
    assert said == [[], ["raw"]]


async def test_live_words_stop_when_the_team_is_taken_away(appliance: Appliance) -> None:
    begin(appliance)
    join(appliance, "sam", "supervisor")
    token = appliance.accounts.sign_in("sam", PASSWORD, "a", appliance.now())
    visitor = appliance.accounts.visitor(token, appliance.now())
    words = event_streams.words(appliance, visitor, appliance.dispatcher.board.watch())
    await anext(words)
    say(appliance, "mine", 6000)
    assert b"mine" in (await asyncio.wait_for(anext(words), PATIENCE_S)).data
    other = AccountAccess(teams=frozenset({"team-b"}))
    appliance.accounts.ask_now(account_records.change, "sam", "supervisor", other, None)
    say(appliance, "not mine", 7000)
    message = await asyncio.wait_for(anext(words), PATIENCE_S)
    assert (message.data, message.comment) == (None, "still here")
    appliance.accounts.ask_now(account_records.change, "sam", "auditor", AccountAccess(), None)
    say(appliance, "not at all", 8000)
    assert [one async for one in words] == []


async def loudness(client: httpx.AsyncClient, call_id: str, path: Any) -> list[float]:
    """How loud each leg of a minute is."""
    answer = await client.get(f"/calls/{call_id}/audio.wav")
    assert answer.status_code == 200
    path.write_bytes(answer.content)
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
        rate = file.getframerate()
    half = len(samples) // 2
    return [float(np.abs(part.astype(np.int32)).mean()) for part in (samples[:half], samples[half:])] if rate else []


async def test_an_agent_hears_their_own_leg_and_silence_for_the_rest(appliance: Appliance, tmp_path: Any) -> None:
    """The recording is of one minute; the legs are cut to halves of it."""
    fill(appliance, recorded=True)
    halves = "update fact_leg set start_ms = (leg_no - 1) * 30000, end_ms = leg_no * 30000 where call_id = 'both'"
    appliance.database.write_now(lambda con: con.execute(halves) and None)
    heard = {}
    for name, role, access in (
        ("ana", "agent", OWN),
        ("sam", "supervisor", TEAM_A),
        ("bob", "agent", AccountAccess(user_id="bob")),
    ):
        client = await enter(appliance, name, role, access, all_grants=True)  # type: ignore[arg-type]
        first, second = await loudness(client, "both", tmp_path / "heard.wav")
        heard[name] = (first > 0, second > 0)
        peaks = (await client.get("/calls/both/peaks.json")).json()
        both = [max(pair) for pair in zip(peaks["agent"], peaks["customer"], strict=True)]
        assert (any(both[:590]), any(both[610:])) == heard[name], name
    assert heard == {"ana": (True, False), "sam": (True, True), "bob": (False, True)}
