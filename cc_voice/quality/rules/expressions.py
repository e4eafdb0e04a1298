"""Expressions: what a person writes about words, compiled to one regular expression over folded words.

    thank you         these words, one after the other     ..4             up to 4 words between
    (a b|c)           one of                                a near/5 b      both, at most 5 words apart, in either order
    [please], (x)?    may be there                          a before/5 b    the same, in this order
    cancel*           words that begin so                   _               any one word
    ~cancel           any form of the word

Operators bind to the smallest bracket: within it, or within one of its alternatives, they part all that is before them from what is
behind. An utterance is matched as its folded words, each followed by a space, so that a match is one of whole words and its
place is the number of spaces before it. The regular expression is the same for Python's `re` and for RE2: neither looks around. So
what may stand before a match, the start or the space behind the word before, is part of it.

Nothing that was written reaches the engine unescaped: only folded words do, and these are letters, marks and digits.

A hidden word (a chip, `[CARD_NUMBER]`) is one that no expression can name: a gap passes over it, and nothing else does.
"""

import math
import re
from collections.abc import Callable, Collection

import msgspec

from cc_voice.call.tokeniser import CHIP_TERM, words
from cc_voice.quality.rules.errors import ExpressionError

MOST_WORDS = 12
"""Words of one expression: of its longest alternatives, gaps not counted."""
MOST_GAP = 10
MOST_OPERATORS = 4
"""`near` and `before` of one expression: each doubles what is looked for."""
MOST_LENGTH = 1_000
"""Characters of one expression."""
MOST_DEPTH = 20
"""Brackets within brackets."""
MOST_WAYS = 20_000
"""In how many ways gaps and optional words may be laid over one place: more, and a long utterance takes seconds."""
MOST_FORMS = 400
"""Words that a stem stands for."""

_HIDDEN = "\n"

Stems = Callable[[str], Collection[str]]
"""Word → the words of the site that are forms of it."""


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """An expression as it is matched."""

    regex: str
    needed: tuple[str, ...]
    """Every match has one of these words; one that ends in `*` is a prefix."""
    most_words: int
    """How many words a match has at most."""


# -- the parts of an expression --------------------------------------------------------------------------------------


class _Words(msgspec.Struct, frozen=True, tag=True):
    forms: tuple[str, ...]
    """One of these words."""


class _Prefix(msgspec.Struct, frozen=True, tag=True):
    start: str


class _AnyWord(msgspec.Struct, frozen=True, tag=True):
    pass


class _WordGap(msgspec.Struct, frozen=True, tag=True):
    most: int


class _Sequence(msgspec.Struct, frozen=True, tag=True):
    parts: tuple["_Part", ...]


class _OneOf(msgspec.Struct, frozen=True, tag=True):
    choices: tuple["_Part", ...]


class _Maybe(msgspec.Struct, frozen=True, tag=True):
    part: "_Part"


_Part = _Words | _Prefix | _AnyWord | _WordGap | _Sequence | _OneOf | _Maybe

_TOKEN = re.compile(r"[()\[\]|?]|[^\s()\[\]|?]+")
_GAP = re.compile(r"\.\.(\d+)")
_NEAR = re.compile(r"(near|before)/(\d+)")


def compile_expression(text: str, stems: Stems | None = None) -> Compiled:
    """Compile an expression; a stem stands for its word alone where no `stems` are given. Raises ExpressionError."""
    if len(text) > MOST_LENGTH:
        raise ExpressionError(f"longer than {MOST_LENGTH} characters")
    part = _ExpressionReader(text, stems or (lambda _: ())).whole()
    if (said := _most_words(part, gaps=False)) > MOST_WORDS:
        raise ExpressionError(f"{said} words one after the other; an expression has at most {MOST_WORDS}")
    if _ways(part) > MOST_WAYS:
        raise ExpressionError("too many gaps and optional words in one expression; write several")
    needed = _needed(part)
    if needed is None:
        raise ExpressionError("it needs a word: as written, it can be matched by any words, or by none")
    return Compiled(regex=f"(?:^| )({_regex(part)})", needed=tuple(sorted(needed)), most_words=_most_words(part))


