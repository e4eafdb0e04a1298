"""Talk speed (1.3)."""

import pytest

from cc_voice.call.metrics.leg_metrics import find
from cc_voice.call.metrics.spoken_words import SpokenWord, counted, spoken
from cc_voice.call.metrics.talk_speed import main_language, speed_drift, speed_unit, talk_speed, words_in
from cc_voice.call.reasons import Unmeasured
from tests.call.calls import DEFAULTS, between_two, channel, local, measured, reasons_of, scopes_of, stream, zoom


def words(count: int, start: int = 0, end: int = 20_000, text: str = "word", language: str = "en") -> tuple[SpokenWord, ...]:
    return spoken([local("a", (start, end), " ".join([text] * count), language)])


@pytest.mark.parametrize(("count", "speed"), [(30, 90.0), (29, Unmeasured("too_few_words"))])
def test_thirty_words_make_a_speed(count: int, speed: object) -> None:
    assert talk_speed(words(count), ((0, 20_000),), DEFAULTS) == speed


@pytest.mark.parametrize(("talk", "speed"), [(10_000, 300.0), (9_999, Unmeasured("too_little_speech"))])
def test_ten_seconds_of_talk_make_a_speed(talk: int, speed: object) -> None:
    assert talk_speed(words(50), ((0, talk),), DEFAULTS) == speed


def test_time_between_pieces_of_speech_does_not_count() -> None:
    assert talk_speed(words(60), ((0, 10_000), (50_000, 60_000)), DEFAULTS) == 180.0


def test_a_number_read_out_leaves_words_and_time() -> None:
    plain = words(40, 0, 20_000)
    number = spoken([local("a", (20_000, 26_000), "four one one one two three")])
    speech = ((0, 26_000),)
    assert talk_speed((*plain, *number), speech, DEFAULTS) == talk_speed(plain, ((0, 20_000),), DEFAULTS) == 120.0


def test_five_digits_are_words_like_others() -> None:
    number = spoken([local("a", (20_000, 24_000), "four one one one two")])
    assert talk_speed((*words(43), *number), ((0, 24_000),), DEFAULTS) == 120.0


def test_a_call_of_digits_only_has_too_few_words() -> None:
    assert talk_speed(words(40, text="four"), ((0, 20_000),), DEFAULTS) == Unmeasured("too_few_words")


def test_scripts_without_spaces_are_measured_in_characters() -> None:
    assert (speed_unit("ja"), speed_unit("en")) == ("cpm", "wpm")
    assert talk_speed(counted(words(10, text="こんに", language="ja")), ((0, 20_000),), DEFAULTS) == 90.0
    assert talk_speed(words(9, text="こんに", language="ja"), ((0, 20_000),), DEFAULTS) == Unmeasured("too_few_words")


def test_the_main_language_has_most_words_and_the_first_wins_a_tie() -> None:
    assert main_language(()) is None
    assert main_language((*words(2, language="es"), *words(3, language="en"))) == "en"
    assert main_language((*words(3, language="es"), *words(3, language="en"))) == "es"


def test_drift_is_last_quarter_minus_first() -> None:
    analysed = ((0, 40_000), (50_000, 90_000))
    said = (*words(40, 0, 20_000), *words(500, 20_000, 70_000), *words(60, 70_000, 90_000))
    assert speed_drift(said, analysed, analysed, DEFAULTS) == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("first", "last", "reason"), [(29, 60, "too_few_words"), (60, 29, "too_few_words"), (60, 0, "too_few_words")]
)
def test_drift_needs_words_in_both_quarters(first: int, last: int, reason: str) -> None:
    analysed = ((0, 80_000),)
    said = (*words(first, 0, 20_000), *words(200, 20_000, 60_000), *(words(last, 60_000, 80_000) if last else ()))
    assert speed_drift(said, analysed, analysed, DEFAULTS) == Unmeasured(reason)


def test_speed_is_per_language_and_units_are_never_mixed() -> None:
    said = [
        local("a", (0, 20_000), " ".join(["word"] * 40)),
        zoom("c", (20_000, 40_000), " ".join(["はい"] * 40), "ja"),
    ]
    call, leg = measured(stream(channel("a", (0, 20_000)), channel("c", (20_000, 40_000)), utterances=said))
    assert (leg.wpm_agent, leg.wpm_customer, leg.talk_speed_unit) == (120.0, None, "wpm")
    assert reasons_of(call)["wpm_customer"] == "mixed_talk_speed_units"
    assert {row.language_code: row.wpm for row in call.leg_languages} == {"en": 120.0, "ja": 240.0}


def test_a_party_of_two_languages_is_measured_in_the_one_it_spoke_most() -> None:
    said = [
        local("a", (0, 20_000), " ".join(["word"] * 40)),
        zoom("c", (20_000, 40_000), " ".join(["word"] * 60)),
        zoom("c", (40_000, 55_000), " ".join(["palabra"] * 30), "es"),
    ]
    call, leg = measured(stream(channel("a", (0, 20_000)), channel("c", (20_000, 55_000)), utterances=said))
    assert leg.wpm_customer == 180.0
    assert {(row.party, row.language_code): row.wpm for row in call.leg_languages} == {
        ("agent", "en"): 120.0,
        ("customer", "en"): 180.0,
        ("customer", "es"): 120.0,
    }


def test_words_of_one_language_have_all_of_a_partys_speech() -> None:
    (scope,) = scopes_of(between_two([(0, 4_000), (9_000, 12_000)], [(5_000, 6_000)], utterances=[local("a", (0, 4_000), "hello")]))
    counted = find(scope, DEFAULTS).words
    said, speech = words_in(scope, counted, "agent", "en")
    assert (len(said), speech) == (1, ((0, 4_000), (9_000, 12_000)))
    assert words_in(scope, counted, "agent", "es") == ((), ())
