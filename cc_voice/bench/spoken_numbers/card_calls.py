"""Card calls: generated conversations in which a card number is read aloud, with the truth about every word.

    call := plain{1..3} [ask] reading [readback] [expiry] [code] [national id] plain{1..3}

A reading is a number in a style (digit by digit, pairs, hundreds and thousands, figures, mixed), split over turns, with fillers and
corrections. A recogniser is played by words that are lost or heard as others with a rate. Same seed, same call.
"""

import random
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple

from cc_voice.bench.spoken_numbers.phrases import PHRASES
from cc_voice.bench.spoken_numbers.spellings import by_hundreds, spelled
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.terms import SpokenLine

LANGUAGES = ("en", "es", "de", "fr")
Secret = Literal["card", "expiry", "code"]
Style = Literal["single", "pairs", "big", "figures", "mixed"]
_STYLES: tuple[Style, ...] = ("single", "pairs", "big", "figures")
_JOINS = frozenset({"y", "et"})
_WORD_MS, _GAP_MS = 260, 60


class SaidWord(NamedTuple):
    """A word, and what it must not tell."""

    text: str
    secret: Secret | None = None


class SpokenTurn(NamedTuple):
    """What a party says without a break."""

    channel_id: str
    pause_ms: int
    words: list[SaidWord]
    has_number: bool = False
    """Whether it reads a number that is to be hidden, so that more than its digits may be."""


class CardCall(NamedTuple):
    """A generated call, and what must be hidden in it."""

    lines: tuple[SpokenLine, ...]
    secrets: tuple[tuple[int, int, Secret], ...]
    """Line and word of each digit word of a secret."""
    innocent: frozenset[int]
    """Lines without a number to hide."""


class _Speaker:
    """Says numbers in one language; all chance is the generator's."""

    def __init__(self, chance: random.Random, language: str) -> None:
        self.chance = chance
        self.language = language
        self.phrases = PHRASES[language]

    def zero(self) -> str:
        return self.chance.choice(["zero", "oh", "o"]) if self.language == "en" else spelled(0, self.language)

    def digits(self, digits: str) -> list[str]:
        """One by one, some of those that come twice as `double four`."""
        words: list[str] = []
        at = 0
        while at < len(digits):
            run = len(digits[at:]) - len(digits[at:].lstrip(digits[at]))
            if run in (2, 3) and self.chance.random() < 0.35:
                words += [self.phrases.double[run - 2], self._digit(digits[at])]
                at += run
            else:
                words.append(self._digit(digits[at]))
                at += 1
        return words

    def _digit(self, digit: str) -> str:
        if digit == "2" and self.language == "de" and self.chance.random() < 0.3:
            return "zwo"
        return self.zero() if digit == "0" else spelled(int(digit), self.language)

    def said(self, words: Iterable[str], secret: Secret) -> list[SaidWord]:
        """Words of a number; what only joins two of them tells nothing."""
        return [SaidWord(word, None if word in _JOINS else secret) for word in words]

    def group(self, digits: str, style: Style) -> list[str]:
        """A group of a number in a style."""
        if style == "mixed":
            style = self.chance.choice(_STYLES)
        if style == "figures":
            return [digits]
        if style == "pairs" and len(digits) % 2 == 0:
            return [word for at in range(0, len(digits), 2) for word in self._pair(digits[at : at + 2])]
        if style == "big" and len(digits) in (3, 4) and digits[0] != "0":
            number = int(digits)
            return (by_hundreds(number, self.language) if self.chance.random() < 0.5 else spelled(number, self.language)).split()
        return self.digits(digits)

    def _pair(self, pair: str) -> list[str]:
        return self.digits(pair) if pair[0] == "0" else spelled(int(pair), self.language).split()

    def amount(self, size: int) -> list[str]:
        number = self.chance.randrange(10 ** (size - 1), 10**size)
        return [str(number)] if self.chance.random() < 0.3 else spelled(number, self.language).split()


