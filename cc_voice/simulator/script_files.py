"""Script files: calls of one's own as JSON, parties, events, lines, revisions and chat, over silence or an audio file.

Checked whole before anything is played: a mistake names the entry. Compiled scenarios are of the same shape, with `channels` for
`parties`. `cc-voice import --words` reads the same lines, with a reader of its own: the simulator shares nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cc_voice.simulator import wire
from cc_voice.simulator.errors import RequestError, ScriptError
from cc_voice.simulator.faults import parse_fault
from cc_voice.simulator.scenario import (
    RATE_HZ,
    TRANSCRIPT_DELAY_MS,
    ChatLine,
    Event,
    Party,
    Scenario,
    Script,
    ScriptLine,
    compiled,
    named,
    plain_events,
    read_audio,
)

TAIL_MS = 1000
"""How long a call without audio goes on after the last thing that happens in it."""
LONGEST_MS = 4 * 3600 * 1000
WORD_MS = 350
"""How long a word takes where a line does not say when it ends."""
NEW, UPDATE, DELETE = 1, 2, 3
"""7.11"""
_ZCC_NAMES = (
    *("consumer_answered", "consumer_end", "user_answered", "user_end", "user_hold", "user_unhold", "monitor_started"),
    *("monitor_transitioned", "monitor_ended", "takeover_started", "transfer_initiated", "transfer_canceled", "transfer_accepted"),
    *("transfer_completed", "transfer_rejected", "transfer_timeout", "conference_canceled", "conference_participant_canceled"),
    *("conference_participant_invited", "conference_participant_rejected", "conference_participant_timeout"),
    "conference_participant_left",
)
_MEETING_NAMES = (
    *("active_speaker_change", "participant_join", "participant_leave", "sharing_start", "sharing_stop"),
    *("media_connection_interrupted", "participant_video_on", "participant_video_off"),
)
_FIRST_ZCC, _FIRST_MEETING = 8, 2


class FileEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event, by Zoom's number or by its name in lower case."""

    at_ms: int
    event: str | None = None
    event_type: int | None = None
    party: str | int | None = None
    channel_id: str | None = None
    user_id: str | None = None
    fields: dict[str, Any] = {}
    late_ms: int = 0


class FileLine(msgspec.Struct, frozen=True, kw_only=True):
    """One spoken line. Keys beyond these are for those who judge a transcript."""

    start_ms: int
    text: str
    end_ms: int | None = None
    party: str | int | None = None
    channel_id: str | None = None
    user_id: str | None = None
    language: str | None = None
    tag: str | None = None
    words: tuple[Any, ...] = ()
    """`[word, start_ms, end_ms]` each; the last one's end is the line's, where that is not told."""


class FileRevision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that Zoom says again: with another text, or no more. `line` counts from 1 as they stand in the file."""

    line: int
    at_ms: int
    text: str | None = None
    """None: the line is deleted."""
    language: str | None = None


class FileChat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chat message, or what happened to one; `operation` as in 7.12."""

    at_ms: int
    text: str
    party: str | int | None = None
    user_id: str | None = None
    message_id: str | None = None
    operation: int = 1


class ScriptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A call of one's own."""

    lines: tuple[FileLine, ...] = ()
    title: str | None = None
    name: str | None = None
    product: str = "contact_center"
    language: str = "en"
    duration_ms: int | None = None
    """None: as long as the audio, or a second longer than what happens."""
    parties: tuple[Party, ...] = ()
    channels: tuple[Party, ...] = ()
    """The same, as compiled scenarios call it. Neither: an agent and a customer."""
    events: tuple[FileEvent, ...] | None = None
    """None: everyone is there from first to last."""
    revisions: tuple[FileRevision, ...] = ()
    chat: tuple[FileChat, ...] = ()
    audio: str | None = None
    """WAV or FLAC with one party per channel, beside the script; None: silence."""
    faults: tuple[str, ...] = ()
    stop_reason: int | None = None


_FILE = msgspec.json.Decoder(ScriptFile)


