"""Number words: what people say when they read digits aloud, in English, Spanish, German and French, folded by the tokeniser.

The one table of the house: metrics find with it numbers that are read out, redaction what must be hidden. Of other languages only
figures are known, in the digits of any script. A word has a shape, which says what it may stand beside in a number (`forty one` is
one number of two digits, `four one` two of one); numbers are never summed: `three four five hundred` is 34500.
"""

import functools
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Shape = Literal["zero", "digit", "teen", "tens", "hundreds", "hundred", "thousands", "thousand", "closed"]
"""`teen` and `closed` take nothing behind them (ten, veintiuno; hundertelf), `tens` a digit, `hundreds` (doscientos, cien) tens,
`thousands` (viertausend) hundreds; `hundred` and `thousand` multiply what stands before them."""


class NumberWord(NamedTuple):
    """What a word stands for in a number."""

    shape: Shape
    value: int


class NumberTable(NamedTuple):
    """The number words of a language and the words around them."""

    numbers: dict[str, NumberWord]
    times: dict[str, int]
    """Repeat the digit behind them: `double four`."""
    repeaters: frozenset[str]
    """With a number before them they do the same: `deux fois le quatre`."""
    articles: frozenset[str]
    """What may stand between a repeater and its digit."""
    plurals: dict[str, int]
    """Digits that a number before them repeats: `three fours`."""
    joins: frozenset[str]
    fillers: frozenset[str]
    """Words that never break a number read aloud, and count nothing."""
    phrases: tuple[tuple[str, ...], ...]
    """The same of several words."""
    alike: frozenset[str]
    """Words that recognisers hear in place of digits: hidden beside hidden digits, never counted."""
    ordering: frozenset[str]
    """A number right after one of these counts digits and is none: `the next four`."""
    counted: frozenset[str]
    """A number right before one of these, likewise: `three digits`."""


def _numbers(shape: Shape, words: str) -> Iterator[tuple[str, NumberWord]]:
    """Read `eleven=11`; words of one value stand together with a stroke between them."""
    for entry in words.split():
        spellings, _, value = entry.partition("=")
        for word in spellings.split("|"):
            yield word, NumberWord(shape, int(value))


def _row(words: str, first: int = 1, step: int = 1) -> str:
    return " ".join(f"{word}={first + step * place}" for place, word in enumerate(words.split()))


def _table(
    *,
    zero: str,
    digits: str,
    teens: str,
    tens: str,
    hundreds: str = "",
    hundred: str = "",
    thousand: str,
    times: str,
    repeaters: str = "",
    articles: str = "",
    plurals: str,
    joins: str,
    fillers: str,
    phrases: str = "",
    alike: str = "",
    ordering: str,
    counted: str,
) -> NumberTable:
    rows: tuple[tuple[Shape, str], ...] = (
        ("zero", "|".join(zero.split()) + "=0"),
        ("digit", digits),
        ("teen", teens),
        ("tens", tens),
        ("hundreds", hundreds),
        ("hundred", f"{'|'.join(hundred.split())}=100" if hundred else ""),
        ("thousand", "|".join(thousand.split()) + "=1000"),
    )
    return NumberTable(
        numbers=dict(pair for shape, words in rows for pair in _numbers(shape, words)),
        times={word: int(number) for word, _, number in (entry.partition("=") for entry in times.split())},
        repeaters=frozenset(repeaters.split()),
        articles=frozenset(articles.split()),
        plurals={word: number.value for word, number in _numbers("digit", plurals)},
        joins=frozenset(joins.split()),
        fillers=frozenset(fillers.split()),
        phrases=tuple(tuple(phrase.split()) for phrase in phrases.split("·") if phrase.strip()),
        alike=frozenset(alike.split()),
        ordering=frozenset(ordering.split()),
        counted=frozenset(counted.split()),
    )


