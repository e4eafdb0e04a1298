"""Evidence: the intervals behind every metric, so that each number on a screen is a door to the seconds it was read from.

    kind            subkind                          party           outcome            value
    speech          backchannel, on_hold or none     who             –                  –
    agent_only, customer_only, silence               –               –                  –
    overtalk        class of 1.2, or short           interrupter     taken, attempted   –
    long_silence    announced, unknown or none       who owes        –                  –
    dead_air        owed_by                          who owes        –                  –
    hold            –                                –               –                  –
    excluded        media_gap                        –               –                  –
    media_lost      why                              whose, or none  –                  ms lost
    turn            into_speech or none (2)          who             –                  –
    latency         –                                who responds    –                  ms, may be < 0
    greeting        –                                agent           –                  ms
    music, tone     –                                whose, or none  –                  –
    talk_speed      language                         who             –                  words counted in it
    language        language (primary subtag)        who, or none    text, tag … (1)    posterior
    unserved_language  language                      who, or none    –                  –
    lang_switch     language switched to             who             language left      posterior
    lang_mismatch   –                                –               –                  –
    disagreement    –                                who             –                  % of its words
    raised_voice    –                                who             –                  dB over own median
    level, quiet    –                                who             –                  dBFS
    clipping        –                                who             –                  % of the speech
    echo            –                                whose voice     –                  ms of delay
    doubtful_words  –                                who, or none    –                  how many
    question        –                                agent           –                  –
    repeat_request  –                                who             –                  –
    conference      –                                –               –                  –
    redaction       what was hidden                  who, or none    of the sound (3)   digits

(1) What most of it was told by, see `call/transcript/language_track.py`. A switch reaches from the last speech in one language to
the first in the other. A piece of speech in which no word differs between the recognisers has no row of `disagreement`.
(2) It begins while the other party speaks.
(3) silenced, text_only or withheld, see `call/analysis.py`. Such a row stands behind no metric: it tells what nobody reads.

Which of them stand behind a metric is in its entry (`entry.py`); music and tones are no speech, and stand behind none.

Nothing is emitted for a metric that is NULL because a party cannot be heard.
"""

from collections.abc import Iterable

import msgspec

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import clip, intersect
from cc_voice.call.legs.assignment import Handling
from cc_voice.call.legs.timeline import Timeline
from cc_voice.call.metrics.languages import stretches, unserved
from cc_voice.call.metrics.leg_input import LegInput, party_channels
from cc_voice.call.metrics.leg_metrics import Findings, MeasuredLeg
from cc_voice.call.metrics.level_runs import level_runs
from cc_voice.call.metrics.overtalk import BACKCHANNEL, INTO_SPEECH
from cc_voice.call.metrics.recogniser_quality import doubtful_words
from cc_voice.call.metrics.silence import LongSilence
from cc_voice.call.metrics.talk import partition
from cc_voice.call.metrics.talk_speed import pace_pieces
from cc_voice.call.metrics.turns import PARTIES, begins_in, other
from cc_voice.call.reasons import MIXED, Unmeasured
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet


class IntervalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A typed interval of time: the evidence of a metric. `kind` is one of the metric dictionary's kinds."""

    leg_id: str
    kind: str
    start_ms: int
    end_ms: int
    subkind: str | None = None
    party: str | None = None
    value: float | None = None
    outcome: str | None = None
    metric_version: str


class _Writer:
    """Makes rows of one leg."""

    def __init__(self, leg_id: str, metric_version: str) -> None:
        self._leg_id, self._metric_version = leg_id, metric_version

    def row(
        self,
        kind: str,
        span: Interval,
        *,
        subkind: str | None = None,
        party: str | None = None,
        value: float | None = None,
        outcome: str | None = None,
    ) -> IntervalRow:
        return IntervalRow(
            leg_id=self._leg_id,
            kind=kind,
            start_ms=span[0],
            end_ms=span[1],
            subkind=subkind,
            party=party,
            value=value,
            outcome=outcome,
            metric_version=self._metric_version,
        )

    def rows(
        self, kind: str, spans: Iterable[Interval], *, subkind: str | None = None, party: str | None = None
    ) -> Iterable[IntervalRow]:
        return (self.row(kind, span, subkind=subkind, party=party) for span in spans)


