"""`analytics/reports`: the answers, on calls whose answers are known."""

import datetime
import functools
import importlib
import re
import statistics
from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call import tokeniser
from cc_voice.call.measure import measure
from cc_voice.call.metrics.call_quality import DOUBTS
from cc_voice.call.rows import ChannelRow, LegLanguageRow, MeasuredCall
from cc_voice.config.settings import bundled
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.store import call_list, enrichment, repeat_calls
from cc_voice.store.search.matches import SearchFilter, search
from cc_voice.store.zoom_reports import AgentStatus, Disposition, Engagement, FlowRun, Queue, QueueInterval, TimelineStep
from tests.call.calls import ANSWERED, DEFAULTS, channel, stream
from tests.conftest import examples
from tests.stored_calls import (
    NOON,
    SITE,
    Connection,
    call,
    golden_call,
    golden_call_heard_twice,
    interval,
    leg,
    new_store,
    say,
    unix_ms,
    write,
)

RANGE = {"since": "2026-11-01", "until": "2026-11-30"}
Row = dict[str, Any]


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        yield store


def ask(con: Connection, name: str, **params: str) -> list[Row]:
    return reports.answer(con, EVERYTHING, name, RANGE | params).rows(named=True)


@functools.cache
def prepared() -> Connection:
    """One store for all examples of the macros: they read no rows."""
    con = new_store()
    reports.prepare(con)
    return con


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The textbook's formula (Wilson 1927), in percent."""
    z, p = 1.96, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return 100 * (middle - half), 100 * (middle + half)


def ratio_error(pairs: list[tuple[float, float]]) -> float:
    """Standard error of Σa/Σb out of its residuals."""
    n, ratio = len(pairs), sum(a for a, _ in pairs) / sum(b for _, b in pairs)
    spread = sum((a - ratio * b) ** 2 for a, b in pairs) / (n - 1)
    return float((n * spread) ** 0.5 / sum(b for _, b in pairs))


# -- macros ----------------------------------------------------------------------------------------------------------


@given(n=st.integers(1, 5000), share=st.floats(0, 1))
@settings(max_examples=examples(50), deadline=None)
def test_wilson_is_the_textbooks(n: int, share: float) -> None:
    hits = round(n * share)
    con = prepared()
    low, high = con.execute("select wilson_low_pct($hits, $n), wilson_high_pct($hits, $n)", {"hits": hits, "n": n}).fetchall()[0]
    assert (low, high) == pytest.approx(wilson(hits, n), abs=0.001)
    assert 0 <= low <= 100 * hits / n + 0.001
    assert 100 * hits / n - 0.001 <= high <= 100


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 10**9)), st.one_of(st.none(), st.integers(0, 10**9))), max_size=20))
@settings(max_examples=examples(50), deadline=None)
def test_a_ratio_of_sums_takes_rows_with_both_numbers(rows: list[tuple[int | None, int | None]]) -> None:
    both = [(a, b) for a, b in rows if a is not None and b is not None]
    whole = sum(b for _, b in both)
    con = prepared()
    con.execute("create or replace temp table t (a bigint, b bigint)")
    for row in rows:
        con.execute("insert into t values (?, ?)", row)
    found = con.execute("select ros(a, b) from t").fetchall()[0][0]
    assert found == (pytest.approx(sum(a for a, _ in both) / whole) if whole else None)


@pytest.mark.parametrize(
    ("said", "phrase", "expected"),
    [
        ("I want to cancel.", "cancel", True),
        ("I want to CANCEL, please", "cancel please", True),
        ("it was cancelled", "cancel", False),
        ("well, cancel", "Cancel", True),
        ("I don't know", "don't know", True),
        ("no puedo, señor", "SEÑOR", True),
        ("please cancel", "cancel please", False),
        ("it was cancelación", "CANCELACION", True),
        ("anything", "", False),
        ("what?", "?", False),
        ("100% sure", "%", False),
    ],
)
def test_phrases_are_whole_words_in_order(con: Connection, said: str, phrase: str, expected: bool) -> None:
    reports.prepare(con)
    assert con.execute("select says($said, $phrase)", {"said": said, "phrase": phrase}).fetchall() == [(expected,)]


def test_search_filter_and_reports_find_the_same(con: Connection) -> None:
    """What was said has one meaning, whoever is asked: whole words, in any case, accents aside, compatibility forms as one."""
    spoken = {
        "party": "we have a party tonight",
        "art": "modern ART, please",
        "accent": "quiero la cancelación, señor",
        "plain": "quiero la cancelacion",
        "greek": "ο λογαριασμός μου",
        "ligature": "ma sœur Æble",
        "kana": "ｶﾞｿﾘﾝ ＡＢＣ１２３",
        "apart": "i don't know",
        "arabic": "الكــتاب ٣٤",
    }
    for place, (name, text) in enumerate(spoken.items()):
        at = NOON + datetime.timedelta(minutes=place)
        write(con, call(name, leg(name), at=at, said=(say(name, "customer", 10_000, text),)))
    reports.prepare(con)
    asked = {
        "art": {"art"},
        "cancelacion": {"accent", "plain"},
        "La CANCELACIÓN": {"accent", "plain"},
        "ΛΟΓΑΡΙΑΣΜΌΣ": {"greek"},
        "soeur": {"ligature"},
        "aeble": {"ligature"},
        "ガソリン": {"kana"},
        "abc123": {"kana"},
        "don’t know": {"apart"},
        "الكتاب 34": {"arabic"},
        "nobody": set(),
    }
    for phrase, expected in asked.items():
        by_search = {hit.call_id for hit in search(con, f'"{phrase}"', SearchFilter()).hits}
        by_filter = {each.call_id for each in call_list.list_calls(con, call_list.CallFilter(words=(phrase,)))}
        rows = ask(con, "phrase-said", phrase=phrase, part="whole", since="2026-01-01", until="2026-12-31")
        by_sql = {row[0] for row in con.execute("select call_id from v_utterance where says(text, ?)", [phrase]).fetchall()}
        by_word = {
            name
            for name, text in spoken.items()
            if f" {' '.join(tokeniser.words(phrase))} " in f" {' '.join(tokeniser.words(text))} "
        }
        assert [by_search, by_filter, {row["call_id"] for row in rows}, by_sql, by_word] == [expected] * 5, phrase
        for hit in search(con, f'"{phrase}"', SearchFilter()).hits:
            assert any(piece.is_match for piece in hit.passages[0].pieces)


# -- agents ----------------------------------------------------------------------------------------------------------


def test_agent_talk_of_the_golden_call(con: Connection) -> None:
    write(con, golden_call())
    (row,) = ask(con, "agent-talk", since="2026-09-01")
    assert row["agent_talk_pct_ros"] == pytest.approx(51.63, abs=0.005)
    assert row["talk_ratio_agent_ros"] == pytest.approx(0.6438, abs=0.00005)
    assert row["wpm_agent_ros"] == pytest.approx(156.5, abs=0.05)
    assert row["longest_monologue_ms_agent"] == 10_500


def test_agent_talk_is_a_ratio_of_sums_of_what_was_measured(con: Connection) -> None:
    write(con, call("a", leg("a", analysed_ms=10_000, talk_ms_agent=9_000, talk_ms_customer=1_000)))
    write(con, call("b", leg("b", analysed_ms=90_000, talk_ms_agent=9_000, talk_ms_customer=None)))
    write(con, call("c", leg("c", analysed_ms=50_000)))  # nothing measured: neither above nor below the line
    (row,) = ask(con, "agent-talk")
    assert row["n_legs"] == 3
    assert row["agent_talk_pct_ros"] == 18
    assert row["talk_ratio_agent_ros"] == 0.9


def test_words_and_characters_per_minute_are_never_mixed(con: Connection) -> None:
    write(con, call("a", leg("a", talk_ms_agent=10_000, wpm_agent=120.0, talk_speed_unit="wpm")))
    write(con, call("b", leg("b", talk_ms_agent=30_000, wpm_agent=160.0, talk_speed_unit="wpm")))
    write(con, call("c", leg("c", talk_ms_agent=30_000, wpm_agent=300.0, talk_speed_unit="cpm")))
    (row,) = ask(con, "agent-talk")
    assert (row["wpm_agent_ros"], row["cpm_agent_ros"]) == (150, 300)