def plain(speaker: _Speaker) -> list[SaidWord]:
    """Return a turn of talk, its numbers read."""
    text = speaker.chance.choice(speaker.phrases.plain)
    words: list[SaidWord] = []
    for word in text.split():
        number = re.fullmatch(r"\{(~?)(\d+)\}", word)
        if number is None:
            words.append(SaidWord(word))
        elif number[1]:
            words += map(SaidWord, speaker.amount(int(number[2])))
        else:
            digits = "".join(speaker.chance.choices("0123456789", k=int(number[2])))
            style: Style = speaker.chance.choice(["single", "single", "pairs", "figures"])
            words += map(SaidWord, speaker.group(digits, style))
    return words


def card_number(chance: random.Random) -> list[str]:
    """Return a card number in the groups that it is printed in."""
    kind = chance.choices(["visa", "master", "amex", "diners", "thirteen", "nineteen", "none"], [55, 20, 10, 4, 3, 3, 5])[0]
    prefix, sizes = {
        "visa": ("4", (4, 4, 4, 4)),
        "master": (str(chance.randrange(51, 56)), (4, 4, 4, 4)),
        "amex": (chance.choice(["34", "37"]), (4, 6, 5)),
        "diners": ("36", (4, 6, 4)),
        "thirteen": ("4", (4, 4, 5)),
        "nineteen": ("6304", (4, 4, 4, 4, 3)),
        "none": ("4", (4, 4, 4, 4)),
    }[kind]
    body = prefix + "".join(chance.choices("0123456789", k=sum(sizes) - len(prefix) - 1))
    check = next(str(digit) for digit in range(10) if _luhn(f"{body}{digit}"))
    digits = body + (str((int(check) + 1 + chance.randrange(9)) % 10) if kind == "none" else check)
    edges = [sum(sizes[:place]) for place in range(len(sizes) + 1)]
    return [digits[first:last] for first, last in pairwise(edges)]


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def reading(speaker: _Speaker) -> list[SpokenTurn]:
    """Return the turns in which a card number is read, and perhaps read back."""
    chance, phrases = speaker.chance, speaker.phrases
    groups = card_number(chance)
    style: Style = chance.choice(["single", "single", "pairs", "big", "figures", "mixed"])
    split = chance.choice(["one turn", "pauses", "acknowledged", "read back", "repeat", "one turn"])
    turns: list[SpokenTurn] = []
    current = [SaidWord(word) for word in chance.choice(phrases.before).split()]
    pause = 400
    for place, group in enumerate(groups):
        if chance.random() < 0.2 / len(groups):
            wrong = "".join(chance.choices("0123456789", k=len(group)))
            current += speaker.said(speaker.group(wrong, style), "card")
            current += map(SaidWord, chance.choice(phrases.corrections).split())
        said = speaker.said(speaker.group(group, style), "card")
        current += _with_fillers(said, speaker)
        if place == len(groups) - 1 or split in ("one turn", "repeat"):
            continue
        turns.append(SpokenTurn("customer", pause, current, True))
        current, pause = [], chance.randrange(500, 4000)
        if split == "acknowledged":
            turns.append(SpokenTurn("agent", 300, [SaidWord(word) for word in chance.choice(phrases.acknowledge).split()]))
            pause = chance.randrange(200, 900)
        elif split == "read back":
            turns.append(SpokenTurn("agent", 300, speaker.said(speaker.group(group, style), "card"), True))
            pause = chance.randrange(200, 900)
    turns.append(SpokenTurn("customer", pause, current, True))
    if split == "repeat":
        turns.append(SpokenTurn("agent", 500, [SaidWord(word) for word in chance.choice(phrases.again).split()]))
        turns.append(SpokenTurn("customer", 400, speaker.said(speaker.group(groups[-1], style), "card"), True))
    if chance.random() < 0.3:
        back = [said for group in groups for said in speaker.said(speaker.group(group, style), "card")]
        turns.append(SpokenTurn("agent", 600, back, True))
    return turns