def load_script(path: Path) -> Script:
    """Read a script from a file. Raises ScriptError."""
    try:
        script = _FILE.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ScriptError(f"script {path} cannot be read: {error}") from error
    return script_of(script, path.parent, path.stem)


def script_of(file: ScriptFile, folder: Path, name: str = "script") -> Script:
    """Return a script as it is played; its audio is looked for in `folder`. Raises ScriptError."""
    name = file.name or name
    if file.product not in wire.PRODUCTS:
        raise ScriptError(f"script {name!r}: there is no product {file.product!r}; choose one of: {', '.join(wire.PRODUCTS)}")
    product = wire.PRODUCTS[file.product]
    given = file.parties or file.channels or (Party(party="agent"), Party(party="customer"))
    parties = tuple(named(party, number, product) for number, party in enumerate(given))
    keys = [party.channel_id or party.user_id for party in parties]
    if len(set(keys)) < len(keys):
        raise ScriptError(f"script {name!r}: two parties have the same id; give each a channel_id (meetings: a user_id) of its own")
    who = _Parties(name, parties)
    try:
        for text in file.faults:
            parse_fault(text)
    except RequestError as error:
        raise ScriptError(f"script {name!r}: {error}") from error
    lines = _lines(file, who)
    audio = read_audio(folder / file.audio) if file.audio is not None else None
    duration_ms = _duration_ms(file, name, lines, len(audio[0]) * 1000 // RATE_HZ if audio else None)
    events = plain_events(product, parties, duration_ms) if file.events is None else _events(file.events, who, product)
    default = wire.Stop.CUSTOMER_DISCONNECTED if product.name == "contact_center" else wire.Stop.MEETING_ENDED
    scenario = Scenario(
        name=name,
        title=file.title or name,
        product=file.product,
        language=file.language,
        duration_ms=duration_ms,
        audio=file.audio or "",
        channels=parties,
        events=events,
        lines=lines,
        chat=_chat(file.chat, who),
        faults=file.faults,
        stop_reason=int(default if file.stop_reason is None else file.stop_reason),
    )
    silence = np.zeros(duration_ms * RATE_HZ // 1000, dtype=np.int16)
    return compiled(scenario, audio or [silence] * len(parties))


class _Parties:
    """Finds out which party an entry means: by role, name, number from 0, or id. Two of one role are told apart by the rest."""

    def __init__(self, script: str, parties: Sequence[Party]) -> None:
        self.script = script
        self._parties = parties

    def find(self, where: str, party: str | int | None, channel_id: str | None = None, user_id: str | None = None) -> Party | None:
        """Return the party; None where the entry names nobody. Raises ScriptError."""
        wanted = next((value for value in (party, channel_id, user_id) if value is not None), None)
        if wanted is None:
            return None
        if isinstance(wanted, int):
            if 0 <= wanted < len(self._parties):
                return self._parties[wanted]
            raise self.error(where, f"there is no party {wanted}; there are {len(self._parties)}, from 0")
        for names in (("channel_id", "user_id"), ("party",), ("name",)):
            found = [who for who in self._parties if wanted in [getattr(who, name) for name in names]]
            if len(found) == 1:
                return found[0]
            if found:
                raise self.error(where, f"{len(found)} parties are {wanted!r}; name this one by channel_id, name or number from 0")
        known = ", ".join(dict.fromkeys(who.party for who in self._parties))
        raise self.error(where, f"there is no party {wanted!r}; there are: {known}")

    def need(self, where: str, party: str | int | None, channel_id: str | None, user_id: str | None) -> Party:
        """As `find`, where somebody must be named; with one party it is that one."""
        found = self.find(where, party, channel_id, user_id)
        if found is not None:
            return found
        if len(self._parties) == 1:
            return self._parties[0]
        raise self.error(where, "it does not say which party")

    def error(self, where: str, what: str) -> ScriptError:
        return ScriptError(f"script {self.script!r}, {where}: {what}")


def _lines(file: ScriptFile, who: _Parties) -> tuple[ScriptLine, ...]:
    lines: list[ScriptLine] = []
    for number, line in enumerate(file.lines, start=1):
        party = who.need(f"line {number}", line.party, line.channel_id, line.user_id)
        end_ms = _end_ms(line)
        if line.start_ms < 0 or end_ms < line.start_ms:
            raise who.error(f"line {number}", f"it begins at {line.start_ms} ms and ends at {end_ms} ms")
        said = ScriptLine(
            start_ms=line.start_ms,
            end_ms=end_ms,
            text=line.text,
            language=line.language or file.language,
            channel_id=party.channel_id,
            user_id=party.user_id,
            tag=line.tag,
        )
        lines.append(said)
    for number, revision in enumerate(file.revisions, start=1):
        if not 1 <= revision.line <= len(file.lines):
            raise who.error(f"revision {number}", f"there is no line {revision.line}; there are {len(file.lines)}, from 1")
        first = lines[revision.line - 1]
        if revision.at_ms < first.end_ms:
            raise who.error(f"revision {number}", f"it comes at {revision.at_ms} ms, before its line ends")
        again = msgspec.structs.replace(
            first,
            text=first.text if revision.text is None else revision.text,
            language=revision.language or first.language,
            attribute=DELETE if revision.text is None else UPDATE,
            # Never before the line itself, which is known some time after it was spoken
            said_ms=max(revision.at_ms, first.end_ms + TRANSCRIPT_DELAY_MS + 1),
        )
        lines.append(again)
    return tuple(lines)


def _end_ms(line: FileLine) -> int:
    if line.end_ms is not None:
        return line.end_ms
    last = line.words[-1] if line.words else None
    if isinstance(last, list) and len(last) >= 3 and isinstance(last[2], int):
        return last[2]
    return line.start_ms + WORD_MS * max(1, len(line.text.split()))


def _duration_ms(file: ScriptFile, name: str, lines: Sequence[ScriptLine], audio_ms: int | None) -> int:
    events = [event.at_ms for event in file.events or ()]
    happens = (*(line.known_ms for line in lines), *events, *(chat.at_ms for chat in file.chat), 0)
    duration_ms = file.duration_ms or audio_ms or max(happens) + TAIL_MS
    if not 0 < duration_ms <= LONGEST_MS:
        raise ScriptError(f"script {name!r}: a call of {duration_ms} ms cannot be played; the longest is {LONGEST_MS} ms")
    return duration_ms


def _events(events: Sequence[FileEvent], who: _Parties, product: wire.WireProduct) -> tuple[Event, ...]:
    zcc = dict(zip(_ZCC_NAMES, range(_FIRST_ZCC, _FIRST_ZCC + len(_ZCC_NAMES)), strict=True))
    meeting = dict(zip(_MEETING_NAMES, range(_FIRST_MEETING, _FIRST_MEETING + len(_MEETING_NAMES)), strict=True))
    names: Mapping[str, int] = zcc if product.by_channel else meeting
    found: list[Event] = []
    for number, event in enumerate(events, start=1):
        kind = names.get(event.event or "") if event.event_type is None else event.event_type
        if kind is None:
            raise who.error(f"event {number}", f"{event.event!r} is none of {product.name}'s: {', '.join(names)}, or an event_type")
        party = who.find(f"event {number}", event.party, event.channel_id, event.user_id)
        found.append(
            Event(
                at_ms=event.at_ms,
                event_type=kind,
                channel_id=party.channel_id if party else None,
                user_id=party.user_id if party else None,
                fields=event.fields,
                late_ms=event.late_ms,
            )
        )
    return tuple(found)


def _chat(chat: Sequence[FileChat], who: _Parties) -> tuple[ChatLine, ...]:
    return tuple(
        ChatLine(
            at_ms=line.at_ms,
            text=line.text,
            user_id=who.need(f"chat {number}", line.party, None, line.user_id).user_id or "0",
            message_id=line.message_id or f"m-{number}",
            operation=line.operation,
        )
        for number, line in enumerate(chat, start=1)
    )