def evidence(leg: MeasuredLeg, handling: Handling, timeline: Timeline, metric_version: str) -> tuple[IntervalRow, ...]:
    """Return the intervals behind a leg's metrics, in order of start."""
    write, scope, found = _Writer(leg.leg_id, metric_version), leg.scope, leg.found
    rows = [*write.rows("hold", scope.hold), *write.rows("excluded", scope.gaps, subkind="media_gap")]
    rows += [
        write.row(
            "media_lost", (one.start_ms, one.end_ms), subkind=one.why, party=handling.roles.get(one.channel_id), value=one.lost_ms
        )
        for one in scope.lost
    ]
    rows += _speech(write, scope, found, leg.thresholds)
    rows += [row for sound in scope.sounds for row in write.rows(sound.kind, sound.spans, party=sound.party)]
    rows += _languages(write, scope, found)
    rows += _disagreement(write, scope)
    rows += _words(write, leg)
    together = scope.two_party_obstacle
    if together is None:
        rows += _both(write, scope, found)
    elif together in MIXED:
        rows += [*write.rows("silence", scope.silence), *(_long_silence(write, silence, None) for silence in found.silences)]
    rows += _sound_of_voices(write, scope, found, leg.thresholds)
    rows += _asking(write, scope, found)
    rows += _redactions(write, scope, handling, timeline)
    rows += write.rows("conference", clip(handling.conferences, scope.leg.span))
    if found.greeting is not None and scope.leg.answered and scope.obstacles["agent"] is None:
        rows.append(write.row("greeting", found.greeting, party="agent", value=found.greeting[1] - found.greeting[0]))
    return tuple(sorted(rows, key=lambda row: (row.start_ms, row.end_ms, row.kind, row.party or "")))


def _redactions(write: _Writer, scope: LegInput, handling: Handling, timeline: Timeline) -> Iterable[IntervalRow]:
    """What was hidden in the leg, in which the middle of it lies."""
    channels = party_channels(scope.leg, handling, timeline)
    for one in timeline.redactions or ():
        if scope.leg.start_ms <= (one.start_ms + one.end_ms) // 2 < scope.leg.end_ms:
            party = next((party for party in PARTIES if one.channel_id in channels[party]), None)
            outcome = timeline.redaction_outcome
            span = (one.start_ms, one.end_ms)
            yield write.row("redaction", span, subkind=one.entity, party=party, value=one.digits, outcome=outcome)


def _speech(write: _Writer, scope: LegInput, found: Findings, thresholds: ThresholdSet) -> Iterable[IntervalRow]:
    if scope.mixed:
        yield from write.rows("speech", scope.anybody)
        return
    for ipu in found.taking.ipus:
        subkind = BACKCHANNEL if ipu.backchannel else None
        yield write.row("speech", (ipu.start_ms, ipu.end_ms), subkind=subkind, party=ipu.party)
    if thresholds.cust_speech_on_hold:
        yield from write.rows("speech", intersect(scope.voice["customer"], scope.hold), subkind="on_hold", party="customer")


def _asking(write: _Writer, scope: LegInput, found: Findings) -> Iterable[IntervalRow]:
    if scope.obstacles["agent"] is None and not found.asking.undecided:
        yield from write.rows("question", _clipped(found.asking.questions, scope), party="agent")
    for party in PARTIES if scope.two_party_obstacle is None else ():
        yield from write.rows("repeat_request", _clipped(found.asking.repeats[party], scope), party=party)


def _clipped(said: Iterable[Utterance], scope: LegInput) -> Iterable[Interval]:
    """Return where utterances were said, inside the leg: one across a transfer belongs to the leg of its middle."""
    low, high = scope.leg.span
    return ((max(words.start_ms, low), min(words.end_ms, high)) for words in said)


