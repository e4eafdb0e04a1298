"""Words, filters, lanes, transcripts and changes of live pages: values in, values out."""

import datetime
import zoneinfo
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.batch import LiveWords, MediaRefusal
from cc_voice.call.measure import measure
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.reasons import explain
from cc_voice.call.transcript import transcript_selection
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.fleet.local import WorkerStatus
from cc_voice.store.call_list import CallFilter
from cc_voice.store.calls import (
    CallFacts,
    CallInterval,
    CallLeg,
    CallPlatformEvent,
    CallUtterance,
    CallWord,
    StoredCall,
    UnusedLine,
)
from cc_voice.web.live.calls import floor
from cc_voice.web.live.event_streams import LiveView, difference
from cc_voice.web.pages import call_page
from cc_voice.web.pages.filters import LAST_PAGE, parse
from cc_voice.web.pages.metric_table import BY_COLUMN, SECTIONS, behind
from cc_voice.web.rendering import formats, timeline, transcript
from tests.call.strategies import conversations
from tests.conftest import examples

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (999, "0:00"), (59_999, "0:59"), (60_000, "1:00"), (3_599_000, "59:59"), (3_600_000, "1:00:00")]
)
def test_lengths_are_minutes_and_from_an_hour_on_hours(ms: int, text: str) -> None:
    assert formats.clock(ms) == text
    assert formats.clock(-ms) == ("" if ms < 1000 else "−") + text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "—"), (0, "0.0"), (51.63, "51.6"), (99.94, "99.9"), (99.96, "100"), (100, "100")]
)
def test_percentages_have_one_decimal_below_a_hundred(value: float | None, text: str) -> None:
    assert formats.percent(value) == text


@pytest.mark.parametrize(("value", "decimals", "text"), [(1234567, 0, "1,234,567"), (-1.25, 1, "−1.2"), (-0.01, 1, "0.0")])
def test_numbers_have_commas_and_a_real_minus(value: float, decimals: int, text: str) -> None:
    assert formats.number(value, decimals) == text


@given(st.floats(-1e9, 1e9), st.integers(0, 3))
def test_no_number_is_minus_nothing(value: float, decimals: int) -> None:
    text = formats.number(value, decimals)
    assert "-" not in text
    assert not (text.startswith("−") and float(text[1:].replace(",", "")) == 0)


def test_cells_of_a_report_read_as_what_they_are() -> None:
    at = datetime.datetime(2026, 11, 23, 9, 41, tzinfo=datetime.UTC)
    assert [formats.cell(value) for value in (None, True, 2.25, 1200, at, "Ana")] == [
        "—",
        "yes",
        "2.2",
        "1,200",
        "2026-11-23 09:41",
        "Ana",
    ]
    assert formats.count(1, "leg") == "1 leg"
    assert formats.count(0, "leg") == "0 legs"


# -- filters -----------------------------------------------------------------------------------------------------------


def test_days_are_days_of_the_site() -> None:
    chosen = parse({"from": "2026-10-25", "to": "2026-10-25"}, BERLIN).chosen
    assert chosen.since == datetime.datetime(2026, 10, 24, 22, tzinfo=datetime.UTC)
    assert chosen.until == datetime.datetime(2026, 10, 25, 23, tzinfo=datetime.UTC), "a day of 25 hours"


def test_words_and_phrases_are_told_apart() -> None:
    chosen = parse({"words": 'cancel "my contract" “right now” today'}, BERLIN).chosen
    assert chosen.words == ("cancel", "my contract", "right now", "today")


@pytest.mark.parametrize(
    ("text", "ms"), [("1:30", 90_000), ("45", 45_000), ("0:05", 5000), ("1:60", None), ("x", None), ("-1", None)]
)
def test_a_length_is_minutes_and_seconds(text: str, ms: int | None) -> None:
    asked = parse({"min_length": text}, BERLIN)
    assert asked.chosen.min_duration_ms == ms
    assert bool(asked.problems) == (ms is None)


@pytest.mark.parametrize(("text", "page"), [("1", 1), ("7", 7), ("0", 1), ("-3", 1), ("x", 1), ("²", 1), ("99999999", LAST_PAGE)])
def test_a_page_is_a_number_from_one(text: str, page: int) -> None:
    assert parse({"page": text}, BERLIN).page == page


