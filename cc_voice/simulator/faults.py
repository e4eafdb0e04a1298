"""What may go wrong, by name: one table for `--fault`, for the control API's `faults`, and for scenario files.

A fault is written `NAME[:ARG][@SECONDS]`. What happens once (`act`) happens that long after media first flowed, what
changes messages (`alter`) begins then, or at once; seconds are wall clock, whatever the call's speed. A fault without
either takes no time: it is looked up by its name where it bites, in handshakes, at keep-alives, where webhooks are posted.

The rules are sections of `rtms/README.md`; a row of section 12 is a spelling or habit on which its sources disagree.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from cc_voice.simulator import acts, alterations
from cc_voice.simulator.alterations import Alteration, Each
from cc_voice.simulator.errors import RequestError
from cc_voice.simulator.negotiation import MEDIA_NAMES
from cc_voice.simulator.scenario import Script
from cc_voice.simulator.tags import late_tags, read_wrong_tag, wrong_tag
from cc_voice.simulator.wire import CONSUMER_ANSWERED, PARTICIPANT_JOIN, USER_ANSWERED, Msg

if TYPE_CHECKING:
    from cc_voice.simulator.call import Call

AT_S = 0.5
"""When something happens that was given no time."""
LINKS = ("signaling", "media", *MEDIA_NAMES)
"""Which handshake a fault is about; `media` is whichever media link comes first."""


class Takes(msgspec.Struct, frozen=True):
    """An argument: how it is shown, how its text is read (ValueError: not at all), and what it is when left out."""

    shown: str
    read: Callable[[str], Any]
    default: Any = msgspec.UNSET


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    name: str
    does: str
    rule: str
    takes: Takes | None = None
    act: "Callable[[Call, Any], Awaitable[None]] | None" = None
    alter: Callable[[], Alteration] | None = None
    rewrite: Callable[[Script, Any], Script] | None = None
    """Changes the script before the call begins."""

    @property
    def usage(self) -> str:
        """How it is written, without a time."""
        if self.takes is None:
            return self.name
        return f"{self.name}:{self.takes.shown}" if self.takes.default is msgspec.UNSET else f"{self.name}[:{self.takes.shown}]"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as it was asked for. `at_s` None: it was given no time."""

    text: str
    fault: Fault
    argument: Any
    at_s: float | None


class BadStatus(msgspec.Struct, frozen=True):
    """The first handshake on a link is refused with this status."""

    link: str
    status: int


def parse_fault(text: str) -> Planned:
    """Read `NAME[:ARG][@SECONDS]`. Raises RequestError."""
    before, at, seconds = text.partition("@")
    name, colon, argument = before.partition(":")
    fault = FAULTS.get(name)
    if fault is None:
        raise RequestError(f"there is no fault {name!r}; choose one of: {', '.join(FAULTS)}")
    try:
        at_s = _seconds(seconds) if at else None
    except ValueError as error:
        raise RequestError(f"fault {text!r}: {seconds!r} is not a number of seconds") from error
    if at and fault.act is None and fault.alter is None:
        raise RequestError(f"fault {name} is there from the start and takes no time")
    return Planned(text=text, fault=fault, argument=_argument(fault, argument, given=bool(colon)), at_s=at_s)


def _argument(fault: Fault, text: str, *, given: bool) -> Any:
    if fault.takes is None:
        if given:
            raise RequestError(f"fault {fault.name} takes no argument")
        return None
    if not given:
        if fault.takes.default is msgspec.UNSET:
            raise RequestError(f"fault {fault.name} needs an argument: {fault.name}:{fault.takes.shown}")
        return fault.takes.default
    try:
        return fault.takes.read(text)
    except ValueError as error:
        raise RequestError(f"fault {fault.name}: {text!r} is no {fault.takes.shown}") from error


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and 0 <= seconds <= 86_400):
        raise ValueError(text)
    return seconds


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return read


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return read


def _bad_status(text: str) -> BadStatus:
    link, equals, number = text.rpartition("=")
    status = _whole(1, 99)(number)
    return BadStatus(_one_of(*LINKS)(link) if equals else _link_of(status), status)


def _link_of(status: int) -> str:
    """Return which handshake Zoom answers with a status (7.8)."""
    about: Mapping[str, tuple[int, ...]] = {
        "audio": (9, *range(18, 25)),
        "video": (10, *range(25, 31)),
        "deskshare": (11, *range(31, 36)),
        "transcript": (12, 36, 37, 43, 46),
        "chat": (13, 38, 39, 47),
        "media": (7, 14, 15, 16, 17),
    }
    return next((link for link, numbers in about.items() if status in numbers), "signaling")


def _late_events(script: Script, late_ms: int) -> Script:
    """Tell who is on a channel only after it was heard."""
    about = (CONSUMER_ANSWERED, USER_ANSWERED, PARTICIPANT_JOIN)
    late = (msgspec.structs.replace(event, late_ms=late_ms) if event.event_type in about else event for event in script.events)
    return msgspec.structs.replace(script, events=tuple(late))


def _without_lines(script: Script, argument: None) -> Script:
    return msgspec.structs.replace(script, lines=())