def folded(terms: list[str]) -> str:
    """Return the words of an utterance as expressions are matched with them."""
    return "".join([f"{_HIDDEN if term == CHIP_TERM else term} " for term in terms])


class _ExpressionReader:
    """Reads one expression, from left to right."""

    def __init__(self, text: str, stems: Stems) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self._depth = 0
        self._operators = 0
        self._stems = stems

    def whole(self) -> _Part:
        if not self._tokens:
            raise ExpressionError("it is empty")
        part = self._choices(())
        if self._at < len(self._tokens):
            raise ExpressionError(f"`{self._tokens[self._at]}` closes no bracket")
        return part

    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _choices(self, closing: tuple[str, ...]) -> _Part:
        """Read alternatives up to a bracket that closes them, or to the end."""
        choices = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            choices.append(self._sequence())
        if self._next() is None and closing:
            raise ExpressionError(f"`{closing[0]}` is missing")
        return choices[0] if len(choices) == 1 else _OneOf(tuple(choices))

    def _sequence(self) -> _Part:
        """Read what stands up to the next `|` or closing bracket: one side, or several with an operator between them."""
        sides: list[list[_Part]] = [[]]
        operators: list[tuple[str, int]] = []
        while (token := self._next()) is not None and token not in "|)]":
            self._at += 1
            if found := _NEAR.fullmatch(token):
                self._operators += 1
                if self._operators > MOST_OPERATORS:
                    raise ExpressionError(f"an expression has at most {MOST_OPERATORS} of `near` and `before`")
                operators.append((found[1], _distance(int(found[2]), token)))
                sides.append([])
            else:
                sides[-1].append(self._part(token, sides[-1]))
        whole = [_side(parts) for parts in sides]
        joined = whole[0]
        for (name, distance), side in zip(operators, whole[1:], strict=True):
            if _may_be_empty(joined) or _may_be_empty(side):
                raise ExpressionError(f"both sides of `{name}/` need words that must be there")
            joined = _joined(joined, side, distance, in_order=name == "before")
        return joined

    def _part(self, token: str, before: list[_Part]) -> _Part:
        if token in "([":
            return self._bracket(token)
        if token == "?":
            raise ExpressionError("`?` stands behind a bracket `( )` only")
        if found := _GAP.fullmatch(token):
            if int(found[1]) > MOST_GAP:
                raise ExpressionError(f"a gap has at most {MOST_GAP} words: `{token}`")
            if not before:
                raise ExpressionError(f"`{token}` needs words on both sides")
            return _WordGap(int(found[1]))
        return self._word(token)

    def _bracket(self, opening: str) -> _Part:
        closing = ")" if opening == "(" else "]"
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ExpressionError(f"more than {MOST_DEPTH} brackets within each other")
        part = self._choices((closing,))
        if self._next() != closing:
            raise ExpressionError(f"`{self._next()}` closes a bracket that `{opening}` opened")
        self._at += 1
        self._depth -= 1
        if opening == "(" and self._next() == "?":
            self._at += 1
            return _Maybe(part)
        return _Maybe(part) if opening == "[" else part

    def _word(self, token: str) -> _Part:
        if token == "_":
            return _AnyWord()
        is_stem, is_prefix = token.startswith("~"), token.endswith("*")
        bare = token.removeprefix("~").removesuffix("*")
        if "*" in bare or "~" in bare or (is_stem and is_prefix):
            raise ExpressionError(f"`{token}`: `~` stands before a word, `*` behind it, and a word has one of them")
        terms = words(bare)
        if not terms:
            raise ExpressionError(f"`{token}` is no word; nothing but letters and digits can be found")
        if CHIP_TERM in terms:
            raise ExpressionError(f"`{token}` is a hidden word, which no rule finds")
        *first, last = terms
        end: _Part = _Words((last,))
        if is_prefix:
            if len(last) < 2:
                raise ExpressionError(f"`{token}`: a prefix has two letters at least")
            end = _Prefix(last)
        elif is_stem:
            if first:
                raise ExpressionError(f"`{token}` is {len(terms)} words; `~` stands before one")
            forms = {form for form in self._stems(last) if form != CHIP_TERM}
            end = _Words(tuple(sorted({last, *sorted(forms)[:MOST_FORMS]})))
        return _Sequence((*(_Words((term,)) for term in first), end)) if first else end


