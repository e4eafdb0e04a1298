"""A new stream after a fault: when it is asked for, when not, how often, and as what. Zoom is a server of its own here."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cc_voice.call.batch import StageReached
from cc_voice.call.ids import call_id
from cc_voice.config.settings import Settings
from cc_voice.fleet.control import Control
from cc_voice.fleet.restarts import DELAYS_S, NEWS_S, WINDOW_S, Restarts, is_wanted
from cc_voice.rtms.options import StreamTarget
from cc_voice.rtms.stop_classes import refused, turned_away
from cc_voice.rtms.webhooks import Started, Stopped, parse_webhook
from cc_voice.store import streams
from cc_voice.store.database import Connection, Database
from tests.fleet.conftest import T0
from tests.fleet.rest import Planned, Rest, serving
from tests.stored_calls import new_database

FAULTS = (*range(10, 18), 19, 24)
NOW_S = T0 / 1000


class Clock:
    """Time that passes only where somebody sleeps. `meanwhile` happens during the next sleep."""

    def __init__(self) -> None:
        self.now_s = NOW_S
        self.slept: list[float] = []
        self.meanwhile: Callable[[], object] | None = None

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        if self.meanwhile is not None:
            self.meanwhile()
        await asyncio.sleep(0)


@pytest.fixture
def rest() -> Iterator[Rest]:
    with serving() as played:
        yield played


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(site: Settings) -> Iterator[Database]:
    opened = new_database(site.database_path)
    yield opened
    opened.close()


@pytest.fixture
async def restarts(site: Settings, database: Database, rest: Rest, clock: Clock) -> AsyncIterator[Restarts]:
    async with Control(clock=clock, sleep=clock.sleep) as control:
        configured = msgspec.structs.replace(site, apps=(rest.app(),))
        yield Restarts(configured, database, control, clock=clock, sleep=clock.sleep)


def announce(database: Database, stream_id: str = "s1", at_s: float = 0.0, app: str = "default", **payload: Any) -> None:
    """Put a stream into the store as the dispatcher does; a Contact Center's unless the payload has another id."""
    event = "contact_center.voice_rtms_started"
    if "meeting_uuid" in payload:
        event = "meeting.rtms_started"
    body = {"rtms_stream_id": stream_id, "server_urls": "wss://rtms.zoom.us", **(payload or {"engagement_id": "E/1"})}
    webhook = parse_webhook(json.dumps({"event": event, "event_ts": T0, "payload": body}).encode())
    assert isinstance(webhook, Started)

    def insert(con: Connection) -> None:
        streams.open_stream(
            con,
            stream_id=stream_id,
            call_id=call_id(webhook.product, webhook.instance_id),
            product=webhook.product,
            instance_id=webhook.instance_id,
            app=app,
            target=msgspec.json.encode(StreamTarget.of(webhook)).decode(),
            language="en",
            started_unix_ms=T0 + int(at_s * 1000),
        )

    database.write_now(insert)


def revoke(database: Database, stream_id: str) -> None:
    def reach(con: Connection) -> None:
        row = streams.take(con, stream_id)
        assert row is not None
        streams.reach(con, StageReached(call_id=row.call_id, stream_id=stream_id, epoch=row.epoch, stage="revoked"))

    database.write_now(reach)


def stopped(reason: int | None = 10, stream_id: str = "s1", at_s: float | None = 0.0) -> Stopped:
    event_ts_ms = None if at_s is None else T0 + int(at_s * 1000)
    return Stopped(product="contact_center", stream_id=stream_id, stop_reason=reason, event_ts_ms=event_ts_ms)


# -- after what --------------------------------------------------------------------------------------------------------


@given(st.none() | st.integers(-5, 60))
def test_only_faults_make_a_stream_worth_another(reason: int | None) -> None:
    assert is_wanted(stopped(reason), NOW_S) == (reason in FAULTS)


@pytest.mark.parametrize("refused", [turned_away().error, refused(3, "").error])
async def test_with_wrong_credentials_nothing_is_asked_for(
    restarts: Restarts, database: Database, rest: Rest, refused: str | None
) -> None:
    announce(database)

    def fail(con: Connection) -> None:
        row = streams.take(con, "s1")
        assert row is not None
        failed = StageReached(call_id=row.call_id, stream_id="s1", epoch=row.epoch, stage="failed", reason=refused)
        assert streams.reach(con, failed)

    database.write_now(fail)
    with capture_logs() as logs:
        await restarts.after(stopped(11))
    assert rest.commands == []
    assert [line["event"] for line in logs] == ["no new stream: the app's credentials are wrong"]


def test_old_news_are_left_alone() -> None:
    assert is_wanted(stopped(), NOW_S + NEWS_S)
    assert not is_wanted(stopped(), NOW_S + NEWS_S + 1)
    assert is_wanted(stopped(at_s=None), NOW_S)


@pytest.mark.parametrize("reason", FAULTS)
async def test_after_a_fault_a_new_stream_is_asked_for(restarts: Restarts, database: Database, rest: Rest, reason: int) -> None:
    announce(database)
    await restarts.after(stopped(reason))
    [request] = rest.commands
    assert (request.method, request.target) == ("PUT", "/v2/contact_center/E%252F1/rtms_app/status")
    assert json.loads(request.body) == {"action": "start", "settings": {"client_id": "id"}}


