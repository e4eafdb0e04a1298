"""Query: what somebody searches for, the small language of a query, read without ever failing on what people type.

    refund card          both words, anywhere in a call
    refund OR card       one of them
    "credit card"        the phrase: these words, one after the other, in one utterance
    refund near/5 card   both in one utterance, at most five words apart, in either order
    -card                calls in which the word (or -"the phrase") was not said
    refund*              words that begin so

OR binds closer than the space between words. Anything else is a letter of a word or parts words: no text is a syntax error, only
a query that asks for nothing, an operator with nothing beside it, or an operator of other searches that is not known here
(parentheses, AND, NOT, near without its number), which raises SearchError: taken for words they would find nothing, and nobody
would know why.
"""

import re
from collections.abc import Sequence

import msgspec

from cc_voice.call import tokeniser
from cc_voice.store.errors import SearchError

MAX_WORDS = 20
"""In one query: each costs a look into the index."""
MAX_NEAR = 50
MIN_PREFIX = 2
"""Letters before a star: fewer stand for half of the language."""

_TOKEN = re.compile(r'(-?)["“”„]([^"“”„]*)["“”„]?|(\S+?)(?=["“”„]|\s|$)')
_NEAR = re.compile(r"near/(\d{1,4})", re.IGNORECASE)


class QueryWord(msgspec.Struct, frozen=True):
    """A word as the index has it, or the beginning of one."""

    text: str
    is_prefix: bool = False

    def fits(self, said: str) -> bool:
        return said.startswith(self.text) if self.is_prefix else said == self.text


class QueryPhrase(msgspec.Struct, frozen=True):
    """Words, one after the other; often a single one."""

    words: tuple[QueryWord, ...]

    def places(self, said: Sequence[str]) -> list[tuple[int, int]]:
        """Return where it was said: (first, last) of the words of an utterance."""
        size = len(self.words)
        starts = range(len(said) - size + 1)
        return [(at, at + size - 1) for at in starts if all(word.fits(said[at + n]) for n, word in enumerate(self.words))]


class QueryNear(msgspec.Struct, frozen=True):
    """Two phrases, at most `within` words apart (1: side by side), in either order."""

    left: QueryPhrase
    right: QueryPhrase
    within: int

    def places(self, said: Sequence[str]) -> list[tuple[int, int]]:
        """Return where both were said, each by itself."""
        found = set()
        for left in self.left.places(said):
            for right in self.right.places(said):
                if 1 <= right[0] - left[1] <= self.within or 1 <= left[0] - right[1] <= self.within:
                    found |= {left, right}
        return sorted(found)


Atom = QueryPhrase | QueryNear


class Query(msgspec.Struct, frozen=True):
    """A query: one of each group must have been said, and nothing of `never`."""

    groups: tuple[tuple[Atom, ...], ...]
    never: tuple[Atom, ...]

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """What must be said, in any of its ways."""
        return tuple(atom for group in self.groups for atom in group)


class _Raw(msgspec.Struct, frozen=True):
    """A word or phrase as it was typed."""

    text: str
    is_negative: bool = False


_Typed = _Raw | int | None
"""A word or phrase, near/N as N, OR as None."""


def parse(query: str) -> Query:
    """Read a query. Raises SearchError."""
    typed = _tokens(query)
    raws = [one for one in typed if isinstance(one, _Raw)]
    phrases = dict(zip(raws, _phrases(raws), strict=True))
    kept: list[QueryPhrase | _Typed] = []
    negative: list[bool] = []
    for one in typed:
        phrase = phrases[one] if isinstance(one, _Raw) else one
        if phrase != QueryPhrase(()):  # a lone dash or question mark asks for nothing
            kept.append(phrase)
            negative.append(isinstance(one, _Raw) and one.is_negative)
    return _assemble(kept, negative)


def _check_known(words: Sequence[str]) -> None:
    """Refuse operators of other searches. `words` stand outside quotes; an empty one stands for a phrase. Raises SearchError."""
    is_shouted = not any(letter.islower() for word in words for letter in word)
    for at, word in enumerate(words):
        plain = word.lstrip("-")
        opened = plain.count("(") - plain.count(")")
        if (opened > 0 and plain[0] == "(") or (opened < 0 and plain[-1] == ")"):
            raise SearchError(
                "parentheses do not group here: OR binds closer than a space; refund OR money card wants one of two, and card"
            )
        is_between = 0 < at < len(words) - 1
        if is_between and (plain.lower() == "near" or (plain.lower().startswith("near/") and not _NEAR.fullmatch(plain))):
            raise SearchError("near needs a number of words: refund near/5 card; to look for the word, put it in quotes: “near”")
        if word in ("AND", "NOT") and not is_shouted:
            instead = "words beside each other must all be said" if word == "AND" else "-card finds calls without the word"
            raise SearchError(f"{word} is no operator here: {instead}; to look for the word, write it small")


