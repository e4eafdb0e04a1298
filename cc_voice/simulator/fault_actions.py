"""Incidents: what a fault does to a call once, at its time: cut links, post webhooks, send garbage, pause or end the stream."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cc_voice.simulator import wire
from cc_voice.simulator.call import Call
from cc_voice.simulator.faults import AT_S, Planned
from cc_voice.simulator.link import unix_ms
from cc_voice.simulator.wire import Message, Stop

BIG_FRAME_BYTES = 5 << 20
GARBAGE = (
    *("no JSON", "{", "{}", "[1, 2]", "null", "[" * 5000),
    *('{"msg_type": "?"}', '{"msg_type": 99, "content": {}}', '{"msg_type": 14}', '{"msg_type": 2.5}'),
)
"""Text frames that are no messages, or none that anybody knows."""


async def drop_signaling(call: Call, _: None) -> None:
    call.drop("signaling")


async def drop_media(call: Call, which: str) -> None:
    call.drop(which)


async def drop_all(call: Call, _: None) -> None:
    call.drop("all")


async def fail_over(call: Call, _: None) -> None:
    call.fail_over()


async def announce_again(call: Call, _: None) -> None:
    """The *started* webhook once more, with the time of the first."""
    call.announce(call.server_urls, call.playback.start_unix_ms)


async def announce_newly(call: Call, _: None) -> None:
    """The *started* webhook once more for the same URL, as of now: a server that restarted where it was."""
    call.announce(call.server_urls, unix_ms())


async def claim_interruption(call: Call, _: None) -> None:
    call.interrupted()


async def send_garbage(call: Call, _: None) -> None:
    for link in call.open_links():
        for text in (*GARBAGE, wire.encode({"msg_type": 98, "padding": "x" * BIG_FRAME_BYTES})):
            await link.send_raw(text)


async def send_unknown_events(call: Call, _: None) -> None:
    """Events whose names and fields are not published (5.5)."""
    for number in range(30, 35):
        fields: Message = {"event_type": number, "event_ts": unix_ms(), "flow": {"name": "main", "digits": "42", "step": number}}
        if call.signaling is not None:
            await call.signaling.send(wire.event_update(fields))


async def stop(call: Call, reason: int) -> None:
    await call.end(reason)


async def revoke(call: Call, _: None) -> None:
    await call.end(Stop.STREAM_REVOKED)


async def pause(call: Call, seconds: float) -> None:
    await call.pause()
    await asyncio.sleep(seconds)
    await call.resume()


async def resume(call: Call, _: None) -> None:
    await call.resume()


async def lose_audio(call: Call, lasts_ms: Any) -> None:
    call.playback.skip(time.monotonic(), lasts_ms)


async def turn_mixed(call: Call, _: None) -> None:
    call.playback.mix()


INCIDENTS: Mapping[str, Callable[[Call, Any], Awaitable[None]]] = {
    "drop-media": drop_media,
    "drop-signaling": drop_signaling,
    "drop-all": drop_all,
    "failover": fail_over,
    "garbage": send_garbage,
    "gap": lose_audio,
    "turn-mixed": turn_mixed,
    "event-30-34": send_unknown_events,
    "pause": pause,
    "resume": resume,
    "stop": stop,
    "revoke": revoke,
    "duplicate-webhook": announce_again,
    "started-again": announce_newly,
    "interrupted-webhook": claim_interruption,
}
"""Every fault of kind `incident`."""


async def happen(call: Call) -> None:
    """Let the incidents of a call happen, each in its time after media first flowed.

    The call does not start them: it would have to know what they are, and they change it.
    """
    await call.faults.begun.wait()
    for planned in call.faults.of_kind("incident"):
        call.spawn(_after_delay(call, planned))


async def _after_delay(call: Call, planned: Planned) -> None:
    await asyncio.sleep(AT_S if planned.at_s is None else planned.at_s)
    if call.stop_reason is None:
        await INCIDENTS[planned.fault.name](call, planned.argument)
