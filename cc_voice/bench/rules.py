"""`cc-voice bench rules`: what rules cost, and on the corpus how well those that ship find what its dialogue acts say was said.

The acts were labelled by a model of the corpus' authors, so that they have a ceiling of their own. Measured utterance by utterance:
a hit of one of the rules in an utterance of the party that begins in the rule's window, against the act.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from cc_voice.commands.terminal import load_settings, print_json, print_table
from cc_voice.media.rule_sets import shipped_rules, shipped_set
from cc_voice.quality.rules.compilation import compiled_set
from cc_voice.quality.rules.evaluation import Evaluator
from cc_voice.quality.rules.matcher import Matcher
from cc_voice.quality.rules.rule import Rule, Window, WordCondition
from cc_voice.quality.rules.samples import Precision, precision

ROWS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "greeting": (("greeting", "introduction", "offer-help"), "agent", "greeting"),
    "hold-announced": (("hold-announced",), "agent", "bear_with_me"),
    "anything-else": (("anything-else", "offer-help"), "agent", "open_question"),
    "closing": (("closing",), "agent", "closing"),
    "thanks": (("thanks",), "customer", "thanks"),
}
"""Row → the rules that count, the party, the dialogue act."""
_STRAY_MS = 500
"""A recogniser's word belongs to the utterance in which its middle lies, or from which it is so far away at most."""


class LabelledUtterance(msgspec.Struct, frozen=True):
    """An utterance of the corpus, in somebody's words."""

    call: str
    party: str
    text: str
    acts: tuple[str, ...]
    start_ms: int
    left_ms: int
    """From its start to the end of the call."""


class ActScore(msgspec.Struct, frozen=True, kw_only=True):
    """How a row does."""

    name: str
    act: str
    words: str
    calls: int
    right: Precision
    """Share of utterances with a hit that have the act."""
    found: Precision
    """Share of utterances with the act that have a hit."""


def human(corpus: Path) -> list[LabelledUtterance]:
    """Return the utterances of the corpus' dialogues in human words."""
    return [
        _labelled(name, _party(said), said["text"], said, dialogue)
        for name, dialogue in _dialogues(corpus)
        for said in dialogue["utterances"]
        if said["speech"]
    ]


def recognised(corpus: Path) -> list[LabelledUtterance]:
    """Return the same utterances in the words of a real recogniser, where there are some of the call."""
    found: list[LabelledUtterance] = []
    for name, dialogue in _dialogues(corpus):
        path = corpus / "recogniser" / f"{Path(dialogue.get('audio') or 'none').stem}.json"
        if not path.is_file():
            continue
        channels = {each["channel"]: each["utterances"] for each in json.loads(path.read_text())["channels"]}
        for role, party in (("agent", "agent"), ("consumer", "customer")):
            words = [word for said in channels.get(dialogue["roles"][role]["channel"], ()) for word in said["words"]]
            own = [said for said in dialogue["utterances"] if said["speech"] and said["speaker"] == role]
            found += _in_words(name, party, own, words, dialogue)
    return found


def _labelled(name: str, party: str, text: str, said: Any, dialogue: Any) -> LabelledUtterance:
    end_ms = max(each["end_ms"] for each in dialogue["utterances"])
    return LabelledUtterance(name, party, text, tuple(said["acts"]), said["start_ms"], end_ms - said["start_ms"])


def _in_words(name: str, party: str, own: Sequence[Any], words: Iterable[Any], dialogue: Any) -> Iterator[LabelledUtterance]:
    texts: list[list[str]] = [[] for _ in own]
    for word in words:
        middle = (word["start_ms"] + word["end_ms"]) / 2
        away = [max(said["start_ms"] - middle, middle - said["end_ms"], 0) for said in own]
        nearest = min(range(len(own)), key=away.__getitem__, default=None)
        if nearest is not None and away[nearest] <= _STRAY_MS:
            texts[nearest].append(word["word"])
    for said, text in zip(own, texts, strict=True):
        yield _labelled(name, party, " ".join(text), said, dialogue)