def _tokens(query: str) -> list[_Typed]:
    _check_known([word for _, _, word in _TOKEN.findall(query)])
    found: list[_Typed] = []
    for dash, phrase, word in _TOKEN.findall(query):
        near = _NEAR.fullmatch(word)
        if near:
            found.append(int(near[1]))
        elif word in ("OR", "|"):
            found.append(None)
        elif word:
            found.append(_Raw(word.lstrip("-"), word[0] == "-"))
        else:
            found.append(_Raw(phrase, bool(dash)))
    return found


def _phrases(raws: Sequence[_Raw]) -> list[QueryPhrase]:
    phrases = [QueryPhrase(tuple(word for piece in raw.text.split() for word in _words(piece))) for raw in raws]
    if sum(len(phrase.words) for phrase in phrases) > MAX_WORDS:
        raise SearchError(f"this asks for more than {MAX_WORDS} words; leave some out")
    return phrases


def _words(piece: str) -> list[QueryWord]:
    """Return the words of a piece of text; a star at its end stands for any ending of the last one."""
    words = [QueryWord(text) for text in tokeniser.words(piece)]
    if any(word.text == tokeniser.CHIP_TERM for word in words):
        raise SearchError(f"“{piece}” stands for what was redacted, which cannot be searched for")
    if words and piece.endswith("*"):
        beginning = words[-1].text
        if len(beginning) < MIN_PREFIX and beginning.isascii():
            raise SearchError(f"“{piece}” stands for too many words; give at least {MIN_PREFIX} letters before the star")
        if tokeniser.CHIP_TERM.startswith(beginning):
            raise SearchError(f"“{piece}” stands for no word; leave the star out")
        words[-1] = QueryWord(beginning, is_prefix=True)
    return words


def _assemble(kept: Sequence[QueryPhrase | _Typed], negative: Sequence[bool]) -> Query:
    groups: list[tuple[Atom, ...]] = []
    never: list[Atom] = []
    at = 0
    while at < len(kept):
        atom, is_negative, at = _atom(kept, negative, at)
        if is_negative:
            if at < len(kept) and kept[at] is None:
                raise SearchError("OR stands between words of which one must be said, not beside one with a dash")
            never.append(atom)
            continue
        group = [atom]
        while at < len(kept) and kept[at] is None:
            atom, is_negative, at = _atom(kept, negative, at + 1)
            if is_negative:
                raise SearchError("OR stands between words of which one must be said, not beside one with a dash")
            group.append(atom)
        groups.append(tuple(group))
    if not groups:
        raise SearchError(
            "a search needs a word that was said; only words with a dash would be nearly every call"
            if never
            else "type a word or a “phrase” to look for"
        )
    return Query(tuple(groups), tuple(never))


def _atom(kept: Sequence[QueryPhrase | _Typed], negative: Sequence[bool], at: int) -> tuple[Atom, bool, int]:
    """Read a phrase, or two with near/N between them; return also whether it has a dash, and where it ends."""
    left = _operand(kept, at)
    if at + 1 >= len(kept) or not isinstance(within := kept[at + 1], int):
        return left, negative[at], at + 1
    right = _operand(kept, at + 2)
    if negative[at + 2]:
        raise SearchError("put the dash before the first word: -refund near/5 card")
    if not 1 <= within <= MAX_NEAR:
        raise SearchError(f"near/{within}: the number of words is 1 to {MAX_NEAR}")
    if at + 3 < len(kept) and isinstance(kept[at + 3], int):
        raise SearchError("near joins two words; of three, write the one in the middle twice: a near/5 b b near/5 c")
    return QueryNear(left, right, within), negative[at], at + 3


def _operand(kept: Sequence[QueryPhrase | _Typed], at: int) -> QueryPhrase:
    found = kept[at] if 0 <= at < len(kept) else None
    if isinstance(found, QueryPhrase):
        return found
    raise SearchError("OR and near/5 stand between two words; to look for them as words, put them in quotes")