def test_a_talk_speed_is_of_one_language_and_has_an_interval(con: Connection) -> None:
    """English 120 and 150 in 10 and 20 s of speech: 140. Spanish, spoken less, has to be asked for; Japanese is in characters."""
    for name, language, ms, speed in (("a", "en", 10_000, 120.0), ("b", "en", 20_000, 150.0), ("c", "es", 25_000, 200.0)):
        row = LegLanguageRow(
            leg_id=f"{name}-1", party="agent", language_code=language, speech_ms=ms, share_pct=100, word_count=50, wpm=speed
        )
        theirs = msgspec.structs.replace(row, party="customer", wpm=999.0)
        measured = {"wpm_agent": speed, "talk_speed_unit": "wpm", "talk_ms_agent": ms, "talk_ms_customer": 5_000}
        write(con, call(name, leg(name, **measured), languages=(row, theirs)))
    japanese = LegLanguageRow(
        leg_id="d-1", party="agent", language_code="ja", speech_ms=9_000, share_pct=100, word_count=60, wpm=400.0
    )
    write(con, call("d", leg("d", wpm_agent=400.0, talk_speed_unit="cpm", talk_ms_agent=9_000), languages=(japanese,)))
    (row,) = ask(con, "agent-talk")
    assert (row["wpm_language"], row["n_legs_wpm"], row["wpm_agent_ros"]) == ("en", 2, 140)
    margin = 1.96 * ratio_error([(120.0 * 10_000, 10_000), (150.0 * 20_000, 20_000)])
    assert (row["wpm_agent_low"], row["wpm_agent_high"]) == pytest.approx((140 - margin, 140 + margin))
    assert (row["cpm_language"], row["n_legs_cpm"], row["cpm_agent_ros"], row["cpm_agent_low"]) == ("ja", 1, 400, None)
    talk = [(ms, 60_000) for ms in (10_000, 20_000, 25_000, 9_000)]
    half = 196 * ratio_error(talk)
    assert row["agent_talk_pct_ros"] == pytest.approx(100 * 64 / 240)
    assert (row["agent_talk_pct_low"], row["agent_talk_pct_high"]) == pytest.approx((100 * 64 / 240 - half, 100 * 64 / 240 + half))
    (row,) = ask(con, "agent-talk", language="es")
    assert (row["n_legs"], row["wpm_language"], row["wpm_agent_ros"], row["cpm_agent_ros"]) == (4, "es", 200, None)


def test_hold_is_compared_with_everybody_else_on_the_queue(con: Connection) -> None:
    ana = [(10_000, 60_000), (30_000, 90_000), (0, 30_000)]
    ben = [(5_000, 100_000), (0, 50_000), (1_000, 40_000), (9_000, 90_000)]
    for agent, pairs in (("ana", ana), ("ben", ben)):
        for number, (hold, whole) in enumerate(pairs):
            name = f"{agent}{number}"
            write(con, call(name, leg(name, agent=agent, hold_ms=hold, hold_count=1, interaction_ms=whole)))
    write(con, call("x", leg("x", agent="ben", queue="sales", hold_ms=60_000, hold_count=1)))
    rows = {(row["queue_name"], row["agent_name"]): row for row in ask(con, "hold-by-agent", min_legs="4")}
    row = rows["Billing", "Ana"]
    mine, rest = 100 * 40_000 / 180_000, 100 * 15_000 / 280_000
    margin = 100 * 1.96 * (ratio_error(ana) ** 2 + ratio_error(ben) ** 2) ** 0.5
    assert (row["n_legs"], row["n_legs_rest"], row["holds_per_leg"]) == (3, 4, 1)
    assert (row["hold_pct_ros"], row["hold_pct_ros_rest"]) == (pytest.approx(mine), pytest.approx(rest))
    assert row["difference_low"] == pytest.approx(mine - rest - margin)
    assert row["difference_high"] == pytest.approx(mine - rest + margin)
    assert row["rank"] is None, "three legs are too few for a rank"
    assert rows["Billing", "Ben"]["rank"] == 1
    alone = rows["Sales", "Ben"]
    assert (alone["n_legs_rest"], alone["hold_pct_ros_rest"], alone["difference"]) == (0, None, None)


def test_handle_time_parts_sum_to_interaction(con: Connection) -> None:
    parts = {"agent_only_ms": 20_000, "customer_only_ms": 10_000, "overtalk_ms": 2_000, "silence_ms": 8_000}
    write(con, call("a", leg("a", **parts, analysed_ms=40_000, hold_ms=15_000)))
    write(con, call("b", leg("b", analysed_ms=40_000)))  # not measured
    (row,) = ask(con, "handle-time")
    total = sum(row[f"{name}_mean"] for name in (*parts, "hold_ms", "unheard_ms"))
    assert (row["n_legs"], total, row["unheard_ms_mean"]) == (1, row["interaction_ms_mean"], 5_000)
    assert (row["n_legs_not_heard"], row["n_legs_acw"], row["acw_ms_mean"], row["handle_ms_mean"]) == (1, 0, None, None)
    assert [row["group_name"] for row in ask(con, "handle-time", by="agent")] == ["Ana"]


def test_handle_time_adds_means_of_the_same_legs(con: Connection) -> None:
    """Of three legs two have wrap-up, one of those on a mixed channel: 60 + 30 and 20 + 10 seconds, a mean of 60."""
    parts = {"agent_only_ms": 20_000, "customer_only_ms": 10_000, "overtalk_ms": 2_000, "silence_ms": 28_000}
    write(con, call("a", leg("a", **parts, acw_ms=30_000)))
    write(con, call("b", leg("b", **parts)))
    write(con, call("c", leg("c", interaction_ms=20_000, silence_ms=5_000, acw_ms=10_000)))
    (row,) = ask(con, "handle-time")
    assert (row["n_legs"], row["n_legs_not_heard"], row["n_legs_acw"]) == (2, 1, 2)
    assert (row["handle_ms_mean"], row["interaction_ms_mean_acw"], row["acw_ms_mean"]) == (60_000, 40_000, 20_000)
    assert (row["interaction_ms_mean"], row["silence_ms_mean"], row["silence_pct_ros"]) == (60_000, 28_000, pytest.approx(140 / 3))


def test_service_level_leaves_short_abandons_out(con: Connection) -> None:
    write(con, call("a", leg("a")))  # a site of which something is known
    told = {"answered": 7, "answered_in_sl": 6, "abandoned": 3, "short_abandoned": 1, "flow_out": 1, "wait_ms_total": 100_000}
    for hour in (0, 1):
        at = unix_ms(NOON) + hour * 3_600_000
        record = QueueInterval(queue_id="q1", queue_name="Billing", interval_unix_ms=at, offered=11, **told)
        enrichment.take(con, "queue_performance", [record], SITE, NOON.date())
    enrichment.take(con, "queues", [Queue(queue_id="q1", sl_seconds=20, valid_from="2026-01-01")], SITE, NOON.date())
    (row,) = ask(con, "service-level")
    assert (row["queue_name"], row["n_offered"], row["sl_seconds"]) == ("Billing", 22, 20)
    assert row["service_level_pct_ros"] == pytest.approx(100 * 12 / (14 + 6 - 2))
    assert (row["abandoned_pct_ros"], row["wait_ms_mean"]) == (pytest.approx(100 * 6 / 22), 10_000)
    (row,) = ask(con, "service-level", flow_out="counted")
    assert row["service_level_pct_ros"] == pytest.approx(100 * 12 / (14 + 6 - 2 + 2))
    assert ask(con, "service-level", queue="Sales") == []


def test_imported_reports_are_shown_before_the_first_call(con: Connection) -> None:
    at = unix_ms(NOON)

    def take(dataset: Any, *records: Any) -> None:
        enrichment.take(con, dataset, records, SITE, NOON.date())

    take("queue_performance", QueueInterval(queue_id="q1", queue_name="Billing", interval_unix_ms=at, offered=5, answered=4))
    assert [row["n_offered"] for row in ask(con, "service-level")] == [5]
    take(
        "agent_timecard",
        AgentStatus(user_id="u1", start_unix_ms=at, status="Ready", ready_ms=100_000),
        AgentStatus(user_id="u1", start_unix_ms=at + 100_000, status="Occupied", occupied_ms=300_000),
    )
    (row,) = ask(con, "agent-time")
    assert (row["user_id"], row["n_statuses"], row["ready_ms"], row["occupancy_pct_ros"]) == ("u1", 2, 100_000, 75)
    assert ask(con, "agent-time", agent="u2") == []
    take(
        "flow_performance",
        FlowRun(engagement_id="E1", flow_id="f1", flow_name="Menu", enter_unix_ms=at, flow_ms=10_000),
        FlowRun(engagement_id="E2", flow_id="f1", enter_unix_ms=at, exit_unix_ms=at + 30_000),
        FlowRun(engagement_id="E3", flow_id="f1", enter_unix_ms=at),
    )
    take("engagement", Engagement(engagement_id="E1", abandoned=True), Engagement(engagement_id="E2", abandoned=False))
    (row,) = ask(con, "flows")
    assert (row["flow_name"], row["n_runs"], row["n_timed"], row["flow_ms_mean"]) == ("Menu", 3, 2, 20_000)
    assert (row["n_known"], row["abandoned_pct_ros"]) == (2, 50)
    take("engagement_timelines", TimelineStep(engagement_id="E1", start_unix_ms=at, step="queue_entered", duration_ms=12_000))
    rows = reports.answer(con, EVERYTHING, "timeline", {"engagement": "E1"}).rows(named=True)
    assert [(row["step"], row["duration_ms"], row["user_id"]) for row in rows] == [("queue_entered", 12_000, None)]


