"""Changes of a script before its call begins, by the name of the fault that asks for them. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cc_voice.simulator.language_tags import late_tags, wrong_tag
from cc_voice.simulator.scenario import Script
from cc_voice.simulator.wire import CONSUMER_ANSWERED, PARTICIPANT_JOIN, USER_ANSWERED

_ABOUT_CHANNELS = (CONSUMER_ANSWERED, USER_ANSWERED, PARTICIPANT_JOIN)


def with_late_events(script: Script, late_ms: int) -> Script:
    """Tell who is on a channel only after it was heard."""
    events = script.events
    late = (msgspec.structs.replace(event, late_ms=late_ms) if event.event_type in _ABOUT_CHANNELS else event for event in events)
    return msgspec.structs.replace(script, events=tuple(late))


def without_lines(script: Script, argument: None) -> Script:
    return msgspec.structs.replace(script, lines=())


SCRIPT_CHANGES: Mapping[str, Callable[[Script, Any], Script]] = {
    "late-tags": late_tags,
    "wrong-tag": wrong_tag,
    "no-transcript": without_lines,
    "channel-before-event": with_late_events,
}
"""Every fault of kind `script`."""
