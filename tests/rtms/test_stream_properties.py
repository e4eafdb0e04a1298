"""The core against everything: any order of frames, losses, timers, webhooks and restarts.

It never raises, ends at most once, never has two sockets or two handshakes on a link, never asks to be called back in
the past, and left without a peer it ends by itself. `RTMS_EXAMPLES` sets how many sequences are tried.
"""

import json
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cc_voice.rtms.events import Ended
from cc_voice.rtms.options import ClientOptions
from cc_voice.rtms.phases import Phase
from cc_voice.rtms.products import PRODUCTS
from cc_voice.rtms.stream import Stream
from tests.conftest import examples
from tests.rtms.zoom import LANDLINE, SIGNATURE, STREAM_ID, UNIX_MS, URLS, Zoom, target

EXAMPLES = int(os.environ.get("RTMS_EXAMPLES", examples(150)))
LINKS = ("signaling", "audio", "transcript", "all", "video", "deskshare", "chat")
LONGEST_END_S = 400.0
"""Windows of 60 and 65 s, the time-outs of the last attempt, and a watchdog before."""

statuses = st.integers(0, 50) | st.sampled_from([0, 0, 0, 8, 12, 16, 23, 45]) | st.sampled_from(["0", "OK", None, -1, 10**30])
numbers = st.integers(-2, 60) | st.sampled_from([UNIX_MS, 0, "7", "", None, 10**40, 1.5, True])
ids = st.sampled_from(["ch-a1", "ch-b2", 16778240, 0, "", None, [], {}])
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
content = st.fixed_dictionaries(
    {},
    optional={
        "channel_id": ids,
        "user_id": ids,
        "data": st.sampled_from(["Hw1kDacNAA4=", "", "!!", "{}", '{"sender":{"user_id":1}}', 7, None]),
        "timestamp": numbers,
        "length": numbers,
        "language": numbers,
        "attribute": numbers,
        "start_time": numbers,
        "sender": json_values,
    },
)
event = st.fixed_dictionaries(
    {},
    optional={
        "event_type": numbers,
        "event_code": numbers,
        "timestamp": numbers,
        "event_ts": numbers,
        "participants": json_values,
        "paticipant_info": st.dictionaries(st.sampled_from(["channel_id", "user_id", "queue_id"]), ids) | json_values,
    },
)
message = st.fixed_dictionaries(
    {"msg_type": st.integers(1, 29) | st.sampled_from([0, 30, "14", None, 2**70])},
    optional={
        "status_code": statuses,
        "status": statuses,
        "reason": numbers | st.sampled_from(["STOP_BC_MEETING_ENDED", "text"]),
        "stop_reason": numbers,
        "state": st.integers(-1, 8) | st.sampled_from(["ACTIVE", "nonsense", None]),
        "timestamp": numbers,
        "content": content | json_values,
        "event": event | json_values,
        "media_server": st.sampled_from([{"server_urls": URLS}, {"server_urls": URLS["all"]}, {}, [], {"server_urls": {"all": 5}}]),
        "media_params": st.sampled_from([{"audio": LANDLINE}, {}, [], {"audio": {"sample_rate": "3"}}, {"audio": 7}, None]),
        "rtms_session_id": ids,
        "rtms_stream_id": ids,
    },
)
frames = st.one_of(
    message.map(lambda value: json.dumps(value).encode()),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=40),
    st.sampled_from([b"", b'{"msg_type":14', b"\xff\xfe", b"null", b"12"]),
    st.integers(1, 5000).map(lambda depth: b'{"a":[' * depth),
)
options = st.builds(
    ClientOptions,
    media=st.sampled_from([("audio", "transcript"), ("audio",), ("transcript", "chat"), ("audio", "video", "deskshare", "chat")]),
    unified=st.booleans(),
    tolerant=st.booleans(),
    resume=st.booleans(),
    buffer_data=st.booleans(),
    src_language=st.none() | st.integers(0, 36),
)


