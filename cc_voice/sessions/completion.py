"""Completion: what follows the end of a stream, stage by stage, recorded → transcribed → measured. Each step can be repeated.

Everything here runs in a thread and works from files, so that a restart continues where the last process stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from cc_voice.call.analysis import ChannelAnalysis, Interval, StreamAnalysis
from cc_voice.call.batch import Batch, CallMeasured, Stage, StageReached
from cc_voice.call.events import CallEvent, Participant
from cc_voice.call.intervals import canonical, subtract
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.legs.assignment import PHONE
from cc_voice.call.measure import measure
from cc_voice.call.rows import MeasuredCall
from cc_voice.config.languages import LanguageSettings, primary
from cc_voice.config.policies import told
from cc_voice.config.settings import Settings
from cc_voice.config.thresholds import SITE_SET, ThresholdSet
from cc_voice.media import films, form_sets, lexicons, recordings, rule_sets
from cc_voice.media.recordings import ChannelFile, Recording
from cc_voice.quality.forms.evaluation_rows import with_evaluations
from cc_voice.quality.rules.evaluation import Evaluator
from cc_voice.quality.rules.rule_rows import with_rules
from cc_voice.quality.sentiment.leg_sentiment import with_sentiment
from cc_voice.rtms.events import MIXED_SOURCE
from cc_voice.sessions import journal, redaction
from cc_voice.sessions.call_languages import call_policy, unwritten_policy
from cc_voice.sessions.channel_recognition import BlockRunner, PipelineFactory, RecognisedChannel, recognise_channel
from cc_voice.sessions.journal import Journal, Note
from cc_voice.sessions.party_names import UNJOINED, Joined, joined
from cc_voice.sessions.recognition import Pipelines, Recognition
from cc_voice.sessions.second_pass import MOST_COMPARED, identified, second_pass, served
from cc_voice.sessions.spec import SessionSpec
from cc_voice.speech.echo import ChannelEnvelope, echoes, own_speech, same_sound
from cc_voice.speech.phrase_boosting import MARK

log = structlog.get_logger()

MIXED_FROM_MS = 1_000
"""So much mixed audio beside audio of parties makes a stream mixed; a few packets that name nobody do not."""

TURN_MS = 1_000
"""Parties whose audio ends this close to where mixed audio begins ended because of it."""

Heard = dict[str, RecognisedChannel]
"""By channel_id."""

Deliver = Callable[[Batch], None]
"""Takes a batch and returns when it is safe against a crash; may be called from any thread."""


def thresholds(settings: Settings) -> ThresholdSet:
    """Return the thresholds in force at this site."""
    own = next((entry.values for entry in settings.thresholds if entry.name == SITE_SET), ThresholdSet())
    return msgspec.structs.replace(
        own,
        cust_speech_on_hold=own.cust_speech_on_hold or settings.cust_speech_on_hold,
        transcript_prefer=settings.transcript.prefer,
    )


def complete(
    spec: SessionSpec,
    settings: Settings,
    recognition: Recognition,
    deliver: Deliver,
    heard: Heard | None = None,
    pipelines: Pipelines | None = None,
    unwritten: Sequence[Note] = (),
    rules: Evaluator | None = None,
) -> None:
    """Carry a stream whose media has ended to the stage `measured`.

    `heard` is what was recognised while it was live, with `pipelines`: the rest of the call is heard with the same model.
    `unwritten` is what the session knows and the journal does not hold, or not as it was said (`live_redaction.py`). `rules` are
    those that the call began with; None: those in force.
    Raises recordings.RecordingError, OSError.
    """
    folder = recordings.stream_folder(settings.recordings_dir, spec.call_id, spec.stream_id)
    if spec.stage != "transcribed":
        recording = recordings.open_recording(folder)
        if recording is None or recording.header.t0_unix_ms is None:
            deliver(_stage(spec, "failed", "no media was received before the stream ended"))
            return
        try:
            if spec.stage == "received":
                deliver(_stage(spec, "recorded"))
            chosen = pipelines or recognition.pipelines(spec.language)
            run = recognition.priority_pool.catch_up
            whole = _recognise_missing(recording, chosen.make, heard or {}, run)
            notes = read_notes(recording, unwritten)
            analysis = understand(recording, spec.epoch, whole, settings.language, recognition, chosen, run, notes)
            analysis = msgspec.structs.replace(analysis, host_id=spec.target.host_id)
            stored = redaction.stored_analysis(settings, spec.call_id, spec.stream_id)
            analysis = redaction.redact_words(recording, analysis, notes, settings, stored)
        finally:
            recording.close()
        recordings.save_analysis(settings.recordings_dir, analysis)
        deliver(_stage(spec, "transcribed"))
    # Before the last stage: a process killed in between comes back here, and no recording stays large, or can be heard, for ever
    redacted = redaction.stored_analysis(settings, spec.call_id, spec.stream_id)
    if redacted is not None:
        redaction.silence(settings, redacted)
    _make_films(spec, folder)
    deliver(measured(spec.call_id, spec.stream_id, spec.epoch, settings, rules))


def _make_films(spec: SessionSpec, folder: Path) -> None:
    """Make films of what was kept as H.264; where that fails the H.264 is still there."""
    try:
        problems = films.make_films(folder)
    except OSError as error:
        problems = [str(error)]
    for problem in problems:
        log.error("kept video stays H.264", call_id=spec.call_id, stream_id=spec.stream_id, error=problem)


def _recognise_missing(recording: Recording, make: PipelineFactory, heard: Heard, run: BlockRunner) -> Heard:
    return {name: heard[name] if name in heard else recognise_channel(file, make, run) for name, file in recording.channels.items()}


def understand(
    recording: Recording,
    epoch: int,
    heard: Heard,
    languages: LanguageSettings,
    recognition: Recognition,
    pipelines: Pipelines,
    run: BlockRunner,
    notes: Journal | None = None,
    *,
    is_fixed: bool = False,
) -> StreamAnalysis:
    """Find out which language was spoken when, hear again what was heard in another, and put everything together.

    `notes` are the recording's journal where that holds less; `is_fixed`: somebody said which language the recording is in.
    Raises OSError.
    """
    notes, installed = notes or read_notes(recording), recognition.languages()
    policy = call_policy(languages, recording.header.language, installed, notes.events)
    if not notes.words:
        policy = unwritten_policy(policy, installed)
    if is_fixed:
        policy = LanguagePolicy(default=recording.header.language, identify=False)
    here = {primary(language) for language in installed}
    compare = [policy.tag(language) for language in policy.candidates() if language in here] if languages.compare else []
    heard = own_voices(heard)
    known = second_pass(
        heard,
        recording.channels,
        identified(notes.words, policy, recognition.identifier),
        policy,
        pipelines.recogniser,
        compare[:MOST_COMPARED],
        run,
    )
    notes = msgspec.structs.replace(notes, words=known.words)
    decoded = {name: channel.only(heard[name].voiced) for name, channel in known.heard.items()}
    analysis = analyse(recording, epoch, decoded, pipelines.model, notes)
    return msgspec.structs.replace(
        analysis,
        channels=tuple(
            msgspec.structs.replace(channel, compared=known.compared.get(channel.channel_id, ())) for channel in analysis.channels
        ),
        language=policy.default,
        policy=policy,
        served=served(known.languages, installed, pipelines.recogniser, policy) if recognition.is_local else None,
    )


def own_voices(heard: Mapping[str, RecognisedChannel]) -> Heard:
    """Return the channels without the echoes of each other."""
    channels = _envelopes(heard)
    own = own_speech(channels, echoes(channels))
    return {name: channel.cut_to(own[name]) for name, channel in heard.items()}


def _envelopes(heard: Mapping[str, RecognisedChannel]) -> dict[str, ChannelEnvelope]:
    return {name: ChannelEnvelope(channel.envelope, canonical(channel.voiced)) for name, channel in heard.items()}


def read_notes(recording: Recording, unwritten: Sequence[Note] = ()) -> Journal:
    """Return the journal of a recording that has its t0, and what was not written into it."""
    if recording.header.t0_unix_ms is None:
        raise AssertionError("a stream without media has no time line")
    return journal.read(recording, recording.header.t0_unix_ms, unwritten)


def analyse(recording: Recording, epoch: int, heard: Heard, model: str | None, notes: Journal) -> StreamAnalysis:
    """Put together what the audio, the events and Zoom's words say about one stream. The recording must have its t0.

    `model` is named where nothing was recognised.
    """
    header = recording.header
    if header.t0_unix_ms is None:
        raise AssertionError("a stream without media has no time line")
    arrived = {name: file.received() for name, file in recording.channels.items()}
    parties = joined(notes.names, notes.events, arrived)
    people, doubts = _people(notes.events), {note.channel_id: note.why for note in notes.doubts}
    envelopes = _envelopes({name: heard[name] for name in recording.channels})
    returning, same = echoes(envelopes), same_sound(envelopes)
    channels = tuple(
        ChannelAnalysis(
            channel_id=parties.name(name),
            user_id=people.get(parties.name(name), Participant()).user_id,
            name=people.get(parties.name(name), Participant()).display_name,
            speech=heard[name].speech,
            music=heard[name].sounds.music,
            tones=heard[name].sounds.tones,
            levels=heard[name].levels,
            echoes=tuple(
                msgspec.structs.replace(echo, on=parties.name(echo.on))
                for echo in returning[name]
                if parties.name(echo.on) != parties.name(name)
            ),
            received_ms=file.ranges.total * 1000 // file.rate_hz,
            first_packet_ms=arrived[name][0][0] if arrived[name] else None,
            doubt=doubts.get(name) or (UNJOINED if name in parties.unjoined else None),
        )
        for name, file in recording.channels.items()
    )
    local = [utterance for name in recording.channels for utterance in heard[name].utterances]
    said = [msgspec.structs.replace(one, channel_id=parties.name(one.channel_id)) for one in (*local, *notes.words)]
    return StreamAnalysis(
        call_id=header.call_id,
        stream_id=header.stream_id,
        product=header.product,
        instance_id=header.instance_id,
        t0_unix_ms=header.t0_unix_ms,
        # A stream that ended while its link was down is as long as Zoom says: what was said until then nobody heard
        duration_ms=max([recording.duration_ms, *(end for _, end in notes.gaps)]),
        channels=channels,
        events=tuple(_renamed(event, parties) for event in notes.events),
        utterances=tuple(sorted(said, key=lambda u: (u.start_ms, u.channel_id, u.source))),
        media_gaps=media_gaps(notes, arrived),
        lost=tuple(msgspec.structs.replace(one, channel_id=parties.name(one.channel_id)) for one in notes.lost),
        language=header.language,
        mixed_audio=same or _is_mixed(recording, notes.events),
        same_audio=same,
        detector=" and ".join(sorted({one.detector for one in heard.values()})) or "none",
        asr_model=" and ".join(sorted({said.asr_model.removesuffix(MARK) for said in local if said.asr_model})) or model,
        stop_reason=notes.end.stop_reason if notes.end else None,
        epoch=epoch,
    )


def _people(events: Sequence[CallEvent]) -> dict[str, Participant]:
    """Return who is on which channel: what the first event that says so says; later ones may leave names out."""
    people: dict[str, Participant] = {}
    for person in (person for event in events for person in event.participants):
        if person.channel_id is not None:
            known = people.get(person.channel_id, person)
            people[person.channel_id] = msgspec.structs.replace(
                known, user_id=known.user_id or person.user_id, display_name=known.display_name or person.display_name
            )
    return people


def _renamed(event: CallEvent, parties: Joined) -> CallEvent:
    """Return an event whose participants have their channels: one that knew a user id only has it for a channel's."""
    people = (
        msgspec.structs.replace(who, channel_id=parties.name(who.channel_id)) if who.channel_id else who
        for who in event.participants
    )
    return msgspec.structs.replace(event, participants=tuple(people)) if parties.names else event


