"""Recomputation: calls are measured again from what lies beside their recordings, or decoded again; all history can be asked again.

The store is not read: what was measured and then lost with a damaged database comes back.
"""

import datetime
import hashlib
import zoneinfo
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.measure import METRIC_VERSION
from cc_voice.config.settings import Settings, dumps, loads
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.media import recordings
from cc_voice.media.lexicons import site_lexicon
from cc_voice.media.recompute_runs import RunError, RunPlan, RunResult
from cc_voice.media.recordings import RecordingError
from cc_voice.quality.sentiment.lexicon import MODEL
from cc_voice.sessions import completion, redaction
from cc_voice.sessions.channel_recognition import recognise_channel
from cc_voice.sessions.imports import PRODUCT
from cc_voice.sessions.recognition import Recognition
from cc_voice.speech.errors import SpeechError
from cc_voice.speech.models import inventory

What = Literal["metrics", "recognition"]

_AT_ONCE = 50
"""Calls handed to a process at a time: enough to make the handing over cheap, few enough for a moving progress bar."""


def plan(
    settings: Settings,
    *,
    since: datetime.date | None = None,
    until: datetime.date | None = None,
    call_ids: tuple[str, ...] = (),
    threshold_set: str | None = None,
    what: What = "metrics",
) -> RunPlan:
    """Return what is asked for. Raises RunError for a set of thresholds that the configuration does not have."""
    tried(settings, threshold_set)
    decides: list[Any] = [settings.thresholds, settings.meeting_agent, settings.cust_speech_on_hold, settings.transcript]
    if settings.phone_agent:  # added only where it is set: earlier runs of other sites keep their fingerprint
        decides.append(settings.phone_agent)
    if any(state.isdecimal() for _, state in settings.policies):
        decides.append(settings.policies)
    if (words := site_lexicon(settings.data_dir).model) != MODEL:
        decides.append(words)
    if what == "recognition":
        decides += [settings.recogniser, settings.vad, settings.prefer_models, settings.language, settings.phrases]
        decides += [repr(inventory.stamps(settings.installed_models_dir)), settings.allow_test_model]
    return RunPlan(
        what=what,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        call_ids=tuple(sorted(call_ids)),
        threshold_set=threshold_set,
        metric_version=METRIC_VERSION,
        settings_digest=hashlib.sha256(msgspec.json.encode(decides)).hexdigest(),
    )


def tried(settings: Settings, name: str | None) -> ThresholdSet | None:
    """Return the named set of thresholds, None for those in force. Raises RunError."""
    if name is None:
        return None
    found = next((entry.values for entry in settings.thresholds if entry.name == name), None)
    if found is None:
        known = ", ".join(entry.name for entry in settings.thresholds) or "none"
        raise RunError(f"the configuration has no thresholds named {name!r}; [[thresholds]] has: {known}")
    return msgspec.structs.replace(
        found,
        cust_speech_on_hold=found.cust_speech_on_hold or settings.cust_speech_on_hold,
        transcript_prefer=settings.transcript.prefer,
    )


def recorded_calls(settings: Settings, asked: RunPlan) -> Iterator[str]:
    """Yield the ids of the calls asked for that have a recording, in order of id."""
    zone = zoneinfo.ZoneInfo(settings.timezone)
    for folder in sorted(settings.recordings_dir.glob("*")):
        if asked.call_ids and folder.name not in asked.call_ids:
            continue
        streams = recordings.started_streams(folder)
        if streams and (t0 := streams[0][1].t0_unix_ms) is not None:
            day = datetime.datetime.fromtimestamp(t0 / 1000, zone).date().isoformat()
            if (asked.since is None or asked.since <= day) and (asked.until is None or day <= asked.until):
                yield folder.name


def measure_again(call_ids: list[str], settings: Settings, asked: RunPlan, workers: Executor) -> Iterator[RunResult]:
    """Yield what each call measures now. A call that cannot be measured does not stop the others."""
    without_secrets = dumps(msgspec.structs.replace(settings, apps=()))
    work = partial(_measure_some, settings_json=without_secrets, threshold_set=asked.threshold_set)
    batches = [call_ids[at : at + _AT_ONCE] for at in range(0, len(call_ids), _AT_ONCE)]
    for results in workers.map(work, batches):
        yield from results


