"""Recordings of the past: a file goes through the same listening and measuring as a live stream.

The file becomes a recording of ours (copied sample by sample), so that playback, recompute and export need not know
where a call came from. The call's id is a digest of the file and of what was said about it: importing twice is one call. What is
said otherwise the second time makes another one, and the earlier is named: whoever put the channels right deletes it.

A file is read twice, block by block: first to its end, so that nothing is kept of one that turns out to be damaged, and to see
whether both parties are the same sound; then into the recording. Memory does not grow with its length.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from cc_voice.call import ids
from cc_voice.call.analysis import ChannelAnalysis, StreamAnalysis
from cc_voice.call.batch import CallMeasured
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.media.recordings import ChannelFile, Recording, StreamHeader
from cc_voice.sessions import completion, journal, redaction
from cc_voice.sessions.channel_recognition import at_once, recognise_channel
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.word_files import ImportedLine, placed, read_words
from cc_voice.speech.codecs import Samples, bytes_from_int16, open_audio
from cc_voice.speech.errors import AudioFileError
from cc_voice.speech.frames import SUPPORTED_RATES_HZ
from cc_voice.speech.sample_rates import Resampler

PRODUCT = "import"
_RATE_HZ = 16_000
"""For files at a rate that voice detection does not know, e.g. 44.1 kHz."""


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator says about a file. Channels count from 0; both None means one mixed channel."""

    agent_channel: int | None = None
    customer_channel: int | None = None
    language: str
    is_language_certain: bool = True
    """Somebody said so; False: it is what calls here are expected in."""
    start: datetime | None = None
    """When the call began; None: the time the file was last written, less its length."""
    words: Path | None = None
    """A transcript of the file (`word_files.py`): it stands where Zoom's stands of a live call."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file."""

    measured: CallMeasured
    notes: tuple[str, ...]
    """What the person should know about the file."""
    earlier: tuple[str, ...]
    """Calls that the same file was imported as before, when something else was said about it."""


class _Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a first reading found."""

    sample_rate_hz: int
    channel_count: int
    frames: int
    note: str | None
    likeness: float | None
    """Correlation of agent and customer, 0 to 1; None: there are not both, or one is silent."""

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // self.sample_rate_hz


_SAME_SOUND = 0.98
"""Correlation from which two channels are one: a copy, also inverted or quieter, has 1.0, and through a lossy codec 0.99. Two
parties who hear each other's echo stay far below, as each is loudest in his own channel."""


def import_file(path: Path, options: ImportOptions, settings: Settings, recognition: Recognition) -> CallMeasured:
    """Record, hear and measure a file, as `take_file`."""
    return take_file(path, options, settings, recognition).measured


def take_file(path: Path, options: ImportOptions, settings: Settings, recognition: Recognition) -> Imported:
    """Record, hear and measure a file; the caller stores the result.

    Raises AudioFileError (unreadable, or a channel it does not have), WordFileError, OSError.
    """
    survey = _survey(path, options)
    parties: dict[int, str | None] = _parties(options)
    words = placed(read_words(options.words), parties, options.words) if options.words is not None else ()
    notes = [survey.note] if survey.note else []
    if survey.likeness is not None and survey.likeness >= _SAME_SOUND:
        notes.append("agent and customer are the same sound, a mono recording saved as stereo: measured as mixed, without parties")
        kept = min(parties)
        words = tuple((str(kept), line) for _, line in words)
        parties = {kept: None}
    header = _header(path, survey, options)
    recording = recordings.create(settings.recordings_dir, header)
    try:
        redaction.hold_back(settings, recording.folder)
        _copy(path, recording, parties)
        written = journal.read(recording, header.t0_unix_ms or 0, _notes(header.t0_unix_ms or 0, words))
        pipelines = recognition.pipelines(options.language)
        heard = {name: recognise_channel(file, pipelines.make) for name, file in recording.channels.items()}
        analysis = completion.understand(
            recording, 1, heard, settings.language, recognition, pipelines, at_once, written, is_fixed=options.is_language_certain
        )
        analysis = _with_parties(analysis, parties, survey.duration_ms)
        if redaction.may_hide(settings):
            analysis = redaction.redact_words(recording, analysis, written, settings)
        else:
            for note in written.unwritten:
                recording.note(note)
    finally:
        recording.close()
    recordings.save_analysis(settings.recordings_dir, analysis)
    redaction.silence(settings, analysis)
    measured = completion.measured(header.call_id, header.stream_id, 1, settings)
    earlier = recordings.calls_of_stream(settings.recordings_dir, header.stream_id)
    return Imported(measured=measured, notes=tuple(notes), earlier=tuple(one for one in earlier if one != header.call_id))


