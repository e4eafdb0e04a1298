"""Recordings of the past: a file goes through the same listening and measuring as a live stream.

The file becomes a recording of ours (copied sample by sample), so that playback, recompute and export need not know
where a call came from. The call's id is a digest of the file and of what was said about it: importing twice is one call.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from cc_voice.call import ids
from cc_voice.call.analysis import ChannelAnalysis, StreamAnalysis
from cc_voice.call.batch import CallMeasured
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.media.recordings import Recording, StreamHeader
from cc_voice.sessions import completion, journal
from cc_voice.sessions.channel_recognition import at_once, recognise_channel
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.word_files import ImportedLine, placed, read_words
from cc_voice.speech.codecs import AudioFile, bytes_from_int16, read_audio
from cc_voice.speech.errors import AudioFileError
from cc_voice.speech.frames import SUPPORTED_RATES_HZ
from cc_voice.speech.sample_rates import resample

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


def import_file(path: Path, options: ImportOptions, settings: Settings, recognition: Recognition) -> CallMeasured:
    """Record, hear and measure a file; the caller stores the result.

    Raises AudioFileError (unreadable, or a channel it does not have), WordFileError, OSError.
    """
    audio = read_audio(path)
    parties = _parties(path, audio, options)
    words = placed(read_words(options.words), parties, options.words) if options.words is not None else ()
    header = _header(path, audio, options)
    recording = recordings.create(settings.recordings_dir, header)
    try:
        for index in parties:
            samples = resample(audio.channels[index], audio.sample_rate_hz, header.sample_rate_hz)
            recording.channel(str(index)).write(0, bytes_from_int16(samples))
        _note_words(recording, words)
        pipelines = recognition.pipelines(options.language)
        heard = {name: recognise_channel(file, pipelines.make) for name, file in recording.channels.items()}
        analysis = completion.understand(
            recording, 1, heard, settings.language, recognition, pipelines, at_once, is_fixed=options.is_language_certain
        )
    finally:
        recording.close()
    analysis = _with_parties(analysis, parties, audio.duration_ms)
    recordings.save_analysis(settings.recordings_dir, analysis)
    measured = completion.measured(header.call_id, header.stream_id, 1, settings)
    recordings.compress(recordings.stream_folder(settings.recordings_dir, header.call_id, header.stream_id))
    return measured


def _note_words(recording: Recording, words: Sequence[tuple[str, ImportedLine]]) -> None:
    """Put the lines where Zoom's transcript stands. There a piece is known by its channel and start, so two never share both."""
    t0 = recording.header.t0_unix_ms or 0
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
        recording.note(note)


def _parties(path: Path, audio: AudioFile, options: ImportOptions) -> dict[int, str | None]:
    """Return file channel → party of the channels to hear."""
    chosen = {"agent": options.agent_channel, "customer": options.customer_channel}
    count = len(audio.channels)
    for party, index in chosen.items():
        if index is not None and not 0 <= index < count:
            raise AudioFileError(f"{path} has {count} channel(s), numbered from 0; --{party}-channel {index} is not one of them")
    if options.agent_channel is not None and options.agent_channel == options.customer_channel:
        raise AudioFileError(
            f"agent and customer cannot both be channel {options.agent_channel} of {path}; leave both options out for mixed audio"
        )
    named: dict[int, str | None] = {index: party for party, index in chosen.items() if index is not None}
    if named:
        return named
    if count > 1:
        raise AudioFileError(
            f"{path} has {count} channels; say who is on which with --agent-channel N --customer-channel M (from 0)"
        )
    return {0: None}


def _header(path: Path, audio: AudioFile, options: ImportOptions) -> StreamHeader:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    start_ms = int((options.start.timestamp() if options.start else path.stat().st_mtime) * 1000)
    if options.start is None:
        start_ms -= audio.duration_ms
    said = f"{options.agent_channel}/{options.customer_channel}/{options.language}"
    if options.words is not None:
        said += f"/{hashlib.sha256(options.words.read_bytes()).hexdigest()[:16]}"
    instance_id = f"{digest}:{said}:{options.start.isoformat() if options.start else ''}"
    return StreamHeader(
        call_id=ids.call_id(PRODUCT, instance_id),
        stream_id=f"import-{digest[:32]}",
        product=PRODUCT,
        instance_id=instance_id,
        language=options.language,
        sample_rate_hz=audio.sample_rate_hz if audio.sample_rate_hz in SUPPORTED_RATES_HZ else _RATE_HZ,
        t0_unix_ms=start_ms,
    )


def _with_parties(analysis: StreamAnalysis, parties: dict[int, str | None], duration_ms: int) -> StreamAnalysis:
    def named(channel: ChannelAnalysis) -> ChannelAnalysis:
        return msgspec.structs.replace(channel, party=parties[int(channel.channel_id)])

    return msgspec.structs.replace(
        analysis,
        channels=tuple(named(channel) for channel in analysis.channels),
        duration_ms=duration_ms,
        mixed_audio=set(parties.values()) == {None},
    )
