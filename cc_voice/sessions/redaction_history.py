"""Redaction history: calls that were stored before somebody looked for what should be hidden, or under a narrower policy, call by
call.

Each call is whole after each step: its analysis and journal are rewritten, its sound silenced, and what comes of it is measured and
handed over. What was killed in between is found again by the next run, as the analysis says what was looked for.
"""

import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.batch import CallMeasured
from cc_voice.config.settings import Settings
from cc_voice.media import recordings, redaction_state
from cc_voice.media.recompute_runs import RunPlan
from cc_voice.media.recordings import RecordingError
from cc_voice.sessions import completion, journal, redaction
from cc_voice.sessions.recomputation import plan, recorded_calls

Outcome = Literal["redacted", "as it is", "in progress", "withheld", "off"]


class RedactedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one call."""

    call_id: str
    outcome: Outcome
    hidden: dict[str, int] = {}
    """Entity → how many stretches are hidden in it."""
    measured: CallMeasured | None = None
    """To be stored; None: nothing has changed."""
    problem: str | None = None


def redact_calls(settings: Settings, since: datetime.date | None, call_ids: tuple[str, ...] = ()) -> Iterator[RedactedCall]:
    """Redact recorded calls, oldest id first, and yield what became of each. A call that fails does not stop the others."""
    asked: RunPlan = plan(settings, since=since, call_ids=call_ids)
    for call_id in recorded_calls(settings, asked):
        try:
            yield _redact(settings, call_id)
        except (OSError, RecordingError, msgspec.DecodeError, ValueError) as error:
            yield RedactedCall(call_id=call_id, outcome="withheld", problem=f"{type(error).__name__}: its files cannot be redacted")


def _redact(settings: Settings, call_id: str) -> RedactedCall:
    streams = recordings.started_streams(settings.recordings_dir / call_id)
    states = [redaction_state.read(folder) for folder, _ in streams]
    analyses = {analysis.stream_id: analysis for analysis in recordings.load_analyses(settings.recordings_dir, call_id)}
    if any(state is not None and state.state == "pending" for state in states) or not analyses:
        return RedactedCall(call_id=call_id, outcome="in progress")
    outcomes = [
        _redact_stream(settings, folder, analyses[header.stream_id]) for folder, header in streams if header.stream_id in analyses
    ]
    known = recordings.load_analyses(settings.recordings_dir, call_id)
    hidden: Counter[str] = Counter(one.entity for analysis in known for one in analysis.redactions or ())
    outcome: Outcome = next(
        (one for one in _WORST_FIRST if one in outcomes),
        "as it is",
    )
    failure = next((one.redacted.failure for one in known if one.redacted is not None and one.redacted.failure), None)
    return RedactedCall(
        call_id=call_id,
        outcome=outcome,
        hidden=dict(hidden),
        measured=completion.call_measured(known, settings) if outcome in ("redacted", "withheld") else None,
        problem=failure,
    )


_WORST_FIRST: tuple[Outcome, ...] = ("withheld", "redacted", "as it is", "off")


def _redact_stream(settings: Settings, folder: Path, analysis: StreamAnalysis) -> Outcome:
    """Redact one stream where that was not done yet, under the policy that is in force now."""
    policy = redaction.policy_of_call(settings, analysis.events)
    if not policy.is_on:
        return "off"
    sound = analysis.redacted
    looked = sound is not None and set(policy.classes) <= set(sound.policy)
    state = redaction_state.read(folder)
    if looked and sound is not None and sound.outcome != "withheld" and state is not None and state.state == sound.outcome:
        return "as it is"
    if sound is not None and sound.outcome == "withheld":
        if not sound.spans:
            return "withheld"  # nobody knows where it should be silent; `recompute --what recognition` hears what is there again
        analysis = msgspec.structs.replace(analysis, redacted=msgspec.structs.replace(sound, outcome="silenced", failure=None))
        recordings.save_analysis(settings.recordings_dir, analysis)
    if not looked:
        recording = recordings.open_recording(folder)
        if recording is None:
            return "withheld"
        try:
            notes = journal.read(recording, analysis.t0_unix_ms)
            analysis = redaction.redact_stored(recording, analysis, notes, settings)
        finally:
            recording.close()
        recordings.save_analysis(settings.recordings_dir, analysis)
    analysis = redaction.silence(settings, analysis)
    return "withheld" if analysis.redacted is not None and analysis.redacted.outcome == "withheld" else "redacted"
