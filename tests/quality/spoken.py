"""Spoken lines for tests of redaction: a call written as `customer: four one one one`, and what of it may be read."""

from collections.abc import Sequence

from cc_voice.call.utterances import Word
from cc_voice.config.redaction_settings import PolicyClass
from cc_voice.quality.redaction.chips import chipped, text_of
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine, find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy

WORD_MS = 300


def said(*turns: str, language: str = "en", is_timed: bool = False, pause_ms: int = 400) -> list[SpokenLine]:
    """Lines of a call, one after the other; `400> customer: …` begins so much later."""
    lines: list[SpokenLine] = []
    now = 0
    for number, turn in enumerate(turns):
        pause, _, rest = turn.rpartition("> ")
        party, _, text = rest.partition(":")
        now += int(pause) if pause else pause_ms
        words = text.split()
        ends = now + WORD_MS * len(words)
        lines.append(
            SpokenLine(
                key=str(number),
                channel_id=party.strip(),
                source="local" if is_timed else "zoom",
                start_ms=now,
                end_ms=ends,
                language=language,
                words=tuple(
                    Word(word, now + WORD_MS * place, now + WORD_MS * (place + 1)) if is_timed else Word(word)
                    for place, word in enumerate(words)
                ),
            )
        )
        now = ends
    return lines


def shown(lines: Sequence[SpokenLine], found: Sequence[HiddenStretch]) -> list[str]:
    """What of each line may be read."""
    return [text_of(chipped(line.words, [each for each in found if each.line == number])) for number, line in enumerate(lines)]


def redacted(*turns: str, policy: Sequence[PolicyClass] = ("pci",), language: str = "en", **settings: object) -> list[str]:
    """What of each turn may be read under a policy."""
    lines = said(*turns, language=language)
    return shown(lines, find(lines, RedactionPolicy(classes=tuple(policy), **settings)))  # type: ignore[arg-type]


def left_of(lines: Sequence[SpokenLine], found: Sequence[HiddenStretch]) -> list[str]:
    """The words that may be read."""
    hidden = {(each.line, word) for each in found for word in range(each.first_word, each.last_word + 1)}
    return [
        word.word for number, line in enumerate(lines) for place, word in enumerate(line.words) if (number, place) not in hidden
    ]
