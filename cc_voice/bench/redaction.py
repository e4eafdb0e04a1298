"""`cc-voice bench redaction`: how much of generated card numbers the finder hides, and what it hides beside.

Calls are generated (`spoken_numbers/`): no two runs with another seed share one. A card counts only if none of its digit words is
left. False words are hidden in turns that have no number to hide: in card calls, where numbers stand beside numbers, and in calls
of everyday density without a card. The generator is ours, so that only real calls count in the end.
"""

import time
from math import sqrt

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from cc_voice.bench.spoken_numbers.card_calls import LANGUAGES, CardCall, everyday_call, generated_call
from cc_voice.quality.redaction.finder import HiddenStretch, find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy

_WIDTH = 150
_Z = 1.959964


class HiddenShare(msgspec.Struct, frozen=True, kw_only=True):
    """What was hidden of the calls of a language at a rate of misheard digits."""

    language: str
    error_pct: float
    calls: int
    cards: int
    whole_cards: int
    codes: int
    whole_codes: int
    words: int
    false_words: int
    everyday_words: int
    everyday_false_words: int
    words_per_s: float
    """Of processor time: a busy machine changes nothing."""


def share(language: str, error_rate: float, first_seed: int, calls: int) -> HiddenShare:
    """Return what the finder hides under `pci` in generated calls."""
    generated = [generated_call(seed, language, error_rate) for seed in range(first_seed, first_seed + calls)]
    quiet = (
        [everyday_call(seed, language) for seed in range(first_seed, first_seed + max(1, calls // 20))] if not error_rate else []
    )
    begun = time.process_time()
    found = [find(call.lines, RedactionPolicy()) for call in generated]
    taken = time.process_time() - begun
    cards = [left for call, hidden in zip(generated, found, strict=True) if (left := _left(call, hidden, ("card",))) is not None]
    codes = [
        left for call, hidden in zip(generated, found, strict=True) if (left := _left(call, hidden, ("code", "expiry"))) is not None
    ]
    words = sum(map(_words, generated))
    return HiddenShare(
        language=language,
        error_pct=100 * error_rate,
        calls=calls,
        cards=len(cards),
        whole_cards=cards.count(0),
        codes=len(codes),
        whole_codes=codes.count(0),
        words=words,
        false_words=sum(_false(call, hidden) for call, hidden in zip(generated, found, strict=True)),
        everyday_words=sum(map(_words, quiet)),
        everyday_false_words=sum(_false(call, find(call.lines, RedactionPolicy())) for call in quiet),
        words_per_s=words / taken,
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, in per cent."""
    if not count:
        return 0.0, 100.0
    rate, square = hits / count, _Z * _Z
    middle = (rate + square / (2 * count)) / (1 + square / count)
    half = _Z / (1 + square / count) * sqrt(rate * (1 - rate) / count + square / (4 * count * count))
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def _words(call: CardCall) -> int:
    return sum(len(line.words) for line in call.lines)


def _hidden(found: tuple[HiddenStretch, ...]) -> set[tuple[int, int]]:
    return {(each.line, word) for each in found for word in range(each.first_word, each.last_word + 1)}


def _left(call: CardCall, found: tuple[HiddenStretch, ...], kinds: tuple[str, ...]) -> int | None:
    """Return how many digit words of some secrets can be read; None where a call has none of them."""
    places = {(line, word) for line, word, secret in call.secrets if secret in kinds}
    return len(places - _hidden(found)) if places else None


def _false(call: CardCall, found: tuple[HiddenStretch, ...]) -> int:
    return sum(line in call.innocent for line, _ in _hidden(found))


@click.command()
@click.option("--calls", type=click.IntRange(1), default=1000, show_default=True, help="Generated calls a language and rate.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed makes other calls.")
@click.option(
    "--language", "languages", type=click.Choice(LANGUAGES), multiple=True, help="May be given several times.  [default: all]"
)
@click.option("--markdown", is_flag=True, help="Print the table as cc_voice/quality/README.md has it.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def bench_redaction(calls: int, seed: int, languages: tuple[str, ...], markdown: bool, as_json: bool) -> None:
    """Measure how much of card numbers that are read aloud is hidden, at 0, 5 and 10 % of digits misheard."""
    shares = [share(language, rate, seed * 1_000_000, calls) for language in languages or LANGUAGES for rate in (0.0, 0.05, 0.1)]
    if as_json:
        click.echo(msgspec.json.encode(shares).decode())
        return
    heads = (
        "language",
        "misheard",
        "cards wholly hidden",
        "95 %",
        "codes and dates",
        "false words",
        "of everyday calls",
        "words/s",
    )
    rows = [_row(each) for each in shares]
    if markdown:
        lines = [heads, tuple("---" for _ in heads), *rows]
        click.echo("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return
    table = Table(*heads, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    Console(width=_WIDTH).print(table)


def _row(each: HiddenShare) -> tuple[str, ...]:
    low, high = wilson(each.whole_cards, each.cards)
    everyday = f"{each.everyday_false_words} of {each.everyday_words:,}" if each.everyday_words else "–"
    return (
        each.language,
        f"{each.error_pct:.0f} %",
        f"{each.whole_cards:,} of {each.cards:,}",
        f"{low:.1f}–{high:.1f}",
        f"{each.whole_codes:,} of {each.codes:,}",
        f"{100 * each.false_words / each.words:.2f} %",
        everyday,
        f"{round(each.words_per_s, -3):,.0f}",
    )