def test_a_range_that_ends_before_it_begins_is_told() -> None:
    assert parse({"from": "2026-11-02", "to": "2026-11-01"}, BERLIN).problems
    assert parse({"from": "9999-12-31", "to": "9999-12-31"}, BERLIN).problems
    assert parse({"from": "0001-01-01"}, BERLIN).problems


@given(st.dictionaries(st.sampled_from(["from", "to", "agent", "queue", "product", "min_length", "words", "page"]), st.text()))
def test_no_query_breaks_the_filters(query: dict[str, str]) -> None:
    asked = parse(query, BERLIN)
    assert asked.page >= 1
    assert isinstance(asked.chosen, CallFilter)


def test_a_link_to_another_page_keeps_the_filters() -> None:
    asked = parse({"agent": "Zoë & Co", "words": "", "page": "3"}, BERLIN)
    assert asked.link(4) == "?agent=Zo%C3%AB+%26+Co&page=4"
    assert asked.link(1) == "?agent=Zo%C3%AB+%26+Co"


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_every_metric_that_has_a_label_is_shown_once() -> None:
    listed = [metric.name for section in SECTIONS for metric in section.metrics]
    assert len(listed) == len(set(listed))
    assert set(listed) == {metric.name for metric in METRICS.values() if metric.label}


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(conversations(), min_size=1, max_size=2))
def test_every_number_opens_its_seconds(many: list[StreamAnalysis]) -> None:
    call = measure(many, ThresholdSet(cust_speech_on_hold=True))
    for row in call.legs:
        mine = [i for i in call.intervals if i.leg_id == row.leg_id]
        intervals = [interval(i.kind, i.start_ms, i.end_ms, subkind=i.subkind, party=i.party, value=i.value) for i in mine]
        for metric in METRICS.values():
            if metric.evidence is not None and getattr(row, metric.name):  # none behind what is missing or 0
                assert behind(metric.evidence, intervals), metric.name


def test_the_longest_silence_opens_itself_alone() -> None:
    evidence = BY_COLUMN["longest_silence_ms"].evidence
    assert evidence is not None
    short, long, longer = interval("silence", 0, 900), interval("long_silence", 2000, 6000), interval("long_silence", 7000, 12_000)
    assert behind(evidence, [short, interval("silence", 1000, 1500), interval("speech", 1500, 9000)]) == [short]
    assert behind(evidence, [short, interval("silence", 2000, 6500), long, longer]) == [longer]
    assert behind(evidence, []) == []


# -- lanes -------------------------------------------------------------------------------------------------------------


def interval(kind: str, start_ms: int, end_ms: int, **more: object) -> CallInterval:
    fields = {"subkind": None, "party": None, "value": None, "outcome": None} | more
    return CallInterval(kind=kind, start_ms=start_ms, end_ms=end_ms, **fields)  # type: ignore[arg-type]


def happened(name: str, at_ms: int) -> CallPlatformEvent:
    return CallPlatformEvent(event_name=name, at_ms=at_ms, leg_id=None, participant=None)


@given(st.integers(0, 36_000_000))
def test_a_ruler_has_few_labels_all_inside(duration_ms: int) -> None:
    ruler = timeline.draw(duration_ms, [], [], [ThresholdSet()]).ruler
    assert 1 <= len(ruler) <= timeline.RULER_TICKS + 1
    assert all(0 <= float(tick.x[:-1]) < 100 for tick in ruler)


@given(st.lists(st.tuples(st.sampled_from([*timeline.EVENTS, "unknown"]), st.integers(-1000, 70_000)), max_size=20))
def test_labels_of_events_do_not_lie_on_each_other(found: list[tuple[str, int]]) -> None:
    events = [happened(name, at_ms) for name, at_ms in sorted(found, key=lambda pair: pair[1])]
    ticks = timeline.draw(60_000, [], events, [ThresholdSet()]).events
    assert all(tick.title for tick in ticks)
    spans = []
    for tick in ticks:
        place = float(tick.x[:-1])
        assert 0 <= place <= 100
        if tick.label:
            spans.append((place - timeline.EVENT_GAP_PCT, place) if tick.end else (place, place + timeline.EVENT_GAP_PCT))
    assert all(first[1] <= second[0] + 1e-6 for first, second in pairwise(spans))


