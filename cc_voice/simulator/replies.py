"""Answers to what the client of a call says on its links, as Zoom would give them: one function per message.

`call.py` keeps the state that these read and change, and does not know them: whoever serves a link hands it `receive`. What a
client must not do is noted as a violation and survived where Zoom would survive it.
"""

import time
from collections.abc import Awaitable, Callable

import msgspec

from cc_voice.simulator import negotiation, wire
from cc_voice.simulator.call import Call
from cc_voice.simulator.link import ClientLink, unix_ms
from cc_voice.simulator.negotiation import MEDIA_NAMES, MediaTerms
from cc_voice.simulator.parameters import HandshakeRefusal, is_int
from cc_voice.simulator.wire import Media, Message, Msg, Stop, WireSessionState, WireStatus


async def receive(call: Call, link: ClientLink, frame: str | bytes) -> None:
    """Judge and answer one frame of the client."""
    message = _decode(call, link, frame)
    if message is None or link.deaf:
        return
    number = message.get("msg_type")
    if not isinstance(number, int) or isinstance(number, bool):
        call.violate(link, "bad msg_type", f"{number!r} is not a number")
        return
    handler = (_ON_SIGNALING if link.signaling else _ON_MEDIA).get(number)
    if handler is None:
        _misplaced(call, link, number)
    elif number not in (Msg.SIGNALING_REQ, Msg.MEDIA_REQ) and not link.accepted:
        call.violate(link, "message before handshake", f"msg_type {number}")
    else:
        for wrong in negotiation.check_types(message):
            call.violate(link, "bad field", f"msg_type {number}: {wrong}")
        await handler(call, link, message)


def _decode(call: Call, link: ClientLink, frame: str | bytes) -> Message | None:
    try:
        message = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        call.violate(link, "bad JSON", str(error))
        return None
    if not isinstance(message, dict):
        call.violate(link, "bad JSON", "a message must be an object")
        return None
    return message


def _misplaced(call: Call, link: ClientLink, number: int) -> None:
    if number == Msg.READY:
        call.violate(link, "ready on a media link", "message 7 belongs on signaling")
    elif number in (*_ON_SIGNALING, *_ON_MEDIA):
        call.violate(link, "message on the wrong link", f"msg_type {number}")
    else:
        call.violate(link, "unknown msg_type", str(number))


async def _on_signaling_handshake(call: Call, link: ClientLink, message: Message) -> None:
    if link.accepted:
        call.violate(link, "second handshake", "signaling")
        return
    if call.faults.is_half_open({"signaling"}):
        link.deaf = True
        return
    if call.faults.asked("clean-close"):
        call.spawn(link.close("fault clean-close"))
        return
    refusal = negotiation.check_identity(message, call.identity) or call.faults.refusal({"signaling"})
    if refusal is None and call.signaling is not None:
        refusal = HandshakeRefusal(WireStatus.DUPLICATE_SIGNAL_REQUEST, "the stream has a signaling link")
    names = [name for name, kind in MEDIA_NAMES.items() if kind in call.supply.scopes]
    urls = {name: f"{link.base_url}/media/{call.identity.stream_id}/{name}" for name in (*names, "all")}
    sequence = _sequence(message)
    if refusal is not None:
        await _refuse(call, link, refusal, wire.signaling_response(sequence, refusal.status, refusal.reason, None))
        return
    call.accept(link)
    call.signaling = link
    call.failed_over = False
    call.playback.signaling_up(link, backlog=message.get("buffer_data") is not False)
    if call.faults.asked("unsubscribed-events"):
        call.playback.subscribe(dict.fromkeys(range(2, call.identity.product.last_event + 1), True))
    if call.needed:  # a lost client is back; its media links have the longer window to follow
        call.open_window(call.config.media_window_s, Stop.AWAIT_RECONNECTION_TIMEOUT)
    await link.send(wire.signaling_response(sequence, WireStatus.OK, "", urls))
    await link.send(wire.session_state(call.session_id, WireSessionState.STARTED, unix_ms()))


async def _on_media_handshake(call: Call, link: ClientLink, message: Message) -> None:
    if link.accepted:
        call.violate(link, "second handshake", "media")
        return
    verdict: HandshakeRefusal | MediaTerms | None = negotiation.check_identity(message, call.identity)
    if verdict is None and call.signaling is None:
        # A client that has not noticed yet that signaling was lost makes no mistake.
        name = None if call.had_signaling else "media before signaling"
        verdict = HandshakeRefusal(WireStatus.INVALID_PAYLOAD, "the stream has no signaling link", name)
    if verdict is None:
        verdict = negotiation.check_media(message, call.supply)
    if isinstance(verdict, MediaTerms):
        kinds = {"media", *verdict.params}
        if call.faults.is_half_open(kinds):
            link.deaf = True
            return
        verdict = _duplicate(call, verdict) or call.faults.refusal(kinds) or verdict
    if isinstance(verdict, HandshakeRefusal):
        await _refuse(call, link, verdict, wire.media_response(_sequence(message), verdict.status, verdict.reason, None))
        return
    for name in verdict.violations:
        call.violate(link, name, "")
    call.accept(link)
    link.carries, link.whole = verdict.wanted, verdict.whole
    call.media |= dict.fromkeys(verdict.wanted, link)
    await call.playback.media_agreed(verdict)
    await link.send(wire.media_response(_sequence(message), WireStatus.OK, "", verdict.params))
    if call.faults.asked("no-ready-needed") or call.faults.asked("media-before-handshake-answer"):
        await call.media_flows()