def _measure_some(call_ids: list[str], *, settings_json: bytes, threshold_set: str | None) -> list[RunResult]:
    """Measure some calls, in a process of its own."""
    settings = loads(settings_json)
    chosen = tried(settings, threshold_set)
    return [_measure_one(call_id, settings, chosen) for call_id in call_ids]


def _measure_one(call_id: str, settings: Settings, chosen: ThresholdSet | None) -> RunResult:
    try:
        analyses = recordings.load_analyses(settings.recordings_dir, call_id)
        if not analyses:
            return RunResult(call_id=call_id, problem="it has not been heard yet")
        return RunResult(call_id=call_id, streams=_ids(analyses), measured=completion.call_measured(analyses, settings, chosen))
    except (OSError, RecordingError, msgspec.DecodeError, ValueError) as error:
        return RunResult(
            call_id=call_id, problem=f"what was heard cannot be read ({error}); use --what recognition to hear it again"
        )


def _ids(analyses: Sequence[StreamAnalysis]) -> tuple[str, ...]:
    return tuple(sorted(analysis.stream_id for analysis in analyses))


def decode_again(
    call_ids: list[str], settings: Settings, asked: RunPlan, recognition: Recognition, threads: int
) -> Iterator[RunResult]:
    """Yield what each call says and measures when its recording is heard again with today's models and settings."""
    chosen = tried(settings, asked.threshold_set)
    with ThreadPoolExecutor(threads, thread_name_prefix="rehear") as pool:
        yield from pool.map(lambda call_id: _decode_one(call_id, settings, recognition, chosen), call_ids)


def _decode_one(call_id: str, settings: Settings, recognition: Recognition, chosen: ThresholdSet | None) -> RunResult:
    try:
        folder = settings.recordings_dir / call_id
        known = {analysis.stream_id: analysis for analysis in recordings.load_analyses(settings.recordings_dir, call_id)}
        heard = [
            _decode_stream(path, known[header.stream_id], settings, recognition)
            for path, header in recordings.started_streams(folder)
            if header.stream_id in known
        ]
        if not heard:
            return RunResult(call_id=call_id, problem="it has not been heard yet")
        batch = completion.call_measured(heard, settings, chosen)
        return RunResult(call_id=call_id, streams=_ids(heard), measured=batch, analyses=tuple(heard))
    except (OSError, RecordingError, SpeechError, msgspec.DecodeError, ValueError) as error:
        return RunResult(call_id=call_id, problem=f"its recording cannot be heard again ({error})")


def _decode_stream(folder: Path, known: StreamAnalysis, settings: Settings, recognition: Recognition) -> StreamAnalysis:
    """Hear a stream again. What did not come from its audio and its journal – whose channel an imported one is – stays."""
    recording = recordings.open_recording(folder)
    if recording is None:
        raise RecordingError(f"stream {known.stream_id} of call {known.call_id} has no recording any more")
    try:
        pipelines = recognition.pipelines(recording.header.language)
        language = known.language
        if known.asr_model is not None and recognition.is_local and pipelines.recogniser(language) is None:
            # A model that was removed, or the wrong folder of models, must not take the words of all history away
            raise RecordingError(f"its words are of {known.asr_model}, and no model for {language} is installed now")
        run = recognition.priority_pool.catch_up
        heard = {name: recognise_channel(file, pipelines.make, run) for name, file in recording.channels.items()}
        is_fixed = known.product == PRODUCT and known.policy is not None and not known.policy.identify
        analysis = completion.understand(
            recording, known.epoch, heard, settings.language, recognition, pipelines, run, is_fixed=is_fixed
        )
    finally:
        recording.close()
    parties = {channel.channel_id: channel.party for channel in known.channels}
    again = msgspec.structs.replace(
        analysis,
        channels=tuple(msgspec.structs.replace(channel, party=parties.get(channel.channel_id)) for channel in analysis.channels),
        duration_ms=known.duration_ms,
        mixed_audio=known.mixed_audio or analysis.same_audio,
        host_id=known.host_id,
    )
    return redaction.redacted_again(tuple(recording.channels), again, known, settings)
