"""`cc-voice bench sentiment`: how well the word list agrees with labels that others gave to customers' utterances.

It reads a folder of dialogues laid out as those of the speech corpus are: `utterances` with `speaker`, `speech`, `text`, `emotion`
(class → probability; the class is the largest), and `asr_text` where a recogniser heard them, too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
import msgspec

from cc_voice.media.lexicons import shipped_entries
from cc_voice.quality.sentiment.lexicon import Lexicon

CLASSES = ("pos", "neu", "neg")
_NAMES = {"positive": "pos", "neutral": "neu", "negative": "neg"}

Source = Literal["human", "recogniser"]


class _LabelledUtterance(msgspec.Struct, frozen=True):
    speaker: str = ""
    text: str = ""
    speech: bool = True
    emotion: dict[str, float] = {}
    asr_text: str | None = None


class _LabelledDialogue(msgspec.Struct, frozen=True):
    utterances: tuple[_LabelledUtterance, ...] = ()


_DIALOGUE = msgspec.json.Decoder(_LabelledDialogue)


class LabelAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How the word list does on a set of utterances."""

    calls: int
    n: int
    labels: dict[str, int]
    """Class → utterances that others gave it."""
    accuracy_pct: float
    macro_f1: float
    """Mean over the classes that occur, in labels or in answers."""
    rank_correlation: float | None
    """Spearman's, of the score and of positive less negative probability; None where one of them is the same everywhere."""
    recall: dict[str, tuple[int, int]]
    """Class → utterances of it that were found, of how many."""


def labelled(folder: Path, source: Source) -> list[list[_LabelledUtterance]]:
    """Return the customers' labelled utterances, call by call; calls without any left out. Raises OSError, msgspec.DecodeError."""
    calls = [_DIALOGUE.decode(path.read_bytes()).utterances for path in sorted(folder.glob("*.json"))]
    told = [
        [said for said in call if said.speaker in ("consumer", "customer") and said.speech and set(said.emotion) & set(_NAMES)]
        for call in calls
    ]
    if source == "recogniser":
        told = [[said for said in call if said.asr_text is not None] for call in told]
    return [call for call in told if call]


def agreement(calls: Sequence[Sequence[_LabelledUtterance]], lexicon: Lexicon, source: Source = "human") -> LabelAgreement:
    """Compare; utterances that are too short to score count as neutral. Raises ValueError where there are none."""
    said = [one for call in calls for one in call]
    if not said:
        raise ValueError("no utterance of a customer has a label")
    truth = [_NAMES[max(_NAMES, key=lambda name: one.emotion.get(name, 0.0))] for one in said]
    found = [lexicon.sentiment((one.asr_text if source == "recogniser" else one.text) or "") for one in said]
    answers: list[str] = ["neu" if one is None or one.label == "mixed" else one.label for one in found]
    pairs = list(zip(truth, answers, strict=True))
    return LabelAgreement(
        calls=len(calls),
        n=len(said),
        labels={name: truth.count(name) for name in CLASSES},
        accuracy_pct=100 * sum(a == b for a, b in pairs) / len(pairs),
        macro_f1=_macro_f1(pairs),
        rank_correlation=_spearman(
            [one.score if one else 0.0 for one in found],
            [one.emotion.get("positive", 0.0) - one.emotion.get("negative", 0.0) for one in said],
        ),
        recall={name: (pairs.count((name, name)), truth.count(name)) for name in CLASSES},
    )


def _macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    scores = []
    for name in CLASSES:
        right = pairs.count((name, name))
        whole = sum(a == name for a, _ in pairs) + sum(b == name for _, b in pairs)
        if whole:
            scores.append(2 * right / whole)
    return sum(scores) / len(scores)


def _spearman(left: Sequence[float], right: Sequence[float]) -> float | None:
    a, b = _ranks(left), _ranks(right)
    mean = (len(a) + 1) / 2
    both = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    spread = sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)
    return both / float(spread) ** 0.5 if spread else None


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 1; equal values share the mean of theirs."""
    order = sorted(values)
    first = {value: at for at, value in reversed(list(enumerate(order, start=1)))}
    return [first[value] + (order.count(value) - 1) / 2 for value in values]


@click.command()
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
def bench_sentiment(corpus: Path) -> None:
    """Compare the word list with labels of CORPUS, a folder with dialogues/."""
    lexicon = Lexicon(shipped_entries())
    click.echo(f"{lexicon.model}, {len(lexicon)} entries; utterances of customers, labels of others; too short to score = neutral")
    click.echo("| words of | calls | n (pos, neu, neg) | accuracy | macro-F1 | rank correlation | found of pos, neu, neg |")
    click.echo("|---|---|---|---|---|---|---|")
    sources: tuple[Source, ...] = ("human", "recogniser")
    for source in sources:
        try:
            found = agreement(labelled(corpus / "dialogues", source), lexicon, source)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"{source} words: {error}") from error
        recall = ", ".join(f"{right} of {whole}" for right, whole in found.recall.values())
        rank = "–" if found.rank_correlation is None else f"{found.rank_correlation:.2f}"
        click.echo(
            f"| {source} | {found.calls} | {found.n} ({', '.join(map(str, found.labels.values()))}) | {found.accuracy_pct:.0f} % "
            f"| {found.macro_f1:.2f} | {rank} | {recall} |"
        )
