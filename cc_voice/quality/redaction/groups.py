"""Groups: numbers that one channel says in a row, pauses below four seconds and words that break nothing inside.

What is no number to hide is taken out here: amounts and counts (the unit follows), words that count digits (`the next four`),
single digits in the middle of talk (`for one moment`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cc_voice.call.number_words import TABLES
from cc_voice.quality.redaction.cues import CueKind
from cc_voice.quality.redaction.numerals import Numeral, NumeralReader
from cc_voice.quality.redaction.terms import Term

GAP_MS = 4_000
LONG_DIGITS = 9
"""A row of so many digits is no amount, whatever word follows."""
SINGLES = 4
"""With so many digits said by themselves, `forty one` in the same row may be 40 and 1."""
MANY_SINGLES = 8
"""With so many, a sound-alike between two digits was one (`four for two`); else it never counts: `8 to 10`."""
UNITS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": (
            "dollar dollars cent cents euro euros pound pounds bucks quid pence percent times minute minutes second seconds "
            "hour hours day days week weeks month months year years people persons person street avenue ave road lane "
            "boulevard oclock am pm miles mile kilometers items item pieces tickets rooms nights guests adults children "
            "gigabytes megabytes million billion grams kilos stars degrees percentage moment moments sec secs business working"
        ),
        "es": (
            "dolar dolares euro euros peso pesos centimo centimos centavos minuto minutos segundo segundos hora horas dia "
            "dias semana semanas mes meses ano anos veces personas persona articulos habitaciones noches kilometros momento "
            "momentito segundito instante millon millones gigas"
        ),
        "de": (
            "euro cent dollar prozent minute minuten sekunde sekunden stunde stunden tag tage tagen woche wochen monat "
            "monate monaten jahr moment augenblick jahre jahren uhr personen person leute stuck zimmer nachte kilometer "
            "million millionen grad gigabyte artikel werktage werktagen"
        ),
        "fr": (
            "euro euros centime centimes dollar dollars pourcent minute minutes seconde secondes heure heures jour jours "
            "semaine semaines instant moment mois an ans annee annees personnes personne articles chambres nuits kilometres "
            "million millions degres"
        ),
    }.items()
}
"""What makes the number before it an amount or a count."""


class Group(NamedTuple):
    """Numbers of one channel in a row: its numerals, their digits, and how many these can be at most."""

    channel_id: str
    numerals: tuple[Numeral, ...]
    digits: str
    most: int
    start_ms: int
    end_ms: int
    first: int
    """First term of the channel's stream …"""
    after: int
    """… and the one after its last."""
    is_aside: bool = False
    """One number in the middle of talk: `we moved here in nineteen eighty four`."""


class ChannelNumbers(NamedTuple):
    """What a channel says in numbers."""

    groups: tuple[Group, ...]
    amounts: tuple[Group, ...]
    """Numbers with a unit behind them."""
    doubtful: frozenset[int]
    """Terms hidden beside hidden digits that count nothing: words that count digits, single digits, `double`, sound-alikes."""
    plain: tuple[int, ...]
    """Terms that break a row."""


class Vocabulary(NamedTuple):
    """The words around numbers, in all languages of a call."""

    languages: tuple[str, ...]
    fillers: frozenset[str]
    phrases: dict[str, tuple[tuple[str, ...], ...]]
    joins: frozenset[str]
    times: frozenset[str]
    alike: frozenset[str]
    ordering: frozenset[str]
    counted: frozenset[str]
    articles: frozenset[str]
    units: frozenset[str]


def vocabulary(languages: Sequence[str]) -> Vocabulary:
    """Return the words around numbers in some languages."""
    tables = [TABLES[language] for language in languages if language in TABLES]
    phrases: dict[str, list[tuple[str, ...]]] = {}
    for phrase in (phrase for table in tables for phrase in table.phrases):
        phrases.setdefault(phrase[0], []).append(phrase)
    return Vocabulary(
        languages=tuple(languages),
        fillers=frozenset(word for table in tables for word in table.fillers),
        phrases={first: tuple(all_of) for first, all_of in phrases.items()},
        joins=frozenset(word for table in tables for word in table.joins),
        times=frozenset(word for table in tables for word in (*table.times, *table.repeaters)),
        alike=frozenset(word for table in tables for word in table.alike),
        ordering=frozenset(word for table in tables for word in table.ordering),
        counted=frozenset(word for table in tables for word in table.counted),
        articles=frozenset({"los", "las", "les", "vos", "sus", "tus", "mes", "ses", "mis", "die", "der", "den"}),
        units=frozenset(word for language in languages for word in UNITS.get(language, ())),
    )


