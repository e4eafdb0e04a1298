"""Backtests of rules on the command line: shown, marked, compared and published."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from cc_voice.commands import rule_runs
from cc_voice.commands.terminal import local_time, print_json, print_table
from cc_voice.config.settings import Settings
from cc_voice.media.files import write_atomically
from cc_voice.quality.rules.compilation import RuleSet
from cc_voice.quality.rules.errors import RuleError
from cc_voice.quality.rules.rule import Rule
from cc_voice.quality.rules.samples import Precision
from cc_voice.query.rules import backtest, differences, rule_folder
from cc_voice.query.rules.backtest import Backtest, MarkPlace, RuleSample
from cc_voice.query.rules.history import Asked
from cc_voice.query.rules.rule_folder import RuleFile
from cc_voice.store.rule_history import HistoryChoice
from cc_voice.web.access.audit import os_actor

_ANSWERS = {"r": "right", "w": "wrong", "u": "unsure"}


class KeptSample(msgspec.Struct, frozen=True, kw_only=True):
    """What `rules test` showed last of a rule, without its words, so that it can be marked."""

    rule_id: str
    version: int
    seed: int
    samples: tuple[RuleSample, ...]


_KEPT = msgspec.json.Decoder(KeptSample)
_RULE = msgspec.json.Decoder(Rule)


def _compiled(settings: Settings, rule: Rule, asked: Asked) -> RuleSet:
    files, _ = rule_folder.all_files(settings.data_dir)
    try:
        return backtest.set_for(rule, (each.rule for each in files.values()), asked)
    except RuleError as error:
        raise click.ClickException(str(error)) from error


def backtested(settings: Settings, file: RuleFile, choice: HistoryChoice, size: int, seed: int) -> Backtest:
    """Evaluate a rule over stored calls, and keep which samples were shown. Raises ClickException."""

    def work(asked: Asked) -> Backtest:
        rules = _compiled(settings, file.rule, asked)
        return backtest.backtest(asked, file.rule, rules, choice, size=size, seed=seed, processes=rule_runs.cores())

    found = rule_runs.with_store(settings, work)
    places = tuple(
        msgspec.structs.replace(one, matched_text=None, before="", after="", agent=None, queue=None) for one in found.samples
    )
    kept = KeptSample(rule_id=found.rule_id, version=found.version, seed=seed, samples=places)
    path = _sample_file(settings, found.rule_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, msgspec.json.encode(kept))
    return found


def _sample_file(settings: Settings, rule_id: str) -> Path:
    return rule_folder.rules_dir(settings.data_dir) / "samples" / f"{rule_id}.json"


def show(found: Backtest, timezone: str) -> None:
    """Print a backtest."""
    undetermined = sum(found.undetermined.values())
    per = f", {found.hits_per_1000_legs:.1f} per 1,000 legs" if found.hits_per_1000_legs is not None else ""
    click.echo(f"{found.rule_id} version {found.version}: {found.legs} legs, {found.hits} hits{per}")
    reasons = ", ".join(f"{reason} {count}" for reason, count in found.undetermined.items())
    told = f" ({reasons})" if reasons else ""
    other = f", not applicable {found.not_applicable}" if found.not_applicable else ""
    click.echo(f"matched {found.matched}, missed {found.missed}, undetermined {undetermined}{told}{other}")
    for title, groups in (("month", found.by_month), ("queue", found.by_queue), ("language", found.by_language)):
        rows = [[one.name, *map(str, (one.legs, one.matched, one.missed, one.undetermined, one.hits))] for one in groups]
        print_table([title, "legs", "matched", "missed", "undetermined", "hits"], rows)
    click.echo(f"precision: {_told(found.precision)}")
    if found.kind == "step":
        click.echo(f"of those said to be missing: {_told(found.missed_precision)}")
    elif found.estimated_misses is not None:
        click.echo(f"estimated misses: {found.estimated_misses:.0f} legs, of {found.legs_without} with a word of it and no hit")
    for kind in ("hit", "missed", "undetermined", "without"):
        if samples := [one for one in found.samples if one.kind == kind]:
            click.echo(f"\nsample: {kind}")
            for one in samples:
                click.echo(_line(one, timezone))


def _line(one: RuleSample, timezone: str) -> str:
    conf = f" conf {one.conf:.2f}" if one.conf is not None else ""
    who = " ".join(each for each in (one.party, one.agent, one.queue) if each)
    said = f"{one.before} [{one.matched_text}] {one.after}".strip() if one.matched_text else one.reason or ""
    mark = f"  marked {one.mark}" if one.mark else ""
    return f"{one.key}  {local_time(one.at_ts, timezone)}  {who}{conf}  {said}  {one.link}{mark}"


def _told(one: Precision) -> str:
    if one.pct is None:
        return "not known, n = 0: nothing is marked"
    return f"{one.right} of {one.n} right = {one.pct:.1f} % ({one.low_pct:.1f}–{one.high_pct:.1f}, 95 %, n = {one.n})"


def mark(settings: Settings, rule_id: str, given: tuple[str, ...]) -> None:
    """Mark the samples that were shown last. Raises ClickException."""
    try:
        kept = _KEPT.decode(_sample_file(settings, rule_id).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise click.ClickException(
            f"nothing was shown of {rule_id!r} yet: `cc-voice rules test {rule_id}` shows a sample"
        ) from error
    by_key = {one.key: one for one in kept.samples}

    def work(asked: Asked) -> int:
        chosen = _given(given, by_key) if given else _asked_for(asked, kept, settings.timezone)
        marks = [msgspec.to_builtins(_place(by_key[key], answer)) for key, answer in chosen.items()]
        arguments = {"rule_id": rule_id, "version": kept.version, "seed": kept.seed, "by": os_actor(), "marks": marks}
        return int(asked("rules.mark", arguments)) if marks else 0

    click.echo(f"{rule_runs.with_store(settings, work)} marks of {rule_id}")


def _given(given: tuple[str, ...], by_key: dict[str, RuleSample]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for text in given:
        start, _, answer = text.partition("=")
        keys = [key for key in by_key if key.startswith(start)] if start else []
        if len(keys) != 1:
            raise click.ClickException(f"{start!r} is no key of the last sample; a beginning of one that is unique will do")
        if answer not in _ANSWERS.values():
            raise click.ClickException(f"{text!r}: write KEY=right, KEY=wrong or KEY=unsure")
        chosen[keys[0]] = answer
    return chosen


def _asked_for(asked: Asked, kept: KeptSample, timezone: str) -> dict[str, str]:
    """Ask for a mark of one sample after the other; an empty answer ends it."""
    if not sys.stdin.isatty():
        raise click.ClickException("name the marks: KEY=right KEY=wrong …; without them this asks, and needs a terminal")
    chosen: dict[str, str] = {}
    for one in backtest.with_context(asked, kept.samples):
        click.echo(_line(one, timezone))
        answer = click.prompt("r(ight), w(rong), u(nsure), empty to end", default="", show_default=False)
        if not answer:
            break
        if answer[0] in _ANSWERS:
            chosen[one.key] = _ANSWERS[answer[0]]
    return chosen


def _place(one: RuleSample, answer: str) -> MarkPlace:
    return MarkPlace(
        hit_key=one.key,
        mark=answer,
        sample=one.kind,
        call_id=one.call_id,
        leg_id=one.leg_id,
        condition=one.condition,
        party=one.party,
        start_ms=one.start_ms,
        end_ms=one.end_ms,
    )


def publish(settings: Settings, file: RuleFile, choice: HistoryChoice | None, *, unmarked: bool, note: str, as_json: bool) -> None:
    """Publish a version, and with `choice` look for it in stored calls. Raises ClickException."""

    def work(asked: Asked) -> tuple[Any, Any]:
        arguments = {"text": file.text, "by": os_actor(), "note": note, "unmarked": unmarked}
        made = asked("rules.publish", arguments)
        if choice is None:
            return made, None
        whole = rule_runs.in_force(asked)
        own = msgspec.structs.replace(whole, rules=_closure(whole, file.rule.id))
        if not own.rules:  # retired: what it found stays
            return made, None
        return made, rule_runs.run_over(asked, settings, own, choice, publish=True)

    made, summary = rule_runs.with_store(settings, work)
    if as_json:
        print_json({"published": made, "history": summary})
        return
    click.echo(
        f"{made['id']} version {made['version']} is {made['state']} for calls that begin from now on ({made['marked']} marks)"
    )
    if summary is not None:
        rule_runs.show(summary, False)


def _closure(rules: RuleSet, rule_id: str) -> tuple[Any, ...]:
    """Return the rule and those that it names, as they are published."""
    from cc_voice.quality.rules.rule import referred_rules

    known = {each.rule.id: each for each in rules.rules}
    wanted, waiting = set[str](), [rule_id]
    while waiting:
        name = waiting.pop()
        if name in known and name not in wanted:
            wanted.add(name)
            waiting += referred_rules(known[name].rule)
    return tuple(each for each in rules.rules if each.rule.id in wanted)


def diff(settings: Settings, names: tuple[str, str], choice: HistoryChoice, size: int, seed: int, as_json: bool) -> None:
    """Compare two versions of a rule. Raises ClickException."""

    def work(asked: Asked) -> differences.RuleDifference:
        before, after = (_version(settings, name, asked) for name in names)
        sets = _compiled(settings, before, asked), _compiled(settings, after, asked)
        return differences.difference(asked, before, after, sets, choice, size=size, seed=seed)

    found = rule_runs.with_store(settings, work)
    if as_json:
        print_json(found)
        return
    for sign, expressions in (("+", found.added), ("-", found.removed)):
        for expression in expressions:
            click.echo(f"{sign} {expression}")
    click.echo(f"{found.legs} legs: {found.new} hits new, {found.gone} gone, {found.kept} kept")
    for change, legs in found.states_changed.items():
        click.echo(f"{change}: {legs} legs")
    for title, samples in (("new", found.new_samples), ("gone", found.gone_samples)):
        if samples:
            click.echo(f"\nsample: {title}")
            for one in samples:
                click.echo(_line(one, settings.timezone))


def _version(settings: Settings, name: str, asked: Asked) -> Rule:
    """Return the rule that is meant: of a file, by its id, or ID@VERSION as it was published."""
    rule_id, at, number = name.partition("@")
    try:
        if not at:
            return rule_folder.named(settings.data_dir, name).rule
        text = asked("rules.version", {"rule_id": rule_id, "version": int(number)})
        return _RULE.decode(text) if text else rule_folder.shipped(rule_id, int(number))
    except (RuleError, ValueError) as error:
        raise click.ClickException(f"{name}: {error}") from error