def test_a_raised_voice_is_shaded_in_the_lane_of_whoever_raised_it() -> None:
    found = (interval("raised_voice", 0, 3_000, party="customer", value=11.0), interval("overtalk", 5_000, 6_000, party="agent"))
    drawn = timeline.draw(60_000, found, [], [ThresholdSet()])
    assert [band.css for band in drawn.bands_of("agent")] == ["f-over-band"]
    assert (
        [band.css for band in drawn.bands_of("customer")]
        == ["f-loud-band", "f-over-band"]
        == [b.css for b in drawn.bands_of("both")]
    )


def test_a_change_of_language_is_marked_where_the_other_begins() -> None:
    answered = CallPlatformEvent(event_name="user_answered", at_ms=1_000, leg_id=None, participant=None)
    switch = interval("lang_switch", 20_000, 30_000, subkind="es", party="customer", outcome="en", value=0.9)
    ended = CallPlatformEvent(event_name="user_end", at_ms=45_000, leg_id=None, participant=None)
    found = timeline.draw(60_000, [switch], [answered, ended], [ThresholdSet()]).events
    assert [(tick.x, tick.label) for tick in found] == [
        ("1.667%", "Answered"),
        ("50.000%", "Customer: es"),
        ("75.000%", "Agent left"),
    ]
    assert found[1].title == "Customer changes to es 0:30"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            interval("overtalk", 0, 1, subkind="interruption", party="agent", outcome="attempted"),
            "interruption by agent, attempted",
        ),
        (interval("overtalk", 0, 1, subkind="dual_start"), "dual start"),
        (interval("overtalk", 0, 1, subkind="short"), "overtalk under 300 ms"),
        (interval("dead_air", 0, 1, subkind="owed_by", party="customer"), "dead air, owed by customer"),
        (interval("disagreement", 0, 1, party="customer", value=26.67), "26.7 % of the words heard differently"),
        (interval("long_silence", 0, 1, subkind="announced", party="agent"), "long silence, owed by agent, announced"),
        (interval("speech", 0, 1, party="agent", subkind="backchannel"), "agent speaks, listening sound"),
        (interval("speech", 0, 1), "somebody speaks"),
        (interval("latency", 0, 1, party="agent", value=-250.0), "agent responds after −0.2 s"),
        (interval("raised_voice", 0, 1), "raised voice"),
        (
            interval("raised_voice", 0, 1, party="customer", value=11.6),
            "raised voice by customer, 12 dB above the own median",
        ),
        (interval("echo", 0, 1, party="agent", value=180.0), "agent comes back after 180 ms"),
        (interval("music", 0, 1), "music"),
        (interval("turn", 0, 1, party="agent", subkind="into_speech"), "turn of agent, begun while the other spoke"),
        (interval("talk_speed", 0, 1, party="agent", subkind="en", value=1.0), "1 word"),
        (interval("talk_speed", 0, 1, party="agent", subkind="ja", value=7.0), "7 characters"),
        (interval("unserved_language", 0, 1, subkind="es"), "somebody speaks es, of which there is no model"),
        (interval("doubtful_words", 0, 1, party="agent", value=2.0), "2 doubtful words by agent"),
        (interval("quiet", 0, 1, party="agent", value=-51.4), "agent speaks at −51 dBFS"),
        (interval("clipping", 0, 1, party="agent", value=2.04), "2.0 % of the speech clipped"),
        (interval("language", 0, 1, party="agent", subkind="es"), "agent speaks es"),
        (interval("language", 0, 1, subkind="es"), "somebody speaks es"),
        (interval("lang_mismatch", 0, 1), "the parties speak different languages"),
    ],
)
def test_an_interval_is_described_in_words(found: CallInterval, text: str) -> None:
    assert timeline.describe(found, [ThresholdSet()]) == text


# -- transcripts -------------------------------------------------------------------------------------------------------


def said(channel: str, start_ms: int, end_ms: int, source: str = "local", **more: object) -> CallUtterance:
    fields: dict[str, object] = {
        "utterance_id": f"{channel}-{start_ms}-{source}",
        "leg_id": None,
        "channel_id": channel,
        "party": None,
        "source": source,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "language_code": "en",
        "text": f"{source} {start_ms}",
        "asr_conf": None,
        "is_backchannel": None,
        "on_hold": None,
        "asr_model": None,
    }
    return CallUtterance(**(fields | more))  # type: ignore[arg-type]


