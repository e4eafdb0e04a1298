"""Loudness: how loud and clean a party is: levels, raised voices, noise, echoes, and when none of it can be told."""

from math import log10

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.analysis import ChannelAnalysis, Echo, SecondLevel
from cc_voice.call.events import EventName
from cc_voice.call.levels import Levels
from cc_voice.call.metrics.evidence import IntervalRow
from cc_voice.call.metrics.loudness import loudness_score, utterance_loudness
from cc_voice.call.rows import LegRow, MeasuredCall
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import ANSWERED, channel, local, measured, of_kind, reasons_of, stream
from tests.call.golden import event

QUIET_LINE = SecondLevel(noise_cb=-600)


def spoken(*levels_cb: int | None, noise_cb: int | None = None) -> Levels:
    """A second of speech for each level, None is a second of pause."""
    return tuple(SecondLevel(noise_cb=noise_cb) if level is None else SecondLevel(800, level, 0, noise_cb) for level in levels_cb)


EVEN = spoken(*[-250] * 20)


def heard(agent: Levels, customer: Levels = EVEN, **options: object) -> tuple[MeasuredCall, LegRow]:
    """A call of two parties who speak all the time; only levels matter here."""
    agent_channel = ChannelAnalysis(channel_id="a", speech=((0, 30_000),), levels=agent)
    customer_channel = ChannelAnalysis(channel_id="c", speech=((0, 20_000),), levels=customer)
    thresholds = ThresholdSet(**options)  # type: ignore[arg-type]
    return measured(stream(agent_channel, customer_channel), thresholds=thresholds)


def raised(call: MeasuredCall) -> list[IntervalRow]:
    return of_kind(call, "raised_voice")


def test_the_level_of_a_party_is_the_median_of_its_spoken_seconds() -> None:
    _, leg = heard(spoken(-300, -260, None, -200, -250, -240))
    assert (leg.level_dbfs_agent, leg.level_dbfs_customer) == (-25.0, -25.0)
    assert leg.loudness_p95_agent == pytest.approx(100 - 20.8)


def test_a_second_with_hardly_any_speech_is_not_spoken() -> None:
    _, leg = heard((SecondLevel(190, -500, 0, None), SecondLevel(200, -300, 0, None)))
    assert (leg.level_dbfs_agent, leg.quiet_pct_agent) == (-30.0, 0.0)


@pytest.mark.parametrize(("dbfs", "score"), [(-30.0, 70.0), (0.0, 100.0), (-120.0, 0.0), (3.0, 100.0)])
def test_the_score_is_the_level_on_a_scale_from_0_to_100(dbfs: float, score: float) -> None:
    assert loudness_score(dbfs) == score


def test_too_quiet_is_the_share_of_seconds_below_45_dbfs() -> None:
    _, leg = heard(spoken(-451, -450, -460, -200))
    assert leg.quiet_pct_agent == 50.0
    assert heard(spoken(-451, -450, -460, -200), quiet_dbfs=-46.5)[1].quiet_pct_agent == 0.0


def test_clipping_is_the_share_of_samples_of_speech() -> None:
    _, leg = heard((SecondLevel(1000, -50, 30_000, None), SecondLevel(500, -100, 0, None)))
    assert leg.clipping_pct_agent == pytest.approx(2.0)


@pytest.mark.parametrize("snr_db", [0, 10, 30])
def test_signal_to_noise_is_that_of_the_voice_alone(snr_db: int) -> None:
    together = round(100 * log10(10 ** (-60 / 10) * (1 + 10 ** (snr_db / 10))))
    _, leg = heard(spoken(*[together] * 10, *[None] * 10, noise_cb=-600))
    assert leg.snr_db_agent == pytest.approx(snr_db, abs=0.3)


def test_a_door_does_not_make_a_line_noisy_and_music_is_no_noise() -> None:
    levels = (*spoken(*[-250] * 10), QUIET_LINE, QUIET_LINE, SecondLevel(noise_cb=-300), *[SecondLevel(noise_cb=-200)] * 5)
    agent = ChannelAnalysis(channel_id="a", speech=((0, 10_000),), music=((13_000, 18_000),), levels=levels)
    _, leg = measured(stream(agent, channel("c", (20_000, 40_000))))
    assert leg.snr_db_agent == pytest.approx(35, abs=0.1)


def test_speech_that_noise_covers_has_the_lowest_ratio_that_is_told() -> None:
    assert heard(spoken(-400, None, noise_cb=-390))[1].snr_db_agent == -10.0


