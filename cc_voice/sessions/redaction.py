"""Redaction of a stream: what is hidden in its words before anything of them is written for good, then in its sound.

    recognised → put back what was hidden before → find → chips in the analysis → journal written anew → FLAC silenced, read back
    and compared → what was received goes → the sound may be played

Each step can be repeated from what the one before left on disk. Where one fails, every number word of the stream is hidden, its
sound is not played, and the failure is kept with the recording (`media/redaction_state.py`): `cc-voice redact` tries again.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog

from cc_voice.call.analysis import Interval, StreamAnalysis
from cc_voice.call.events import CallEvent
from cc_voice.call.intervals import canonical
from cc_voice.call.redactions import Redaction
from cc_voice.config.settings import Settings
from cc_voice.media import pictures, recordings, redaction_state
from cc_voice.media.recordings import Recording, RecordingError
from cc_voice.media.redaction_state import RedactionState
from cc_voice.quality.redaction import redaction_policy
from cc_voice.quality.redaction.redacted_analysis import put_back, redacted, withheld
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.sessions import journal_redaction
from cc_voice.sessions.journal import Journal

log = structlog.get_logger()

AROUND_CARD_MS = 10_000
"""Pictures so close to a card's number go: a form may be on the screen."""
_CARD = ("CARD_NUMBER", "CVV", "EXPIRY")


def policy_of_call(settings: Settings, events: Iterable[CallEvent]) -> RedactionPolicy:
    """Return the policy of a call, from the queues that its events name."""
    people = [person for event in events for person in event.participants]
    queues = {name for person in people for name in (person.queue_id, person.queue_name) if name}
    return redaction_policy.policy_of(settings.redaction, queues)


def may_hide(settings: Settings) -> bool:
    """Whether anything may have to be hidden in a call whose queue is not known yet."""
    return redaction_policy.strictest(settings.redaction).is_on


def hold_back(settings: Settings, folder: Path) -> None:
    """Let nobody hear a stream before it was completed. Raises OSError."""
    if may_hide(settings):
        redaction_state.write(folder, RedactionState(state="pending"))


def redact_words(
    recording: Recording, analysis: StreamAnalysis, notes: Journal, settings: Settings, stored: StreamAnalysis | None = None
) -> StreamAnalysis:
    """Return a stream's analysis without what its policy hides, and write its journal anew so. Raises OSError.

    `notes` hold Zoom's words as they were said, where this process still knows them. `stored` is what an earlier session of the
    stream left: what was hidden then stays hidden. Nobody writes the journal any more.
    """
    raw = analysis
    if stored is not None and stored.redactions is not None:
        analysis = put_back(analysis, stored)
    policy = policy_of_call(settings, analysis.events)
    files = tuple(zip(recording.channels, (channel.channel_id for channel in raw.channels), strict=True))
    found = redacted(analysis, policy, files, rewritten=analysis.redactions is not None)
    if may_hide(settings) or found.redactions is not None:
        found = journal_redaction.write_anew(recording, notes, raw, found, policy)
    return found


def redact_stored(recording: Recording, analysis: StreamAnalysis, notes: Journal, settings: Settings) -> StreamAnalysis:
    """Return a stored analysis without what the policy hides by now, and write the journal anew so. Raises OSError."""
    policy = policy_of_call(settings, analysis.events)
    files = tuple(zip(recording.channels, (channel.channel_id for channel in analysis.channels), strict=True))
    found = redacted(analysis, policy, files, rewritten=analysis.redactions is not None)
    return journal_redaction.write_anew(recording, notes, analysis, found, policy)


def redacted_again(names: Sequence[str], again: StreamAnalysis, stored: StreamAnalysis, settings: Settings) -> StreamAnalysis:
    """Return what was recognised again in a recording, redacted as before, and what is found beyond that hidden.

    `names` are the recording's channels. A stream that was never redacted stays so: its sound and journal still have everything
    (`cc-voice redact --since`).
    """
    if stored.redactions is None or stored.redacted is None:
        return again
    found = put_back(again, stored)
    if stored.redacted.outcome == "withheld":
        return withheld(found, policy_of_call(settings, stored.events), stored.redacted.failure or "redaction failed")
    policy = policy_of_call(settings, stored.events)
    files = tuple(zip(names, (channel.channel_id for channel in found.channels), strict=True))
    return redacted(found, policy, files, rewritten=True)


def silence(settings: Settings, analysis: StreamAnalysis) -> StreamAnalysis:
    """Silence a stream's recording, make it small and say that it may be played; return its analysis, which says if that failed.

    A full disk is told and does not make the stream fail, but what was to be silenced is withheld.
    """
    folder = recordings.stream_folder(settings.recordings_dir, analysis.call_id, analysis.stream_id)
    sound = analysis.redacted
    if sound is not None and sound.outcome == "withheld":
        return _withheld(settings, folder, analysis, sound.failure or "redaction failed")
    try:
        if sound is not None:
            _drop_pictures(folder, analysis)
        recordings.compress(folder, dict(sound.spans) if sound else {}, is_tone=settings.redaction.audio == "tone")
    except (OSError, RecordingError) as error:
        log.error("recording stays uncompressed", call_id=analysis.call_id, stream_id=analysis.stream_id, error=str(error))
        if sound is None or not sound.spans:  # nothing in it is hidden
            _release(settings, folder, analysis)
            return analysis
        return _withheld(settings, folder, analysis, f"the sound could not be silenced: {type(error).__name__}")
    _release(settings, folder, analysis)
    return analysis


def _release(settings: Settings, folder: Path, analysis: StreamAnalysis) -> None:
    if not folder.is_dir():
        return
    if analysis.redacted is not None:
        state = RedactionState(state=analysis.redacted.outcome, policy=analysis.redacted.policy)
        redaction_state.write(folder, state)
    elif redaction_state.read(folder) is not None:
        redaction_state.write(folder, RedactionState(state="off"))


def _withheld(settings: Settings, folder: Path, analysis: StreamAnalysis, why: str) -> StreamAnalysis:
    """Hide every number word of a stream, and let nobody hear it."""
    log.error("redaction failed; the call is withheld", call_id=analysis.call_id, stream_id=analysis.stream_id, error=why)
    policy = policy_of_call(settings, analysis.events)
    if analysis.redacted is None or analysis.redacted.outcome != "withheld":
        analysis = withheld(analysis, policy, why)
        journal_redaction.write_stored(folder, analysis)
        recordings.save_analysis(settings.recordings_dir, analysis)
    redaction_state.write(folder, RedactionState(state="withheld", policy=policy.classes, failure=why))
    return analysis


def _drop_pictures(folder: Path, analysis: StreamAnalysis) -> None:
    """Remove pictures that may show a card's number."""
    around = card_times(analysis.redactions or ())
    if around:
        t0 = analysis.t0_unix_ms
        pictures.drop(folder, [(t0 + start, t0 + end) for start, end in around])


def card_times(redactions: Sequence[Redaction]) -> Sequence[Interval]:
    """Return when pictures may show what a redaction hid."""
    cards = (one for one in redactions if one.entity in _CARD)
    return canonical((one.start_ms - AROUND_CARD_MS, one.end_ms + AROUND_CARD_MS) for one in cards)


def stored_analysis(settings: Settings, call_id: str, stream_id: str) -> StreamAnalysis | None:
    """Return what an earlier session of a stream left; None where none came so far."""
    found = recordings.load_analyses(settings.recordings_dir, call_id)
    return next((analysis for analysis in found if analysis.stream_id == stream_id), None)