def _each(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Callable[[], Alteration]:
    return lambda: Each(change)


_LINK = Takes("LINK", _one_of(*LINKS), "signaling")
_KIND = Takes("KIND", _one_of("media", *MEDIA_NAMES), "media")
_A = alterations

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        # Links
        Fault(name="drop-media", does="cuts all media links, or that of one type, without a close frame", rule="8.4 C",
              takes=_KIND, act=acts.drop_media),
        Fault(name="drop-signaling", does="cuts signaling, and media with it", rule="8.4 B", act=acts.drop_signaling),
        Fault(name="drop-all", does="cuts every link at once", rule="8.4 B", act=acts.drop_all),
        Fault(name="failover", does="the server dies; its successor announces the stream", rule="2.7, 8.4 A", act=acts.fail_over),
        Fault(name="half-open", does="accepts the first socket of a link and never answers", rule="8.2", takes=_LINK),
        Fault(name="slow-reader", does="reads each message of the client so many milliseconds late", rule="8.1",
              takes=Takes("MS", _whole(1, 10_000), 200)),
        Fault(name="binary-frames", does="sends JSON in binary frames", rule="section 4"),
        Fault(name="garbage", does="sends frames that are no messages, unknown ones, and one of 5 MiB, on every link",
              rule="14, 12", act=acts.send_garbage),
        # Handshakes
        Fault(name="bad-status", does="refuses the first handshake with a status, on the link it is about or the one named",
              rule="7.8", takes=Takes("[LINK=]N", _bad_status)),
        Fault(name="legacy-status-key", does="`status` instead of `status_code`", rule="12, row 8", alter=_each(_A.legacy_status)),
        Fault(name="message-2-for-4", does="answers a failed media handshake with message 2", rule="12, row 13",
              alter=_each(_A.answered_as_signaling)),
        Fault(name="no-ready-needed", does="sends media without waiting for message 7", rule="5.6"),
        Fault(name="media-before-handshake-answer", does="sends media first, and message 4 after it", rule="6.3",
              alter=_A.AnswerAfterMedia),
        # Keep-alives
        Fault(name="no-keep-alives", does="asks for no sign of life", rule="8.1"),
        Fault(name="keep-alive-without-timestamp", does="message 12 without `timestamp`", rule="8.1, 14, 5",
              alter=_each(_A.untimed_keep_alive)),
        # Media
        Fault(name="late-packets", does="lets every fifth audio packet be overtaken by three others", rule="6.4",
              alter=_A.Late),
        Fault(name="reorder", does="swaps every two audio packets of a source", rule="6.4", alter=_A.Reordered),
        Fault(name="duplicate-packets", does="sends every fifth audio packet twice", rule="6.4", alter=_A.Repeated),
        Fault(name="gap", does="never sends so many milliseconds of audio", rule="14, 9",
              takes=Takes("MS", _whole(20, 60_000), 500), act=acts.lose_audio),
        Fault(name="unknown-language", does="tags every transcript line with a language number nobody knows", rule="7.10",
              alter=_each(_A.unknown_language)),
        Fault(name="late-tags", does="tags every transcript line with what its speaker spoke so many milliseconds before, at first "
              "with the language asked for", rule="6.2", takes=Takes("MS", _whole(1, 120_000), 20_000), rewrite=late_tags),
        Fault(name="wrong-tag", does="tags one transcript line, counted from 1 as they begin, with another language", rule="6.2",
              takes=Takes("LINE=TAG", read_wrong_tag), rewrite=wrong_tag),
        Fault(name="no-tags", does="transcript lines without `language`", rule="6.4", alter=_each(_A.untagged)),
        Fault(name="no-transcript", does="never sends a line, though a transcript was agreed on", rule="6.4",
              rewrite=_without_lines),
        Fault(name="chat-in-json", does="chat messages as JSON text within `data`", rule="6.4", alter=_each(_A.chat_in_json)),
        # Events and states
        Fault(name="no-first-packet", does="never sends event 1", rule="5.4", alter=_each(_A.without_first_packet)),
        Fault(name="no-stream-state", does="never sends message 8", rule="8.7", alter=_each(_A.without(Msg.STREAM_STATE))),
        Fault(name="misspelt-participant-info", does="`paticipant_info` in events", rule="12, row 21", alter=_each(_A.misspelt)),
        Fault(name="channel-before-event", does="tells who is on a channel so many milliseconds of the call late", rule="14, 11",
              takes=Takes("MS", _whole(1, 60_000), 500), rewrite=_late_events),
        Fault(name="event-30-34", does="sends the events that have no published name", rule="5.5", act=acts.send_unknown_events),
        Fault(name="seconds-for-milliseconds", does="times of control messages in seconds", rule="12, row 38",
              alter=_each(_A.in_seconds)),
        Fault(name="string-numbers", does="all numbers in quotes", rule="12, row 40", alter=_each(_A.as_strings)),
        Fault(name="unknown-fields", does="adds fields nobody knows to every message", rule="section 4",
              alter=_each(_A.with_unknown_fields)),
        # The stream
        Fault(name="pause", does="pauses the stream, and resumes it after so many seconds", rule="8.5",
              takes=Takes("SECONDS", _seconds, 1.0), act=acts.pause),
        Fault(name="resume", does="resumes a paused stream before its time", rule="8.5", act=acts.resume),
        Fault(name="stop", does="ends the stream with a stop reason", rule="7.9, 8.4 D and E", takes=Takes("N", _whole(0, 26)),
              act=acts.stop),
        Fault(name="revoke", does="ends the stream with reason 8: what was received must be deleted", rule="7.9", act=acts.revoke),
        Fault(name="no-close-answer", does="ignores message 21", rule="8.6"),
        # Webhooks
        Fault(name="duplicate-webhook", does="posts *started* once more, with the same time", rule="2.7", act=acts.announce_again),
        Fault(name="late-webhook", does="posts every webhook so many seconds late", rule="8.4",
              takes=Takes("SECONDS", _seconds, 5.0)),
        Fault(name="interrupted-webhook", does="posts *interrupted* though every link is up", rule="8.4 B",
              act=acts.claim_interruption),
        Fault(name="nested-webhook", does="webhooks with their fields in `payload.object`", rule="2.4"),
    )
}  # fmt: skip