@pytest.mark.parametrize("reason", [None, 0, 1, 6, 7, 8, 9, 18, 20, 21, 22, 23, 25, 26, 99])
async def test_after_other_ends_nothing_is_asked_for(
    restarts: Restarts, database: Database, rest: Rest, reason: int | None
) -> None:
    announce(database)
    await restarts.after(stopped(reason))
    assert rest.requests == []


async def test_a_stream_nobody_knows_is_not_brought_back(restarts: Restarts, rest: Rest, clock: Clock) -> None:
    await restarts.after(stopped(stream_id="unknown"))
    assert (rest.requests, clock.slept) == ([], [])


async def test_a_call_with_a_newer_stream_needs_none(restarts: Restarts, database: Database, rest: Rest, clock: Clock) -> None:
    announce(database)
    announce(database, "s2", at_s=1)
    await restarts.after(stopped())
    assert (rest.requests, clock.slept) == ([], [])
    await restarts.after(stopped(stream_id="s2"))
    assert len(rest.commands) == 1, "the newer one does"


async def test_a_revoked_call_stays_away(restarts: Restarts, database: Database, rest: Rest) -> None:
    announce(database)
    announce(database, "s2", at_s=1)
    revoke(database, "s1")
    await restarts.after(stopped(stream_id="s2"))
    assert rest.requests == []


@pytest.mark.parametrize("happens", ["another came", "revoked"])
async def test_what_happens_during_the_wait_counts(
    restarts: Restarts, database: Database, rest: Rest, clock: Clock, happens: str
) -> None:
    announce(database)
    clock.meanwhile = lambda: revoke(database, "s1") if happens == "revoked" else announce(database, "s2", at_s=1)
    await restarts.after(stopped())
    assert clock.slept == [DELAYS_S[0]]
    assert rest.requests == []


# -- how often ---------------------------------------------------------------------------------------------------------


async def test_a_call_is_brought_back_a_few_times_ever_later(
    restarts: Restarts, database: Database, rest: Rest, clock: Clock
) -> None:
    with capture_logs() as logs:
        for number in range(6):
            announce(database, f"s{number}", at_s=number)
            await restarts.after(stopped(stream_id=f"s{number}", at_s=None))
    assert clock.slept == list(DELAYS_S)
    assert len(rest.commands) == len(DELAYS_S)
    assert [entry["stream_id"] for entry in logs if "no more are asked for" in entry["event"]] == ["s3", "s4", "s5"]


async def test_another_call_has_its_own_attempts(restarts: Restarts, database: Database, rest: Rest, clock: Clock) -> None:
    announce(database)
    announce(database, "other", engagement_id="E2")
    await restarts.after(stopped())
    await restarts.after(stopped(stream_id="other"))
    assert clock.slept == [DELAYS_S[0]] * 2


async def test_attempts_count_for_a_quarter_of_an_hour(restarts: Restarts, database: Database, clock: Clock) -> None:
    announce(database)
    await restarts.after(stopped())
    clock.now_s = NOW_S + WINDOW_S
    announce(database, "s2", at_s=1)
    await restarts.after(stopped(stream_id="s2", at_s=None))
    assert clock.slept == [DELAYS_S[0]] * 2


async def test_one_end_told_twice_asks_once(restarts: Restarts, database: Database, rest: Rest) -> None:
    announce(database)
    await asyncio.gather(*(restarts.after(stopped()) for _ in range(5)))
    await restarts.after(stopped())
    assert len(rest.commands) == 1


# -- as what, and if not -----------------------------------------------------------------------------------------------


async def test_a_meeting_is_asked_for_by_number_and_for_its_operator(restarts: Restarts, database: Database, rest: Rest) -> None:
    announce(database, meeting_uuid="u/==", meeting_id=98765432101, operator_id="usr_Demo77")
    await restarts.after(stopped())
    [request] = rest.commands
    assert request.target == "/v2/live_meetings/98765432101/rtms_app/status"
    assert json.loads(request.body)["settings"]["participant_user_id"] == "usr_Demo77"


@pytest.mark.parametrize(
    ("payload", "app", "why"),
    [
        ({"meeting_uuid": "u=="}, "default", "did not tell the number of the meeting"),
        ({"engagement_id": "E1"}, "gone", "'gone' is no longer in the configuration"),
    ],
)
async def test_what_cannot_be_asked_for_is_told(
    restarts: Restarts, database: Database, rest: Rest, payload: dict[str, Any], app: str, why: str
) -> None:
    announce(database, app=app, **payload)
    with capture_logs() as logs:
        await restarts.after(stopped())
    assert rest.requests == []
    assert why in logs[-1]["error"]


async def test_a_refusal_is_told_without_zooms_words(restarts: Restarts, database: Database, rest: Rest) -> None:
    announce(database)
    rest.answers.append(Planned(404, b'{"code":300,"message":"Engagement of somebody@example.com not found."}'))
    with capture_logs() as logs:
        await restarts.after(stopped())
    assert "no such conversation" in logs[-1]["error"]
    assert "somebody" not in str(logs)