LOUDER = spoken(*[-300] * 8, -200, -195, -190, -300)


def test_three_seconds_ten_db_over_the_own_median_are_a_raised_voice() -> None:
    call, leg = heard(LOUDER)
    assert (leg.raised_voice_count_agent, leg.raised_voice_ms_agent) == (1, 3_000)
    assert (leg.raised_voice_count_customer, leg.raised_voice_ms_customer) == (0, 0)
    (row,) = raised(call)
    assert (row.party, row.start_ms, row.end_ms, row.value) == ("agent", 8_000, 11_000, pytest.approx(10.5))


@pytest.mark.parametrize(
    "seconds",
    [
        (-200, -200, -300),
        (-200, -201, -200),
        (-200, -200, None, -200),
    ],
    ids=["two seconds", "not by ten", "a pause between"],
)
def test_less_is_no_raised_voice(seconds: tuple[int | None, ...]) -> None:
    call, leg = heard(spoken(*[-300] * 9, *seconds))
    assert leg.raised_voice_count_agent == 0
    assert raised(call) == []


@given(st.integers(-20, 20), st.lists(st.none() | st.integers(-500, -200), min_size=10, max_size=30))
def test_amplifying_a_line_moves_its_levels_and_raises_no_voice(gain_db: int, seconds: list[int | None]) -> None:
    louder = [level if level is None else level + 10 * gain_db for level in seconds]
    (call, leg), (other, same) = heard(spoken(*seconds)), heard(spoken(*louder))
    assert (leg.level_dbfs_agent is None) == (same.level_dbfs_agent is None)
    if leg.level_dbfs_agent is not None and same.level_dbfs_agent is not None:
        assert same.level_dbfs_agent == pytest.approx(leg.level_dbfs_agent + gain_db)
    assert (leg.raised_voice_count_agent, leg.raised_voice_ms_agent) == (same.raised_voice_count_agent, same.raised_voice_ms_agent)
    assert [(row.start_ms, row.end_ms) for row in raised(call)] == [(row.start_ms, row.end_ms) for row in raised(other)]


def test_a_site_may_leave_its_agents_out() -> None:
    call, leg = heard(LOUDER, LOUDER, raised_voice_agent=False)
    assert (leg.raised_voice_count_agent, leg.raised_voice_ms_agent, leg.raised_voice_count_customer) == (None, None, 1)
    assert reasons_of(call)["raised_voice_count_agent"] == "setting_off"
    assert {row.party for row in raised(call)} == {"customer"}
    assert leg.level_dbfs_agent == -30.0


def test_what_is_on_hold_is_not_measured() -> None:
    hold = [*ANSWERED, event(8_000, EventName.USER_HOLD, "a"), event(11_000, EventName.USER_UNHOLD, "a")]
    agent = ChannelAnalysis(channel_id="a", speech=((0, 20_000),), levels=LOUDER)
    call, leg = measured(stream(agent, channel("c", (20_000, 40_000)), events=hold))
    assert (leg.raised_voice_count_agent, leg.level_dbfs_agent) == (None, -30.0)
    assert reasons_of(call)["raised_voice_count_agent"] == "too_few_spoken_seconds"


def test_what_cannot_be_told_has_a_reason() -> None:
    call, leg = heard(spoken(*[-250] * 9))
    found = reasons_of(call)
    assert (found["raised_voice_ms_agent"], found["snr_db_agent"]) == ("too_few_spoken_seconds", "no_noise")
    assert (found["echo_suspect"], leg.level_dbfs_agent) == ("too_few_spoken_seconds", -25.0)
    found = reasons_of(heard(spoken(None, None))[0])
    names = ("level_dbfs_agent", "loudness_p95_agent", "quiet_pct_agent", "clipping_pct_agent", "snr_db_agent")
    assert {found[name] for name in names} == {"party_did_not_speak"}


def test_audio_heard_by_an_earlier_version_has_no_levels() -> None:
    call, _ = heard(())
    found = reasons_of(call)
    assert {reason for name, reason in found.items() if name.endswith("_agent") and "lou" in name} == {"no_levels"}
    assert found["echo_suspect"] == "no_levels"
    assert "level_dbfs_customer" not in found
    assert call.channels[0].level_dbfs is None


