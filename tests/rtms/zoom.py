"""Zoom's part for tests of the pure core: plays both ends of every link with values, on a clock that only tests move."""

import json
from typing import Any

from cc_voice.rtms.events import Event
from cc_voice.rtms.options import ClientOptions, StreamTarget
from cc_voice.rtms.outbox import Action, Close, Open, Send
from cc_voice.rtms.products import PRODUCTS, ProductName
from cc_voice.rtms.signatures import handshake_signature
from cc_voice.rtms.stream import Stream
from cc_voice.rtms.webhooks import Interrupted, Started, Stopped

STREAM_ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
INSTANCE_ID = "ENGdemo_7Yw2kQ"
CLIENT_ID, CLIENT_SECRET = "demoClientId01", "demoClientSecret01"
SIGNATURE = handshake_signature(CLIENT_ID, CLIENT_SECRET, INSTANCE_ID, STREAM_ID)
UNIX_MS = 1_790_000_000_123
SIGNALING_URL = "wss://rtms-sjc1.example.zoom.us/sig"
URLS = {
    "audio": "wss://m1.example.zoom.us/a",
    "transcript": "wss://m1.example.zoom.us/t",
    "all": "wss://m1.example.zoom.us/x",
}
LANDLINE = {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 2, "send_rate": 20}


def target(product: ProductName = "contact_center", **changes: Any) -> StreamTarget:
    """Return a stream of the product, under the product's first id key."""
    fields = {
        "product": product,
        "instance_key": {"meeting": "meeting_uuid", "webinar": "webinar_uuid"}.get(product, PRODUCTS[product].id_keys[0]),
        "instance_id": INSTANCE_ID,
        "stream_id": STREAM_ID,
        "server_urls": SIGNALING_URL,
        "event_ts_ms": UNIX_MS,
    }
    return StreamTarget(**(fields | changes))