def test_greeting_counts_legs_in_time(con: Connection) -> None:
    for number, latency in enumerate((1_000, 10_000, 10_001, None)):
        write(con, call(f"c{number}", leg(f"c{number}", greeting_latency_ms=latency)))
    (row,) = ask(con, "greeting")
    assert (row["n_legs"], row["n_in_time"], row["greeting_latency_ms_p50"]) == (3, 2, 10_000)
    assert (row["in_time_pct_low"], row["in_time_pct_high"]) == pytest.approx(wilson(2, 3), abs=0.001)
    assert ask(con, "greeting", within_ms="999")[0]["n_in_time"] == 0


def test_an_agent_who_never_spoke_greeted_nobody(con: Connection) -> None:
    """Two legs in time, one late, one silent, one of an agent nobody heard: 2 of 5. A shared channel tells nothing."""
    for name, latency in (("a", 1_000), ("b", 2_000), ("c", 15_000)):
        write(con, call(name, leg(name, greeting_latency_ms=latency)))
    for name, reason in (("silent", "agent_did_not_speak"), ("unheard", "one_way_audio"), ("mixed", "mixed_audio")):
        write(con, call(name, leg(name), reasons={"greeting_latency_ms": reason, "wpm_agent": "no_words"}))
    (row,) = ask(con, "greeting")
    assert (row["n_legs"], row["n_in_time"], row["n_never_spoke"], row["n_unknown"]) == (5, 2, 2, 1)
    assert (row["in_time_pct"], row["greeting_latency_ms_p50"]) == (40, 2_000)
    assert (row["in_time_pct_low"], row["in_time_pct_high"]) == pytest.approx(wilson(2, 5), abs=0.001)


def test_a_measured_call_without_a_word_of_the_agent_is_no_greeting(con: Connection) -> None:
    silent = measure([stream(channel("a"), channel("c", (0, 20_000)), events=ANSWERED)], DEFAULTS)
    write(con, silent)
    (row,) = ask(con, "greeting", since="2026-09-01")
    assert (row["n_legs"], row["n_in_time"], row["n_never_spoke"], row["in_time_pct"]) == (1, 0, 1, 0)


def test_disagreement_is_a_ratio_of_sums_with_an_interval(con: Connection) -> None:
    heard = [(10, 5), (90, 5), (100, 20)]
    for number, (words, differing) in enumerate(heard):
        measured = {"compared_word_count": words, "differing_word_count": differing, "asr_model": "tiny"}
        write(
            con,
            call(
                f"c{number}", leg(f"c{number}", compared_word_count_agent=words, differing_word_count_agent=differing, **measured)
            ),
        )
    write(con, call("other", leg("other", asr_model="tiny")))
    (row,) = ask(con, "recogniser-disagreement", min_legs="3")
    assert (row["group_name"], row["rank"], row["n_legs"], row["compared_word_count"]) == ("en", 1, 3, 200)
    assert row["word_disagreement_pct_ros"] == row["word_disagreement_pct_agent_ros"] == 15
    assert row["word_disagreement_pct_customer_ros"] is None
    margin = 196 * ratio_error([(differing, words) for words, differing in heard])
    assert (row["word_disagreement_pct_low"], row["word_disagreement_pct_high"]) == pytest.approx((15 - margin, 15 + margin))
    for by, name in (("model", "tiny"), ("queue", "Billing"), ("agent", "Ana")):
        (row,) = ask(con, "recogniser-disagreement", by=by)
        assert (row["group_name"], row["rank"]) == (name, None)
    assert ask(con, "recogniser-disagreement", queue="Sales") == []


def test_disagreement_of_one_leg_has_no_interval_and_none_of_it_a_bound(con: Connection) -> None:
    write(con, golden_call_heard_twice())
    (row,) = reports.answer(con, EVERYTHING, "recogniser-disagreement", {"since": "2026-09-01", "until": "2026-09-30"}).rows(
        named=True
    )
    assert row["word_disagreement_pct_ros"] == pytest.approx(100 * 5 / 47)
    assert row["word_disagreement_pct_low"] is row["word_disagreement_pct_high"] is None


def test_interruptions_are_a_rate_and_a_share(con: Connection) -> None:
    for number, count in enumerate((3, 0, 0)):
        name = f"c{number}"
        measured = {"interruptions_agent": count, "interruptions_customer": 1, "interruption_ms_agent": 400 * count}
        write(con, call(name, leg(name, analysed_ms=100_000, **measured), primary_language="es"))
    (row,) = ask(con, "interruptions", min_legs="1")
    assert row["interruptions_agent_per_10min_ros"] == 6
    assert row["interruptions_agent_per_leg"] == 1
    assert row["interrupted_pct"] == pytest.approx(100 / 3)
    assert (row["rank"], row["interruption_ms_agent"]) == (1, 1_200)
    assert ask(con, "interruptions", by="language")[0]["group_name"] == "es"
    assert ask(con, "interruptions", by="queue")[0]["group_id"] == "billing"


def test_legs_in_which_nobody_can_say_who_spoke_are_left_out_and_counted(con: Connection) -> None:
    for number, obstacle in enumerate(("none", "echo", "low_snr", "clipping", "media_gap")):
        name = f"c{number}"
        measured = {"interruptions_agent": number, "interruptions_customer": 1, "interruption_ms_agent": 400 * number}
        write(con, call(name, leg(name, analysed_ms=100_000, qa_obstacle=obstacle, **measured)))
    (row,) = ask(con, "interruptions", min_legs="1")
    assert (row["n_legs"], row["n_left_out"], row["interruptions_agent_per_leg"]) == (2, 3, 2)
    assert (row["interruptions_agent_per_10min_ros"], row["interruption_ms_agent"]) == (12, 1_600)


def test_bad_audio_is_weighted_by_words(con: Connection) -> None:
    one = {"low_conf_word_pct_agent": 50.0, "asr_conf_mean_agent": 0.5, "conf_word_count_agent": 10}
    two = {"low_conf_word_pct_agent": 10.0, "asr_conf_mean_agent": 0.9, "conf_word_count_agent": 30}
    write(con, call("a", leg("a", one_way_audio=True, media_gap_ms=6_000, **one)))
    write(con, call("b", leg("b", one_way_audio=False, media_gap_ms=0, **two)))
    (row,) = ask(con, "bad-audio")
    assert (row["n_one_way"], row["one_way_pct"], row["low_conf_word_pct_agent_ros"], row["media_gap_pct_ros"]) == (1, 50, 20, 5)
    assert row["asr_conf_agent_ros"] == pytest.approx(0.8)


def test_bad_audio_ranks_agents_by_their_own_words(con: Connection) -> None:
    """Ana's customers are hard to understand, Ben is himself; a leg of Zoom's words alone ranks nobody."""
    ana = {"low_conf_word_pct": 50.0, "low_conf_word_pct_agent": 5.0, "conf_word_count_agent": 100}
    ben = {"low_conf_word_pct": 20.0, "low_conf_word_pct_agent": 30.0, "conf_word_count_agent": 100}
    write(con, call("a", leg("a", **ana)))
    write(con, call("b", leg("b", agent="ben", **ben)))
    write(con, call("c", leg("c", agent="cem", low_conf_word_pct=90.0)))
    rows = ask(con, "bad-audio", min_legs="1")
    assert [(row["agent_name"], row["rank"], row["n_legs_words"]) for row in rows] == [
        ("Ben", 1, 1),
        ("Ana", 2, 1),
        ("Cem", None, 0),
    ]