TABLES: dict[str, NumberTable] = {
    "en": _table(
        zero="zero oh o nought naught aught nil",
        digits=_row("one two three four five six seven eight nine|niner"),
        teens=_row("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10),
        tens=_row("twenty thirty forty|fourty fifty sixty seventy eighty ninety", 20, 10),
        hundred="hundred",
        thousand="thousand",
        times="double=2 dbl=2 triple=3 treble=3 quadruple=4 quad=4",
        plurals="zeros|zeroes|ohs|noughts|naughts=0 " + _row("ones twos threes fours fives sixes sevens eights nines"),
        joins="and",
        fillers=(
            "um umm uhm uh uhh er err erm ehm hmm mm mhm okay ok k alright yes yeah yep yup right sure then dash hyphen minus "
            "space dot comma sorry oops no nope wait correction actually again next is it s the last first final digit digits "
            "number numbers card please"
        ),
        phrases="i mean · no wait · hold on · uh huh",
        alike="for to too won ate tree fore nein",
        ordering="last next first final other",
        counted="digit digits",
    ),
    "es": _table(
        zero="cero",
        digits=_row("uno|una|un dos tres cuatro cinco seis siete ocho nueve"),
        teens=_row("diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve", 10)
        + " "
        + _row("veintiuno|veintiun|veintiuna veintidos veintitres veinticuatro veinticinco", 21)
        + " "
        + _row("veintiseis veintisiete veintiocho veintinueve", 26),
        tens=_row("veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa", 20, 10),
        hundreds="cien|ciento=100 "
        + _row("doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos", 200, 100)
        + " "
        + _row("doscientas trescientas cuatrocientas quinientas seiscientas setecientas ochocientas novecientas", 200, 100),
        thousand="mil",
        times="doble=2 triple=3 cuadruple=4",
        repeaters="veces",
        articles="el la",
        plurals="ceros=0 " + _row("unos doses treses cuatros cincos seises sietes ochos nueves"),
        joins="y",
        fillers=(
            "eh ehh em ehm este mmm mm aja si vale ya ok okay luego despues guion menos coma punto espacio barra perdon "
            "perdone disculpe espere digo correccion no el la los las es son siguiente siguientes ultimo ultimos ultimas "
            "primero primeros numero numeros digito digitos favor por"
        ),
        phrases="o sea · quiero decir",
        alike="sinco sien nuebe ose dose trese kuatro ocio sais",
        ordering="ultimo ultima ultimos ultimas siguiente siguientes primer primero primeros primeras proximos otros otras",
        counted="digito digitos cifra cifras ultimos ultimas",
    ),
    "de": _table(
        zero="null",
        digits=_row("ein|eins|eine zwei|zwo drei vier funf|fuenf sechs sieben acht neun"),
        teens=_row("zehn elf zwolf|zwoelf dreizehn vierzehn funfzehn|fuenfzehn sechzehn siebzehn achtzehn neunzehn", 10),
        tens=_row("zwanzig dreissig|dreizig vierzig funfzig|fuenfzig sechzig siebzig achtzig neunzig", 20, 10),
        hundred="hundert",
        thousand="tausend",
        times="doppel=2 doppelte=2 doppelt=2 zweimal=2 dreimal=3 dreifach=3 viermal=4 vierfach=4 triple=3",
        repeaters="mal",
        articles="die der das",
        plurals="nullen=0 einsen=1 zweien=2 dreien=3 vieren=4 funfen|fuenfen=5 sechsen=6 achten=8 neunen=9",
        joins="und",
        fillers=(
            "ah aeh eh ehm aehm hm hmm mhm ja genau gut okay ok dann danach strich bindestrich minus punkt komma leerzeichen "
            "schragstrich entschuldigung sorry nein nee ne moment quatsch korrektur bitte die der das ist nachste nachsten "
            "letzte letzten erste ersten ziffer ziffern zahl zahlen nummer"
        ),
        phrases="ich meine",
        alike="fier fur rein zwar sex nein zieben",
        ordering="letzte letzten nachste nachsten erste ersten andere anderen ubrigen",
        counted="ziffer ziffern stellen stellig",
    ),
    "fr": _table(
        zero="zero",
        digits=_row("un|une deux trois quatre cinq six sept huit neuf"),
        teens=_row("dix onze douze treize quatorze quinze seize", 10),
        tens=_row("vingt|vingts trente quarante cinquante soixante septante octante|huitante nonante", 20, 10),
        hundred="cent cents",
        thousand="mille",
        times="double=2 triple=3 quadruple=4",
        repeaters="fois",
        articles="le la les un",
        plurals="zeros=0 uns=1 quatres=4 cinqs=5",
        joins="et",
        fillers=(
            "euh heu hum hmm mm ah ben oui ouais d accord ok okay alors puis ensuite tiret moins virgule point espace slash "
            "pardon desole desolee non attendez correction le la les c est et suivant suivants dernier derniers premier "
            "premiers chiffre chiffres numero"
        ),
        phrases="je veux dire · s il vous plait",
        alike="cet cette saint sang hein wit sis katre",
        ordering="dernier derniers derniere dernieres premier premiers premieres suivant suivants prochains autres",
        counted="chiffre chiffres derniers dernieres premiers",
    ),
}
"""By primary subtag."""
_IN_COMPOUNDS = re.compile("hundert|tausend|und.*(?:zig|ssig)$")


def spoken(term: str, language: str) -> NumberWord | None:
    """Return what a folded word stands for in a number of a language, None where it is no number word."""
    table = TABLES.get(language)
    if table is None:
        return None
    found = table.numbers.get(term)
    if found is None and language == "de" and len(term) > 6:
        found = compound(term)
    return found


@functools.lru_cache(maxsize=4096)
def compound(term: str) -> NumberWord | None:
    """Return what a German number in one word stands for: `einundvierzig`, `elfhundertelf`, `viertausendeinhundertelf`."""
    value = _below_a_million(term) if _IN_COMPOUNDS.search(term) else None
    if value is None:
        return None
    open_shape: Shape = "thousands" if value % 1000 == 0 and value else "hundreds" if value % 100 == 0 and value else "closed"
    return NumberWord("teen" if value < 100 else open_shape, value)


def _below_a_million(term: str) -> int | None:
    before, found, after = term.partition("tausend")
    if not found:
        return _below_ten_thousand(term)
    thousands = 1 if not before else _below_ten_thousand(before)
    rest = 0 if not after else _below_ten_thousand(after.removeprefix("und"))
    return None if thousands is None or rest is None or rest > 999 or thousands > 999 else thousands * 1000 + rest


def _below_ten_thousand(term: str) -> int | None:
    before, found, after = term.partition("hundert")
    if not found:
        return _below_a_hundred(term)
    hundreds = 1 if not before else _below_a_hundred(before)
    rest = 0 if not after else _below_a_hundred(after.removeprefix("und"))
    return None if hundreds is None or rest is None else hundreds * 100 + rest


def _below_a_hundred(term: str) -> int | None:
    numbers = TABLES["de"].numbers
    if (found := numbers.get(term)) is not None and found.value < 100:
        return found.value
    for digit, word in numbers.items():
        if word.shape == "digit" and term.startswith(f"{digit}und"):
            tens = numbers.get(term[len(digit) + 3 :])
            if tens is not None and tens.shape == "tens":
                return tens.value + word.value
    return None
