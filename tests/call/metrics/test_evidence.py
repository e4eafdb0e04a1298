"""Evidence: every number of a leg is the count, the sum or the longest of the intervals stored behind it."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings

from cc_voice.call.analysis import ChannelAnalysis, StreamAnalysis
from cc_voice.call.events import EventName
from cc_voice.call.intervals import canonical, length
from cc_voice.call.measure import METRIC_VERSION, measure
from cc_voice.call.metrics.evidence import IntervalRow
from cc_voice.call.metrics.latency import percentile
from cc_voice.call.rows import LegRow, MeasuredCall
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import ANSWERED, channel, local, measured, of_kind, stream, zoom
from tests.call.golden import THRESHOLDS, event, golden_stream
from tests.call.strategies import conversations, streams
from tests.conftest import examples

KINDS = {
    "speech",
    "hold",
    "excluded",
    "agent_only",
    "customer_only",
    "overtalk",
    "silence",
    "long_silence",
    "dead_air",
    "turn",
    "latency",
    "greeting",
    "music",
    "tone",
    "language",
    "lang_switch",
    "lang_mismatch",
    "disagreement",
    "raised_voice",
    "echo",
    "talk_speed",
    "unserved_language",
    "level",
    "quiet",
    "clipping",
    "doubtful_words",
    "conference",
    "media_lost",
}


class Behind:
    """The evidence of one leg, to be counted."""

    def __init__(self, call: MeasuredCall, leg: LegRow) -> None:
        self.leg = leg
        self._rows = [row for row in call.intervals if row.leg_id == leg.leg_id]

    def rows(self, kind: str, **where: str | None) -> list[IntervalRow]:
        return [row for row in self._rows if row.kind == kind and all(getattr(row, key) == value for key, value in where.items())]

    def total(self, kind: str, **where: str | None) -> int:
        return sum(self.lengths(kind, **where))

    def lengths(self, kind: str, **where: str | None) -> list[int]:
        return [row.end_ms - row.start_ms for row in self.rows(kind, **where)]

    def agrees(self, metric: str, value: object) -> None:
        """Hold the metric against its evidence; a metric that was not measured needs none."""
        stored = getattr(self.leg, metric)
        assert stored is None or stored == value, metric


def check(call: MeasuredCall, leg: LegRow) -> None:
    behind = Behind(call, leg)
    behind.agrees("hold_ms", behind.total("hold"))
    behind.agrees("hold_count", len(behind.rows("hold")))
    behind.agrees("longest_hold_ms", max(behind.lengths("hold"), default=0))
    behind.agrees("media_gap_ms", behind.total("excluded", subkind="media_gap"))
    behind.agrees("silence_ms", behind.total("silence"))
    behind.agrees("long_silence_count", len(behind.rows("long_silence")))
    behind.agrees("long_silence_ms", behind.total("long_silence"))
    if leg.long_silence_ms is not None:
        behind.agrees("non_talk_ms", behind.total("hold") + leg.long_silence_ms)
    dead = behind.rows("dead_air")
    behind.agrees("dead_air_count", len(dead))
    behind.agrees("dead_air_ms", behind.total("dead_air"))
    behind.agrees("dead_air_agent_owed_ms", behind.total("dead_air", party="agent"))
    for kind in ("agent_only", "customer_only", "overtalk"):
        behind.agrees(f"{kind}_ms", behind.total(kind))
    behind.agrees("overtalk_count", sum(row.subkind != "short" for row in behind.rows("overtalk")))
    speech = canonical((row.start_ms, row.end_ms) for row in behind.rows("speech") if row.subkind != "on_hold")
    behind.agrees("talk_ms_any", length(speech))
    greeting = behind.rows("greeting")
    if leg.greeting_latency_ms is not None:
        behind.agrees("greeting_latency_ms", greeting[0].value)
    for party in ("agent", "customer"):
        check_party(behind, party)
    if leg.unsupported_lang_ms is not None:
        behind.agrees("unsupported_lang_ms", behind.total("unserved_language"))
    if leg.agent_overlap_turn_pct is not None:
        into = len(behind.rows("turn", party="agent", subkind="into_speech"))
        behind.agrees("agent_overlap_turn_pct", 100 * into / len(behind.rows("turn", party="agent")))
    doubtful = sum(row.value or 0 for row in behind.rows("doubtful_words"))
    if leg.low_conf_word_pct is not None and leg.conf_word_count_agent is not None and leg.conf_word_count_customer is not None:
        behind.agrees("low_conf_word_pct", 100 * doubtful / (leg.conf_word_count_agent + leg.conf_word_count_customer))
    turns = behind.rows("turn")
    behind.agrees("turn_switch_count", sum(one.party != two.party for one, two in pairwise(turns)))
    behind.agrees("monologue_count_agent", sum(ms >= 90_000 for ms in behind.lengths("turn", party="agent")))


def check_party(behind: Behind, party: str) -> None:
    speech = sum(row.end_ms - row.start_ms for row in behind.rows("speech", party=party) if row.subkind != "on_hold")
    behind.agrees(f"talk_ms_{party}", speech)
    if party == "customer":
        behind.agrees("cust_speech_on_hold_ms", behind.total("speech", subkind="on_hold", party=party))
    behind.agrees(f"interruptions_{party}", len(behind.rows("overtalk", subkind="interruption", party=party)))
    behind.agrees(f"interruption_ms_{party}", behind.total("overtalk", subkind="interruption", party=party))
    behind.agrees(f"raised_voice_count_{party}", len(behind.rows("raised_voice", party=party)))
    behind.agrees(f"raised_voice_ms_{party}", behind.total("raised_voice", party=party))
    behind.agrees(f"longest_monologue_ms_{party}", max(behind.lengths("turn", party=party), default=0))
    if getattr(behind.leg, f"wpm_{party}") is not None:
        pieces = behind.rows("talk_speed", party=party)
        minutes = behind.total("talk_speed", party=party) / 60_000
        behind.agrees(f"wpm_{party}", pytest.approx(sum(row.value or 0 for row in pieces) / minutes))
    if getattr(behind.leg, f"quiet_pct_{party}") is not None:
        quiet, all_of_them = (sum(-(-ms // 1000) for ms in behind.lengths(kind, party=party)) for kind in ("quiet", "level"))
        behind.agrees(f"quiet_pct_{party}", pytest.approx(100 * quiet / all_of_them))
    if words := getattr(behind.leg, f"conf_word_count_{party}"):
        doubtful = sum(row.value or 0 for row in behind.rows("doubtful_words", party=party))
        behind.agrees(f"low_conf_word_pct_{party}", 100 * doubtful / words)
    values = [int(row.value or 0) for row in behind.rows("latency", party=party)]
    behind.agrees(f"latency_pair_count_{party}", len(values))
    for name, share in (("p50", 0.5), ("p90", 0.9)):
        behind.agrees(f"response_latency_ms_{party}_{name}", percentile(values, share))


def test_the_golden_call_adds_up_and_every_kind_but_dead_air_and_gaps_is_there() -> None:
    call = measure([golden_stream()], THRESHOLDS)
    check(call, call.legs[0])
    absent = {
        "dead_air",
        "excluded",
        "music",
        "tone",
        "language",
        "lang_switch",
        "lang_mismatch",
        "disagreement",
        "raised_voice",
        "echo",
        "unserved_language",
        "level",
        "quiet",
        "clipping",
        "doubtful_words",
        "conference",
        "media_lost",
    }
    assert {row.kind for row in call.intervals} == KINDS - absent
    assert {row.metric_version for row in call.intervals} == {METRIC_VERSION}


@settings(max_examples=examples(80), deadline=None)
@given(conversations())
def test_a_conversation_adds_up(call: StreamAnalysis) -> None:
    found = measure([call], THRESHOLDS)
    check(found, found.legs[0])


@settings(max_examples=examples(80), deadline=None)
@given(streams(), streams(2))
def test_any_call_adds_up(first: StreamAnalysis, second: StreamAnalysis) -> None:
    found = measure([first, second], THRESHOLDS)
    for leg in found.legs:
        check(found, leg)
    assert {row.kind for row in found.intervals} <= KINDS
    assert all(
        row.start_ms < row.end_ms or row.kind in ("latency", "greeting", "lang_switch", "doubtful_words") for row in found.intervals
    )
    assert all(row.start_ms <= row.end_ms for row in found.intervals)


def test_rows_are_in_order_of_start_leg_by_leg() -> None:
    call = measure([golden_stream()], THRESHOLDS)
    assert [row.start_ms for row in call.intervals] == sorted(row.start_ms for row in call.intervals)


def test_speech_on_hold_is_stored_only_where_the_site_says_so() -> None:
    shown = of_kind(measure([golden_stream()], THRESHOLDS), "speech")
    hidden = of_kind(measure([golden_stream()], ThresholdSet()), "speech")
    assert [(row.start_ms, row.end_ms, row.party) for row in shown if row.subkind == "on_hold"] == [(33_000, 34_500, "customer")]
    assert [row for row in shown if row.subkind != "on_hold"] == hidden


def test_a_negative_latency_keeps_its_sign_and_its_place() -> None:
    call = measure([golden_stream()], THRESHOLDS)
    assert [(row.start_ms, row.end_ms, row.party) for row in of_kind(call, "latency") if row.value == -800] == [
        (13_200, 14_000, "customer")
    ]


def test_an_announced_wait_is_a_long_silence_and_no_dead_air() -> None:
    said = [local("a", (0, 4_000), "one moment please")]
    call, leg = measured(stream(channel("a", (0, 4_000)), channel("c", (20_000, 30_000)), utterances=said))
    assert [(row.start_ms, row.subkind, row.party) for row in of_kind(call, "long_silence")] == [
        (4_000, "announced", "customer"),
        (30_000, None, "agent"),
    ]
    assert [(row.start_ms, row.party) for row in of_kind(call, "dead_air")] == [(30_000, "agent")]
    assert (leg.dead_air_count, leg.dead_air_agent_owed_ms) == (1, 30_000)


@pytest.mark.parametrize(
    ("call", "kinds"),
    [
        (stream(channel("x", (0, 5_000)), mixed_audio=True), {"speech", "silence", "long_silence"}),
        (stream(channel("a", (0, 5_000)), channel("c")), {"speech", "greeting", "level"}),
        (stream(channel("a"), channel("c", (0, 5_000))), {"speech", "level"}),
        (stream(channel("c", (0, 5_000)), events=ANSWERED[:1]), {"speech", "level"}),
        (stream(), set()),
    ],
)
def test_what_cannot_be_measured_has_no_evidence(call: StreamAnalysis, kinds: set[str]) -> None:
    found, _ = measured(call)
    assert {row.kind for row in found.intervals} == kinds
    assert all(row.party is None for row in found.intervals) or not found.legs[0].mixed_audio


def test_hold_and_gaps_are_evidence_also_without_audio() -> None:
    told = [*ANSWERED, event(10_000, EventName.USER_HOLD, "a"), event(20_000, EventName.USER_UNHOLD, "a")]
    call, _ = measured(stream(events=told, media_gaps=((15_000, 30_000),)))
    assert [(row.kind, row.subkind, row.start_ms, row.end_ms) for row in call.intervals] == [
        ("hold", None, 10_000, 20_000),
        ("excluded", "media_gap", 15_000, 30_000),
    ]


def test_music_and_tones_are_evidence_of_nothing_but_themselves() -> None:
    plain = (channel("a", (0, 4_000)), channel("c", (4_000, 9_000)))
    agent = msgspec.structs.replace(plain[0], music=((12_000, 18_000),))
    customer = msgspec.structs.replace(plain[1], tones=((9_500, 9_600), (30_000, 30_100)))
    told = [*ANSWERED, event(10_000, EventName.USER_HOLD, "a"), event(20_000, EventName.USER_UNHOLD, "a")]
    call, leg = measured(stream(agent, customer, events=told))
    silent, same = measured(stream(*plain, events=told))
    assert leg == same
    assert [row for row in call.intervals if row.kind not in ("music", "tone")] == list(silent.intervals)
    assert [(row.kind, row.party, row.start_ms, row.end_ms) for row in call.intervals if row.kind in ("music", "tone")] == [
        ("tone", "customer", 9_500, 9_600),
        ("music", "agent", 12_000, 18_000),
        ("tone", "customer", 30_000, 30_100),
    ]


def test_music_on_a_channel_that_is_no_partys_or_everybodys_has_no_party() -> None:
    line = ChannelAnalysis(channel_id="x", music=((1_000, 6_000),))
    for call in (stream(channel("a", (0, 900)), channel("c", (7_000, 9_000)), line), stream(line, mixed_audio=True)):
        (row,) = of_kind(measured(call)[0], "music")
        assert (row.party, row.start_ms, row.end_ms) == (None, 1_000, 6_000)


# -- doors open exactly what made the number ---------------------------------------------------------------------------


def spans(call: MeasuredCall, kind: str) -> list[tuple[int, int]]:
    return [(row.start_ms, row.end_ms) for row in of_kind(call, kind)]


def test_a_talk_speed_opens_neither_numbers_read_out_nor_another_language() -> None:
    said = (
        zoom("a", (0, 12_000), " ".join(["thank you for calling"] * 9)),
        zoom("a", (12_000, 15_000), "one two three four five six"),
        zoom("a", (20_000, 26_000), "quiero cancelar mi contrato por favor ahora mismo ya", language="es"),
    )
    call, leg = measured(
        stream(channel("a", (0, 15_000), (20_000, 26_000)), channel("c", (30_000, 34_000)), events=ANSWERED, utterances=said)
    )
    assert [(row.start_ms, row.end_ms, row.value, row.subkind) for row in of_kind(call, "talk_speed")] == [(0, 12_000, 36, "en")]
    assert (leg.wpm_agent, leg.word_count_agent) == (180, 51)


def test_speech_without_a_model_opens_that_speech_alone() -> None:
    said = (
        zoom("c", (0, 4_000), "hello there I have a question about my bill"),
        zoom("c", (10_000, 13_000), "quiero cancelar mi contrato por favor ahora mismo", language="es"),
        zoom("c", (15_000, 17_000), "no puedo pagar la factura de este mes", language="es"),
    )
    whole = stream(
        channel("a", (20_000, 29_000)),
        channel("c", (0, 4_000), (10_000, 13_000), (15_000, 17_000)),
        events=ANSWERED,
        utterances=said,
    )
    call, leg = measured(msgspec.structs.replace(whole, served=("en",)))
    assert spans(call, "unserved_language") == [(10_000, 13_000), (15_000, 17_000)]
    assert {(row.party, row.subkind) for row in of_kind(call, "unserved_language")} == {("customer", "es")}
    assert leg.unsupported_lang_ms == 5_000


def test_turns_into_speech_are_those_that_begin_while_the_other_speaks() -> None:
    call, leg = measured(
        stream(channel("a", (4_000, 8_000), (20_000, 24_000)), channel("c", (0, 5_000), (10_000, 15_000)), events=ANSWERED)
    )
    turns = [(row.party, row.start_ms, row.subkind) for row in of_kind(call, "turn")]
    assert turns == [("customer", 0, None), ("agent", 4_000, "into_speech"), ("customer", 10_000, None), ("agent", 20_000, None)]
    assert leg.agent_overlap_turn_pct == 50


def test_doubtful_words_are_parted_by_sure_ones_and_sum_by_party() -> None:
    said = (
        local("a", (0, 3_000), "one more time", conf=0.4),
        local("a", (3_000, 6_000), "of course yes", conf=0.9),
        local("c", (7_000, 9_000), "what was", conf=0.5),
    )
    call, leg = measured(
        stream(channel("a", (0, 6_000)), channel("c", (7_000, 9_000), (12_000, 14_000)), events=ANSWERED, utterances=said)
    )
    assert [(row.party, row.start_ms, row.end_ms, row.value) for row in of_kind(call, "doubtful_words")] == [
        ("agent", 0, 3_000, 3),
        ("customer", 7_000, 9_000, 2),
    ]
    assert (leg.conf_word_count_agent, leg.low_conf_word_pct_agent, leg.asr_conf_mean_agent) == (6, 50, pytest.approx(0.65))
    assert (leg.conf_word_count_customer, leg.low_conf_word_pct_customer, leg.low_conf_word_pct) == (2, 100, 62.5)