def test_what_both_recognisers_heard_is_shown_once() -> None:
    heard = [
        said("a", 0, 1000),
        said("a", 100, 1100, "zoom"),
        said("b", 200, 1200, "zoom"),
        said("a", 2000, 2400),
        said("a", 2000, 5000, "zoom"),
    ]
    lines = transcript.live_lines(heard, "en")
    assert [(line.glyph, line.words[0].text) for line in lines] == [
        ("1", "local 0"),
        ("2", "zoom 200"),
        ("1", "local 2000"),
        ("1", "zoom 2000"),
    ]


def test_words_being_said_are_a_line_that_becomes_the_stored_one() -> None:
    def live(start_ms: int, text: str, is_final: bool) -> LiveWords:
        return LiveWords(
            call_id="call",
            stream_id="s",
            epoch=1,
            channel_id="a",
            start_ms=start_ms,
            end_ms=start_ms + 900,
            text=text,
            language="en",
            is_final=is_final,
            left_unix_ms=0,
        )

    stored = said("a", 0, 1000)
    final = live(0, "local 0", True)
    heard = msgspec.structs.replace(stored, utterance_id="call:a:0")
    saying = live(2000, "good mor", False)
    [one, two] = transcript.live_lines([], "en", [final, saying], {"a": "agent"})
    assert (one.party, one.saying, two.saying, two.words[0].text) == ("agent", False, True, "good mor")
    again = transcript.live_lines([heard], "en", [final], {"a": "agent"})
    assert [line.key for line in again] == [one.key], "the line stays where it is when the store takes it over"
    assert two.key != one.key


def test_uncertain_words_are_marked_and_untimed_ones_kept_whole() -> None:
    spoken = (CallWord(word="sure", start_ms=0, end_ms=300, conf=0.9), CallWord(word="perhaps", start_ms=300, end_ms=600, conf=0.4))
    untimed = (CallWord(word="hola", start_ms=None, end_ms=None, conf=None),)
    lines = transcript.lines(
        [
            said("a", 0, 600, party="agent", words=spoken, text="sure perhaps"),
            said("c", 700, 900, "zoom", party="customer", words=untimed, text="¡Hola!", language_code="es"),
        ],
        [],
        "en",
    )
    assert [word.low_conf for word in lines[0].words] == [None, 0.4]
    assert [word.text for word in lines[1].words] == ["¡Hola!"]
    assert [chip.text for chip in lines[1].chips] == ["es", "Zoom"]
    assert transcript.confidence([said("a", 0, 600, party="agent", words=spoken)]) == {"agent": pytest.approx(0.65)}


def test_the_page_goes_by_the_thresholds_of_the_leg() -> None:
    own = ThresholdSet(overtalk_ms=500, low_conf=0.35, min_analysed_ms=20_000)
    spoken = (CallWord(word="perhaps", start_ms=300, end_ms=600, conf=0.4), CallWord(word="so", start_ms=600, end_ms=700, conf=0.3))
    leg = CallLeg(leg_id="x-1", leg_no=1, metrics={}, reasons={}, thresholds=own, intervals=())
    lines = transcript.lines([said("a", 0, 700, party="agent", leg_id="x-1", words=spoken, text="perhaps so")], [leg], "en")
    assert [word.low_conf for word in lines[0].words] == [None, 0.3]
    assert timeline.describe(interval("overtalk", 0, 1, subkind="short"), [own]) == "overtalk under 500 ms"
    assert explain("too_short", [own]) == "Less than 20 s of analysed time: only durations are given."


def unused(channel: str, start_ms: int, end_ms: int, source: str, **more: object) -> UnusedLine:
    fields: dict[str, object] = {
        "utterance_id": f"{channel}:{start_ms}:{source}",
        "leg_id": "x-1",
        "channel_id": channel,
        "party": "agent",
        "source": source,
        "unused_reason": "other_preferred",
        "used_utterance_id": "a-0-local",
        "start_ms": start_ms,
        "end_ms": end_ms,
        "language_code": "en",
        "text": f"{source} {start_ms}",
        "asr_conf": None,
        "on_hold": False,
        "asr_model": None,
    }
    return UnusedLine(**(fields | more))  # type: ignore[arg-type]