def test_audio_quality_counts_legs_with_a_fault(con: Connection) -> None:
    good = {
        "level_dbfs_agent": -22.0,
        "quiet_pct_agent": 0.0,
        "clipping_pct_agent": 0.0,
        "snr_db_agent": 40.0,
        "echo_suspect": False,
    }
    faults = ({"quiet_pct_agent": 20.0}, {"clipping_pct_agent": 1.5}, {"snr_db_agent": 14.0}, {"snr_db_agent": None})
    for number, fault in enumerate(faults):
        write(con, call(f"a{number}", leg(f"a{number}", talk_ms_agent=10_000, **(good | fault))))
    write(con, call("b", leg("b", agent="ben", talk_ms_agent=30_000, **(good | {"echo_suspect": True}))))
    write(con, call("c", leg("c", agent="cem", talk_ms_agent=30_000)))
    ana, ben = ask(con, "audio-quality", min_legs="1")
    assert (ana["group_name"], ana["rank"], ana["n_legs"], ana["n_faulty"], ana["faulty_pct"]) == ("Ana", 1, 4, 3, 75)
    assert (ana["quiet_pct_agent_ros"], ana["clipping_pct_agent_ros"], ana["snr_db_agent_p50"]) == (5, 0.375, 40)
    assert (ben["group_name"], ben["n_faulty"], ben["n_echo"], ben["n_legs_echo"]) == ("Ben", 0, 1, 1)
    (both,) = ask(con, "audio-quality", by="queue", quiet_pct="21", clipping_pct="2", snr_db="10")
    assert (both["group_id"], both["rank"], both["n_legs"], both["n_faulty"], both["level_dbfs_agent_p50"]) == (
        "billing",
        None,
        5,
        0,
        -22,
    )


def test_the_levels_of_a_call_are_a_row_per_spoken_second(con: Connection) -> None:
    heard = call("a", leg("a"))
    channels = (
        ChannelRow(call_id="a", channel_id="1", party="agent", level_dbfs=(None, -20, -120)),
        ChannelRow(call_id="a", channel_id="2", party="customer"),
    )
    write(con, msgspec.structs.replace(heard, channels=channels))
    reports.prepare(con)
    rows = con.execute(
        "select channel_id, party, start_ms, end_ms, level_dbfs, loudness_score from v_level order by start_ms"
    ).fetchall()
    assert rows == [("1", "agent", 1_000, 2_000, -20, 80), ("1", "agent", 2_000, 3_000, -120, 0)]


# -- evidence --------------------------------------------------------------------------------------------------------


def test_dead_air_comes_with_what_was_said_last(con: Connection) -> None:
    said = (say("a", "agent", 1_000, "let me see"), say("a", "customer", 8_000, "are you there"), say("a", "agent", 40_000, "yes"))
    gaps = (interval("a", "dead_air", 9_000, 39_000), interval("a", "dead_air", 42_000, 53_000, party="customer"))
    write(con, call("a", leg("a", dead_air_agent_owed_ms=30_000), said=said, intervals=gaps))
    write(con, call("b", leg("b", dead_air_agent_owed_ms=12_000), intervals=(interval("b", "dead_air", 0, 12_000),)))
    first, second = ask(con, "dead-air")
    assert (first["call_id"], first["start_ms"], first["duration_ms"]) == ("a", 9_000, 30_000)
    assert (first["last_party"], first["last_text"]) == ("customer", "are you there")
    assert (second["call_id"], second["last_text"]) == ("b", None)
    assert len(ask(con, "dead-air", limit="1")) == 1
    assert ask(con, "dead-air", agent="Ben") == []


def test_monologues_begin_as_they_were_said(con: Connection) -> None:
    said = (say("a", "agent", 1_000, "first"), say("a", "customer", 3_000, "mhm"), say("a", "agent", 5_000, "then"))
    turns = (interval("a", "turn", 1_000, 41_000), interval("a", "turn", 50_000, 51_000))
    write(con, call("a", leg("a", longest_monologue_ms_agent=40_000), said=said, intervals=turns))
    (row,) = ask(con, "monologues")
    assert (row["duration_ms"], row["begins"]) == (40_000, "first then")
    assert len(ask(con, "monologues", min_ms="0")) == 2


def test_a_phrase_is_found_where_it_was_looked_for(con: Connection) -> None:
    said = (
        say("a", "customer", 5_000, "I will cancel"),
        say("a", "customer", 100_000, "cancel it now", number=2),
        say("a", "agent", 110_000, "shall I cancel", number=2),
    )
    write(con, call("a", leg("a"), leg("a", 2), said=said))

    def found(**params: str) -> list[int]:
        return [row["start_ms"] for row in ask(con, "phrase-said", phrase="cancel", **params)]

    assert found() == [5_000, 100_000]
    assert found(window_ms="19000") == []
    assert found(window_ms="19001") == [100_000]
    assert found(part="start", window_ms="5001") == [5_000]
    assert found(party="agent") == [110_000]
    assert found(party="anybody", part="whole") == [5_000, 100_000, 110_000]
    assert ask(con, "phrase-said", phrase="cancel")[0]["said_ts"] == NOON + datetime.timedelta(seconds=5)


def test_a_missing_disclosure_is_counted_and_shown(con: Connection) -> None:
    texts = {"a": "this call is recorded", "b": "hello", "c": "hello"}
    for name, text in texts.items():
        write(con, call(name, leg(name, word_count_agent=4), said=(say(name, "agent", 0, text),)))
    write(con, call("late", leg("late", word_count_agent=4), said=(say("late", "agent", 59_000, texts["a"]),)))
    write(con, call("mute", leg("mute")))  # no words: nobody knows
    (row,) = ask(con, "disclosure", phrase="call is recorded", within_ms="30000")
    assert (row["n_legs"], row["n_missing"], row["said_pct"], row["example_call_id"]) == (4, 3, 25, "b")
    assert ask(con, "disclosure", phrase="call is recorded")[0]["n_missing"] == 2


def test_a_pause_in_mid_sentence_parts_no_disclosure(con: Connection) -> None:
    """The agent's words run on over utterances and over the customer's; they begin in time or not, and keep their order."""
    texts = {
        "paused": (("agent", 1_000, "this call"), ("agent", 4_000, "is recorded for quality")),
        "answered": (("agent", 1_000, "this call is"), ("customer", 2_500, "yes"), ("agent", 4_000, "recorded")),
        "astride": (("agent", 29_000, "this call"), ("agent", 33_000, "is recorded")),
        "late": (("agent", 1_000, "hello"), ("agent", 31_000, "this call"), ("agent", 34_000, "is recorded")),
        "others": (("agent", 1_000, "this call"), ("customer", 3_000, "is recorded")),
        "turned": (("agent", 1_000, "is recorded"), ("agent", 4_000, "this call")),
        "partly": (("agent", 1_000, "this call"), ("agent", 4_000, "is prerecorded is it recorded")),
    }
    for name, lines in texts.items():
        said = tuple(say(name, party, start_ms, text) for party, start_ms, text in lines)
        write(con, call(name, leg(name, agent=name, word_count_agent=4), said=said))
    rows = ask(con, "disclosure", phrase="This call is recorded.", within_ms="30000")
    assert {row["agent_name"].lower() for row in rows if not row["n_missing"]} == {"paused", "answered", "astride"}
    doubtful = ask(con, "disclosure-doubt", phrase="This call is recorded.", within_ms="30000")
    assert {row["agent_name"].lower() for row in doubtful} == texts.keys() - {"paused", "answered", "astride"}


def test_who_said_nothing_disclosed_nothing(con: Connection) -> None:
    write(con, call("a", leg("a", word_count_agent=0, talk_ms_agent=0)))
    write(con, call("b", leg("b", word_count_agent=0, talk_ms_agent=9_000)))
    write(con, call("c", leg("c", word_count_agent=3), said=(say("c", "agent", 0, "call is recorded"),)))
    (row,) = ask(con, "disclosure", phrase="call is recorded")
    assert (row["n_legs"], row["n_missing"], row["n_unknown"], row["example_call_id"]) == (2, 1, 1, "a")


