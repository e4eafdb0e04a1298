"""Redactions: what was hidden in a call, and the chip that stands where words were.

A chip is one word, `[CARD_NUMBER]`. Counts take it as the words it hides, language and disagreement skip it; so a redaction keeps
how many words of each recogniser it hid, their language, times and number of digits. What was said is nowhere.
"""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

Entity = Literal[
    "CARD_NUMBER",
    "NUMBER",
    "CVV",
    "EXPIRY",
    "CODE",
    "NATIONAL_ID",
    "PHONE",
    "ACCOUNT",
    "DATE_OF_BIRTH",
    "ADDRESS",
    "EMAIL",
    "DIGITS",
]
"""What a chip says was there; `DIGITS` stands only in live words, where the kind is not known yet."""
FoundBy = Literal["local", "zoom", "chat"]

CHIP = re.compile(r"\[[A-Z][A-Z_]*\]")


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of one channel that was hidden, in the words of one recogniser or of both."""

    channel_id: str
    entity: Entity
    start_ms: int
    end_ms: int
    digits: int
    """How many digits were found in it; 0 where only the other recogniser's words were hidden with it."""
    found_by: FoundBy
    words_local: int = 0
    words_zoom: int = 0
    """Words hidden of Zoom's transcript; of chat messages, words hidden there."""
    language: str
    is_timed: bool
    """Whether its times are those of words. If not, sound is hidden by whole utterances."""


def is_chip(word: str) -> bool:
    """Tell whether a word is a chip."""
    return CHIP.fullmatch(word.strip()) is not None


def chip_text(entity: Entity) -> str:
    """Return the chip for an entity."""
    return f"[{entity}]"


def count_chips(words: Sequence[str]) -> int:
    """Return how many of some words are chips."""
    return sum(map(is_chip, words))