def _is_mixed(recording: Recording, events: Sequence[CallEvent]) -> bool:
    """Whether the parties cannot be told apart, if only for a part: a server may turn to mixed audio after a reconnect."""
    mixed = recording.channels.get(MIXED_SOURCE)
    if mixed is not None and (len(recording.channels) == 1 or mixed.ranges.total >= MIXED_FROM_MS * mixed.rate_hz // 1000):
        return True
    named = {person.channel_id for event in events for person in event.participants}
    return any(_took_over(file, recording) for name, file in recording.channels.items() if name not in named)


def _took_over(file: ChannelFile, recording: Recording) -> bool:
    """Whether all others, who were there a moment before, ended when a channel that nobody announced began: now it carries them.

    Mixed audio may come under a channel of its own (rtms/README.md 12, row 36), and a server need not say that it turned to it.
    """
    others = [other.received() for name, other in recording.channels.items() if name != file.channel_id and other.ranges.total]
    if len(others) < 2 or file.ranges.total < MIXED_FROM_MS * file.rate_hz // 1000:
        return False
    ends = [spans[-1][1] for spans in others]
    begin = file.received()[0][0]
    return max(ends) <= begin + TURN_MS and sum(end >= begin - TURN_MS for end in ends) >= 2


def media_gaps(notes: Journal, received: Mapping[str, Sequence[Interval]]) -> tuple[Interval, ...]:
    """Return the time in which audio was lost on its way: of everybody, or of one party while others were heard."""
    single = (interval for name, gap in notes.channel_gaps for interval in unfilled((gap,), [received.get(name, ())]))
    return canonical([*unfilled(notes.gaps, list(received.values())), *single])


def unfilled(gaps: Sequence[Interval], received: Sequence[Sequence[Interval]]) -> tuple[Interval, ...]:
    """Return what of the gaps no channel received later: the media gaps."""
    arrived = canonical(interval for channel in received for interval in channel)
    return subtract(canonical(gaps), arrived)


def measured(call_id: str, stream_id: str, epoch: int, settings: Settings, rules: Evaluator | None = None) -> CallMeasured:
    """Measure the call from the analyses of all its streams. Raises RecordingError when this stream's analysis is missing."""
    analyses = recordings.load_analyses(settings.recordings_dir, call_id)
    if not analyses:
        raise recordings.RecordingError(f"call {call_id} has no analysis to measure; run the stream again from its recording")
    found = call_measured(analyses, settings, rules=rules)
    return msgspec.structs.replace(found, stream_id=stream_id, epoch=epoch)


def call_measured(
    analyses: Sequence[StreamAnalysis], settings: Settings, tried: ThresholdSet | None = None, rules: Evaluator | None = None
) -> CallMeasured:
    """Measure a call from the analyses of its streams, earliest first. `tried` are thresholds, `rules` rules, instead of those in
    force."""
    chosen = tried or thresholds(settings)
    by_queue = () if tried else settings.thresholds
    call = measure(analyses, chosen, _agent_rule(analyses[-1].product, settings), by_queue, told(settings.policies))
    return CallMeasured(
        call_id=analyses[-1].call_id,
        stream_id=analyses[-1].stream_id,
        epoch=analyses[-1].epoch,
        revision=sum(analysis.epoch for analysis in analyses),
        thresholds=chosen,
        call=_judged(call, settings, chosen, rules),
    )


def _judged(call: MeasuredCall, settings: Settings, chosen: ThresholdSet, rules: Evaluator | None) -> MeasuredCall:
    """Return a call with what quality makes of it: rules read metrics, forms read rules, and nothing the other way round."""
    felt = with_sentiment(call, lexicons.site_lexicon(settings.data_dir), chosen)
    found = with_rules(felt, rules or rule_sets.evaluator(settings.data_dir), chosen.low_conf)
    return with_evaluations(found, form_sets.evaluators(settings.data_dir), chosen.low_conf)


def _agent_rule(product: str, settings: Settings) -> tuple[str, ...]:
    return settings.phone_agent if product == PHONE else settings.meeting_agent


def _stage(spec: SessionSpec, stage: Stage, reason: str | None = None) -> StageReached:
    return StageReached(call_id=spec.call_id, stream_id=spec.stream_id, epoch=spec.epoch, stage=stage, reason=reason)