def test_a_missing_disclosure_may_be_bad_audio(con: Connection) -> None:
    write(con, call("good", leg("good"), said=(say("good", "agent", 0, "hello"),)))
    write(con, call("bad", leg("bad"), said=(say("bad", "agent", 0, "hello", conf=0.5),)))
    write(con, call("late", leg("late"), said=(say("late", "agent", 50_000, "hello"),)))
    write(con, call("said", leg("said"), said=(say("said", "agent", 0, "this call is recorded", conf=0.1),)))
    (row,) = ask(con, "disclosure-doubt", phrase="call is recorded", within_ms="30000")
    assert (row["n_missing"], row["n_undetermined"], row["example_call_id"]) == (3, 2, "bad")
    assert (row["undetermined_pct_low"], row["undetermined_pct_high"]) == pytest.approx(wilson(2, 3), abs=0.001)


def test_questions_stand_beside_calls_that_came_again(con: Connection) -> None:
    for number, count in enumerate((4, 0, None)):
        name = f"c{number}"
        again = {"customer_key": "k" if number < 2 else None}
        at = NOON + datetime.timedelta(days=number)
        write(con, call(name, leg(name, analysed_ms=100_000, question_count_agent=count), at=at, **again))
    write(con, call("newest", leg("newest", agent="ben"), at=NOON + datetime.timedelta(days=9)))
    (row,) = ask(con, "questions")
    assert (row["n_legs"], row["questions_per_10min_agent_ros"], row["questions_per_leg"]) == (2, 12, 2)
    assert (row["n_calls"], row["repeated_pct"]) == (2, 50)
    assert (row["repeated_pct_low"], row["repeated_pct_high"]) == pytest.approx(wilson(1, 2), abs=0.001)


# -- calls and queues ------------------------------------------------------------------------------------------------


@pytest.fixture
def transferred(con: Connection) -> Connection:
    """Two calls handed from Ana (billing) to Ben (sales), one to nobody we heard, one not transferred."""
    for name, gap in (("a", 2_000), ("b", 4_000)):
        second = leg(name, 2, agent="ben", queue="sales", start_ms=60_000 + gap, end_ms=120_000, greeting_latency_ms=500)
        turns = (
            interval(name, "turn", 70_000, 75_000, party="customer", number=2),
            interval(name, "turn", 90_000, 99_000, party="customer", number=2),
        )
        write(con, call(name, leg(name, transferred_out=True), second, intervals=turns))
    write(con, call("c", leg("c", transferred_out=True)))
    write(con, call("d", leg("d")))
    return con


def test_transfers_are_pairs_with_the_givers_share(transferred: Connection) -> None:
    first, second = ask(transferred, "transfers")
    assert (first["from_name"], first["to_name"], first["n_transfers"], first["n_legs_from"]) == ("Billing", "Sales", 2, 4)
    assert first["transferred_pct"] == 50
    assert (second["to_name"], second["n_transfers"]) == (None, 1)
    assert ask(transferred, "transfers", by="agent")[0]["to_name"] == "Ben"


def test_after_a_transfer_the_receiver_is_measured(transferred: Connection) -> None:
    (row,) = ask(transferred, "after-transfer")
    assert (row["agent_name"], row["n_legs"], row["handover_gap_ms_p50"]) == ("Ben", 2, 3_000)
    assert (row["greeting_latency_ms_p50"], row["customer_first_turn_ms_p50"]) == (500, 5_000)
    assert ask(transferred, "after-transfer", queue="Billing") == []


def test_days_are_of_the_site(transferred: Connection) -> None:
    rows = ask(transferred, "days")
    assert [(row["queue_name"], row["n_calls"], row["n_legs"], row["n_transferred_out"]) for row in rows] == [
        ("Billing", 4, 4, 3),
        ("Sales", 2, 2, 0),
    ]
    assert rows[0]["local_date"] == datetime.date(2026, 11, 2)


def test_languages_tell_who_serves_them(con: Connection) -> None:
    for number, (language, agent) in enumerate([("en", "ana"), ("en", "ana"), ("es", "ben"), ("es", "ana"), ("es", "ben")]):
        write(con, call(f"c{number}", leg(f"c{number}", agent=agent), primary_language=language))
    first, second = ask(con, "languages")
    assert (first["primary_language"], first["n_legs"], first["legs_pct"], first["most_by"]) == ("es", 3, 60, "Ben, Ana")
    assert (second["primary_language"], second["n_agents"], second["interaction_ms_mean"]) == ("en", 1, 60_000)


def spoken(name: str, language: str, ms: int, share: float, party: str = "customer") -> LegLanguageRow:
    return LegLanguageRow(
        leg_id=f"{name}-1", party=party, language_code=language, speech_ms=ms, share_pct=share, word_count=ms // 500, wpm=120.0
    )


def test_language_share_is_of_a_partys_speech(con: Connection) -> None:
    write(con, call("a", leg("a"), languages=(spoken("a", "en", 9_000, 90), spoken("a", "es", 1_000, 10))))
    write(con, call("b", leg("b"), languages=(spoken("b", "es", 10_000, 100), spoken("b", "en", 5_000, 100, "agent"))))
    rows = {(row["party"], row["language_code"]): row for row in ask(con, "language-share")}
    assert rows["customer", "es"]["share_pct_ros"] == 55
    assert rows["customer", "es"]["n_legs"] == 2
    assert rows["agent", "en"]["share_pct_ros"] == 100


def test_languages_nobody_serves_are_shares_of_speech_and_of_time(con: Connection) -> None:
    unserved = {"lang_mismatch_ms": 20_000, "unsupported_lang_ms": 15_000, "lang_switch_count": 2}
    served = {"lang_mismatch_ms": 0, "unsupported_lang_ms": 0, "lang_switch_count": 0}
    for name, values in (("a", unserved), ("b", served), ("c", {})):
        write(con, call(name, leg(name, analysed_ms=50_000, talk_ms_agent=20_000, talk_ms_customer=10_000, **values)))
    (row,) = ask(con, "language-service")
    assert (row["n_legs"], row["n_identified"], row["n_mismatch"], row["n_unsupported"]) == (3, 2, 1, 1)
    assert (row["lang_mismatch_pct_ros"], row["unsupported_lang_pct_ros"], row["lang_switch_count"]) == (20, 25, 2)


def test_a_second_language_counts_from_a_share_on(con: Connection) -> None:
    for name, share, length in (("a", 5, 40_000), ("b", 50, 60_000), ("c", 50, 80_000)):
        languages = (spoken(name, "en", 1_000, 100 - share), spoken(name, "es", 1_000, share))
        write(con, call(name, leg(name, interaction_ms=length), languages=languages))
    one, several = ask(con, "language-switches")
    assert (one["languages"], one["n_legs"], one["interaction_ms_mean_low"]) == ("one", 1, None)
    margin = 1.96 * statistics.stdev([60_000, 80_000]) / 2**0.5
    assert (several["languages"], several["interaction_ms_mean"]) == ("several", 70_000)
    assert several["interaction_ms_mean_high"] == pytest.approx(70_000 + margin)
    assert len(ask(con, "language-switches", min_share_pct="1")) == 1


def test_unsure_words_are_ranked_by_what_is_certain(con: Connection) -> None:
    said = tuple(say("a", "agent", 1_000 * n, "rare common", conf=0.5 if n < 4 else 0.9) for n in range(5))
    said += (say("a", "agent", 9_000, "Odd", conf=0.1),)
    write(con, call("a", leg("a"), said=said))
    rows = ask(con, "low-confidence-words")
    assert [(row["word"], row["n_said"], row["n_unsure"]) for row in rows] == [("common", 5, 4), ("rare", 5, 4)]
    assert [row["word"] for row in ask(con, "low-confidence-words", min_said="1")][-1] == "odd"
    assert ask(con, "low-confidence-words", below="0.05") == []
    assert ask(con, "low-confidence-words", language="es") == []


def test_a_customer_who_calls_again_counts_for_the_call_before(con: Connection) -> None:
    first = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=60)
    for name, days, key in (("a", 0, "k1"), ("b", 6, "k1"), ("c", 20, "k1"), ("d", 1, "k2"), ("e", 2, None)):
        write(con, call(name, leg(name), at=first + datetime.timedelta(days=days), customer_key=key))
    write(con, call("newest", leg("newest"), at=first + datetime.timedelta(days=59)))
    closed = {"since": "today-90", "until": "today"}
    (row,) = ask(con, "repeat-calls", **closed)
    assert (row["n_calls"], row["n_repeated"], row["repeated_pct"]) == (4, 1, 25)
    assert ask(con, "repeat-calls", **closed, days="30")[0]["n_repeated"] == 2
    assert ask(con, "repeat-calls", since="today-90", until="today-58")[0]["n_repeated"] == 1, "the next call may be later"


