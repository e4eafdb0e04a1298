"""The transcript as rows: legs, parties, hold and backchannels of utterances; words; languages."""

import pytest

from cc_voice.call.analysis import Interval
from cc_voice.call.events import EventName
from cc_voice.call.measure import measure
from cc_voice.call.rows import UtteranceRow
from cc_voice.call.utterance_rows import primary_language
from cc_voice.call.utterances import Utterance
from tests.call.calls import ANSWERED, DEFAULTS, channel, local, measured, scopes_of, stream, zoom
from tests.call.golden import THRESHOLDS, event, golden_stream


def test_golden_transcript() -> None:
    call = measure([golden_stream()], THRESHOLDS)
    assert [row.seq for row in call.utterances] == list(range(1, 13))
    assert [row.start_ms for row in call.utterances if row.is_backchannel] == [16_500, 22_000]
    assert [row.start_ms for row in call.utterances if row.on_hold] == [33_000]
    assert {(row.channel_id, row.party, row.leg_id) for row in call.utterances} == {
        ("a", "agent", "golden-1"),
        ("c", "customer", "golden-1"),
    }
    first = call.utterances[0]
    assert (first.utterance_id, first.word_count, first.source, first.asr_model) == ("golden:a:2500", 10, "local", "tiny")
    assert first.asr_conf == pytest.approx(0.9)
    words = [word for word in call.words if word.utterance_id == first.utterance_id]
    assert [word.word_seq for word in words] == list(range(1, 11))
    assert (words[0].start_ms, words[-1].end_ms, words[0].language_code) == (2_500, 6_000, "en")


def rows(*said: Utterance, told: tuple[object, ...] = ()) -> list[UtteranceRow]:
    channels = [channel(name, (0, 60_000)) for name in ("a", "b", "c", "s", "ivr")]
    call = stream(*channels, events=[*ANSWERED, *told], utterances=said)  # type: ignore[list-item]
    return list(measure([call], DEFAULTS).utterances)


def placed(*said: Utterance, told: tuple[object, ...] = ()) -> list[tuple[str | None, str | None, bool | None]]:
    return [(row.leg_id, row.party, row.on_hold) for row in rows(*said, told=told)]


HELD = (event(20_000, EventName.USER_HOLD, "a"), event(30_000, EventName.USER_UNHOLD, "a"))


@pytest.mark.parametrize(
    ("span", "on_hold"), [((18_000, 21_998), False), ((18_000, 22_000), True), ((28_000, 31_999), True), ((28_000, 32_000), False)]
)
def test_the_middle_of_an_utterance_decides_whether_it_is_on_hold(span: Interval, on_hold: bool) -> None:
    assert placed(local("c", span, "hello"), told=HELD) == [("call-1", "customer", on_hold)]


def test_the_middle_of_an_utterance_decides_its_leg() -> None:
    taken = (event(30_000, EventName.TAKEOVER_STARTED, "s"),)
    assert placed(local("c", (25_000, 34_999), "x"), told=taken) == [("call-1", "customer", False)]
    assert placed(local("c", (25_000, 35_000), "x"), told=taken) == [("call-2", "customer", False)]
    assert [row.is_backchannel for row in rows(local("c", (25_000, 35_000), "x"), told=taken)] == [False]
    assert placed(local("ivr", (25_000, 34_999), "x"), told=taken) == [("call-1", None, False)]
    assert placed(local("ivr", (25_000, 35_000), "x"), told=taken) == [("call-2", None, False)]


def test_an_utterance_before_the_answer_belongs_to_no_leg() -> None:
    call = stream(
        channel("a"),
        channel("c", (0, 900)),
        events=[ANSWERED[0], event(10_000, EventName.USER_ANSWERED, "a")],
        utterances=[zoom("c", (0, 900), "hello?")],
    )
    (row,) = measure([call], DEFAULTS).utterances
    assert (row.leg_id, row.party, row.on_hold, row.is_backchannel) == (None, "customer", None, None)


def test_in_a_conference_each_agents_words_are_in_the_own_leg_and_the_customers_in_the_first() -> None:
    told = (event(10_000, EventName.USER_ANSWERED, "b"),)
    said = [local(name, (12_000 + at, 12_900 + at), "x") for at, name in enumerate("abc")]
    assert placed(*said, told=told) == [("call-1", "agent", False), ("call-2", "agent", False), ("call-1", "customer", False)]


def test_during_a_consultation_the_customer_is_in_the_leg_that_is_not_on_hold() -> None:
    """From the new agent's answer to the completion both legs are open, and both are on hold: the earlier has it."""
    told = (
        event(10_000, EventName.USER_HOLD, "a"),
        event(15_000, EventName.USER_ANSWERED, "b"),
        event(20_000, EventName.TRANSFER_COMPLETED, "a"),
    )
    assert placed(local("c", (16_000, 17_000), "x"), local("c", (22_000, 23_000), "x"), told=told) == [
        ("call-1", "customer", True),
        ("call-2", "customer", False),
    ]


