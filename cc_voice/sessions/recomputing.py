"""Measures calls again from what lies beside their recordings: all history can be asked again.

The store is not read: what was measured and then lost with a damaged database comes back.
"""

import datetime
import hashlib
import zoneinfo
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial

import msgspec

from cc_voice.call.measure import METRIC_VERSION
from cc_voice.call.thresholds import ThresholdSet
from cc_voice.sessions import completion
from cc_voice.settings import Settings, dumps, loads
from cc_voice.store import recordings
from cc_voice.store.recordings import RecordingError
from cc_voice.store.runs import Plan, Result, RunError

_AT_ONCE = 50
"""Calls handed to a process at a time: enough to make the handing over cheap, few enough for a moving progress bar."""


def plan(
    settings: Settings,
    *,
    since: datetime.date | None = None,
    until: datetime.date | None = None,
    call_ids: tuple[str, ...] = (),
    threshold_set: str | None = None,
) -> Plan:
    """Return what is asked for. Raises RunError for a set of thresholds that the configuration does not have."""
    tried(settings, threshold_set)
    decides = (settings.thresholds, settings.meeting_agent, settings.cust_speech_on_hold, settings.transcript, settings.timezone)
    return Plan(
        what="metrics",
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


def recorded_calls(settings: Settings, asked: Plan) -> Iterator[str]:
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


def measure_again(call_ids: list[str], settings: Settings, asked: Plan, workers: Executor) -> Iterator[Result]:
    """Yield what each call measures now. A call that cannot be measured does not stop the others."""
    without_secrets = dumps(msgspec.structs.replace(settings, apps=()))
    work = partial(_measure_some, settings_json=without_secrets, threshold_set=asked.threshold_set)
    batches = [call_ids[at : at + _AT_ONCE] for at in range(0, len(call_ids), _AT_ONCE)]
    for results in workers.map(work, batches):
        yield from results


def _measure_some(call_ids: list[str], *, settings_json: bytes, threshold_set: str | None) -> list[Result]:
    """Measure some calls, in a process of its own."""
    settings = loads(settings_json)
    chosen = tried(settings, threshold_set)
    return [_measure_one(call_id, settings, chosen) for call_id in call_ids]


def _measure_one(call_id: str, settings: Settings, chosen: ThresholdSet | None) -> Result:
    try:
        analyses = recordings.load_analyses(settings.recordings_dir, call_id)
        if not analyses:
            return Result(call_id=call_id, problem="it has not been heard yet")
        return Result(call_id=call_id, measured=completion.call_measured(analyses, settings, chosen))
    except (OSError, RecordingError, msgspec.DecodeError, ValueError) as error:
        return Result(call_id=call_id, problem=f"what was heard cannot be read ({error}); use --what recognition to hear it again")