CALLS_OF_CUSTOMERS = st.lists(
    st.tuples(st.sampled_from(["k1", "k2", None]), st.integers(0, 40), st.sampled_from(["billing", "refunds", "sales"])), max_size=8
)


@given(CALLS_OF_CUSTOMERS)
@settings(max_examples=10, deadline=None)
def test_who_called_again_is_the_same_wherever_it_is_asked(calls: list[tuple[str | None, int, str]]) -> None:
    """The column of the view and two reports: within the queue group, or the queue; and in any queue, where that is asked."""
    first = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=80)
    with new_store() as con:
        for number, (key, half_days, queue) in enumerate(calls):
            at = first + datetime.timedelta(hours=12 * half_days)
            values = {"question_count_agent": 1}
            write(con, call(f"c{number}", leg(f"c{number}", queue=queue, **values), at=at, customer_key=key))
        write(con, call("newest", leg("newest"), at=first + datetime.timedelta(days=79)))
        con.execute("update dim_queue set queue_group = 'money' where queue_id in ('billing', 'refunds')")
        repeat_calls.refresh(con, [key for key, _, _ in calls if key])
        reports.prepare(con)
        stored = con.execute("select count(*) filter (where repeat_7d) from v_call").fetchall()[0][0]
        closed = {"since": "today-90", "until": "today"}
        by_report = sum(row["n_repeated"] for row in ask(con, "repeat-calls", **closed))
        assert by_report == stored
        asked = ask(con, "questions", **closed)
        assert sum(round(row["n_calls"] * (row["repeated_pct"] or 0) / 100) for row in asked) == stored

        later = [(key, days) for key, days, _ in calls if key]
        anywhere = sum(any(theirs == key and days < other <= days + 14 for theirs, other in later) for key, days in later)
        same_time = len(later) - len(set(later))
        found = sum(row["n_repeated"] for row in ask(con, "repeat-calls", **closed, queues="any"))
        assert anywhere <= found <= anywhere + same_time  # two that begin together follow one another


def test_windows_close_by_data_and_not_by_the_clock(con: Connection) -> None:
    """Nobody knows of days after the newest call, however long ago it was."""
    ended = datetime.timedelta(minutes=1)
    write(con, call("a", leg("a"), at=NOON, customer_key="k"))
    write(con, call("b", leg("b"), at=NOON + datetime.timedelta(days=7) + ended - datetime.timedelta(seconds=1), customer_key="k"))
    assert ask(con, "repeat-calls") == []
    (row,) = ask(con, "repeat-calls", days="6")
    assert (row["n_calls"], row["n_repeated"]) == (1, 0)
    write(con, call("c", leg("c"), at=NOON + datetime.timedelta(days=7) + ended))
    (row,) = ask(con, "repeat-calls")
    assert (row["n_calls"], row["n_repeated"]) == (1, 1)


def test_a_sample_is_the_same_again_and_leaves_out_what_was_evaluated(con: Connection) -> None:
    for number in range(30):
        name = f"c{number:02}"
        agent = "ana" if number % 3 else "ben"
        write(con, call(name, leg(name, agent=agent, qa_eligible=number != 1, interaction_ms=200_000 if number != 2 else 1_000)))
    first = ask(con, "sample")
    assert first == ask(con, "sample")
    assert first != ask(con, "sample", seed="2")
    assert [row["agent_name"] for row in first] == ["Ana"] * 5 + ["Ben"] * 5
    everything = {row["call_id"] for row in ask(con, "sample", per_agent="99")}
    assert everything == {f"c{number:02}" for number in range(30)} - {"c01", "c02"}
    con.execute("insert into fact_evaluation (evaluation_id, leg_id) values ('e', 'c05-1')")
    assert {row["call_id"] for row in ask(con, "sample", per_agent="99")} == everything - {"c05"}


# -- before and after ------------------------------------------------------------------------------------------------


def test_a_change_has_an_interval(con: Connection) -> None:
    before = [(20_000.0, 60_000.0), (30_000.0, 50_000.0), (25_000.0, 70_000.0)]
    after = [(10_000.0, 60_000.0), (20_000.0, 80_000.0)]
    for side, day, pairs in (("b", -1, before), ("a", 0, after)):
        for number, (talk, whole) in enumerate(pairs):
            name = f"{side}{number}"
            measured = {"talk_ms_agent": int(talk), "analysed_ms": int(whole)}
            write(con, call(name, leg(name, **measured), at=NOON + datetime.timedelta(days=day)))
    write(con, call("old", leg("old", talk_ms_agent=1), at=NOON - datetime.timedelta(days=31)))
    (row,) = reports.answer(con, EVERYTHING, "before-after", {"change": "2026-11-02"}).rows(named=True)
    change = 100 * (30 / 140 - 75 / 180)
    margin = 100 * 1.96 * (ratio_error(before) ** 2 + ratio_error(after) ** 2) ** 0.5
    assert (row["n_legs_before"], row["n_legs_after"]) == (3, 2)
    assert row["change"] == pytest.approx(change)
    assert (row["change_low"], row["change_high"]) == (pytest.approx(change - margin), pytest.approx(change + margin))


@pytest.mark.parametrize(
    ("metric", "measured", "expected"),
    [
        ("agent_talk_pct", {"talk_ms_agent": 15_000}, 25),
        ("silence_pct", {"silence_ms": 30_000}, 50),
        ("hold_pct", {"hold_ms": 6_000}, 10),
        ("interruptions_agent_per_10min", {"interruptions_agent": 2}, 20),
        ("dead_air_agent_owed_pct", {"dead_air_agent_owed_ms": 12_000}, 20),
        ("interaction_ms", {}, 60_000),
    ],
)
def test_every_metric_can_be_compared(con: Connection, metric: str, measured: dict[str, int], expected: float) -> None:
    write(con, call("a", leg("a", **measured)))
    frame = reports.answer(con, EVERYTHING, "before-after", {"change": "2026-11-02", "metric": metric})
    (row,) = frame.rows(named=True)
    assert (row["value_after_ros"], row["value_before_ros"], row["change"]) == (pytest.approx(expected), None, None)
    assert reports.answer(con, EVERYTHING, "before-after", {"change": "2026-11-02", "metric": metric, "agent": "Ben"}).height == 0


def test_a_new_threshold_formula_or_detector_is_no_change_of_behaviour(con: Connection) -> None:
    """Talk rises by half where the detector changed: each way of measuring is compared with itself, or with nothing."""
    old, new = {"detector": "old"}, {"detector": "new"}
    for name, day, talk, way in (("a", -2, 10, old), ("b", -1, 20, old), ("c", 0, 30, new), ("d", 1, 18, old)):
        at = NOON + datetime.timedelta(days=day)
        write(con, call(name, leg(name, analysed_ms=100, talk_ms_agent=talk, **way), at=at))
    frame = reports.answered(con, EVERYTHING, "before-after", {"change": "2026-11-02"})
    rows = [(row["detector"], row["n_legs_before"], row["n_legs_after"], row["change"]) for row in frame.frame.rows(named=True)]
    assert rows == [("old", 2, 1, pytest.approx(3)), ("new", 0, 1, None)]
    assert frame.notes == (
        "Legs measured in different ways: 2 detectors of speech: new in 1 leg, old in 3 legs. "
        "Measure them alike with cc-voice recompute, or narrow the days.",
    )


def test_every_report_of_legs_tells_that_they_were_measured_in_different_ways(con: Connection) -> None:
    def of(name: str, version: str, queue: str) -> MeasuredCall:
        return call(name, msgspec.structs.replace(leg(name, greeting_latency_ms=1, queue=queue), metric_version=version))

    write(con, of("a", "1", "billing"))
    write(con, of("b", "2", "sales"))
    write(con, msgspec.structs.replace(of("c", "2", "sales"), thresholds={"c-1": ThresholdSet(dead_air_ms=5_000)}))
    (note,) = reports.answered(con, EVERYTHING, "greeting", RANGE).notes
    assert "2 versions of the formulas: 1 in 1 leg, 2 in 2 legs" in note
    assert "2 sets of thresholds" in note
    (note,) = reports.answered(con, EVERYTHING, "days", RANGE | {"queue": "Sales"}).notes
    assert "formulas" not in note
    assert reports.answered(con, EVERYTHING, "greeting", RANGE | {"queue": "Billing"}).notes == ()
    assert reports.answered(con, EVERYTHING, "greeting", {"since": "2026-10-01", "until": "2026-10-02"}).notes == ()
    reports.prepare(con)
    found = con.execute("select queue_name, n_legs, threshold_set_ids, metric_versions from v_queue_day order by all").fetchall()
    assert found == [("Billing", 1, "1", "1"), ("Sales", 2, "1, 2", "2")]