def _dialogues(corpus: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted((corpus / "dialogues").glob("hvb_*.json")):
        yield path.stem, json.loads(path.read_text())


def _party(said: Any) -> str:
    return "agent" if said["speaker"] == "agent" else "customer"


def scores(utterances: Sequence[LabelledUtterance], words: str) -> list[ActScore]:
    """Return how the shipped rules do against the acts."""
    rules = shipped_set()
    matcher = Matcher(rules)
    counting = {each.rule.id: at for at, each in enumerate(rules.rules)}
    windows = [_window(each.rule) for each in rules.rules]
    rows: list[ActScore] = []
    for name, (counted, party, act) in ROWS.items():
        right = wrong = missed = 0
        for said in utterances:
            if said.party == party:
                hit = any(
                    match.rule in {counting[rule_id] for rule_id in counted} and _is_inside(windows[match.rule], said)
                    for match in matcher.matches(said.text, "en")
                )
                right += hit and act in said.acts
                wrong += hit and act not in said.acts
                missed += act in said.acts and not hit
        calls = len({said.call for said in utterances})
        rows.append(
            ActScore(
                name=name,
                act=act,
                words=words,
                calls=calls,
                right=precision(right, wrong),
                found=precision(right, missed),
            )
        )
    return rows


def _window(rule: Rule) -> Window:
    """Return the window of a rule that ships: its one condition's."""
    condition = rule.conditions[0]
    return condition.window or Window() if isinstance(condition, WordCondition) else Window()


def _is_inside(window: Window, said: LabelledUtterance) -> bool:
    if window.first_s is not None:
        return said.start_ms < 1000 * window.first_s
    return window.last_s is None or said.left_ms <= 1000 * window.last_s


def microseconds(texts: Sequence[str], rules: int) -> float:
    """Return how much of the processor an utterance takes with so many rules, those that ship repeated; best of three rounds."""
    shipped = shipped_rules()
    many = [
        msgspec.structs.replace(shipped[at % len(shipped)], id=f"{shipped[at % len(shipped)].id}-{at // len(shipped)}")
        for at in range(rules)
    ]
    matcher = Matcher(compiled_set(many))
    rounds: list[float] = []
    for _ in range(4):
        begun = time.process_time()
        for text in texts:
            matcher.matches(text, "en")
        rounds.append((time.process_time() - begun) / max(1, len(texts)))
    return 1e6 * min(rounds[1:])


@click.command("rules")
@click.option("--corpus", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Has `dialogues` and `recogniser`.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A site, as `bench data` makes one."
)
@click.option("--jobs", type=click.IntRange(1), help="Processes over history.  [default: one per core]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_rules(corpus: Path | None, data_dir: Path | None, jobs: int | None, as_json: bool) -> None:
    """What rules cost and how well they find: 25 rules over a site, one utterance with 25 and 100, the corpus' dialogue acts."""
    answer: dict[str, Any] = {}
    if corpus is not None:
        answer["acts"] = [*scores(human(corpus), "human"), *scores(recognised(corpus), "recogniser")]
        texts = [said.text for said in human(corpus)]
        answer["us_per_utterance"] = {count: microseconds(texts, count) for count in (25, 100)}
    if data_dir is not None:
        answer["history"] = _history(data_dir, jobs)
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _history(data_dir: Path, jobs: int | None) -> dict[str, Any]:
    from cc_voice.commands import rule_runs
    from cc_voice.query.rules.history import Asked, outcomes
    from cc_voice.store.rule_history import HistoryChoice

    settings = load_settings(None, data_dir)

    def work(asked: Asked) -> tuple[int, int, int]:
        calls, legs, hits = set[int](), 0, 0
        for _, of_day in outcomes(asked, Evaluator(shipped_set()).rules, HistoryChoice(), processes=jobs or rule_runs.cores()):
            calls.update(leg.call_no for leg in of_day)
            legs += len(of_day)
            hits += sum(len(leg.hits) for leg in of_day)
        return len(calls), legs, hits

    begun, used = time.perf_counter(), sum(os.times()[:4])
    calls, legs, hits = rule_runs.with_store(settings, work)
    seconds, cpu_seconds = time.perf_counter() - begun, sum(os.times()[:4]) - used
    return {
        "calls": calls,
        "legs": legs,
        "hits": hits,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "cpu_minutes_per_million_calls": cpu_seconds / max(1, calls) * 1e6 / 60,
        "minutes_per_million_calls": seconds / max(1, calls) * 1e6 / 60,
    }


def _print(answer: dict[str, Any]) -> None:
    if "acts" in answer:
        rows = [[one.name, one.act, one.words, str(one.calls), _share(one.right), _share(one.found)] for one in answer["acts"]]
        print_table(["rule", "act", "words", "calls", "precision (95 %, n)", "recall (95 %, n)"], rows)
        for count, us in answer["us_per_utterance"].items():
            click.echo(f"{us:.1f} µs an utterance with {count} rules")
    if "history" in answer:
        found = answer["history"]
        click.echo(
            f"{found['calls']} calls, {found['legs']} legs, {found['hits']} hits in {found['seconds']:.1f} s "
            f"({found['cpu_seconds']:.1f} s of processors): {found['minutes_per_million_calls']:.1f} min per million calls "
            f"({found['cpu_minutes_per_million_calls']:.1f} min of processors)"
        )


def _share(one: Precision) -> str:
    return "n = 0" if one.pct is None else f"{one.pct:.0f} % ({one.low_pct:.0f}–{one.high_pct:.0f}, n = {one.n})"
