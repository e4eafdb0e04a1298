"""Spellings of numbers in words, as a speaker says them: written from grammars, not from the tables that redaction reads with.

`tests/bench/test_spellings.py` compares them with num2words where that is installed.
"""

from collections.abc import Callable

_EN = (
    "zero one two three four five six seven eight nine ten eleven "
    "twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_EN_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ES = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once "
    "doce trece catorce quince dieciséis diecisiete dieciocho diecinueve"
)
_ES_TWENTIES = "veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
_ES_TENS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa"
_ES_HUNDREDS = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
_DE = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf "
    "zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
)
_DE_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
_FR = "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf"
_FR_TENS = "vingt trente quarante cinquante soixante"


def spelled(number: int, language: str) -> str:
    """Return a number from 0 to 9999 in words."""
    return _SPELLINGS[language](number)


def by_hundreds(number: int, language: str) -> str:
    """Return four figures as many read them: `forty one hundred eleven`, `elfhundertelf`; where nobody does, in thousands."""
    hundreds, rest = divmod(number, 100)
    if language == "en" and hundreds % 10 and hundreds > 10:
        return f"{_english(hundreds)} hundred" + (f" {_english(rest)}" if rest else "")
    if language == "de" and 10 < hundreds < 20:
        return f"{_german(hundreds)}hundert" + (_german(rest) if rest else "")
    return spelled(number, language)


def _english(number: int) -> str:
    if number < 20:
        return _EN.split()[number]
    if number < 100:
        return _EN_TENS.split()[number // 10 - 2] + (f" {_english(number % 10)}" if number % 10 else "")
    size, word = (1000, "thousand") if number >= 1000 else (100, "hundred")
    return f"{_english(number // size)} {word}" + (f" {_english(number % size)}" if number % size else "")


def _spanish(number: int) -> str:
    if number < 20:
        return _ES.split()[number]
    if number < 30:
        return _ES_TWENTIES.split()[number - 20]
    if number < 100:
        return _ES_TENS.split()[number // 10 - 3] + (f" y {_spanish(number % 10)}" if number % 10 else "")
    if number == 100:
        return "cien"
    if number < 1000:
        return _ES_HUNDREDS.split()[number // 100 - 1] + (f" {_spanish(number % 100)}" if number % 100 else "")
    head = "mil" if number < 2000 else f"{_spanish(number // 1000)} mil"
    return head + (f" {_spanish(number % 1000)}" if number % 1000 else "")


def _german(number: int) -> str:
    if number < 20:
        return _DE.split()[number]
    if number < 100:
        digit, tens = number % 10, _DE_TENS.split()[number // 10 - 2]
        return tens if not digit else f"{'ein' if digit == 1 else _german(digit)}und{tens}"
    size, word = (1000, "tausend") if number >= 1000 else (100, "hundert")
    head = "ein" if number // size == 1 else _german(number // size)
    return f"{head}{word}" + (_german(number % size) if number % size else "")


def _french(number: int) -> str:
    if number < 20:
        return _FR.split()[number]
    if number < 70:
        digit = number % 10
        joint = " et " if digit == 1 else "-"
        return _FR_TENS.split()[number // 10 - 2] + (f"{joint}{_french(digit)}" if digit else "")
    if number < 80:
        return "soixante" + (" et onze" if number == 71 else f"-{_french(number - 60)}")
    if number < 100:
        return "quatre-vingts" if number == 80 else f"quatre-vingt-{_french(number - 80)}"
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        head = "cent" if hundreds == 1 else f"{_french(hundreds)} cent{'' if rest else 's'}"
        return head + (f" {_french(rest)}" if rest else "")
    head = "mille" if number < 2000 else f"{_french(number // 1000)} mille"
    return head + (f" {_french(number % 1000)}" if number % 1000 else "")


_SPELLINGS: dict[str, Callable[[int], str]] = {"en": _english, "es": _spanish, "de": _german, "fr": _french}