def test_another_version_is_shown_where_it_differs_and_says_why_it_was_not_used() -> None:
    spoken = [said("a", 0, 2000, party="agent"), said("a", 5000, 7000, party="agent"), said("a", 9000, 9900, "zoom", party="agent")]
    left = [
        unused("a", 0, 900, "zoom"),
        unused("a", 900, 2100, "zoom"),
        unused("a", 5000, 7000, "zoom", used_utterance_id="a-5000-local"),  # every word the same
        unused("a", 9000, 9800, "local", used_utterance_id="a-9000-zoom", unused_reason="other_language", language_code="es"),
        unused("a", 9900, 9950, "local", used_utterance_id=None, unused_reason="other_language"),
    ]
    differing = (
        interval("disagreement", 0, 2100, party="agent", value=10.0),
        interval("disagreement", 5000, 7000, party="customer"),
    )
    leg = CallLeg(leg_id="x-1", leg_no=1, metrics={}, reasons={}, intervals=differing)
    first, second, third = transcript.lines(spoken, [leg], "en", left)
    assert [(other.source, other.text) for other in first.others] == [("Zoom", "zoom 0"), ("Zoom", "zoom 900")]
    assert first.others[0].reason == "Not used: this site prefers the other recogniser"
    assert second.others == ()
    assert [(other.source, other.language) for other in third.others] == [("Our recogniser", "es")]


def test_every_reason_for_leaving_a_line_out_is_explained() -> None:
    reasons = (
        transcript_selection.OTHER_LANGUAGE,
        transcript_selection.OTHER_PREFERRED,
        transcript_selection.LOW_CONFIDENCE,
        transcript_selection.FEWER_WORDS,
    )
    leg = CallLeg(leg_id="x-1", leg_no=1, metrics={}, reasons={}, intervals=(interval("disagreement", 0, 900, party="agent"),))
    for reason in reasons:
        (line,) = transcript.lines([said("a", 0, 900)], [leg], "en", [unused("a", 0, 900, "zoom", unused_reason=reason)])
        assert line.others[0].reason.startswith("Not used: ")


# -- one call ----------------------------------------------------------------------------------------------------------


def facts(**changes: object) -> CallFacts:
    start = datetime.datetime(2026, 11, 23, 9, 41, tzinfo=datetime.UTC)
    fields: dict[str, object] = {
        "call_id": "abcdefghijklmnopqrstuvwxyz",
        "product": "import",
        "instance_id": "i",
        "start_ts": start,
        "end_ts": start + datetime.timedelta(minutes=1),
        "local_date": start.date(),
        "duration_ms": 60_000,
        "language": None,
        "ended_by": None,
        "leg_count": 0,
        "transfer_count": 0,
        "conference_count": 0,
        "stop_reason": None,
    }
    return CallFacts(**(fields | changes))  # type: ignore[arg-type]


def test_a_call_nobody_handled_is_shown_without_numbers() -> None:
    stored = StoredCall(call=facts(), channels={}, legs=(), utterances=(), events=())
    page = call_page.build(stored, call_page.Shown(metric="agent_talk_pct"), BERLIN, has_audio=False)
    assert page is not None
    assert (page.name, page.blocks, page.lines) == ("abcdef…wxyz", (), ())
    assert ("Started, Europe/Berlin", "Mon 23 Nov 2026, 10:41:00") in page.facts
    assert call_page.build(stored, call_page.Shown(leg_no=1), BERLIN, has_audio=False) is None


@pytest.mark.parametrize(
    ("channels", "sides"),
    [({"0": None}, ("both",)), ({"0": "agent", "1": "customer"}, ("agent", "customer")), ({"0": "agent"}, ("agent", "customer"))],
)
def test_a_channel_that_mixes_the_parties_has_one_lane(channels: dict[str, str | None], sides: tuple[str, ...]) -> None:
    stored = StoredCall(call=facts(), channels=channels, legs=(), utterances=(), events=())
    page = call_page.build(stored, call_page.Shown(), BERLIN, has_audio=True)
    assert page is not None
    assert page.sides == sides