def _duplicate(call: Call, terms: MediaTerms) -> HandshakeRefusal | None:
    """At most one connection per type; everything on one link excludes any other (6.1)."""
    if any(link.whole for link in call.media.values()):
        return HandshakeRefusal(WireStatus.MEDIA_DATA_ALL_CONNECTION_EXIST, "one link already carries everything")
    if any(kind in call.media for kind in terms.wanted):
        return HandshakeRefusal(WireStatus.DUPLICATE_MEDIA_DATA_CONNECTION, "this media type has a link")
    return None


async def _on_ready(call: Call, link: ClientLink, message: Message) -> None:
    if message.get("rtms_stream_id") != call.identity.stream_id:
        call.violate(link, "wrong stream id", "message 7")
        return
    if not call.media:
        call.violate(link, "ready before media", "message 7 came before a media handshake succeeded")
        return
    await call.media_flows()


async def _on_subscription(call: Call, link: ClientLink, message: Message) -> None:
    wanted, violations = negotiation.check_subscription(message, call.identity.product)
    for name in violations:
        call.violate(link, name, msgspec.json.encode(message.get("events")).decode()[:200])
    call.playback.subscribe(wanted)


async def _on_keep_alive(call: Call, link: ClientLink, message: Message) -> None:
    timestamp = message.get("timestamp")
    if call.faults.asked("string-numbers") and isinstance(timestamp, str) and timestamp.isdecimal():
        timestamp = int(timestamp)  # "the same timestamp" is, letter by letter, what we asked with
    if not link.keep_alives.answer(timestamp, time.monotonic()):
        call.violate(link, "keep-alive with a wrong timestamp", repr(timestamp))
    elif link.carries & Media.AUDIO:
        call.playback.audio_acknowledged(timestamp)


async def _on_session_query(call: Call, link: ClientLink, message: Message) -> None:
    session_id = message.get("rtms_session_id")
    if session_id != call.session_id:
        call.violate(link, "unknown session id", repr(session_id))
    state = WireSessionState.STARTED if session_id == call.session_id else WireSessionState.INACTIVE
    await link.send(wire.session_state_response(session_id, state, unix_ms()))


async def _on_stream_query(call: Call, link: ClientLink, message: Message) -> None:
    if message.get("rtms_stream_id") != call.identity.stream_id:
        call.violate(link, "wrong stream id", "message 19")
    await link.send(wire.stream_state_response(call.identity.stream_id, call.state, unix_ms()))


async def _on_close(call: Call, link: ClientLink, message: Message) -> None:
    stream_id = message.get("rtms_stream_id")
    if stream_id != call.identity.stream_id:
        call.violate(link, "wrong stream id", "message 21")
        await link.send(wire.close_response(stream_id, WireStatus.INVALID_RTMS_STREAM_ID, "unknown stream", unix_ms()))
        return
    if call.faults.asked("no-close-answer"):
        return
    await link.send(wire.close_response(stream_id, WireStatus.OK, "OK", unix_ms()))
    call.spawn(call.end(Stop.RECEIVER_REQUEST_CLOSE))


async def _on_video(call: Call, link: ClientLink, message: Message) -> None:
    """Show one participant's camera, in place of the one shown before (5.10)."""
    user_id, subscribe = message.get("user_id"), message.get("subscribe")
    if Media.VIDEO not in call.supply.scopes or not is_int(user_id) or not isinstance(subscribe, bool):
        call.violate(link, "bad video subscription", repr(user_id))
        await link.send(wire.video_response(user_id, WireStatus.INVALID_PAYLOAD, "not a participant's number", unix_ms()))
        return
    if all(track.key != str(user_id) for track in call.playback.script.tracks):
        call.violate(link, "video subscription to nobody", repr(user_id))
    duplicate = subscribe and user_id == call.video_user
    call.video_user = user_id if subscribe else None
    call.playback.watch(call.video_user)
    status = WireStatus.DUPLICATE_VIDEO_SUBSCRIPTION if duplicate else WireStatus.OK
    await link.send(wire.video_response(user_id, status, "duplicate" if duplicate else "OK", unix_ms()))


async def _refuse(call: Call, link: ClientLink, refusal: HandshakeRefusal, answer: Message) -> None:
    if refusal.violation is not None:
        call.violate(link, refusal.violation, refusal.reason)
    await link.send(answer)


def _sequence(message: Message) -> int:
    """Return the number to echo; clients may leave it out."""
    value = message.get("sequence")
    return value if isinstance(value, int) else 1


_Handler = Callable[[Call, ClientLink, Message], Awaitable[None]]
_ON_SIGNALING: dict[int, _Handler] = {
    Msg.SIGNALING_REQ: _on_signaling_handshake,
    Msg.SUBSCRIBE: _on_subscription,
    Msg.READY: _on_ready,
    Msg.SESSION_STATE_REQ: _on_session_query,
    Msg.KEEP_ALIVE_RESP: _on_keep_alive,
    Msg.STREAM_STATE_REQ: _on_stream_query,
    Msg.CLOSE_REQ: _on_close,
    Msg.VIDEO_REQ: _on_video,
}
_ON_MEDIA: dict[int, _Handler] = {Msg.MEDIA_REQ: _on_media_handshake, Msg.KEEP_ALIVE_RESP: _on_keep_alive}