def _languages(write: _Writer, scope: LegInput, found: Findings) -> Iterable[IntervalRow]:
    for who, spoken in stretches(scope):
        if spoken.speech and spoken.conf is not None:
            yield write.row("language", spoken.span, subkind=spoken.language, party=who, value=spoken.conf, outcome=spoken.source)
    for who, one in unserved(scope) if scope.served is not None else ():
        yield from write.rows("unserved_language", one.speech, subkind=one.language, party=who)
    for switch in (switch for party in PARTIES for switch in found.languages.switches[party]):
        span = (switch.start_ms, switch.end_ms)
        yield write.row("lang_switch", span, subkind=switch.after, party=switch.party, value=switch.conf, outcome=switch.before)
    if scope.identifies_language and scope.two_party_obstacle is None:
        yield from write.rows("lang_mismatch", found.languages.mismatches)


def _words(write: _Writer, leg: MeasuredLeg) -> Iterable[IntervalRow]:
    """What words tell of pace and doubt."""
    for party in PARTIES:
        if not isinstance(leg.metrics[f"wpm_{party}"], Unmeasured):
            for piece in pace_pieces(leg.scope, leg.found.words, party, leg.thresholds):
                span = (piece.start_ms, piece.end_ms)
                yield write.row("talk_speed", span, subkind=piece.language, party=party, value=piece.words)
    low, high = leg.scope.leg.span
    for doubt in doubtful_words(leg.found.heard, leg.thresholds):
        span = (max(doubt.start_ms, low), min(doubt.end_ms, high))
        yield write.row("doubtful_words", span, party=doubt.party, value=doubt.words)


def _sound_of_voices(write: _Writer, scope: LegInput, found: Findings, thresholds: ThresholdSet) -> Iterable[IntervalRow]:
    """What levels tell."""
    for run in level_runs(scope, found.echoes, thresholds):
        if scope.obstacles[run.party] is None:
            yield write.row(run.kind, (run.start_ms, run.end_ms), party=run.party, value=run.value)
    for voice in found.raised:
        if scope.obstacles[voice.party] is None:
            yield write.row("raised_voice", (voice.start_ms, voice.end_ms), party=voice.party, value=voice.above_db)
    for echo in found.echoes:
        for span in echo.spans:
            yield write.row("echo", span, party=echo.party, value=echo.delay_ms)


def _both(write: _Writer, scope: LegInput, found: Findings) -> Iterable[IntervalRow]:
    """What takes two parties that can be told apart."""
    parts = partition(scope)
    yield from write.rows("agent_only", parts["agent_only"], party="agent")
    yield from write.rows("customer_only", parts["customer_only"], party="customer")
    yield from write.rows("silence", parts["silence"])
    for event in found.overtalk:
        span = (event.start_ms, event.end_ms)
        yield write.row("overtalk", span, subkind=event.subkind, party=event.party, outcome=event.outcome)
    for silence in found.silences:
        yield _long_silence(write, silence, silence.owed_by)
        if silence.kind == "dead":
            yield write.row("dead_air", (silence.start_ms, silence.end_ms), subkind="owed_by", party=silence.owed_by)
    for turn in found.taking.turns:
        subkind = INTO_SPEECH if begins_in(turn, scope.speech[other(turn.party)]) else None
        yield write.row("turn", (turn.start_ms, turn.end_ms), subkind=subkind, party=turn.party)
    for pair in (pair for party in PARTIES for pair in found.latencies[party]):
        span = (min(pair.before_ms, pair.after_ms), max(pair.before_ms, pair.after_ms))
        yield write.row("latency", span, party=pair.party, value=pair.latency_ms)


def _disagreement(write: _Writer, scope: LegInput) -> Iterable[IntervalRow]:
    whose = {piece: party for party in PARTIES for piece in scope.compared[party]}
    for piece in scope.everything_compared:
        if piece.differing:
            span = (max(piece.start_ms, scope.leg.start_ms), min(piece.end_ms, scope.leg.end_ms))
            yield write.row("disagreement", span, party=whose.get(piece), value=piece.pct)


def _long_silence(write: _Writer, silence: LongSilence, owed_by: str | None) -> IntervalRow:
    known = silence.kind if silence.kind in ("announced", "unknown") and owed_by else None
    return write.row("long_silence", (silence.start_ms, silence.end_ms), subkind=known, party=owed_by)