def _notes(t0: int, words: Sequence[tuple[str, ImportedLine]]) -> list[journal.Note]:
    """Return the lines as Zoom's transcript is noted. There a piece is known by its channel and start, so two never share both.

    They are written when they have been redacted: a crash before that loses nothing, the file is still there.
    """
    found: list[journal.Note] = []
    taken: set[tuple[str, int]] = set()
    for channel, line in words:
        start_ms = line.start_ms
        while (channel, start_ms) in taken:
            start_ms += 1
        taken.add((channel, start_ms))
        note = journal.WordsNote(
            channel_id=channel,
            text=line.text,
            start_unix_ms=t0 + start_ms,
            end_unix_ms=t0 + max(line.end_ms, start_ms),
            language=line.language,
            words=line.words,
        )
        found.append(note)
    return found


def _survey(path: Path, options: ImportOptions) -> _Survey:
    """Read a file to its end. Raises AudioFileError where it is damaged or options do not fit it."""
    with open_audio(path) as audio:
        _check_channels(path, audio.channel_count, options)
        pair = [one for one in (options.agent_channel, options.customer_channel) if one is not None]
        frames, products = 0, np.zeros(3)
        for block in audio.blocks:
            frames += len(block)
            if len(pair) == 2:
                a, b = (block[:, one].astype(np.float64) for one in pair)
                products += (np.dot(a, a), np.dot(b, b), np.dot(a, b))
        note, rate_hz, count = audio.note, audio.sample_rate_hz, audio.channel_count
    if not frames:
        raise AudioFileError(f"{path} holds no audio")
    likeness = abs(products[2]) / (products[0] * products[1]) ** 0.5 if products[0] and products[1] else None
    return _Survey(sample_rate_hz=rate_hz, channel_count=count, frames=frames, note=note, likeness=likeness)


def _copy(path: Path, recording: Recording, parties: Mapping[int, str | None]) -> None:
    """Write the channels of a file to a recording."""
    with open_audio(path) as audio:
        writers = {index: _ChannelWriter(recording.channel(str(index)), audio.sample_rate_hz) for index in parties}
        for block in audio.blocks:
            for index, writer in writers.items():
                writer.write(np.ascontiguousarray(block[:, index]))
    for writer in writers.values():
        writer.finish()


class _ChannelWriter:
    """Writes one channel from its beginning, also over what an import that was killed has left."""

    def __init__(self, channel: ChannelFile, rate_hz: int) -> None:
        self._channel = channel
        self._resampler = Resampler(rate_hz, channel.rate_hz)
        self._position = 0

    def write(self, samples: Samples) -> None:
        self._append(self._resampler.feed(samples))

    def finish(self) -> None:
        self._append(self._resampler.finish())

    def _append(self, samples: Samples) -> None:
        self._channel.write(self._position * 1000 / self._channel.rate_hz, bytes_from_int16(samples))
        self._position += len(samples)


def _check_channels(path: Path, count: int, options: ImportOptions) -> None:
    for party, index in (("agent", options.agent_channel), ("customer", options.customer_channel)):
        if index is not None and not 0 <= index < count:
            raise AudioFileError(f"{path} has {count} channel(s), numbered from 0; --{party}-channel {index} is not one of them")
    if options.agent_channel is not None and options.agent_channel == options.customer_channel:
        raise AudioFileError(
            f"agent and customer cannot both be channel {options.agent_channel} of {path}; leave both options out for mixed audio"
        )
    if count > 1 and options.agent_channel is None and options.customer_channel is None:
        raise AudioFileError(
            f"{path} has {count} channels; say who is on which with --agent-channel N --customer-channel M (from 0)"
        )


def _parties(options: ImportOptions) -> dict[int, str | None]:
    """Return file channel → party of the channels to hear."""
    chosen = {"agent": options.agent_channel, "customer": options.customer_channel}
    return {index: party for party, index in chosen.items() if index is not None} or {0: None}


def _header(path: Path, survey: _Survey, options: ImportOptions) -> StreamHeader:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    start = options.start.astimezone(UTC) if options.start else None
    start_ms = int((start.timestamp() if start else path.stat().st_mtime) * 1000)
    if start is None:
        start_ms -= survey.duration_ms
    said = f"{options.agent_channel}/{options.customer_channel}/{options.language}"
    if options.words is not None:
        said += f"/{hashlib.sha256(options.words.read_bytes()).hexdigest()[:16]}"
    instance_id = f"{digest}:{said}:{start.isoformat() if start else ''}"
    return StreamHeader(
        call_id=ids.call_id(PRODUCT, instance_id),
        stream_id=f"import-{digest[:32]}",
        product=PRODUCT,
        instance_id=instance_id,
        language=options.language,
        sample_rate_hz=survey.sample_rate_hz if survey.sample_rate_hz in SUPPORTED_RATES_HZ else _RATE_HZ,
        t0_unix_ms=start_ms,
    )


def _with_parties(analysis: StreamAnalysis, parties: dict[int, str | None], duration_ms: int) -> StreamAnalysis:
    def named(channel: ChannelAnalysis) -> ChannelAnalysis:
        return msgspec.structs.replace(channel, party=parties[int(channel.channel_id)])

    return msgspec.structs.replace(
        analysis,
        channels=tuple(named(channel) for channel in analysis.channels),
        duration_ms=duration_ms,
        mixed_audio=analysis.same_audio or set(parties.values()) == {None},
    )