def test_what_a_supervisor_whispers_is_in_no_transcript_and_what_they_say_after_a_takeover_is() -> None:
    told = (event(10_000, EventName.MONITOR_STARTED, "s"), event(30_000, EventName.TAKEOVER_STARTED, "s"))
    found = rows(
        local("s", (12_000, 13_000), "say no"), local("s", (40_000, 41_000), "hello"), local("a", (1_000, 1_900), "x"), told=told
    )
    assert [(row.channel_id, row.start_ms, row.seq) for row in found] == [("a", 1_000, 1), ("s", 40_000, 2)]


def test_a_supervisor_by_option_is_in_no_transcript() -> None:
    parties = (channel("0", party="agent"), channel("1", party="customer"), channel("2", party="supervisor"))
    said = [local("1", (0, 900), "hello"), local("2", (2_000, 2_900), "say no")]
    call, _ = measured(stream(*parties, product="import", events=(), utterances=said))
    assert [row.channel_id for row in call.utterances] == ["1"]


def test_a_channel_nobody_knows_has_no_party() -> None:
    assert placed(local("ivr", (1_000, 2_000), "press one")) == [("call-1", None, False)]


def test_on_a_mixed_channel_nobody_has_a_party() -> None:
    call, _ = measured(stream(channel("a", (0, 9_000)), mixed_audio=True, utterances=[local("a", (0, 900), "hello")]))
    assert [(row.leg_id, row.party, row.is_backchannel) for row in call.utterances] == [("call-1", None, None)]


def test_an_utterance_is_a_backchannel_when_all_its_speech_is() -> None:
    speech = (channel("a", (0, 10_000)), channel("c", (3_000, 3_500), (4_500, 5_000), (20_000, 25_000)))
    said = [
        local("c", (3_000, 5_000), "yeah right"),
        local("c", (20_000, 25_000), "but then"),
        local("c", (30_000, 31_000), "okay"),
    ]
    call, _ = measured(stream(*speech, utterances=said))
    assert [row.is_backchannel for row in call.utterances] == [True, False, False]


def test_shares_are_of_all_speech_of_a_party() -> None:
    said = [zoom("c", (0, 3_000), "so I said"), zoom("c", (4_000, 5_000), "pues no sé", "es")]
    speech = (channel("a", (10_000, 20_000)), channel("c", (0, 3_000), (4_000, 5_000), (25_000, 26_000)))
    call, _ = measured(stream(*speech, utterances=said))
    assert [(row.party, row.language_code, row.speech_ms, row.share_pct) for row in call.leg_languages] == [
        ("agent", "en", 10_000, 100.0),
        ("customer", "en", 3_000, 60.0),
        ("customer", "es", 2_000, 40.0),
    ]
    assert call.leg_languages[0].lid_conf_mean is None
    assert call.leg_languages[2].lid_conf_mean == pytest.approx(0.83, abs=0.05)


def test_the_primary_language_is_the_customers() -> None:
    said = [zoom("a", (0, 9_000), "so I said"), zoom("c", (10_000, 12_000), "pues no sé", "es")]
    speech = (channel("a", (0, 9_000)), channel("c", (10_000, 13_000)))
    assert primary_language(scopes_of(stream(*speech, utterances=said)), "en-US") == "es"
    assert primary_language(scopes_of(stream(channel("a", (0, 9_000)), channel("c"), utterances=said[:1])), "de") == "en"
    assert primary_language(scopes_of(stream(*speech, language="de-CH")), "en") == "de"
    assert primary_language([], "fr-CA") == "fr"


def test_on_a_mixed_channel_the_primary_language_is_everybodys() -> None:
    said = [zoom("0", (0, 2_000), "pues no sé", "es")]
    assert primary_language(scopes_of(stream(channel("0", (0, 9_000)), mixed_audio=True, utterances=said)), "en") == "es"


def test_a_tie_of_languages_goes_to_the_first_spoken() -> None:
    said = [zoom("c", (0, 1_000), "pues no sé", "es"), zoom("c", (2_000, 3_000), "so I said", "en")]
    speech = (channel("a", (5_000, 6_000)), channel("c", (0, 1_000), (2_000, 3_000)))
    assert primary_language(scopes_of(stream(*speech, utterances=said)), "en") == "es"


def test_the_agents_speech_under_a_customers_line_is_not_the_customers_language() -> None:
    """Zoom's lines are rough: this Spanish one lasts over 9 s of which the customer spoke one."""
    said = [zoom("c", (0, 10_000), "pues no sé", "es"), zoom("c", (20_000, 25_000), "so I said", "en")]
    scopes = scopes_of(stream(channel("a", (1_000, 10_000)), channel("c", (0, 1_000), (20_000, 25_000)), utterances=said))
    assert primary_language(scopes, "en") == "en"