def _distance(distance: int, token: str) -> int:
    if not 1 <= distance <= MOST_GAP + 1:
        raise ExpressionError(f"`{token}`: words are 1 to {MOST_GAP + 1} apart")
    return distance


def _side(parts: list[_Part]) -> _Part:
    if not parts:
        raise ExpressionError("there is nothing on one side of an operator, or in a bracket")
    if isinstance(parts[-1], _WordGap):
        raise ExpressionError(f"`..{parts[-1].most}` needs words on both sides")
    return parts[0] if len(parts) == 1 else _Sequence(tuple(parts))


def _joined(left: _Part, right: _Part, distance: int, *, in_order: bool) -> _Part:
    ordered = _Sequence((left, _WordGap(distance - 1), right))
    return ordered if in_order else _OneOf((ordered, _Sequence((right, _WordGap(distance - 1), left))))


# -- what is made of the parts ---------------------------------------------------------------------------------------


def _regex(part: _Part) -> str:
    match part:
        case _Words(forms=(form,)):
            return f"{re.escape(form)} "
        case _Words(forms=forms):
            return "(?:" + "|".join(f"{re.escape(form)} " for form in forms) + ")"
        case _Prefix(start=start):
            return f"{re.escape(start)}[^ ]* "
        case _AnyWord():
            return r"[^ \n]+ "
        case _WordGap(most=most):
            return f"(?:[^ ]+ ){{0,{most}}}"
        case _Sequence(parts=parts):
            return "".join(_regex(each) for each in parts)
        case _OneOf(choices=choices):
            return "(?:" + "|".join(_regex(each) for each in choices) + ")"
        case _Maybe(part=inner):
            return f"(?:{_regex(inner)})?"


def _may_be_empty(part: _Part) -> bool:
    match part:
        case _Words() | _Prefix() | _AnyWord():
            return False
        case _WordGap() | _Maybe():
            return True
        case _Sequence(parts=parts):
            return all(map(_may_be_empty, parts))
        case _OneOf(choices=choices):
            return any(map(_may_be_empty, choices))


def _most_words(part: _Part, *, gaps: bool = True) -> int:
    match part:
        case _Words() | _Prefix() | _AnyWord():
            return 1
        case _WordGap(most=most):
            return most if gaps else 0
        case _Sequence(parts=parts):
            return sum(_most_words(each, gaps=gaps) for each in parts)
        case _OneOf(choices=choices):
            return max(_most_words(each, gaps=gaps) for each in choices)
        case _Maybe(part=inner):
            return _most_words(inner, gaps=gaps)


def _ways(part: _Part) -> int:
    match part:
        case _Words() | _Prefix() | _AnyWord():
            return 1
        case _WordGap(most=most):
            return most + 1
        case _Sequence(parts=parts):
            return math.prod(map(_ways, parts))
        case _OneOf(choices=choices):
            return max(map(_ways, choices))
        case _Maybe(part=inner):
            return 1 + _ways(inner)


def _needed(part: _Part) -> frozenset[str] | None:
    """Return words of which every match has one, the least usual ones that there are; None where there are none."""
    match part:
        case _Words(forms=forms):
            return frozenset(forms)
        case _Prefix(start=start):
            return frozenset({f"{start}*"})
        case _AnyWord() | _WordGap() | _Maybe():
            return None
        case _Sequence(parts=parts):
            found = [needed for each in parts if (needed := _needed(each)) is not None]
            return min(found, key=_commonness, default=None)
        case _OneOf(choices=choices):
            of_each = [_needed(each) for each in choices]
            return frozenset().union(*(each for each in of_each if each)) if None not in of_each else None


def _commonness(needed: frozenset[str]) -> tuple[float, list[str]]:
    """How often some of the words are said, roughly: short words are said more often (Zipf's law of abbreviation)."""
    return sum(4.0 ** -min(len(word), 7) for word in needed), sorted(needed)