def numbers_of(channel_id: str, terms: Sequence[Term], words: Vocabulary, kinds: Sequence[CueKind | None]) -> ChannelNumbers:
    """Return the groups of a channel. `kinds` says of each term which kind of number was named last before it."""
    reader = NumeralReader(terms, words.languages)
    plain: list[int] = []
    doubtful: set[int] = set()
    rows: list[list[Numeral]] = []
    row: list[Numeral] = []
    at = 0
    while at < len(terms):
        numeral = reader.at(at)
        if numeral is not None and _counts_digits(terms, numeral, words):
            doubtful.update(range(numeral.first, numeral.after))
            plain.append(at)
            at = numeral.after
            continue
        if numeral is not None:
            is_late = bool(row) and terms[numeral.first].start_ms - terms[row[-1].after - 1].end_ms >= GAP_MS
            if row and (is_late or kinds[numeral.first] != kinds[row[-1].first]):  # somebody asked for another number meanwhile
                rows.append(row)
                row = []
            row.append(numeral)
            at = numeral.after
            continue
        behind = _unbroken(terms, at, words)
        if behind == at and kinds[at] == "ACCOUNT" and len(terms[at].text) == 1:
            behind = at + 1  # a letter of an IBAN, spelled
        if terms[at].text in words.alike or terms[at].text in words.times:
            doubtful.add(at)
            behind = max(behind, at + 1)
        if behind == at:
            plain.append(at)
            if row:
                rows.append(row)
            row = []
        at = max(behind, at + 1)
    if row:
        rows.append(row)
    groups: list[Group] = []
    amounts: list[Group] = []
    for each in rows:
        for kept, is_amount in _without_amounts(terms, each, words):
            (amounts if is_amount else groups).append(_group(channel_id, terms, kept, words))
    talk = Counter(terms[place].line for place in plain)
    beside = Counter(terms[group.first].line for group in groups)
    groups = [group._replace(is_aside=_is_aside(group, terms[group.first].line, talk, beside)) for group in groups]
    left, dropped = _without_single_digits(terms, groups, talk, kinds)
    doubtful.update(term for group in dropped for term in range(group.first, group.after))
    return ChannelNumbers(tuple(left), tuple(amounts), frozenset(doubtful), tuple(plain))


def _group(channel_id: str, terms: Sequence[Term], row: Sequence[Numeral], words: Vocabulary) -> Group:
    most = sum(len(each.digits) for each in row)
    if sum(each.is_single for each in row) >= SINGLES:
        most = sum(each.most for each in row)
    else:
        apart = [each for each, following in pairwise(row) if following.is_single or _is_compound(terms, each)]
        most += sum(each.most - len(each.digits) for each in (*apart, *(each for each in row[-1:] if _is_compound(terms, each))))
    first, last = row[0].first, row[-1].after - 1
    if sum(each.is_single for each in row) >= MANY_SINGLES:
        most += sum(
            terms[place].text in words.alike for each, following in pairwise(row) for place in range(each.after, following.first)
        )
    digits = "".join(each.digits for each in row)
    return Group(channel_id, tuple(row), digits, most, terms[first].start_ms, terms[last].end_ms, first, last + 1)


def _is_compound(terms: Sequence[Term], numeral: Numeral) -> bool:
    """Tell whether a number begins with a German compound, behind which another word is usually another number."""
    return "hundert" in terms[numeral.first].text[3:] or "tausend" in terms[numeral.first].text[3:]


def _unbroken(terms: Sequence[Term], at: int, words: Vocabulary) -> int:
    """Return the term after what breaks no row, `at` itself where it breaks one."""
    text = terms[at].text
    for phrase in words.phrases.get(text, ()):
        if tuple(term.text for term in terms[at : at + len(phrase)]) == phrase:
            return at + len(phrase)
    return at + 1 if text in words.fillers or text in words.joins or text in words.times else at


def _counts_digits(terms: Sequence[Term], numeral: Numeral, words: Vocabulary) -> bool:
    """Tell whether a number says how many digits there are: `the next four`, `the three digit code`, `the last 4`."""
    if len(numeral.digits) > 2 or numeral.after - numeral.first > 1:
        return False
    before = terms[numeral.first - 1].text if numeral.first else ""
    behind = terms[numeral.after].text if numeral.after < len(terms) else ""
    if before in words.ordering and len(numeral.digits) == 1:
        return True
    return behind in words.counted and (behind not in words.ordering or before in words.articles)


def _without_amounts(terms: Sequence[Term], row: list[Numeral], words: Vocabulary) -> Iterator[tuple[list[Numeral], bool]]:
    """Part a row where a number in it has a unit behind it; the numbers before it are no amount."""
    kept: list[Numeral] = []
    for numeral in row:
        if _is_amount(terms, numeral, words) and sum(len(each.digits) for each in kept) + len(numeral.digits) < LONG_DIGITS:
            if kept:
                yield kept, False
            kept = []
            yield [numeral], True
        else:
            kept.append(numeral)
    if kept:
        yield kept, False


def _is_amount(terms: Sequence[Term], numeral: Numeral, words: Vocabulary) -> bool:
    if terms[numeral.first].is_price:
        return True
    behind = [term.text for term in terms[numeral.after : numeral.after + 3]]
    if not behind:
        return False
    return behind[0] in words.units or behind[:2] in (["a", "m"], ["p", "m"], ["o", "clock"], ["por", "ciento"], ["pour", "cent"])


def _is_aside(group: Group, line: int, talk: Mapping[int, int], beside: Mapping[int, int]) -> bool:
    return len(group.numerals) <= 2 and beside[line] == 1 and talk[line] >= 2


def _without_single_digits(
    terms: Sequence[Term], groups: Sequence[Group], talk: Mapping[int, int], kinds: Sequence[CueKind | None]
) -> tuple[list[Group], list[Group]]:
    """Part groups of one digit in the middle of talk from the others."""
    lonely = [group for group in groups if len(group.digits) == 1]
    if not lonely:
        return list(groups), []
    spoken = Counter(
        terms[place].line for group in groups for numeral in group.numerals for place in range(numeral.first, numeral.after)
    )
    kept, dropped = [], []
    edges = [edge for group in groups for edge in (group.first, group.after - 1)]
    for group in groups:
        line = terms[group.first].line
        words, numbers = talk.get(line, 0), spoken[line]
        if (
            len(group.digits) == 1
            and words >= 2
            and numbers < words
            and not (kinds[group.first] == "CARD" and any(0 < abs(edge - group.first) <= 3 for edge in edges))
        ):
            dropped.append(group)
        else:
            kept.append(group)
    return kept, dropped