def test_of_one_way_and_mixed_audio_only_who_is_heard_is_measured() -> None:
    call, leg = measured(stream(channel("a", (0, 20_000)), channel("c")))
    assert (leg.level_dbfs_agent, leg.level_dbfs_customer) == (-25.0, None)
    assert {reasons_of(call)[name] for name in ("snr_db_customer", "quiet_pct_customer", "echo_suspect")} == {"one_way_audio"}
    call, leg = measured(stream(channel("x", (0, 20_000)), mixed_audio=True))
    assert reasons_of(call)["level_dbfs_agent"] == reasons_of(call)["echo_suspect"] == "mixed_audio"


def test_a_channel_with_nothing_but_noise_is_one_way_audio() -> None:
    noisy = ChannelAnalysis(channel_id="c", levels=(QUIET_LINE,) * 60, received_ms=60_000, first_packet_ms=0)
    call, leg = measured(stream(channel("a", (0, 20_000)), noisy))
    assert (leg.one_way_audio, leg.qa_eligible, leg.snr_db_customer) == (True, False, None)
    assert reasons_of(call)["snr_db_customer"] == "one_way_audio"


def echoing(*pcts: int, on: str = "c", first_ms: int = 0) -> tuple[MeasuredCall, LegRow]:
    blocks = tuple((first_ms + 2_000 * number, pct) for number, pct in enumerate(pcts))
    agent = msgspec.structs.replace(channel("a", (0, 30_000)), echoes=(Echo(on, 180, blocks),))
    return measured(stream(agent, channel("c", (30_000, 50_000)), channel("x", (0, 1_000))))


def test_what_comes_back_after_a_constant_delay_is_an_echo() -> None:
    call, leg = echoing(90, 85, 20, 70, 80)
    assert leg.echo_suspect is True
    assert [(row.party, row.start_ms, row.end_ms, row.value) for row in of_kind(call, "echo")] == [
        ("agent", 0, 4_000, 180),
        ("agent", 6_000, 10_000, 180),
    ]


@pytest.mark.parametrize(
    ("call", "leg"),
    [echoing(90, 90, 90, 90), echoing(60, 50, 30, 40, 10), echoing(*[90] * 5, on="x"), echoing(*[90] * 5, first_ms=58_000)],
    ids=["too little of it", "not alike", "on nobody's channel", "outside the leg"],
)
def test_less_is_no_echo(call: MeasuredCall, leg: LegRow) -> None:
    assert leg.echo_suspect is False
    assert of_kind(call, "echo") == []


def test_an_echo_does_not_make_the_own_voice_loud() -> None:
    """The agent's voice lies on the customer's channel, at −50 dBFS after 180 ms, for longer than the customer speaks."""
    blocks = tuple((2_000 * number, 90) for number in range(10))
    agent = msgspec.structs.replace(channel("a", (0, 20_000)), echoes=(Echo("c", 180, blocks),))
    levels = spoken(*[-500] * 21, *[-250] * 12)
    customer = ChannelAnalysis(channel_id="c", speech=((180, 20_180), (21_000, 33_000)), levels=levels)
    _, leg = measured(stream(agent, customer))
    assert (leg.echo_suspect, leg.raised_voice_count_customer, leg.level_dbfs_customer, leg.quiet_pct_customer) == (True, 0, -25, 0)
    _, leg = measured(stream(channel("a", (0, 20_000)), customer))
    assert (leg.echo_suspect, leg.raised_voice_count_customer, leg.level_dbfs_customer) == (False, 1, -50)


def test_an_utterance_is_as_loud_as_its_seconds() -> None:
    levels = spoken(-200, -300, None)
    assert utterance_loudness(levels, (0, 1_000)) == pytest.approx(80)
    assert utterance_loudness(levels, (1_200, 2_700)) == pytest.approx(70)
    assert utterance_loudness(levels, (500, 1_500)) == pytest.approx(100 + 10 * log10((0.01 + 0.001) / 2))
    assert utterance_loudness(levels, (2_100, 2_900)) is None
    assert utterance_loudness(levels, (5_000, 6_000)) is None
    call, _ = measured(
        stream(channel("a", (0, 2_000)), channel("c", (2_000, 30_000)), utterances=[local("a", (0, 900), "hello there")])
    )
    assert call.utterances[0].loudness_mean == pytest.approx(75)


def test_every_second_of_a_channel_is_kept_in_whole_decibels() -> None:
    call, _ = heard(spoken(-304, None, -296))
    assert call.channels[0].level_dbfs == (-30, None, -30)
