"""Spellings of numbers that generated calls are read in, beside num2words where that is installed."""

import pytest

from cc_voice.bench.spoken_numbers.spellings import by_hundreds, spelled
from cc_voice.call.tokeniser import words


def test_numbers_are_spelled_as_people_write_them() -> None:
    assert [spelled(number, "en") for number in (0, 41, 100, 111, 4111)] == [
        "zero",
        "forty one",
        "one hundred",
        "one hundred eleven",
        "four thousand one hundred eleven",
    ]
    assert [spelled(number, "es") for number in (16, 41, 100, 1111)] == ["dieciséis", "cuarenta y uno", "cien", "mil ciento once"]
    assert [spelled(number, "de") for number in (17, 41, 1111)] == ["siebzehn", "einundvierzig", "eintausendeinhundertelf"]
    assert [spelled(number, "fr") for number in (71, 80, 99, 4111)] == [
        "soixante et onze",
        "quatre-vingts",
        "quatre-vingt-dix-neuf",
        "quatre mille cent onze",
    ]
    assert (by_hundreds(4111, "en"), by_hundreds(1111, "de")) == ("forty one hundred eleven", "elfhundertelf")


@pytest.mark.parametrize("language", ["en", "es", "de", "fr"])
def test_they_are_num2words_own(language: str) -> None:
    num2words = pytest.importorskip("num2words", reason="num2words needs docopt, which has no wheel: installed by hand")
    for number in range(0, 10_000, 3):
        expected = [word for word in words(num2words.num2words(number, lang=language)) if (language, word) != ("en", "and")]
        assert words(spelled(number, language)) == expected
