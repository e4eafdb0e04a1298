"""Sender of webhooks: a process that posts signed webhooks at planned times, as Zoom's many machines do, and times the answers.

An answer's delay counts from the moment at which its request *was to be sent*: a sender that waits for answers before it sends the
next one would leave out exactly those that would have waited ("coordinated omission"). Whoever finds no idle connection opens one.

Written on asyncio's streams: `httpx` takes more processor time for a request than the service does, and both share the cores.
"""

import asyncio
import hashlib
import hmac
import multiprocessing
import time
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import msgspec

TIMEOUT_S = 60.0
IDLE_S = 2.0
"""Who serves closes what was idle for some seconds (uvicorn: 5), just as a request may be under way: so do not use it then."""
REPEATED, STOPPED, ROUND = 1, 2, 10
"""Of ten webhooks one is delivered for the second time, two end streams that the site does not have, seven ask for nothing."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `requests` at `rate` a second, signed with the secret."""

    address: str
    secret: str
    requests: int
    rate: float


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, in the order of the plan: status (0: no answer) and ms since the planned moment."""

    answers: list[tuple[int, float]]
    cpu_s: float
    """Processor time of the sender."""
    connections: int
    """How many were opened."""


SENT: "msgspec.msgpack.Decoder[Sent]" = msgspec.msgpack.Decoder(Sent)


def start(load: Load) -> tuple["multiprocessing.process.BaseProcess", Connection]:
    """Start a process that sends; return it, and the pipe on which it tells what came back."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, load), name="cc-voice bench sender", daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _run(pipe: Connection, load: Load) -> None:
    pipe.send_bytes(msgspec.msgpack.encode(asyncio.run(_Sender(load).send())))


class _Sender:
    def __init__(self, load: Load) -> None:
        self._load = load
        url = urlsplit(load.address)
        self._host, self._port = url.hostname or "127.0.0.1", url.port or 80
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        """With the moment since when."""
        self._connections = 0

    async def send(self) -> Sent:
        """Send everything, each at its time."""
        loop = asyncio.get_running_loop()
        cpu_s, began = time.process_time(), loop.time() + 0.1
        tasks = []
        for number in range(self._load.requests):
            planned = began + number / self._load.rate
            if (wait_s := planned - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            tasks.append(asyncio.create_task(self._post(body(number), planned)))
        answers = await asyncio.gather(*tasks)
        for _, _, writer in self._idle:
            writer.close()
        return Sent(answers=answers, cpu_s=time.process_time() - cpu_s, connections=self._connections)

    async def _post(self, content: bytes, planned: float) -> tuple[int, float]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status = await self._exchange(content)
        except (OSError, EOFError, TimeoutError, ValueError):
            status = 0
        return status, (asyncio.get_running_loop().time() - planned) * 1000

    async def _exchange(self, content: bytes) -> int:
        reader, writer = await self._connection()
        writer.write(self._head(content) + content)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
        await reader.readexactly(length)
        self._idle.append((asyncio.get_running_loop().time(), reader, writer))
        return int(head.split(b" ", 2)[1])

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            since, reader, writer = self._idle.pop()
            if asyncio.get_running_loop().time() - since < IDLE_S:
                return reader, writer
            writer.close()
        self._connections += 1
        return await asyncio.open_connection(self._host, self._port)

    def _head(self, content: bytes) -> bytes:
        stamp = str(int(time.time()))
        digest = hmac.new(self._load.secret.encode(), b"v0:" + stamp.encode() + b":" + content, hashlib.sha256).hexdigest()
        return (
            f"POST /webhooks/zoom HTTP/1.1\r\nhost: {self._host}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\nx-zm-request-timestamp: {stamp}\r\nx-zm-signature: v0={digest}\r\n\r\n"
        ).encode()


def body(number: int) -> bytes:
    """Return the body of a webhook of the plan."""
    if number % ROUND == ROUND - 1:
        number -= REPEATED
    is_stop = number % ROUND < STOPPED
    event = "contact_center.voice_rtms_stopped" if is_stop else "contact_center.engagement_ended"
    payload = {
        "account_id": "bench-account",
        "object": {"engagement_id": f"bench-{number}", "channel_types": ["voice"], "queue": {"name": "Billing"}, "number": number},
        **({"rtms_stream_id": f"bench-stream-{number}", "stop_reason": 6} if is_stop else {}),
    }
    return msgspec.json.encode({"event": event, "event_ts": 1_790_000_000_000 + number, "payload": payload})