# -- legs whose line leaves in doubt who spoke -----------------------------------------------------------------------

WHO_SPOKE = ("talk", "silence", "overtalk", "monologues", "latency")
"""Modules of `call/metrics` whose metrics depend on who spoke when."""
FROM_EVENTS = {"analysed_ms"}
KINDS = {"turn", "dead_air", "long_silence", "overtalk", "latency", "greeting", "speech"}
"""Intervals that depend on it, as `i.kind = 'turn'`."""
WITHOUT_THE_RULE = {
    "audio-quality": "it looks for those very lines; talk time only weighs their faults",
    "disclosure": "it is of words; talk time only tells an agent who said nothing from one whose words nobody knows",
    "v_contact_lens": "a row is one leg, which is shown with its own numbers",
}


def names_who_spoke(sql: str) -> set[str]:
    """What of such metrics a report or view reads, also as the columns that views of days make of them."""
    body = re.sub(r"--.*", "", sql)
    modules = [importlib.import_module(f"cc_voice.call.metrics.{name}") for name in WHO_SPOKE]
    metrics = {metric.name for module in modules for metric in module.METRICS} - FROM_EVENTS
    found = {name for name in metrics if re.search(rf"\b{name}(?:_ros|_moc|_mean)?\b", body)}
    return found | {kind for kind in KINDS if re.search(rf"kind = '{kind}'", body)}


def test_whatever_names_who_spoke_when_leaves_doubtful_legs_out_or_says_why_not() -> None:
    files = {path.stem: path.read_text() for kind in ("reports", "views") for path in (bundled("analytics") / kind).glob("*.sql")}
    named = {name for name, sql in files.items() if names_who_spoke(sql)}
    ruled = {name for name, sql in files.items() if re.search(r"\b(?:is_doubtful|unless_doubtful|n_doubtful)\(", sql)}
    days = {name for name, sql in files.items() if re.search(r"\bfrom v_(?:agent|queue)_day\b", sql)}
    assert named - ruled - days == set(WITHOUT_THE_RULE)
    assert len(named) > 10
    assert {name for name in ruled | days if not re.search(r"\bn_left_out\b", files[name])} == set()
    assert [name for name in ruled | days if re.search(r"'(?:echo|low_snr|clipping)'", files[name])] == []


@pytest.mark.parametrize("obstacle", [None, "none", "media_gap", "too_short", "one_way_audio", *DOUBTS])
def test_the_rule_is_that_of_the_metric(obstacle: str | None) -> None:
    found = prepared().execute("select is_doubtful($it), unless_doubtful(7, $it)", {"it": obstacle}).fetchall()
    assert found == [(True, None) if obstacle in DOUBTS else (False, 7)]


TALK = {"agent_only_ms": 20_000, "customer_only_ms": 10_000, "overtalk_ms": 6_000, "silence_ms": 14_000}
NOISE = {"agent_only_ms": 1_000, "customer_only_ms": 2_000, "overtalk_ms": 57_000, "silence_ms": 0}


def write_doubt(con: Connection, **both: Any) -> None:
    """A clear leg of a minute with 10 s on hold, a leg with an echo and 30 s on hold, and one that nobody heard."""
    measured = {"talk_ms_agent": 26_000, "analysed_ms": 50_000, "hold_ms": 10_000, "greeting_latency_ms": 2_000} | TALK
    echo = {"talk_ms_agent": 58_000, "analysed_ms": 60_000, "hold_ms": 30_000, "greeting_latency_ms": 9_000} | NOISE
    write(con, call("a", leg("a", qa_obstacle="none", **measured | both)))
    write(con, call("b", leg("b", qa_obstacle="echo", interaction_ms=90_000, **echo | both)))
    write(con, call("c", leg("c", qa_obstacle="media_gap", **both)))


def test_handle_time_splits_no_leg_in_doubt(con: Connection) -> None:
    """20 + 10 + 6 s of talk, 14 s silence and 10 s hold are the minute of the clear leg; wrap-up is of all three."""
    write_doubt(con, acw_ms=6_000)
    (row,) = ask(con, "handle-time")
    assert (row["n_legs"], row["n_left_out"], row["n_legs_not_heard"]) == (1, 1, 1)
    assert (row["interaction_ms_mean"], row["overtalk_ms_mean"], row["silence_ms_mean"]) == (60_000, 6_000, 14_000)
    assert (row["hold_ms_mean"], row["unheard_ms_mean"]) == (10_000, 0)
    assert row["talk_pct_ros"] == 60
    assert (row["n_legs_acw"], row["handle_ms_mean"]) == (3, 76_000)  # (60 + 90 + 60) ÷ 3 + 6


@pytest.mark.parametrize("view", ["v_agent_day", "v_queue_day"])
def test_days_sum_talk_of_clear_legs_and_hold_of_all(con: Connection, view: str) -> None:
    write_doubt(con)
    reports.prepare(con)
    names = "n_legs, n_left_out, talk_ms_agent, overtalk_ms, agent_talk_pct_ros, agent_talk_pct_whole_ms, hold_ms, hold_pct_ros"
    found = con.execute(f"select {names} from {view}").fetchall()
    assert found == [(3, 1, 26_000, 6_000, 52, 50_000, 40_000, pytest.approx(100 * 40 / 150))]
    (day,) = ask(con, "days")
    assert (day["n_legs"], day["n_left_out"], day["overtalk_pct_ros"]) == (3, 1, 12)


def test_a_greeting_that_may_be_an_echo_is_none(con: Connection) -> None:
    write_doubt(con)
    (row,) = ask(con, "greeting", within_ms="5000")
    assert (row["n_legs"], row["n_left_out"], row["in_time_pct"], row["greeting_latency_ms_p90"]) == (1, 1, 100, 2_000)
    con.execute("update fact_leg set qa_obstacle = 'low_snr'")
    (row,) = ask(con, "greeting")
    assert (row["n_legs"], row["n_left_out"], row["in_time_pct"], row["in_time_pct_low"]) == (0, 2, None, None)


@pytest.mark.parametrize(("metric", "after", "left_out"), [("agent_talk_pct", 52, 1), ("hold_pct", 100 * 40 / 150, 0)])
def test_a_change_is_of_clear_legs_where_it_is_of_talk(con: Connection, metric: str, after: float, left_out: int) -> None:
    write_doubt(con)
    (row,) = reports.answer(con, EVERYTHING, "before-after", {"change": "2026-11-02", "metric": metric}).rows(named=True)
    assert (row["n_legs_after"], row["n_left_out"]) == (2 - left_out, left_out)
    assert row["value_after_ros"] == pytest.approx(after)


def test_lists_of_turns_and_silences_leave_legs_in_doubt_out(con: Connection) -> None:
    long = {"longest_monologue_ms_agent": 40_000, "dead_air_agent_owed_ms": 12_000}
    for name, obstacle in (("a", "none"), ("b", "echo"), ("c", "clipping")):
        found = (interval(name, "turn", 0, 40_000), interval(name, "dead_air", 40_000, 52_000))
        write(con, call(name, leg(name, qa_obstacle=obstacle, **long), intervals=found))
    for report in ("monologues", "dead-air"):
        assert [(row["call_id"], row["n_left_out"]) for row in ask(con, report)] == [("a", 2)], report


# -- what is missing, and other people's names -----------------------------------------------------------------------


def test_what_was_not_measured_says_why(con: Connection) -> None:
    write(con, golden_call())
    rows = {row["metric"]: row for row in ask(con, "not-measured", since="2026-09-01")}
    assert rows["acw_ms"] == {"metric": "acw_ms", "reason": "not_imported", "n_legs": 1, "legs_pct": 100}
    assert len(ask(con, "not-measured", since="2026-09-01", metric="acw_ms")) == 1


def test_contact_lens_has_awss_names_and_definitions(con: Connection) -> None:
    write(con, golden_call())
    reports.prepare(con)
    row = pl.DataFrame(con.sql("select * from v_contact_lens")).rows(named=True)[0]
    assert (row["contact_id"], row["initial_contact_id"], row["channel"]) == ("golden-1", "golden", "VOICE")
    assert row["non_talk_time_total_ms"] == 14_500
    assert (row["talk_time_agent_ms"], row["talk_time_customer_ms"], row["talk_time_total_ms"]) == (25_300, 14_000, 37_400)
    assert (row["interruptions_total_count"], row["interruptions_time_customer_ms"]) == (1, 800)
    assert row["agent_talk_pct_aws"] == pytest.approx(100 * 25_300 / 57_000)


