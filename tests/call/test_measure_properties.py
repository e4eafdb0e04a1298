"""Properties of every call, however odd: `measure` never raises and its rows agree with each other."""

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cc_voice.call import reasons
from cc_voice.call.analysis import ChannelAnalysis, StreamAnalysis
from cc_voice.call.events import CallEvent
from cc_voice.call.intervals import canonical, length
from cc_voice.call.measure import measure
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.rows import LegRow, MeasuredCall
from cc_voice.config.thresholds import ThresholdSet
from tests.call.strategies import STEP, conversations, streams
from tests.conftest import examples

THRESHOLDS = ThresholdSet(cust_speech_on_hold=True)
few = settings(max_examples=examples(40), deadline=None)
DATES = {"leg_id", "call_id", "answered_unix_ms", "ended_unix_ms"}


def total(call: MeasuredCall, leg: LegRow, kind: str, *, party: str | None = None) -> int:
    return sum(
        row.end_ms - row.start_ms
        for row in call.intervals
        if row.leg_id == leg.leg_id and row.kind == kind and row.subkind != "on_hold" and party in (None, row.party)
    )


@few
@given(st.lists(streams(), min_size=1, max_size=3), st.booleans())
def test_every_null_metric_has_one_reason_and_no_other_has(many: list[StreamAnalysis], on_hold: bool) -> None:
    call = measure(many, ThresholdSet(cust_speech_on_hold=on_hold))
    given_reasons = {(row.leg_id, row.metric): row.reason for row in call.null_reasons}
    assert len(given_reasons) == len(call.null_reasons)
    assert set(given_reasons.values()) <= set(reasons.REASONS)
    assert {(leg.leg_id, name) for leg in call.legs for name in METRICS if getattr(leg, name) is None} == set(given_reasons)


@few
@given(st.lists(streams(), min_size=1, max_size=3))
def test_keys_are_unique_and_point_at_rows(many: list[StreamAnalysis]) -> None:
    call = measure(many, THRESHOLDS)
    legs = [leg.leg_id for leg in call.legs]
    said = [row.utterance_id for row in call.utterances]
    assert len(set(legs)) == len(legs) == call.call.leg_count >= 1
    assert len(set(said)) == len(said)
    assert {row.leg_id for row in call.utterances} <= {*legs, None}
    assert {row.utterance_id for row in call.words} == set(said)
    assert len({(row.utterance_id, row.word_seq) for row in call.words}) == len(call.words)
    assert {row.leg_id for row in call.intervals} | {row.leg_id for row in call.leg_languages} <= set(legs)
    assert len({(row.leg_id, row.party, row.language_code) for row in call.leg_languages}) == len(call.leg_languages)
    assert [row.seq for row in call.utterances] == list(range(1, len(said) + 1))


@few
@given(st.lists(st.one_of(conversations(), streams()), min_size=1, max_size=2))
def test_the_partition_sums_exactly_to_analysed_time(many: list[StreamAnalysis]) -> None:
    call = measure(many, THRESHOLDS)
    for leg in call.legs:
        assert leg.analysed_ms is not None
        assert leg.analysed_ms <= max(0, leg.end_ms - leg.start_ms)
        if leg.talk_ms_any is not None and leg.silence_ms is not None:
            assert leg.talk_ms_any + leg.silence_ms == leg.analysed_ms
        parts = (leg.agent_only_ms, leg.customer_only_ms, leg.overtalk_ms, leg.silence_ms)
        if None not in parts:
            assert sum(part or 0 for part in parts) == leg.analysed_ms
            assert leg.talk_ms_agent == (leg.agent_only_ms or 0) + (leg.overtalk_ms or 0)


@few
@given(conversations())
def test_evidence_adds_up_to_its_metrics(stream: StreamAnalysis) -> None:
    call = measure([stream], THRESHOLDS)
    (leg,) = call.legs
    assert total(call, leg, "hold") == leg.hold_ms
    assert total(call, leg, "excluded") == leg.media_gap_ms
    if leg.overtalk_ms is None:
        return
    for kind in ("agent_only", "customer_only", "overtalk", "silence"):
        assert total(call, leg, kind) == getattr(leg, f"{kind}_ms")
    for party in ("agent", "customer"):
        assert total(call, leg, "speech", party=party) == getattr(leg, f"talk_ms_{party}")
    if leg.overtalk_count is not None:
        events = [row for row in call.intervals if row.kind == "overtalk" and row.subkind != "short"]
        assert len(events) == leg.overtalk_count
        assert total(call, leg, "long_silence") == leg.long_silence_ms
        turns = [row for row in call.intervals if row.kind == "turn"]
        assert (
            max((row.end_ms - row.start_ms for row in turns if row.party == "agent"), default=0) == leg.longest_monologue_ms_agent
        )


@few
@given(conversations(), st.integers(1, 1000))
def test_a_call_that_begins_later_measures_the_same(stream: StreamAnalysis, later: int) -> None:
    moved = msgspec.structs.replace(
        stream,
        t0_unix_ms=stream.t0_unix_ms + later,
        events=tuple(msgspec.structs.replace(event, at_unix_ms=event.at_unix_ms + later) for event in stream.events),
    )
    first, second = (measure([one], THRESHOLDS) for one in (stream, moved))
    assert first.intervals == second.intervals
    assert [comparable(leg) for leg in first.legs] == [comparable(leg) for leg in second.legs]