class AnyPeer(RuleBasedStateMachine):
    """Zoom, gone mad."""

    zoom: Zoom
    steps = 0

    @initialize(
        product=st.sampled_from(sorted(PRODUCTS)), chosen=options, age_s=st.sampled_from([0, 30, 3600]), jitter=st.floats(0, 0.5)
    )
    def begin(self, product: Any, chosen: ClientOptions, age_s: int, jitter: float) -> None:
        self._product = product
        announced = target(product, event_ts_ms=UNIX_MS - age_s * 1000)
        self.zoom = Zoom(Stream(announced, SIGNATURE, chosen, jitter=lambda: jitter)).start()

    @rule(link=st.sampled_from(LINKS))
    def connect(self, link: str) -> None:
        if self.zoom.has(link) and self.zoom.socket(link) in self.zoom.connecting:
            self.zoom.connect(link)

    @rule(status=statuses, urls=st.sampled_from([URLS, URLS, {"all": URLS["all"]}, {"audio": "ws://m1.zoom.us/a"}, URLS]))
    def answer_signaling(self, status: Any, urls: Any) -> None:
        if self._is_open("signaling"):
            self.zoom.answer_signaling(status, urls)

    @rule(link=st.sampled_from(LINKS[1:]), status=statuses)
    def answer_media(self, link: str, status: Any) -> None:
        if self._is_open(link):
            self.zoom.answer_media(link, status)

    @precondition(lambda self: self.zoom.stream.phase is Phase.SIGNALING)
    @rule()
    def behave(self) -> None:
        """Now and then everything goes well, or nothing deep would ever be reached."""
        if not self.zoom.has("signaling"):
            return
        if self.zoom.socket("signaling") in self.zoom.connecting:
            self.zoom.connect("signaling")
        self.zoom.answer_signaling()
        for link in LINKS[1:]:
            if self.zoom.has(link):
                self.zoom.connect(link)
            if self.zoom.has(link):
                self.zoom.answer_media(link)
        if self._is_open("signaling"):
            self.zoom.state(1)

    @rule(link=st.sampled_from(LINKS[1:]), timestamp=st.integers(UNIX_MS, UNIX_MS + 200))
    def flow(self, link: str, timestamp: int) -> None:
        if self._is_open(link):
            self.zoom.audio(timestamp, link=link)

    @rule(state=st.sampled_from([1, 2, 2, 5, 6]), reason=st.sampled_from([0, 12, 13, 14]))
    def change_state(self, state: int, reason: int) -> None:
        if self._is_open("signaling"):
            self.zoom.state(state, reason)

    @rule(link=st.sampled_from(LINKS), frame=frames)
    def say(self, link: str, frame: bytes) -> None:
        if self.zoom.has(link):  # also before it is open: a caller's mistake must not hurt either
            self.zoom.say(link, frame)

    @rule(socket=st.integers(0, 40), frame=frames)
    def say_on_a_dead_socket(self, socket: int, frame: bytes) -> None:
        if socket not in self.zoom.sockets:
            self.zoom.stream.received(socket, frame, self.zoom.now)
            self.zoom.stream.opened(socket, self.zoom.now)
            self.zoom.stream.closed(socket, self.zoom.now)
            assert not self.zoom.stream.actions()

    @rule(link=st.sampled_from(LINKS))
    def drop(self, link: str) -> None:
        if self.zoom.has(link):
            self.zoom.drop(link, None)

    @rule(seconds=st.floats(0, 3) | st.sampled_from([3.0, 10.0, 65.0]))
    def wait(self, seconds: float) -> None:
        self.zoom.wait(seconds)

    @rule(seconds=st.sampled_from([0.0, 1.0, 30.0, 200.0]))
    def oversleep(self, seconds: float) -> None:
        """The host was suspended: all timers at once."""
        self.zoom.now += seconds
        self.zoom.tick()

    @rule(
        ts=st.sampled_from([None, UNIX_MS, UNIX_MS + 5000, UNIX_MS - 5000]),
        url=st.sampled_from(["wss://a.zoom.us/1", "wss://b.zoom.us/2"]),
    )
    def announce(self, ts: int | None, url: str) -> None:
        self.zoom.started(url, ts)

    @rule(url=st.sampled_from([None, None, None, "wss://c.zoom.us/3"]))
    def interrupt(self, url: str | None) -> None:
        self.zoom.interrupted(url)

    # Ends come late, or most sequences would be short.

    @precondition(lambda self: self.steps > 12)
    @rule(state=st.sampled_from([3, 4]), reason=st.none() | st.integers(0, 30))
    def terminate(self, state: int, reason: int | None) -> None:
        if self._is_open("signaling"):
            self.zoom.state(state, reason)

    @precondition(lambda self: self.steps > 12)
    @rule(reason=st.none() | st.integers(0, 30))
    def stop(self, reason: int | None) -> None:
        self.zoom.stopped(reason)

    @precondition(lambda self: self.steps > 12)
    @rule(answer=st.none() | st.integers(0, 3))
    def close(self, answer: int | None) -> None:
        self.zoom.stream.close(self.zoom.now)
        self.zoom.take()
        if answer is not None and self._is_open("signaling"):
            self.zoom.say("signaling", {"msg_type": 22, "rtms_stream_id": STREAM_ID, "status_code": answer})

    @precondition(lambda self: self.steps > 12)
    @rule(restart=st.booleans())
    def abandon(self, restart: bool) -> None:
        """A worker dies; perhaps a successor takes the stream up."""
        self.zoom.stream.abandon()
        self.zoom.take()
        assert not self.zoom.sockets
        if restart:
            now = self.zoom.now
            self.zoom = Zoom(Stream(target(self._product), SIGNATURE, ClientOptions(resume=True)))
            self.zoom.now = now
            self.zoom.start()

    @invariant()
    def ends_once_and_for_all(self) -> None:
        self.steps += 1
        ends = self.zoom.of(Ended)
        assert len(ends) <= 1
        if self.zoom.stream.phase is Phase.ENDED:
            assert not self.zoom.sockets
            assert self.zoom.stream.next_deadline() is None
        elif ends:
            raise AssertionError("an end that is none")
        if ends and ends[0].kind in ("normal", "revoked", "closed"):
            assert ends[0].error is None
        elif ends:
            assert ends[0].error

    def _is_open(self, link: str) -> bool:
        return self.zoom.has(link) and self.zoom.socket(link) not in self.zoom.connecting

    def teardown(self) -> None:
        """Nobody answers any more: it comes to an end, by itself."""
        if not hasattr(self, "zoom"):
            return
        end = self.zoom.now + LONGEST_END_S
        while self.zoom.stream.phase is not Phase.ENDED:
            assert self.zoom.now < end, f"still {self.zoom.stream.phase} after {LONGEST_END_S} s without a peer"
            for link in list(self.zoom.sockets.values()):
                if self.zoom.has(link) and self.zoom.socket(link) in self.zoom.connecting:
                    self.zoom.drop(link)
            self.zoom.wait(5)


AnyPeer.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnyPeer = AnyPeer.TestCase