def test_a_call_says_what_zoom_did_not_send() -> None:
    refused = (MediaRefusal(media="transcript", error="the app has no scope"), MediaRefusal(media="deskshare", error="lost"))
    stored = StoredCall(call=facts(), channels={}, legs=(), utterances=(), events=(), refused=refused)
    page = call_page.build(stored, call_page.Shown(), BERLIN, has_audio=False)
    assert page is not None
    assert page.refused == ("No transcript from Zoom: the app has no scope", "No screen from Zoom: lost")


def test_long_evidence_is_counted_whole_and_listed_in_part() -> None:
    turns = tuple(interval("speech", at, at + 50, party="agent") for at in range(0, 60_000, 100))
    leg = CallLeg(leg_id="x-1", leg_no=1, metrics={"agent_talk_pct": 50.0}, reasons={}, intervals=turns)
    stored = StoredCall(call=facts(leg_count=1), channels={}, legs=(leg,), utterances=(), events=())
    page = call_page.build(stored, call_page.Shown(metric="agent_talk_pct", index=10_000), BERLIN, has_audio=False)
    assert page is not None
    row = page.blocks[0].rows[0]
    assert (row.count, len(row.evidence), len(page.marks)) == (600, call_page.EVIDENCE_SHOWN, 600)
    assert page.at_ms == 59_900
    unmeasured = page.blocks[0].rows[1]
    assert (unmeasured.value, unmeasured.door, unmeasured.reason) == ("—", False, "Not measured yet.")


def test_every_number_on_the_page_is_a_door_or_says_why_not() -> None:
    """Also zeros, numbers that no interval shows, and numbers of an earlier version, which kept other intervals."""
    for value in (0, 7):
        metrics = {metric.name: bool(value) if metric.type == "boolean" else value for metric in BY_COLUMN.values()}
        leg = CallLeg(leg_id="x-1", leg_no=1, metrics=metrics, reasons={}, intervals=(interval("turn", 0, 9, party="agent"),))
        stored = StoredCall(call=facts(leg_count=1), channels={}, legs=(leg,), utterances=(), events=())
        page = call_page.build(stored, call_page.Shown(), BERLIN, has_audio=False)
        assert page is not None
        rows = {row.column: row for block in page.blocks for row in block.rows}
        assert [name for name, row in rows.items() if row.door == bool(row.closed)] == []
        assert rows["interaction_ms"].closed == "It is the whole leg."
        assert "recompute" in (rows["wpm_agent"].closed or "") if value else rows["wpm_agent"].closed == "There is none."


def test_the_longest_monologue_opens_that_turn() -> None:
    turns = tuple(interval("turn", at, at + length, party="agent") for at, length in ((0, 500), (1_000, 900), (3_000, 200)))
    evidence = BY_COLUMN["longest_monologue_ms_agent"].evidence
    assert evidence is not None
    assert [turn.start_ms for turn in behind(evidence, turns)] == [1_000]


# -- live pages --------------------------------------------------------------------------------------------------------


def test_only_what_changed_is_sent() -> None:
    before = LiveView({"kpis": "1"}, {"a": "x", "b": "y"})
    assert difference(before, before) is None
    change = difference(before, LiveView({"kpis": "1"}, {"b": "z", "a": "x"}))
    assert change is not None
    assert change.parts == {}
    assert (change.rows.order, change.rows.changed) == (["b", "a"], {"b": "z"})
    first = difference(None, before)
    assert first is not None
    assert first.rows.changed == before.rows


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz")), min_size=1, max_size=6))
def test_a_client_that_applies_every_change_sees_the_picture(pictures: list[dict[str, str]]) -> None:
    shown: dict[str, str] = {}
    before: LiveView | None = None
    for rows in pictures:
        now = LiveView({}, rows)
        change = difference(before, now)
        if change is not None:
            known = shown | change.rows.changed
            shown = {key: known[key] for key in change.rows.order}
            before = now
        assert list(shown.items()) == list(rows.items())


def test_an_empty_floor_has_no_lag() -> None:
    workers = [WorkerStatus(number=1, pid=7, streams=0, restarts=0), WorkerStatus(number=2, pid=None, streams=0, restarts=1)]
    now = floor([], 3, workers, 0, BERLIN, {})
    assert (now.in_progress, now.lag, now.workers, now.workers_wanted, now.not_analysed) == (0, "—", 1, 2, 3)
    assert now.as_of == "01:00:00 Europe/Berlin"