@few
@given(conversations(), st.integers(1, 100).map(lambda step: step * STEP))
def test_a_stream_after_silence_of_another_measures_the_same(stream: StreamAnalysis, later: int) -> None:
    """A stream that ended before this one moves this one on the call's clock; the time between is a gap, nothing else changes."""
    events = tuple(event for event in stream.events if event.at_ms >= 0)
    stream = msgspec.structs.replace(stream, events=events)
    earlier = msgspec.structs.replace(
        stream,
        stream_id="s0",
        t0_unix_ms=stream.t0_unix_ms - later,
        duration_ms=0,
        channels=(),
        events=(),
        utterances=(),
        media_gaps=(),
    )
    if not any(event.name == "user_answered" for event in events):
        return
    alone, both = measure([stream], THRESHOLDS), measure([stream, earlier], THRESHOLDS)
    changed = {"start_ms", "end_ms"} | (LOUDNESS if later % 1000 else set())  # levels are of whole seconds of the call's clock
    for a, b in zip(alone.legs, both.legs, strict=True):
        assert comparable(a, changed) == comparable(b, changed)
        assert b.start_ms - a.start_ms == later


LOUDNESS = {
    name for name in METRICS if name.split("_")[0] in ("level", "loudness", "quiet", "clipping", "snr", "raised", "echo", "qa")
}


def comparable(leg: LegRow, but: set[str] | None = None) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(leg).items() if name not in DATES | (but or set())}


@few
@given(conversations(), st.integers(0, 600).map(lambda step: step * STEP))
def test_splitting_intervals_of_speech_changes_nothing(stream: StreamAnalysis, at: int) -> None:
    cut = msgspec.structs.replace(stream, channels=tuple(split(channel, at) for channel in stream.channels))
    assert measure([cut], THRESHOLDS) == measure([stream], THRESHOLDS)


def split(channel: ChannelAnalysis, at: int) -> ChannelAnalysis:
    pieces = [piece for start, end in channel.speech for piece in ((start, min(end, at)), (max(start, at), end))]
    return msgspec.structs.replace(channel, speech=tuple(piece for piece in pieces if piece[0] < piece[1]))


SWAPPING = (
    "talk_ms_{}",
    "{}_only_ms",
    "{}_talk_pct",
    "interruptions_{}",
    "interruption_ms_{}",
    "longest_monologue_ms_{}",
    "wpm_{}",
    "word_count_{}",
    "level_dbfs_{}",
    "loudness_p95_{}",
    "quiet_pct_{}",
    "clipping_pct_{}",
    "snr_db_{}",
    "raised_voice_ms_{}",
)
SWAPPED = {"a": "c", "c": "a"}


@few
@given(conversations())
def test_swapping_the_parties_swaps_the_metrics(stream: StreamAnalysis) -> None:
    """True of everything but what is the agent's by definition: answering, greeting, and what a greeting excludes."""
    swapped = msgspec.structs.replace(
        stream,
        events=tuple(swap(event) for event in stream.events),
    )
    call = measure([stream], THRESHOLDS)
    heard = [(row.start_ms, row.end_ms) for row in call.intervals if row.kind == "speech" and row.subkind != "on_hold"]
    assume(len(set(heard)) == len(heard))  # two units with equal start and end: the agent's goes first
    (one,), (two,) = call.legs, measure([swapped], THRESHOLDS).legs
    for name in SWAPPING:
        assert getattr(one, name.format("agent")) == getattr(two, name.format("customer")), name
        assert getattr(one, name.format("customer")) == getattr(two, name.format("agent")), name
    for name in ("overtalk_ms", "overtalk_count", "silence_ms", "turn_switch_count", "non_talk_ms", "analysed_ms", "asr_conf_mean"):
        assert getattr(one, name) == getattr(two, name), name


def swap(event: CallEvent) -> CallEvent:
    people = tuple(
        msgspec.structs.replace(person, channel_id=SWAPPED.get(person.channel_id or "", person.channel_id))
        for person in event.participants
    )
    return msgspec.structs.replace(event, participants=people)


@few
@given(conversations(), conversations())
def test_time_between_two_streams_is_a_gap(first: StreamAnalysis, second: StreamAnalysis) -> None:
    pause = 5_000
    second = msgspec.structs.replace(
        second, stream_id="s2", t0_unix_ms=first.t0_unix_ms + first.duration_ms + pause, events=(), utterances=()
    )
    call = measure([second, first], THRESHOLDS)
    heard = length(canonical(((0, first.duration_ms),)))
    (leg,) = call.legs
    between = (first.duration_ms, first.duration_ms + pause)
    assert any(row.kind == "excluded" and row.start_ms <= between[0] and row.end_ms >= between[1] for row in call.intervals)
    assert leg.end_ms == heard + pause + second.duration_ms
    assert leg.media_gap_ms is not None
    assert leg.media_gap_ms >= pause
