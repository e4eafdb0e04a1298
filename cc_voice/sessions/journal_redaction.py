"""Journal redaction: a stream's journal written anew without what is hidden, when everything of the stream is known.

Lines of Zoom's transcript become the lines of the redacted analysis; of revisions only the last is kept. Chat and the texts in
platform events go through the finder with the words around them. Everything else stays byte by byte.
"""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.redactions import chip_text
from cc_voice.call.utterances import Utterance, Word
from cc_voice.config.redaction_settings import RedactionSettings
from cc_voice.media import recordings
from cc_voice.media.files import read_file, write_atomically
from cc_voice.media.recordings import Recording
from cc_voice.quality.redaction import fail_closed, redaction_policy
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine, find
from cc_voice.quality.redaction.redacted_analysis import lines_of, with_chips
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.sessions import journal
from cc_voice.sessions.journal import ChatNote, Journal, Note, PlatformNote, WordsNote

_NAME = "journal.jsonl"
_IDS = re.compile(r"(^|_)(id|ids|uuid|key|token|time|ts|at|timestamp|url|type|hash|number)$|Id$|_ms$", re.IGNORECASE)
"""Keys whose values name or date something and are no text; phone numbers are masked elsewhere (`call_events.py`)."""

Finder = Callable[[SpokenLine], Sequence[HiddenStretch]]


def write_anew(
    recording: Recording, notes: Journal, raw: StreamAnalysis, found: StreamAnalysis, policy: RedactionPolicy
) -> StreamAnalysis:
    """Write the journal of a recording without what was hidden; return the analysis with its events so. Raises OSError.

    `raw` is the analysis of `notes` before anything was hidden, `found` after.
    """
    lines = _redacted_lines(notes, found)
    said = lines_of(raw.utterances)
    finder = _finder(policy, said, is_withheld=found.redacted is not None and found.redacted.outcome == "withheld")
    t0 = found.t0_unix_ms
    messages = [note for note in notes.unwritten if isinstance(note, ChatNote)]
    again = {_message(note) for note in messages}

    def kept(note: Note) -> Note | None:
        if isinstance(note, WordsNote):
            return None
        if isinstance(note, ChatNote) and _message(note) in again:
            return None  # as it was masked by itself
        return masked(note)

    def masked(note: Note) -> Note:
        if isinstance(note, ChatNote):
            at_ms = note.at_unix_ms - t0
            return msgspec.structs.replace(note, content=masked_texts(note.content, note.source, at_ms, raw.language, finder))
        if isinstance(note, PlatformNote):
            event = note.event
            payload = masked_texts(event.payload, "", event.at_unix_ms - t0, raw.language, finder)
            return PlatformNote(event=msgspec.structs.replace(event, payload=payload))
        return note

    path = recording.folder / _NAME
    _rewrite(path, kept, [*lines, *map(masked, messages)])
    events = tuple(
        msgspec.structs.replace(event, payload=masked_texts(event.payload, "", event.at_ms, raw.language, finder))
        for event in found.events
    )
    return msgspec.structs.replace(found, events=events)


def _message(note: ChatNote) -> tuple[str, int, str | None, int | None]:
    return note.source, note.at_unix_ms, note.message_id, note.operation


def write_stored(folder: Path, analysis: StreamAnalysis) -> None:
    """Write the journal of a stream whose analysis was redacted anew. Raises OSError, RecordingError."""
    recording = recordings.open_recording(folder)
    if recording is None:
        return
    try:
        notes = journal.read(recording, analysis.t0_unix_ms)
        lines = _redacted_lines(notes, analysis, by_start=True)
        _rewrite(folder / _NAME, lambda note: None if isinstance(note, WordsNote) else note, lines)
    finally:
        recording.close()