class Zoom:
    """Drives a stream and checks what no stream may do: two sockets or two handshakes on a link, events after the end."""

    def __init__(self, stream: Stream | None = None, **options: Any) -> None:
        self.stream = stream or Stream(target(), SIGNATURE, ClientOptions(**options))
        self.now = 1000.0
        self.sent: list[tuple[str, dict[str, Any]]] = []
        """All messages of the stream: link and message."""
        self.opened: list[tuple[float, str, str]] = []
        """All sockets that were asked for: when, link, URL."""
        self.events: list[Event] = []
        self.sockets: dict[int, str] = {}
        """Live sockets and their links."""
        self.connecting: set[int] = set()
        self.shaken: set[int] = set()

    def start(self) -> "Zoom":
        self.stream.start(self.now, UNIX_MS)
        return self.take()

    def take(self) -> "Zoom":
        """Carry out what the stream wants and take its events."""
        for action in self.stream.actions():
            self._act(action)
        for event in self.stream.events():
            assert not (self.events and type(self.events[-1]).__name__ == "Ended"), f"{event} after the end"
            self.events.append(event)
        return self

    def _act(self, action: Action) -> None:
        match action:
            case Open(socket=number, link=link, url=url):
                assert link not in self.sockets.values(), f"a second socket on {link}"
                self.sockets[number] = link
                self.connecting.add(number)
                self.opened.append((self.now, link, url))
            case Close(socket=number):
                assert self.sockets.pop(number, None) is not None, "closed what was not open"
                self.connecting.discard(number)
            case Send(socket=number, data=data):
                assert number in self.sockets
                assert number not in self.connecting, "sent on a socket that is not open"
                message = json.loads(data)
                if message["msg_type"] in (1, 3):
                    assert number not in self.shaken, "a second handshake on one socket"
                    self.shaken.add(number)
                self.sent.append((self.sockets[number], message))

    # The peer --------------------------------------------------------------------------------------------------------

    def socket(self, link: str) -> int:
        return next(number for number, name in self.sockets.items() if name == link)

    def has(self, link: str) -> bool:
        return link in self.sockets.values()

    def connect(self, link: str) -> "Zoom":
        number = self.socket(link)
        self.connecting.discard(number)
        self.stream.opened(number, self.now)
        return self.take()

    def say(self, link: str, message: Any) -> "Zoom":
        """Send a message, or bytes as they are."""
        frame = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.stream.received(self.socket(link), frame, self.now)
        return self.take()

    def drop(self, link: str, error: str | None = "connection reset", code: int | None = None) -> "Zoom":
        number = self.socket(link)
        del self.sockets[number]
        self.connecting.discard(number)
        self.stream.closed(number, self.now, error, code)
        return self.take()

    def answer_signaling(self, status: int = 0, urls: Any = None, **fields: Any) -> "Zoom":
        message: dict[str, Any] = {"msg_type": 2, "protocol_version": 1, "sequence": 1, "status_code": status, "reason": ""}
        if status == 0:
            message["media_server"] = {"server_urls": URLS if urls is None else urls}
        return self.say("signaling", message | fields)

    def answer_media(self, link: str = "audio", status: int = 0, **fields: Any) -> "Zoom":
        message: dict[str, Any] = {"msg_type": 4, "protocol_version": 1, "sequence": 1, "status_code": status, "reason": ""}
        if status == 0:
            message["media_params"] = {"audio": LANDLINE} if link == "audio" else {"transcript": {"content_type": 5}}
        return self.say(link, message | fields)

    def signaling_up(self) -> "Zoom":
        return self.connect("signaling").answer_signaling()

    def media_up(self, *links: str) -> "Zoom":
        for link in links or ("audio", "transcript"):
            self.connect(link).answer_media(link)
        return self

    def streaming(self) -> "Zoom":
        """Bring the stream from its start to where media flows."""
        self.start().signaling_up().media_up()
        return self.state(1)

    def state(self, state: Any, reason: Any = 0) -> "Zoom":
        return self.say("signaling", {"msg_type": 8, "state": state, "reason": reason, "timestamp": UNIX_MS})

    def audio(self, timestamp: int = UNIX_MS, data: str = "Hw1kDacNAA4=", link: str = "audio", **fields: Any) -> "Zoom":
        content = {"channel_id": "ch-a1", "data": data, "timestamp": timestamp} | fields
        return self.say(link, {"msg_type": 14, "content": content})

    # The clock -------------------------------------------------------------------------------------------------------

    def wait(self, seconds: float, *, alive: tuple[str, ...] = ()) -> "Zoom":
        """Let time pass; every timer fires when it is due. Links in `alive` send a keep-alive every ten seconds."""
        end = self.now + seconds
        next_alive = self.now + 10
        while self.now < end:
            due = self.stream.next_deadline()
            self.now = min(end, next_alive, end if due is None else max(due, self.now))
            if self.now >= next_alive:
                next_alive += 10
                for link in alive:
                    if self.has(link) and self.socket(link) not in self.connecting:
                        self.say(link, {"msg_type": 12, "timestamp": UNIX_MS})
            self.tick()
        return self

    def tick(self) -> "Zoom":
        self.stream.tick(self.now)
        self.take()
        due = self.stream.next_deadline()
        assert due is None or due > self.now, "a timer that is due was not served: the caller would spin"
        return self

    # Webhooks --------------------------------------------------------------------------------------------------------

    def started(self, url: str = SIGNALING_URL, event_ts_ms: int | None = UNIX_MS) -> "Zoom":
        webhook = Started(
            product="contact_center",
            instance_key="engagement_id",
            instance_id=INSTANCE_ID,
            stream_id=STREAM_ID,
            server_urls=url,
            event_ts_ms=event_ts_ms,
        )
        self.stream.notify(webhook, self.now)
        return self.take()

    def stopped(self, reason: int | None) -> "Zoom":
        self.stream.notify(Stopped(product="contact_center", stream_id=STREAM_ID, stop_reason=reason), self.now)
        return self.take()

    def interrupted(self, url: str | None = None) -> "Zoom":
        self.stream.notify(Interrupted(product="contact_center", stream_id=STREAM_ID, server_urls=url), self.now)
        return self.take()

    # What was seen ---------------------------------------------------------------------------------------------------

    def numbers(self, link: str) -> list[int]:
        """The message numbers the stream sent on a link."""
        return [message["msg_type"] for name, message in self.sent if name == link]

    def messages(self, number: int) -> list[dict[str, Any]]:
        return [message for _, message in self.sent if message["msg_type"] == number]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def opened_at(self, link: str) -> list[float]:
        """When sockets of a link were asked for, in seconds since the first."""
        times = [at for at, name, _ in self.opened if name == link]
        return [round(at - times[0], 3) for at in times]
