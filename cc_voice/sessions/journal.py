"""The journal of a recording: everything of a stream that is not audio, in order of arrival, on Zoom's clock (Unix ms).

Entries are written when they arrive, before the stream's t0 may be known; `read` places them on the stream's clock.
"""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from cc_voice.call.analysis import Doubt, Interval, LostAudio
from cc_voice.call.events import CallEvent
from cc_voice.call.utterances import Utterance, Word
from cc_voice.media.recordings import Recording
from cc_voice.rtms.enums import Attribute
from cc_voice.rtms.events import EndKind


class PlatformNote(msgspec.Struct, frozen=True, kw_only=True, tag="event"):
    """A platform event; `event.at_ms` is not valid before `read` has set it."""

    event: CallEvent


class WordsNote(msgspec.Struct, frozen=True, kw_only=True, tag="words"):
    """A piece of Zoom's transcript.

    `attribute` is `rtms.enums.Attribute`: UPDATE replaces and DELETE deletes the piece of the same channel and start.
    """

    channel_id: str
    text: str
    start_unix_ms: int
    end_unix_ms: int
    language: str | None
    attribute: int | None = None
    words: tuple[Word, ...] = ()
    """In ms of the stream's clock, where the source times them: an imported transcript may, Zoom's does not."""


class GapNote(msgspec.Struct, frozen=True, kw_only=True, tag="gap"):
    """Time between two packets in which the media link was down or paused. Later deliveries may have filled it."""

    start_unix_ms: int
    end_unix_ms: int
    channel_id: str | None = None
    """Of one party only: the others' audio had come further, or came again earlier. None: of everybody."""


class LossNote(msgspec.Struct, frozen=True, kw_only=True, tag="lost"):
    """Audio that arrived and could not be recorded."""

    channel_id: str
    start_unix_ms: int
    end_unix_ms: int
    lost_ms: float
    """How much audio; more than the time it claims, where several packets claim the same."""
    why: str


class NameNote(msgspec.Struct, frozen=True, kw_only=True, tag="name"):
    """Under which ids a party's packets came, told once for each set of them."""

    channel_id: str | None = None
    user_id: str | None = None
    name: str | None = None


class DoubtNote(msgspec.Struct, frozen=True, kw_only=True, tag="doubt"):
    """A channel's audio was recorded, and what is measured of it would be wrong."""

    channel_id: str
    why: Doubt


class EndNote(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """The stream ended."""

    kind: EndKind
    stop_reason: int | None
    error: str | None = None


class ChatNote(msgspec.Struct, frozen=True, kw_only=True, tag="chat"):
    """A chat message, or what happened to one. Its text is in `content`, Zoom's own JSON, and nowhere else is it kept."""

    source: str
    at_unix_ms: int
    message_id: str | None
    operation: int | None
    """`rtms.enums.ChatOperation`."""
    content: str


Note = PlatformNote | WordsNote | GapNote | LossNote | NameNote | DoubtNote | EndNote | ChatNote


NOTES: "msgspec.json.Decoder[Note]" = msgspec.json.Decoder(Note)


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """A journal on the stream's clock."""

    events: tuple[CallEvent, ...]
    words: tuple[Utterance, ...]
    gaps: tuple[Interval, ...]
    """Of all channels together."""
    channel_gaps: tuple[tuple[str, Interval], ...]
    """Of one channel each."""
    lost: tuple[LostAudio, ...]
    end: EndNote | None
    names: tuple[NameNote, ...] = ()
    doubts: tuple[DoubtNote, ...] = ()
    pieces: tuple[WordsNote, ...] = ()
    """What `words` were made of, one for each of them."""
    unwritten: tuple[Note, ...] = ()
    """What was given beside the file and is not in it."""


def read(recording: Recording, t0_unix_ms: int, unwritten: Sequence[Note] = ()) -> Journal:
    """Return the journal's content in milliseconds since t0, repeats dropped (a reconnect makes Zoom repeat itself).

    `unwritten` comes after what is in the file: words that may not be written yet, or only without what is hidden in them.
    """
    events: dict[tuple[str, int, str], CallEvent] = {}
    words: dict[tuple[str, int], WordsNote] = {}
    gaps: list[tuple[str | None, Interval]] = []
    lost: list[LostAudio] = []
    names: list[NameNote] = []
    doubts: list[DoubtNote] = []
    end: EndNote | None = None
    for note in (*recording.journal(NOTES), *unwritten):
        match note:
            case PlatformNote(event=event):
                events.setdefault((event.name, event.at_unix_ms, event.payload), place(event, t0_unix_ms))
            case WordsNote():
                _revise(words, note)
            case GapNote():
                gap = note.start_unix_ms - t0_unix_ms, note.end_unix_ms - t0_unix_ms
                gaps += [(note.channel_id, gap)] if gap[0] < gap[1] else []
            case LossNote():
                lost.append(_lost(note, t0_unix_ms))
            case NameNote():
                names.append(note)
            case DoubtNote():
                doubts.append(note)
            case EndNote():
                end = note
            case ChatNote():
                pass  # kept for people; nothing is measured of it
            case _ as never:
                assert_never(never)
    in_order = sorted(words, key=lambda key: (key[1], key[0]))
    return Journal(
        events=tuple(sorted(events.values(), key=lambda event: event.at_unix_ms)),
        words=tuple(utterance(words[key], t0_unix_ms, recording.header.language) for key in in_order),
        pieces=tuple(words[key] for key in in_order),
        unwritten=tuple(unwritten),
        gaps=tuple(gap for channel_id, gap in gaps if channel_id is None),
        channel_gaps=tuple((channel_id, gap) for channel_id, gap in gaps if channel_id is not None),
        lost=tuple(lost),
        end=end,
        names=tuple(names),
        doubts=tuple(doubts),
    )


def known_names(recording: Recording) -> list[NameNote]:
    """Return what an earlier session of a stream noted of its parties' ids."""
    return [note for note in recording.journal(NOTES) if isinstance(note, NameNote)]


def place(event: CallEvent, t0_unix_ms: int) -> CallEvent:
    """Return the event with `at_ms` on the stream's clock."""
    return msgspec.structs.replace(event, at_ms=event.at_unix_ms - t0_unix_ms)


def _lost(note: LossNote, t0_unix_ms: int) -> LostAudio:
    return LostAudio(
        channel_id=note.channel_id,
        start_ms=note.start_unix_ms - t0_unix_ms,
        end_ms=note.end_unix_ms - t0_unix_ms,
        lost_ms=note.lost_ms,
        why=note.why,
    )


def utterance(note: WordsNote, t0_unix_ms: int, language: str) -> Utterance:
    """Return a piece of Zoom's transcript as an utterance; `language` serves where Zoom tagged none. Zoom's words have no times."""
    return Utterance(
        channel_id=note.channel_id,
        start_ms=note.start_unix_ms - t0_unix_ms,
        end_ms=max(note.end_unix_ms, note.start_unix_ms) - t0_unix_ms,
        text=note.text,
        words=note.words or tuple(Word(word) for word in note.text.split()),
        language=note.language or language,
        source="zoom",
        tagged=note.language,
    )


def _revise(words: dict[tuple[str, int], WordsNote], note: WordsNote) -> None:
    key = (note.channel_id, note.start_unix_ms)
    if note.attribute == Attribute.DELETE:
        words.pop(key, None)
    elif note.text.strip():
        words[key] = note