def _redacted_lines(notes: Journal, found: StreamAnalysis, *, by_start: bool = False) -> list[WordsNote]:
    """Return the lines of Zoom's transcript as the analysis has them; one that it has not has no number word left."""
    of_zoom: dict[tuple[Any, ...], deque[Utterance]] = defaultdict(deque)
    for utterance in found.utterances:
        if utterance.source == "zoom":
            of_zoom[utterance.start_ms, utterance.end_ms, utterance.tagged].append(utterance)
    lines: list[WordsNote] = []
    for piece, said in zip(notes.pieces, notes.words, strict=True):
        candidates = of_zoom.get((said.start_ms, said.end_ms, said.tagged), deque())
        same = next((one for one in candidates if by_start or _agree(one, said)), None)
        if same is not None:
            candidates.remove(same)
        else:
            (line,) = lines_of((said,))
            same = with_chips(said, fail_closed.every_number((line,)))
        has_words = bool(piece.words) or any(word.hidden is not None for word in same.words)
        lines.append(msgspec.structs.replace(piece, text=same.text, words=same.words if has_words else (), attribute=None))
    return lines


def _agree(redacted: Utterance, said: Utterance) -> bool:
    """Whether a line may be another one with some of its words hidden."""
    plain = [word.word for word in redacted.words if word.hidden is None]
    left = iter(word.word for word in said.words)
    return all(word in left for word in plain)


def _rewrite(path: Path, kept: Callable[[Note], Note | None], added: Iterable[Note]) -> None:
    lines: list[bytes] = []
    for line in read_file(path).splitlines() if path.exists() else ():
        try:
            note = journal.NOTES.decode(line)
        except msgspec.DecodeError:
            continue  # cut by a crash: half of what somebody said
        new = kept(note)
        if new is not None:
            lines.append(line if new is note else msgspec.json.encode(new))
    lines += [msgspec.json.encode(note) for note in added]
    write_atomically(path, b"".join(line + b"\n" for line in lines))


# -- texts in JSON ---------------------------------------------------------------------------------------------------


def _finder(policy: RedactionPolicy, said: Sequence[SpokenLine], *, is_withheld: bool) -> Finder:
    """Return what finds hidden words of a text among everything that was said."""

    def look(line: SpokenLine) -> Sequence[HiddenStretch]:
        if not policy.is_on:
            return ()
        numbers = fail_closed.every_number((line,))
        if is_withheld or not (numbers or policy.hides("pii")):
            return numbers
        near = [one for one in said if abs(one.start_ms - line.start_ms) <= _NEAR_MS]
        lines = sorted((*near, line), key=lambda one: one.start_ms)
        place = next(number for number, one in enumerate(lines) if one is line)
        try:
            return [stretch for stretch in find(lines, policy) if stretch.line == place]
        except Exception:  # what cannot be looked into has no number
            return fail_closed.every_number((line,))

    return look


_NEAR_MS = 60_000


def masked_alone(content: str, settings: RedactionSettings) -> str:
    """Return JSON without what is hidden at this site, where nothing that was said is near: webhooks tell of calls in writing."""
    policy = redaction_policy.strictest(settings)
    return masked_texts(content, "", 0, "en", _finder(policy, (), is_withheld=False)) if policy.is_on else content


def masked_texts(content: str, source: str, at_ms: int, language: str, finder: Finder) -> str:
    """Return JSON with chips in its texts."""
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return "{}"
    masked = _masked(found, "", source, at_ms, language, finder)
    return content if masked == found else msgspec.json.encode(masked).decode()


def _masked(value: Any, key: str, source: str, at_ms: int, language: str, finder: Finder) -> Any:
    match value:
        case dict():
            return {name: _masked(item, name, source, at_ms, language, finder) for name, item in value.items()}
        case list():
            return [_masked(item, key, source, at_ms, language, finder) for item in value]
        case str() if not _IDS.search(key):
            return masked_text(value, source, at_ms, language, finder)
        case _:
            return value


def masked_text(text: str, source: str, at_ms: int, language: str, finder: Finder) -> str:
    """Return a written text with chips."""
    tokens = text.split()
    if not any(map(str.isalnum, text)):
        return text
    line = SpokenLine(
        key="chat",
        channel_id=source,
        source="chat",
        start_ms=at_ms,
        end_ms=at_ms,
        language=language,
        words=tuple(Word(token) for token in tokens),
    )
    stretches = sorted(finder(line), key=lambda one: one.first_word)
    if not stretches:
        return text
    pieces: list[str] = []
    done = 0
    for stretch in stretches:
        pieces += [*tokens[done : stretch.first_word], chip_text(stretch.entity)]
        done = stretch.last_word + 1
    return " ".join([*pieces, *tokens[done:]])
