"""Redaction audit: everything in the data folder looked through for numbers that should be hidden, with lower limits than the
finder's; spans listened to sample by sample, and by a recogniser where that is asked for.

What is found is told by place, call, offset, kind and count, never by what was said. The store is asked by `query`.
"""

import datetime
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.intervals import Intervals, canonical
from cc_voice.call.utterances import Word
from cc_voice.config.settings import Settings
from cc_voice.media import recordings, redaction_state
from cc_voice.media.recordings import Recording, RecordingError
from cc_voice.media.silenced_sound import SilencedSpans, sounding
from cc_voice.quality.redaction import audit_limits, fail_closed
from cc_voice.quality.redaction.audit_limits import AuditFinding
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine
from cc_voice.quality.redaction.redacted_analysis import lines_of
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.sessions import journal, redaction
from cc_voice.sessions.journal_redaction import masked_texts
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.recomputation import plan, recorded_calls

AROUND_MS = 2_000
"""A recogniser listens so far around what was silenced."""
_SOUND = frozenset({".flac", ".rec", ".pcm", ".idx", ".wav"})
_ELSEWHERE = ("models", "recordings")
"""Folders of the data folder that hold nothing of calls, or that are looked through file by file."""
_PICTURES = frozenset({".jpg", ".png", ".h264", ".mp4"})


class RedactionFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that should not be where it is."""

    place: str
    """The file, in the data folder, or the table."""
    call_id: str | None
    offset: int
    """Byte of a file, ms of a call."""
    digits: int
    kind: str


def files(settings: Settings, since: datetime.date | None = None, call_ids: Sequence[str] = ()) -> Iterator[RedactionFinding]:
    """Yield what is found in the files of the data folder: of calls first, then of everything else."""
    asked = plan(settings, since=since, call_ids=tuple(call_ids))
    for call_id in recorded_calls(settings, asked):
        for folder, _ in recordings.started_streams(settings.recordings_dir / call_id):
            try:
                yield from _stream(settings, call_id, folder)
            except (OSError, RecordingError, msgspec.DecodeError, ValueError):
                place = str(folder.relative_to(settings.data_dir))
                yield RedactionFinding(place=place, call_id=call_id, offset=0, digits=0, kind="unreadable")
    for path in sorted(settings.data_dir.rglob("*")):
        inside = path.relative_to(settings.data_dir)
        if path.is_file() and inside.parts[0] not in _ELSEWHERE and path.suffix not in _SOUND:
            yield from _file(settings, path)


def _file(settings: Settings, path: Path, call_id: str | None = None) -> Iterator[RedactionFinding]:
    """Look through the bytes of a file, whatever it is."""
    place = str(path.relative_to(settings.data_dir))
    try:
        data = path.read_bytes()
    except OSError:
        return  # gone meanwhile
    for found in audit_limits.audit_bytes(data):
        yield RedactionFinding(place=place, call_id=call_id, offset=found.offset, digits=found.digits, kind=found.kind)


def _stream(settings: Settings, call_id: str, folder: Path) -> Iterator[RedactionFinding]:
    recording = recordings.open_recording(folder)
    if recording is None or recording.header.t0_unix_ms is None:
        return
    place = str(folder.relative_to(settings.data_dir))
    try:
        stored = redaction.stored_analysis(settings, call_id, recording.header.stream_id)
        state = redaction_state.read(folder)
        if stored is None or (state is not None and state.state == "pending"):
            return  # in progress
        policy = _policy(settings, stored)
        if not policy.is_on:
            return
        yield from _words(f"{place}/analysis.msgpack", call_id, lines_of(stored.utterances), policy)
        notes = journal.read(recording, stored.t0_unix_ms)
        yield from _words(f"{place}/journal.jsonl", call_id, lines_of(notes.words), policy)
        yield from _written(f"{place}/journal.jsonl", call_id, recording, stored, policy)
        yield from _sound(place, call_id, recording, stored)
        if stored.redacted is None:
            yield RedactionFinding(place=place, call_id=call_id, offset=0, digits=0, kind="never redacted")
    finally:
        recording.close()
    for path in folder.glob("*"):
        if path.is_file() and path.suffix not in _SOUND | {".jsonl", ".msgpack", ".json"} | _PICTURES:
            yield from _file(settings, path, call_id)


def _policy(settings: Settings, stored: StreamAnalysis) -> RedactionPolicy:
    return redaction.policy_of_call(settings, stored.events)


def _words(place: str, call_id: str, lines: Sequence[SpokenLine], policy: RedactionPolicy) -> Iterator[RedactionFinding]:
    yield from as_findings(place, call_id, audit_limits.audit_lines(lines, policy))


def as_findings(place: str, call_id: str | None, found: Sequence[AuditFinding]) -> Iterator[RedactionFinding]:
    """Yield what was found with its place."""
    for each in found:
        yield RedactionFinding(place=place, call_id=call_id, offset=each.offset, digits=each.digits, kind=each.kind)


def _written(
    place: str, call_id: str, recording: Recording, stored: StreamAnalysis, policy: RedactionPolicy
) -> Iterator[RedactionFinding]:
    """Look through the texts of chat and events."""
    lines: list[SpokenLine] = []

    def keep(line: SpokenLine) -> Sequence[HiddenStretch]:
        lines.append(line)
        return ()

    for note in recording.journal(journal.NOTES):
        if isinstance(note, journal.ChatNote):
            masked_texts(note.content, note.source, note.at_unix_ms - stored.t0_unix_ms, stored.language, keep)
        elif isinstance(note, journal.PlatformNote):
            event = note.event
            masked_texts(event.payload, "", event.at_unix_ms - stored.t0_unix_ms, stored.language, keep)
    for line in lines:
        yield from _words(place, call_id, (line,), policy)


def _sound(place: str, call_id: str, recording: Recording, stored: StreamAnalysis) -> Iterator[RedactionFinding]:
    """Look whether every sample of every span is silent, and whether nothing is left of the sound as it was spoken."""
    if stored.redacted is None or stored.redacted.outcome != "silenced":
        return
    spans = dict(stored.redacted.spans)
    for name, file in recording.channels.items():
        if spans.get(name) and file.path.exists():
            yield RedactionFinding(place=f"{place}/{file.path.name}", call_id=call_id, offset=0, digits=0, kind="sound as spoken")
        silent = [SilencedSpans(spans.get(name, ()), file.rate_hz, is_tone=is_tone) for is_tone in (False, True)]
        if not spans.get(name) or not file.flac_path.exists():
            continue
        heard = set(sounding(file.flac_path, silent[0])) & set(sounding(file.flac_path, silent[1]))
        for at in sorted(heard):
            offset = at * 1000 // file.rate_hz
            yield RedactionFinding(
                place=f"{place}/{file.flac_path.name}", call_id=call_id, offset=offset, digits=0, kind="not silent"
            )


def listened(settings: Settings, recognition: Recognition, count: int, seed: int = 0) -> Iterator[RedactionFinding]:
    """Let a recogniser hear what is left around the silenced spans of some redacted calls, chosen by chance."""
    chosen = [call_id for call_id in recordings.recorded_calls(settings.recordings_dir) if _has_silence(settings, call_id)]
    random.Random(seed).shuffle(chosen)
    for call_id in sorted(chosen[:count]):
        for folder, header in recordings.started_streams(settings.recordings_dir / call_id):
            stored = redaction.stored_analysis(settings, call_id, header.stream_id)
            if stored is not None and stored.redacted is not None:
                yield from _listen(settings, recognition, folder, stored)


def _has_silence(settings: Settings, call_id: str) -> bool:
    try:
        found = recordings.load_analyses(settings.recordings_dir, call_id)
    except (RecordingError, msgspec.DecodeError):
        return False
    return any(one.redacted is not None and one.redacted.spans and one.redacted.outcome == "silenced" for one in found)


def _listen(settings: Settings, recognition: Recognition, folder: Path, stored: StreamAnalysis) -> Iterator[RedactionFinding]:
    recording = recordings.open_recording(folder)
    recogniser = recognition.pipelines(stored.language).recogniser(stored.language)
    if recording is None or recogniser is None or stored.redacted is None:
        return
    spans = dict(stored.redacted.spans)
    try:
        for name, file in recording.channels.items():
            for start, end in _around(spans.get(name, ())):
                listener = recogniser.create(file.rate_hz)
                listener.accept(file.read(start * file.rate_hz // 1000, end * file.rate_hz // 1000))
                digits = _numbers(listener.finish().words, stored.language) - _readable(stored, start, end)
                if digits > 0:
                    place = f"{folder.relative_to(settings.data_dir)}/{file.flac_path.name}"
                    yield RedactionFinding(place=place, call_id=stored.call_id, offset=start, digits=digits, kind="heard")
    finally:
        recording.close()


def _around(spans: Intervals) -> Intervals:
    return canonical((max(0, start - AROUND_MS), end + AROUND_MS) for start, end in spans)


def _numbers(words: Sequence[Word], language: str) -> int:
    line = SpokenLine(key="", channel_id="", source="local", start_ms=0, end_ms=1, language=language, words=tuple(words))
    return len(fail_closed.every_number((line,)))


def _readable(stored: StreamAnalysis, start: int, end: int) -> int:
    """Return how many number words around a span the policy leaves readable: a date of birth right before a card."""
    lines = [said for said in stored.utterances if said.start_ms < end and start < said.end_ms]
    return sum(_numbers(said.words, said.language) for said in lines)
