"""Silence, long silence and dead air (1.1): thresholds, who owes the next turn, and what counts as announced."""

import pytest

from cc_voice.call.events import EventName
from cc_voice.call.intervals import Intervals
from cc_voice.call.measure import measure
from cc_voice.call.metrics.silence import LongSilence, dead_air_metrics, long_silence_metrics, long_silences, silence_metrics
from cc_voice.call.metrics.turns import Party
from cc_voice.call.reasons import Unmeasured
from cc_voice.call.utterances import Utterance
from tests.call.calls import ANSWERED, DEFAULTS, between_two, channel, local, measured, of_kind, reasons_of, stream, zoom
from tests.call.golden import event

QUIET = (20_000, 40_000)


def judged(said: list[Utterance] | None, silence: tuple[int, int] = QUIET) -> str:
    (found,) = long_silences((silence,), {"agent": (), "customer": ()}, said, DEFAULTS)
    return found.kind


@pytest.mark.parametrize(("duration", "count"), [(2_999, 0), (3_000, 1)])
def test_a_long_silence_lasts_three_seconds(duration: int, count: int) -> None:
    assert len(long_silences(((0, duration),), {"agent": (), "customer": ()}, [], DEFAULTS)) == count


@pytest.mark.parametrize(("duration", "kind"), [(9_999, "pause"), (10_000, "dead")])
def test_dead_air_lasts_ten_seconds(duration: int, kind: str) -> None:
    assert judged([], (20_000, 20_000 + duration)) == kind


@pytest.mark.parametrize(
    ("speech", "owed_by"),
    [
        ({"agent": ((0, 5_000),), "customer": ((6_000, 9_000),)}, "agent"),
        ({"agent": ((6_000, 9_000),), "customer": ((0, 5_000),)}, "customer"),
        ({"agent": ((0, 9_000),), "customer": ((0, 9_000),)}, "agent"),
        ({"agent": (), "customer": ()}, "agent"),
        ({"agent": ((0, 9_000), (50_000, 51_000)), "customer": ((0, 5_000),)}, "customer"),
    ],
)
def test_who_did_not_speak_last_owes_the_next_turn(speech: dict[Party, Intervals], owed_by: Party) -> None:
    (found,) = long_silences(((9_000, 40_000),), speech, [], DEFAULTS)
    assert found.owed_by == owed_by


@pytest.mark.parametrize(
    ("end", "kind"), [(20_000, "announced"), (12_000, "announced"), (10_000, "announced"), (9_999, "dead"), (41_000, "announced")]
)
def test_announced_means_within_the_ten_seconds_before(end: int, kind: str) -> None:
    assert judged([local("a", (end - 2_000 if end < 40_000 else 19_000, end), "one moment please")]) == kind


def test_a_phrase_that_begins_as_the_silence_does_announces_it() -> None:
    """Zoom's times are rough: its line may begin where our detector already hears nothing."""
    assert judged([zoom("a", (20_000, 21_000), "one moment please")]) == "announced"


def test_a_phrase_said_after_the_silence_began_announces_nothing() -> None:
    assert judged([local("a", (39_000, 41_000), "sorry for that one moment please")]) == "dead"


@pytest.mark.parametrize(
    ("text", "language", "kind"),
    [
        ("Let me check.", "en-GB", "announced"),
        ("Un momento, por favor", "es-MX", "announced"),
        ("un momento", "en", "dead"),
        ("momentous decisions", "en", "dead"),
        ("sure thing", "en", "dead"),
        ("ちょっと待って", "ja", "unknown"),
    ],
)
def test_a_wait_phrase_counts_in_its_language(text: str, language: str, kind: str) -> None:
    assert judged([local("a", (17_000, 19_000), text, language)]) == kind


def test_one_announcement_is_enough_beside_a_language_without_a_list() -> None:
    said = [local("a", (12_000, 14_000), "はい", "ja"), local("a", (17_000, 19_000), "hold on", "en")]
    assert judged(said) == "announced"


def test_zooms_words_announce_too_and_without_words_it_is_unknown() -> None:
    assert judged([zoom("a", (17_000, 19_000), "Please hold!")]) == "announced"
    assert judged(None) == "unknown"


def test_a_short_silence_needs_no_words() -> None:
    assert judged(None, (20_000, 25_000)) == "pause"


