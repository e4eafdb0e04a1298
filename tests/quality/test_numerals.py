"""Numerals: every number to 9999 is read as its digits in four languages, and what repeats, joins and parts them."""

import pytest

from cc_voice.bench.spoken_numbers.spellings import by_hundreds, spelled
from cc_voice.quality.redaction.numerals import NumeralReader
from cc_voice.quality.redaction.terms import streams
from tests.quality.spoken import said


def digits_of(text: str, language: str) -> list[str]:
    """The digits of each number in a text; `?` for what is none."""
    terms = streams(said(f"a: {text}", language=language))["a"]
    reader = NumeralReader(terms, (language,))
    found: list[str] = []
    at = 0
    while at < len(terms):
        numeral = reader.at(at)
        found.append("?" if numeral is None else numeral.digits)
        at = at + 1 if numeral is None else numeral.after
    return found


@pytest.mark.parametrize("language", ["en", "es", "de", "fr"])
def test_every_number_is_read_as_its_digits(language: str) -> None:
    numbers = [*range(1200), *range(1200, 10_000, 7)]
    wrong = [
        (number, written)
        for number in numbers
        for written in {spelled(number, language), by_hundreds(number, language)}
        if digits_of(written, language) != [str(number)]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("language", "text", "digits"),
    [
        ("en", "three four 500", ["3", "4", "500"]),
        ("en", "forty one hundred eleven", ["4111"]),
        ("en", "one hundred and thirty four", ["134"]),
        ("en", "double oh seven", ["00", "7"]),
        ("en", "triple 4 four fives", ["444", "5555"]),
        ("en", "niner treble nought", ["9", "000"]),
        ("en", "4 thousand 5 hundred", ["4000", "500"]),
        ("en", "double the amount", ["?", "?", "?"]),
        ("en", "o'clock one-time twenty-one", ["?", "?", "?", "?", "21"]),
        ("en", "4111-1111 card4111 21st", ["4111", "1111", "?", "4111", "?"]),
        ("es", "cuarenta y uno diez y seis", ["41", "16"]),
        ("es", "dos ceros tres veces el cinco doble cuatro", ["00", "555", "44"]),
        ("es", "veintiuna trescientas una", ["21", "301"]),
        ("de", "elfhundertelf viertausendeinhundertelf einundvierzig", ["1111", "4111", "41"]),
        ("de", "ein und vierzig zwei hundert elf", ["41", "211"]),
        ("de", "zweimal die vier drei mal null doppel zwo", ["44", "000", "22"]),
        ("fr", "soixante dix huit quatre-vingt-dix-neuf septante et un", ["78", "99", "71"]),
        ("fr", "deux fois le quatre trois fois zéro", ["44", "000"]),
        ("fr", "mille neuf cent quatre-vingt-quatre", ["1984"]),
    ],
)
def test_numbers_are_read_as_people_say_them(language: str, text: str, digits: list[str]) -> None:
    assert digits_of(text, language) == digits
