"""Numerals: one number in a row of terms, as its digits, in whichever language of the call takes most of them.

A stretch has the shortest sensible reading: `forty one` is 41, `one hundred thirty four` 134. Before or behind digits that are said
one by one it may have been 40 1, so `most` is how many digits it can be.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cc_voice.call.number_words import TABLES, NumberTable, NumberWord, spoken
from cc_voice.quality.redaction.terms import Term

TOGETHER_MS = 700
"""Terms of one number follow each other so soon: `forty`, a pause, `one` are two."""


class Numeral(NamedTuple):
    """A number: terms from `first` to before `after`."""

    first: int
    after: int
    digits: str
    most: int

    @property
    def is_single(self) -> bool:
        """Whether it is one digit said by itself."""
        return self.after - self.first == 1 and len(self.digits) == 1


_Read = Callable[[int, NumberWord], tuple[int, int, int]]


class NumeralReader:
    """Numbers in a stream of terms. `languages` are those that count, the likeliest first."""

    def __init__(self, terms: Sequence[Term], languages: Sequence[str]) -> None:
        self._terms = terms
        self._languages = [language for language in languages if language in TABLES]
        self._words = frozenset(
            word for language in self._languages for table in [TABLES[language]] for word in (*table.numbers, *table.times)
        )
        self._is_german = "de" in self._languages

    def can_begin(self, at: int) -> bool:
        """Tell quickly whether a number may begin with a term."""
        term = self._terms[at]
        text = term.text
        return text.isdigit() or (
            not term.is_inside and (text in self._words or (self._is_german and spoken(text, "de") is not None))
        )

    def at(self, at: int) -> Numeral | None:
        """Return the number that begins with a term, None where none does."""
        if not self.can_begin(at):
            return None
        best: Numeral | None = None
        for language in self._languages or ("",):
            found = _Grammar(self._terms, language).numeral(at)
            if found is not None and (best is None or found.after > best.after):
                best = found
        return best


class _Grammar:
    """What numbers look like in one language."""

    def __init__(self, terms: Sequence[Term], language: str) -> None:
        self._terms = terms
        self._language = language
        self._table: NumberTable | None = TABLES.get(language)

    def numeral(self, at: int) -> Numeral | None:
        repeated = self._repeated(at)
        if repeated is not None:
            return repeated
        if self._text(at).isdigit():
            return self._figures(at)
        if self._table is None or (word := self._word(at)) is None:
            return None
        if word.shape == "zero":
            return Numeral(at, at + 1, "0", 1)
        value, after, most = self._thousands(at, word)
        digits = str(value)
        return Numeral(at, after, digits, max(most, len(digits)))

    def _figures(self, at: int) -> Numeral:
        """Figures, with the zeros of a hundred or thousand behind them."""
        digits, after = self._text(at), at + 1
        if self._table is not None and len(digits) < 4 and (word := self._word(after, at)) is not None:
            zeros = {"hundred": "00", "thousand": "000"}.get(word.shape)
            if zeros:
                digits, after = digits + zeros, after + 1
        return Numeral(at, after, digits, len(digits))

    # -- one digit several times -------------------------------------------------------------------------------------

    def _repeated(self, at: int) -> Numeral | None:
        """`double four`, `four ones`, `deux fois le quatre`."""
        table = self._table
        if table is None:
            return None
        times, behind = table.times.get(self._text(at)), at + 1
        if times is None:
            word = self._word(at)
            times = word.value if word is not None and word.shape == "digit" and word.value > 1 else None
            if times is None and self._text(at) in ("2", "3", "4"):
                times = int(self._text(at))
            if times is None:
                return None
            if self._text(behind) in table.plurals and self._follows(behind):
                return Numeral(at, behind + 1, str(table.plurals[self._text(behind)]) * times, times)
            if self._text(behind) not in table.repeaters:
                return None
            behind += 1
        digit = self._digit(behind)
        between = table.articles | table.fillers | table.joins
        while digit is None and behind - at < 4 and self._text(behind) in between:
            behind += 1
            digit = self._digit(behind)
        return None if digit is None else Numeral(at, behind + 1, digit * times, times)

    def _digit(self, at: int) -> str | None:
        text = self._text(at)
        if len(text) == 1 and text.isdigit():
            return text
        assert self._table is not None
        if text in self._table.plurals:
            return str(self._table.plurals[text])
        word = self._word(at)
        return str(word.value) if word is not None and word.shape in ("zero", "digit") else None

    # -- numbers in words: (value, term after it, most digits) -------------------------------------------------------

    def _thousands(self, at: int, word: NumberWord) -> tuple[int, int, int]:
        if word.shape == "thousand":
            value, after, most = 1000, at + 1, 4
        elif word.shape in ("thousands", "closed"):
            value, after, most = word.value, at + 1, len(str(word.value))
            if word.shape == "closed":
                return value, after, most
        else:
            value, after, most = self._hundreds(at, word)
            following = self._word(after, at)
            if following is None or following.shape != "thousand" or value > 999 or self._is_one(value):
                return value, after, most
            value, after, most = value * 1000, after + 1, most + 3
        rest = self._rest(after, at, self._hundreds)
        if rest is not None and rest[0] < 1000:
            return value + rest[0], rest[1], most + rest[2]
        return value, after, most

    def _hundreds(self, at: int, word: NumberWord) -> tuple[int, int, int]:
        if word.shape in ("hundred", "hundreds"):
            value, after, most = word.value, at + 1, len(str(word.value))
        else:
            value, after, most = self._tens(at, word)
            following = self._word(after, at)
            if following is None or following.shape != "hundred" or value > 99 or self._is_one(value):
                return value, after, most
            value, after, most = value * 100, after + 1, most + 2
        rest = self._rest(after, at, self._tens)
        if rest is not None and rest[0] < 100:
            return value + rest[0], rest[1], most + rest[2]
        return value, after, most

    def _is_one(self, value: int) -> bool:
        """Nobody says `un mille` for a thousand: it is one, and a thousand."""
        return value == 1 and self._language in ("fr", "es")

    def _rest(self, after: int, at: int, read: _Read) -> tuple[int, int, int] | None:
        """What stands behind a hundred or thousand, perhaps behind `and`."""
        assert self._table is not None
        place = after + 1 if self._text(after) in self._table.joins else after
        word = self._word(place, at)
        if word is None or word.shape in ("zero", "thousand", "thousands"):
            return None
        return read(place, word)

    def _tens(self, at: int, word: NumberWord) -> tuple[int, int, int]:
        """A number below a hundred."""
        value, after = word.value, at + 1
        if word.shape == "tens":
            return self._behind_tens(at, value)
        if self._language == "fr" and word.shape == "digit" and value == 4 and self._text(after) in ("vingt", "vingts"):
            if not self._follows(after):
                return value, after, 1
            eighty, after, most = self._behind_tens(after, 80)
            return eighty, after, most + 1
        if self._language == "fr" and value == 10 and (digit := self._shaped(after, at, "digit")) and digit.value >= 7:
            return 10 + digit.value, after + 1, 3
        if self._language == "de" and word.shape == "digit" and self._text(after) == "und":
            tens = self._shaped(after + 1, at, "tens")
            if tens is not None:
                return tens.value + value, after + 2, 2
        if self._language == "es" and value == 10 and self._text(after) == "y":
            digit = self._shaped(after + 1, at, "digit")
            if digit is not None and digit.value > 5:
                return 10 + digit.value, after + 2, 2
        return value, after, len(str(value))

    def _behind_tens(self, at: int, value: int) -> tuple[int, int, int]:
        assert self._table is not None
        if self._language == "de":  # the digit comes first
            return value, at + 1, 2
        joined = self._text(at + 1) in self._table.joins and self._language != "en"
        place = at + 2 if joined else at + 1
        word = self._word(place, at)
        if word is not None and word.shape == "digit" and (joined or self._language != "es"):
            return value + word.value, place + 1, 2 if joined else 3
        if self._language == "fr" and value in (60, 80) and word is not None and word.shape == "teen" and word.value < 17:
            teen, after, _ = self._tens(place, word)
            return value + teen, after, 4
        return value, at + 1, 2

    # -- terms -------------------------------------------------------------------------------------------------------

    def _text(self, at: int) -> str:
        return self._terms[at].text if at < len(self._terms) else ""

    def _follows(self, at: int) -> bool:
        """Whether a term comes right after the one before it."""
        return 0 < at < len(self._terms) and self._terms[at].start_ms - self._terms[at - 1].end_ms <= TOGETHER_MS

    def _word(self, at: int, begun: int | None = None) -> NumberWord | None:
        """The number word at a place; of a number that began before, only where it goes on without a pause."""
        if at >= len(self._terms) or self._terms[at].is_inside or (begun is not None and not self._follows(at)):
            return None
        return spoken(self._terms[at].text, self._language)

    def _shaped(self, at: int, begun: int, shape: str) -> NumberWord | None:
        word = self._word(at, begun)
        return word if word is not None and word.shape == shape else None
