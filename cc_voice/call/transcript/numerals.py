"""Numbers as they are said, in `en` and `es`: one recogniser writes `25` where another writes `twenty five`.

Cardinals only. Genders, ordinals and ways of saying a year are left out: this makes spellings comparable, it does not read aloud.
"""

_ONES = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho "
    "diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
_HUNDREDS = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
_QUANTITY_DIGITS = 3
"""Longer numbers without separators are telephone numbers, cards and years more often than quantities: read digit by digit."""


def figures(text: str, language: str, *, is_quantity: bool = False) -> list[str]:
    """Return how a number is said: `25` is twenty five, `4111` four one one one. What is no number stays, as do other languages."""
    if language not in _ONES or not text.isdecimal():
        return [text]
    if (len(text) <= _QUANTITY_DIGITS or is_quantity) and len(text) < 7 and (text == "0" or int(text[0])):
        return _number(int(text), language)
    return [_ONES[language].split()[int(digit)] for digit in text]


def _number(value: int, language: str) -> list[str]:
    """Return a number from 0 to 999 999 in words."""
    if value >= 1000:
        thousands, rest = divmod(value, 1000)
        many = [] if thousands == 1 and language == "es" else _number(thousands, language)
        return [*many, "thousand" if language == "en" else "mil", *(_number(rest, language) if rest else [])]
    ones = _ONES[language].split()
    hundreds, rest = divmod(value, 100)
    said = []
    if hundreds:
        said = (
            [ones[hundreds], "hundred"]
            if language == "en"
            else [_HUNDREDS.split()[hundreds - 1] if rest or hundreds > 1 else "cien"]
        )
    if hundreds and not rest:
        return said
    if rest < len(ones):
        return [*said, ones[rest]]
    tens, one = divmod(rest, 10)
    between = ["y"] if language == "es" and one else []
    return [*said, _TENS[language].split()[tens - 2], *between, *([ones[one]] if one else [])]