@pytest.mark.parametrize("view", ["v_agent_day", "v_queue_day"])
def test_day_views_sum_what_their_legs_say(transferred: Connection, view: str) -> None:
    reports.prepare(transferred)
    legs, interaction = transferred.execute(f"select sum(n_legs), sum(interaction_ms) from {view}").fetchall()[0]
    assert (legs, interaction) == (6, 360_000)


def test_a_call_names_its_first_and_last_agent(transferred: Connection) -> None:
    reports.prepare(transferred)
    rows = transferred.execute(
        "select first_agent_name, first_queue_id, last_agent_name, last_queue_name, duration_ms from v_call where call_id = 'a'"
    ).fetchall()
    assert rows == [("Ana", "billing", "Ben", "Sales", 120_000)]


@pytest.mark.parametrize("view", ["v_agent_day", "v_queue_day"])
def test_days_have_the_ratio_of_sums_and_the_mean_of_ratios(con: Connection, view: str) -> None:
    """A long leg without silence and a short one of nothing else: 25 % of the time, and half of the legs."""
    write(con, call("a", leg("a", analysed_ms=45_000, silence_ms=0, silence_pct=0.0)))
    write(con, call("b", leg("b", analysed_ms=15_000, silence_ms=15_000, silence_pct=100.0)))
    reports.prepare(con)
    assert con.execute(f"select silence_pct_ros, silence_pct_moc from {view}").fetchall() == [(25.0, 50.0)]


@pytest.mark.parametrize("view", ["v_agent_day", "v_queue_day"])
def test_days_carry_both_sums_of_a_ratio_of_the_same_legs(con: Connection, view: str) -> None:
    """Hold is known of one leg in two, talk of the other: 10 of 60 s, 20 of 40 s, and never of 100."""
    write(con, call("a", leg("a", interaction_ms=60_000, hold_ms=10_000, analysed_ms=50_000, acw_ms=5_000, handle_ms=65_000)))
    write(con, call("b", leg("b", interaction_ms=50_000, analysed_ms=40_000, talk_ms_agent=20_000, transferred_out=None)))
    reports.prepare(con)
    names = ["hold_part_ms", "hold_whole_ms", "hold", "talk_part", "talk_whole", "talk", "handle", "n_handle", "n_known", "n"]
    found = con.execute(
        f"""
        select
            hold_pct_part_ms, hold_pct_whole_ms, hold_pct_ros, agent_talk_pct_part_ms, agent_talk_pct_whole_ms, agent_talk_pct_ros,
            handle_ms_mean, n_legs_handle, n_legs_transfer_known, n_legs
        from {view}
        """
    ).fetchall()[0]
    assert dict(zip(names, found, strict=True)) == {
        "hold_part_ms": 10_000,
        "hold_whole_ms": 60_000,
        "hold": pytest.approx(100 / 6),
        "talk_part": 20_000,
        "talk_whole": 40_000,
        "talk": 50,
        "handle": 65_000,
        "n_handle": 1,
        "n_known": 1,
        "n": 2,
    }


# -- what makes the numbers ------------------------------------------------------------------------------------------


def test_what_makes_a_number_can_be_asked(con: Connection) -> None:
    write(con, golden_call())
    reports.prepare(con)

    def one(sql: str) -> Any:
        return con.execute(sql).fetchall()[0][0]

    talk = "select talk_ms_agent from v_leg"
    assert one("select sum(end_ms - start_ms) from v_interval where kind = 'speech' and party = 'agent'") == one(talk) == 25_300
    assert one("select sum(speech_ms) from v_leg_language where party = 'agent'") == 25_300
    assert one("select reason from v_null_reason where metric = 'acw_ms'") == "not_imported"
    assert one("select at_ms from v_event where event_name = 'user_hold'") == 30_000
    assert one("select count(*) from v_channel where party in ('agent', 'customer')") == 2
    joined = "select t.threshold_value from v_leg as l join v_threshold_set as t using (threshold_set_id)"
    assert one(f"{joined} where t.threshold = 'long_silence_ms'") == "3000"
    assert one("select count(*) from v_agent as a join v_leg as l using (user_id)") == 1


def test_a_language_in_characters_is_named_so(con: Connection) -> None:
    row = LegLanguageRow(
        leg_id="a-1", party="agent", language_code="ja", speech_ms=60_000, share_pct=100, word_count=350, wpm=350.0
    )
    english = msgspec.structs.replace(row, party="customer", language_code="en", word_count=120, wpm=120.0)
    write(con, call("a", leg("a"), languages=(row, english)))
    agent, customer = ask(con, "language-share")
    assert [agent[name] for name in ("wpm_ros", "cpm_ros", "word_count", "character_count")] == [None, 350, None, 350]
    assert [customer[name] for name in ("wpm_ros", "cpm_ros", "word_count", "character_count")] == [120, None, 120, None]
    reports.prepare(con)
    found = con.execute("select language_name, wpm, cpm, talk_speed_unit from v_leg_language order by party").fetchall()
    assert found == [("Japanese", None, 350.0, "cpm"), ("English", 120.0, None, "wpm")]


@pytest.mark.parametrize(
    ("shown", "published"),
    [
        ("+49 30 1234567", "*****67"),
        ("(030) 123 45 67", "*****67"),
        ("tel:+4930123456", "*****56"),
        ("Ana Becker", "Ana Becker"),
        ("16778240", "16778240"),
        (None, None),
    ],
)
def test_a_number_in_place_of_a_name_is_masked(con: Connection, shown: str | None, published: str | None) -> None:
    heard = call("a", leg("a"))
    write(
        con,
        msgspec.structs.replace(heard, channels=(ChannelRow(call_id="a", channel_id="1", party="customer", display_name=shown),)),
    )
    reports.prepare(con)
    assert con.execute("select display_name from v_channel").fetchall() == [(published,)]


def test_who_turns_round_what_began_badly(con: Connection) -> None:
    for name, start, end in (("turned", -2.0, 3.0), ("stayed", -1.0, -1.0), ("edge", -1.0, 1.0), ("well", 2.0, 3.0)):
        scores = {"sentiment_customer_start": start, "sentiment_customer_end": end, "sentiment_customer_change": end - start}
        write(con, call(name, leg(name, sentiment_coverage_pct=100.0, **scores)))
    write(con, call("unknown", leg("unknown", sentiment_customer_start=-3.0)))
    (row,) = ask(con, "turned-round")
    assert (row["agent_name"], row["n_legs"], row["n_measured"]) == ("Ana", 5, 4)
    assert (row["n_began_badly"], row["n_turned_round"], row["call_id"]) == (3, 2, "turned")
    assert row["turned_round_pct"] == pytest.approx(200 / 3)
    assert row["turned_round_pct_low"] < 200 / 3 < row["turned_round_pct_high"]
    assert ask(con, "turned-round", good_from="2")[0]["n_turned_round"] == 1
    assert ask(con, "turned-round", bad_from="-5") == []


def test_what_a_disposition_calls_resolved_and_ended_negative(con: Connection) -> None:
    for disposition in ("solved", "open"):
        told = Disposition(disposition_id=disposition, name=disposition.title(), is_resolved=disposition == "solved")
        enrichment.take(con, "dispositions", [told], SITE, NOON.date())
    calls = (("bad", "solved", -2.0), ("edge", "solved", -1.0), ("good", "solved", 2.0), ("open", "open", -4.0))
    for name, disposition, end in calls:
        first = leg(name, sentiment_customer_end=-5.0, sentiment_coverage_pct=100.0)
        second = leg(name, 2, agent="bob", sentiment_customer_end=end, sentiment_coverage_pct=100.0)
        write(con, call(name, first, second))
        engagement = Engagement(
            engagement_id=f"instance of {name}", disposition_id=disposition, disposition_name=disposition.title()
        )
        enrichment.take(con, "engagements", [engagement], SITE, NOON.date())
    rows = ask(con, "resolved-but-negative")
    assert [(row["call_id"], row["agent_name"], row["sentiment_customer_end"]) for row in rows] == [
        ("bad", "Bob", -2.0),
        ("edge", "Bob", -1.0),
    ]
    assert {row["disposition_name"] for row in rows} == {"Solved"}