def long_silence(start: int, end: int, kind: str, owed_by: Party = "agent") -> LongSilence:
    return LongSilence(start_ms=start, end_ms=end, owed_by=owed_by, kind=kind)  # type: ignore[arg-type]


def test_dead_air_is_counted_by_kind_and_owner() -> None:
    found = [
        long_silence(0, 12_000, "dead"),
        long_silence(20_000, 30_000, "dead", "customer"),
        long_silence(40_000, 60_000, "announced"),
        long_silence(70_000, 74_000, "pause"),
    ]
    assert dead_air_metrics(found, "no_phrase_list") == {
        "dead_air_count": 2,
        "dead_air_ms": 22_000,
        "dead_air_agent_owed_ms": 12_000,
    }
    assert long_silence_metrics(found, 5_000) == {"long_silence_count": 4, "long_silence_ms": 46_000, "non_talk_ms": 51_000}


def test_one_silence_that_cannot_be_judged_leaves_dead_air_unmeasured() -> None:
    found = [long_silence(0, 12_000, "dead"), long_silence(20_000, 30_000, "unknown")]
    assert set(dead_air_metrics(found, "no_phrase_list").values()) == {Unmeasured("no_phrase_list")}
    assert dead_air_metrics([long_silence(0, 4_000, "pause")], "no_words") == {
        "dead_air_count": 0,
        "dead_air_ms": 0,
        "dead_air_agent_owed_ms": 0,
    }


def test_silence_is_all_of_it_and_the_longest_is_a_wait() -> None:
    silence: Intervals = ((0, 1_000), (5_000, 15_000))
    assert silence_metrics(silence, ((0, 1_000), (5_000, 9_000)), 44_000) == {
        "silence_ms": 11_000,
        "silence_pct": 25.0,
        "longest_silence_ms": 4_000,
    }
    assert silence_metrics((), (), 0) == {"silence_ms": 0, "silence_pct": Unmeasured("too_short"), "longest_silence_ms": 0}


def test_silence_does_not_run_across_a_hold_or_a_gap() -> None:
    call = between_two(
        [(0, 10_000), (29_000, 60_000)], [], event(12_000, EventName.USER_HOLD, "a"), event(26_500, EventName.USER_UNHOLD, "a")
    )
    heard_both = stream(
        channel("a", (0, 10_000), (29_000, 60_000)), channel("c", (0, 500)), events=call.events, media_gaps=((11_000, 11_500),)
    )
    measured_call, leg = measured(heard_both)
    assert [(row.start_ms, row.end_ms) for row in of_kind(measured_call, "silence")] == [
        (10_000, 11_000),
        (11_500, 12_000),
        (26_500, 29_000),
    ]
    assert (leg.silence_ms, leg.long_silence_count, leg.longest_silence_ms, leg.non_talk_ms) == (4_000, 0, 2_500, 14_500)


def test_nobody_waits_while_a_conferenced_colleague_speaks() -> None:
    call = stream(
        channel("a", (0, 10_000)),
        channel("c", (9_000, 12_000)),
        channel("b", (14_000, 32_000)),
        events=(*ANSWERED, event(13_000, EventName.USER_ANSWERED, "b"), event(35_000, EventName.USER_END, "a")),
    )
    first, _ = measure([call], DEFAULTS).legs
    assert (first.silence_ms, first.long_silence_count, first.longest_silence_ms) == (23_000, 1, 3_000)
    assert first.multi_party


def test_dead_air_without_any_words_says_which_words_are_missing() -> None:
    call, leg = measured(stream(channel("a", (0, 5_000)), channel("c", (5_000, 9_000)), asr_model=None))
    assert (leg.dead_air_count, leg.long_silence_count) == (None, 1)
    assert reasons_of(call)["dead_air_ms"] == "no_word_source"
    spoken_call, spoken = measured(between_two([(0, 5_000)], [(5_000, 9_000)], utterances=[local("a", (0, 5_000), "hello")]))
    assert (spoken.dead_air_count, spoken.dead_air_ms, spoken.dead_air_agent_owed_ms) == (1, 51_000, 51_000)
    assert [(row.start_ms, row.end_ms, row.party) for row in of_kind(spoken_call, "dead_air")] == [(9_000, 60_000, "agent")]