def _with_fillers(words: list[SaidWord], speaker: _Speaker) -> Iterable[SaidWord]:
    for word in words:
        if speaker.chance.random() < 0.06:
            yield SaidWord(speaker.chance.choice(speaker.phrases.fillers))
        yield word


def generated_call(seed: int, language: str, error_rate: float = 0.0) -> CardCall:
    """Return the call of a seed, heard with a rate of digit words lost or heard as others."""
    chance = random.Random(f"{seed} {language}")
    speaker = _Speaker(chance, language)
    turns = _talk(speaker)
    if chance.random() < 0.85:
        turns.append(_turn("agent", chance.choice(speaker.phrases.ask)))
    turns += reading(speaker)
    if chance.random() < 0.4:
        date = [*speaker.group(f"{chance.randrange(1, 13):02}", "single"), *speaker.group(str(chance.randrange(26, 33)), "pairs")]
        turns += [_turn("agent", chance.choice(speaker.phrases.expiry)), _secret("expiry", date)]
    if chance.random() < 0.4:
        code = speaker.digits("".join(chance.choices("0123456789", k=3)))
        turns += [_turn("agent", chance.choice(speaker.phrases.code)), _secret("code", code)]
    if chance.random() < 0.15:
        national = speaker.digits("".join(chance.choices("0123456789", k=9)))
        turns += [
            _turn("agent", chance.choice(speaker.phrases.national)),
            SpokenTurn("customer", 500, [SaidWord(w) for w in national]),
        ]
    return _placed([*turns, *_talk(speaker)], speaker, error_rate)


def everyday_call(seed: int, language: str) -> CardCall:
    """Return a call of everyday density of numbers, without a card: most of its turns have none."""
    speaker = _Speaker(random.Random(f"{seed} {language} everyday"), language)
    quiet = [text for text in speaker.phrases.plain if "{" not in text]
    turns = [
        SpokenTurn(speaker.chance.choice(["agent", "customer"]), speaker.chance.randrange(200, 2500), plain(speaker))
        if speaker.chance.random() < 0.25
        else _turn(speaker.chance.choice(["agent", "customer"]), speaker.chance.choice(quiet))
        for _ in range(60)
    ]
    return _placed(turns, speaker, 0.0)


def _talk(speaker: _Speaker) -> list[SpokenTurn]:
    return [
        SpokenTurn(speaker.chance.choice(["agent", "customer"]), speaker.chance.randrange(200, 2500), plain(speaker))
        for _ in range(speaker.chance.randrange(1, 4))
    ]


def _turn(channel_id: str, text: str) -> SpokenTurn:
    return SpokenTurn(channel_id, 500, [SaidWord(word) for word in text.split()])


def _secret(secret: Secret, words: list[str]) -> SpokenTurn:
    return SpokenTurn("customer", 500, [SaidWord(word, None if word in _JOINS else secret) for word in words], True)


def _placed(turns: list[SpokenTurn], speaker: _Speaker, error_rate: float) -> CardCall:
    lines: list[SpokenLine] = []
    secrets: list[tuple[int, int, Secret]] = []
    innocent: set[int] = set()
    now = 0
    for turn in turns:
        now += turn.pause_ms
        start = now
        words: list[Word] = []
        for said in turn.words:
            text, secret = said
            if secret is not None and speaker.chance.random() < error_rate:
                alike = speaker.phrases.alike.get(text.lower())
                secret = None
                if alike is None or speaker.chance.random() < 0.5:
                    continue
                text = alike
            length = _WORD_MS * max(1, sum(map(str.isdigit, text)))
            words.append(Word(text, now, now + length - _GAP_MS, 0.9))
            if secret is not None:
                secrets.append((len(lines), len(words) - 1, secret))
            now += length
        if not words:
            continue
        if not turn.has_number:
            innocent.add(len(lines))
        lines.append(
            SpokenLine(
                key=str(len(lines)),
                channel_id=turn.channel_id,
                source="local",
                start_ms=start,
                end_ms=now,
                language=speaker.language,
                words=tuple(words),
            )
        )
    return CardCall(tuple(lines), tuple(secrets), frozenset(innocent))
