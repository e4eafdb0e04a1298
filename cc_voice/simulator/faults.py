"""Faults, what may go wrong, by name: one table for `--fault`, for the control API's `faults`, and for scenario files.

A fault is written `NAME[:ARG][@SECONDS]`. An incident happens that long after media first flowed, an alteration of messages
begins then, or at once; seconds are wall clock, whatever the call's speed. The other kinds take no time. What a fault does
stands apart, under its name: `fault_actions.py`, `alterations.py` and `script_changes.py` each have a table of one kind, and this
module imports none of them, so that what needs to know of faults only (links, state) does not depend on what they do.

The rules are sections of `rtms/README.md`; a row of section 12 is a spelling or habit on which its sources disagree.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from cc_voice.simulator import wire
from cc_voice.simulator.errors import RequestError
from cc_voice.simulator.negotiation import MEDIA_NAMES

FaultKind = Literal["incident", "alteration", "script", "condition"]
"""An incident happens once. An alteration changes messages on their way to the client. A script fault changes what is played,
before the call begins. A condition holds from the start, and is looked up where it bites: in handshakes, at keep-alives, where
webhooks are posted."""
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
    kind: FaultKind
    does: str
    rule: str
    takes: Takes | None = None

    @property
    def takes_time(self) -> bool:
        """Whether it may be given seconds after which it begins."""
        return self.kind in ("incident", "alteration")

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


class WrongTag(msgspec.Struct, frozen=True):
    """A line whose language is mistaken; lines count from 1, as they begin."""

    line: int
    language: str


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
    if at and not fault.takes_time:
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


def _wrong_tag(text: str) -> WrongTag:
    line, _, language = text.partition("=")
    if int(line) < 1 or wire.language_number(language) < 0:
        raise ValueError(text)
    return WrongTag(int(line), language)


_LINK = Takes("LINK", _one_of(*LINKS), "signaling")
_KIND = Takes("KIND", _one_of("media", *MEDIA_NAMES), "media")

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        # Links
        Fault(name="drop-media", kind="incident",
              does="cuts all media links, or that of one type, without a close frame", rule="8.4 C",
              takes=_KIND),
        Fault(name="drop-signaling", kind="incident", does="cuts signaling, and media with it", rule="8.4 B"),
        Fault(name="drop-all", kind="incident", does="cuts every link at once", rule="8.4 B"),
        Fault(name="failover", kind="incident", does="the server dies; its successor announces the stream", rule="2.7, 8.4 A"),
        Fault(name="half-open", kind="condition",
              does="accepts the first socket of a link and never answers", rule="8.2", takes=_LINK),
        Fault(name="slow-reader", kind="condition",
              does="reads each message of the client so many milliseconds late", rule="8.1",
              takes=Takes("MS", _whole(1, 10_000), 200)),
        Fault(name="binary-frames", kind="condition", does="sends JSON in binary frames", rule="section 4"),
        Fault(name="garbage", kind="incident",
              does="sends frames that are no messages, unknown ones, and one of 5 MiB, on every link",
              rule="14, 12"),
        # Handshakes
        Fault(name="bad-status", kind="condition",
              does="refuses the first handshake with a status, on the link it is about or the one named",
              rule="7.8", takes=Takes("[LINK=]N", _bad_status)),
        Fault(name="legacy-status-key", kind="alteration", does="`status` instead of `status_code`", rule="12, row 8"),
        Fault(name="message-2-for-4", kind="alteration",
              does="answers a failed media handshake with message 2", rule="12, row 13"),
        Fault(name="no-ready-needed", kind="condition", does="sends media without waiting for message 7", rule="5.6"),
        Fault(name="media-before-handshake-answer", kind="alteration",
              does="sends media first, and message 4 after it", rule="6.3"),
        # Keep-alives
        Fault(name="no-keep-alives", kind="condition", does="asks for no sign of life", rule="8.1"),
        Fault(name="keep-alive-without-timestamp", kind="alteration", does="message 12 without `timestamp`", rule="8.1, 14, 5"),
        # Media
        Fault(name="late-packets", kind="alteration",
              does="lets every fifth audio packet be overtaken by three others", rule="6.4"),
        Fault(name="reorder", kind="alteration", does="swaps every two audio packets of a source", rule="6.4"),
        Fault(name="duplicate-packets", kind="alteration", does="sends every fifth audio packet twice", rule="6.4"),
        Fault(name="gap", kind="incident", does="never sends so many milliseconds of audio", rule="14, 9",
              takes=Takes("MS", _whole(20, 60_000), 500)),
        Fault(name="unknown-language", kind="alteration",
              does="tags every transcript line with a language number nobody knows", rule="7.10"),
        Fault(name="late-tags", kind="script",
              does="tags every transcript line with what its speaker spoke so many milliseconds before, at first "
              "with the language asked for", rule="6.2", takes=Takes("MS", _whole(1, 120_000), 20_000)),
        Fault(name="wrong-tag", kind="script",
              does="tags one transcript line, counted from 1 as they begin, with another language", rule="6.2",
              takes=Takes("LINE=TAG", _wrong_tag)),
        Fault(name="no-tags", kind="alteration", does="transcript lines without `language`", rule="6.4"),
        Fault(name="no-transcript", kind="script", does="never sends a line, though a transcript was agreed on", rule="6.4"),
        Fault(name="chat-in-json", kind="alteration", does="chat messages as JSON text within `data`", rule="6.4"),
        # Events and states
        Fault(name="no-first-packet", kind="alteration", does="never sends event 1", rule="5.4"),
        Fault(name="no-stream-state", kind="alteration", does="never sends message 8", rule="8.7"),
        Fault(name="misspelt-participant-info", kind="alteration", does="`paticipant_info` in events", rule="12, row 21"),
        Fault(name="channel-before-event", kind="script",
              does="tells who is on a channel so many milliseconds of the call late", rule="14, 11",
              takes=Takes("MS", _whole(1, 60_000), 500)),
        Fault(name="event-30-34", kind="incident", does="sends the events that have no published name", rule="5.5"),
        Fault(name="seconds-for-milliseconds", kind="alteration",
              does="times of control messages in seconds", rule="12, row 38"),
        Fault(name="string-numbers", kind="alteration", does="all numbers in quotes", rule="12, row 40"),
        Fault(name="unknown-fields", kind="alteration", does="adds fields nobody knows to every message", rule="section 4"),
        # The stream
        Fault(name="pause", kind="incident", does="pauses the stream, and resumes it after so many seconds", rule="8.5",
              takes=Takes("SECONDS", _seconds, 1.0)),
        Fault(name="resume", kind="incident", does="resumes a paused stream before its time", rule="8.5"),
        Fault(name="stop", kind="incident",
              does="ends the stream with a stop reason", rule="7.9, 8.4 D and E", takes=Takes("N", _whole(0, 26))),
        Fault(name="revoke", kind="incident",
              does="ends the stream with reason 8: what was received must be deleted", rule="7.9"),
        Fault(name="no-close-answer", kind="condition", does="ignores message 21", rule="8.6"),
        # Webhooks
        Fault(name="duplicate-webhook", kind="incident", does="posts *started* once more, with the same time", rule="2.7"),
        Fault(name="late-webhook", kind="condition", does="posts every webhook so many seconds late", rule="8.4",
              takes=Takes("SECONDS", _seconds, 5.0)),
        Fault(name="interrupted-webhook", kind="incident", does="posts *interrupted* though every link is up", rule="8.4 B"),
        Fault(name="nested-webhook", kind="condition", does="webhooks with their fields in `payload.object`", rule="2.4"),
        # Damaged strings, and what is accepted though sources disagree (section 12)
        Fault(name="damaged-names", kind="alteration",
              does="half characters, NUL, 100 kB, numbers, lists where names should be", rule="13, 7"),
        Fault(name="loose-base64", kind="alteration",
              does="audio and pictures in base64 without padding, url-safe, or in lines", rule="6.4"),
        Fault(name="mixed-channel-id", kind="alteration", does="mixed audio under a channel id of its own", rule="12, row 36"),
        Fault(name="turn-mixed", kind="incident",
              does="sends all parties as one from then on, and says nothing of it", rule="12, row 36"),
        Fault(name="user-id-first", kind="alteration",
              does="names sources by user in their first 100 packets, then by channel only", rule="6.4"),
        Fault(name="half-packets", kind="alteration", does="sends each audio packet in two, of half the size agreed", rule="6.3"),
        Fault(name="half-rate", kind="alteration", does="sends 8 kHz where 16 were agreed", rule="6.3"),
        Fault(name="audio-in-seconds", kind="alteration", does="times of audio in seconds", rule="12, row 38"),
        Fault(name="crowd", kind="script",
              does="adds so many people who each speak for a second, one after the other", rule="6.2",
              takes=Takes("N", _whole(1, 1000), 200)),
        Fault(name="event-at-top-level", kind="alteration", does="an event's fields beside `msg_type`", rule="5.4"),
        Fault(name="media-server-url", kind="alteration", does="`media_server_url` instead of `media_server`", rule="12, row 9"),
        Fault(name="payload-encryption-key", kind="alteration",
              does="`payload_encryption` for `payload_encrypted`", rule="12, row 11"),
        Fault(name="named-states", kind="alteration",
              does="names for states, and the other key for their reason", rule="12, row 23"),
        Fault(name="unsubscribed-events", kind="condition", does="sends every event, subscribed to or not", rule="5.3"),
        Fault(name="clean-close", kind="condition",
              does="closes signaling with 1000 instead of answering, as with wrong credentials", rule="topic 142247"),
        Fault(name="started-again", kind="incident",
              does="posts *started* once more for the same URL, with a newer time", rule="2.7"),
        Fault(name="late-started", kind="condition", does="posts *started* once more when the stream has ended", rule="2.7"),
        Fault(name="bare-media-urls", kind="alteration", does="one URL in `media_server` where an object is due", rule="5.2"),
        Fault(name="event-time-key", kind="alteration", does="an event's time under the other products' key", rule="12, row 22"),
        Fault(name="session-id-alias", kind="alteration", does="`session_id` for `rtms_session_id`", rule="5.8"),
        Fault(name="any-sequence", kind="alteration", does="answers handshakes with a sequence of its own", rule="12, row 6"),
        Fault(name="no-length", kind="alteration", does="media without `length`", rule="6.4"),
        Fault(name="webinar-as-meeting", kind="condition", does="webhooks with a webinar's id as `meeting_uuid`", rule="12, row 3"),
        Fault(name="phone-alias", kind="condition", does="webhooks named `phone.call_rtms_…`", rule="2.5"),
        Fault(name="custom-fields", kind="condition", does="*started* with custom fields under two spellings", rule="2.6"),
        Fault(name="numeric-ids", kind="condition",
              does="webhooks with `meeting_id` and `account_id` as numbers", rule="12, row 40"),
        Fault(name="server-urls-list", kind="condition", does="webhooks with `server_urls` as a list", rule="12, row 2"),
        Fault(name="server-urls-object", kind="condition", does="webhooks with `server_urls` as an object", rule="12, row 2"),
        Fault(name="server-urls-commas", kind="condition", does="webhooks with several URLs in `server_urls`", rule="2.4"),
        Fault(name="webhook-signature", kind="condition", does="webhooks with a `signature` field", rule="12, row 5"),
    )
}  # fmt: skip
