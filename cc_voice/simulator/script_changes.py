"""Changes of a script before its call begins, by the name of the fault that asks for them. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from cc_voice.simulator.language_tags import late_tags, wrong_tag
from cc_voice.simulator.scenario import BYTES_PER_MS, FIRST_USER_ID, RATE_HZ, Party, Script, ScriptChannel
from cc_voice.simulator.wire import CONSUMER_ANSWERED, PARTICIPANT_JOIN, USER_ANSWERED

_ABOUT_CHANNELS = (CONSUMER_ANSWERED, USER_ANSWERED, PARTICIPANT_JOIN)


def with_late_events(script: Script, late_ms: int) -> Script:
    """Tell who is on a channel only after it was heard."""
    events = script.events
    late = (msgspec.structs.replace(event, late_ms=late_ms) if event.event_type in _ABOUT_CHANNELS else event for event in events)
    return msgspec.structs.replace(script, events=tuple(late))


def without_lines(script: Script, argument: None) -> Script:
    return msgspec.structs.replace(script, lines=())


def with_crowd(script: Script, count: int) -> Script:
    """Add people who each hum for a second, one after the other, nobody of whom an event tells."""
    by_channel = script.product.by_channel
    taken = {track.key for track in script.tracks}
    second = (6000 * np.sin(np.arange(RATE_HZ) / 9)).astype("<i2").tobytes()
    tracks = []
    for number in range(count):
        user_id = str(FIRST_USER_ID + 1024 * (len(script.tracks) + number))
        key = f"ch-crowd-{number + 1}" if by_channel else user_id
        assert key not in taken, "people have ids of their own"
        start_ms = number * max(1, script.duration_ms - 1000) // count // 20 * 20
        name = f"Guest {number + 1}"
        who = Party(party="customer", channel_id=key if by_channel else None, user_id=user_id, name=name)
        pcm = bytes(start_ms * BYTES_PER_MS) + second
        tracks.append(ScriptChannel(who=who, key=key, pcm=pcm, start_ms=start_ms, end_ms=start_ms + 1000))
    return msgspec.structs.replace(script, tracks=(*script.tracks, *tracks))


SCRIPT_CHANGES: Mapping[str, Callable[[Script, Any], Script]] = {
    "late-tags": late_tags,
    "wrong-tag": wrong_tag,
    "crowd": with_crowd,
    "no-transcript": without_lines,
    "channel-before-event": with_late_events,
}
"""Every fault of kind `script`."""
