"""Text of a call for a terminal: first the ten lines that matter, then every number with its unit or the reason it is missing, then
the transcript. Times are of the site's zone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from cc_voice.call.reasons import explain
from cc_voice.commands.terminal import local_time, print_table
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.query.columns import columns
from cc_voice.query.operations import cell

_LEGS_SHOWN = 6
_REASONS_SHOWN = 2
_FAULTS = {
    "echo_suspect": "an echo is suspected",
    "one_way_audio": "only one party was heard",
    "mixed_audio": "the parties are mixed in one channel",
    "multi_party": "more than two parties spoke",
}

Leg = Mapping[str, Any]


def print_call(call: Mapping[str, Any], timezone: str) -> None:
    """Print a call for reading."""
    for line in summary(call, timezone):
        click.echo(line)
    for leg in call["legs"]:
        click.echo(f"\nleg {leg['leg_id']}")
        _print_metrics(leg, timezone)
    if call["utterances"]:
        click.echo("\ntranscript (seconds, party, language, words)")
    for said in call["utterances"]:
        who = said["party"] or said["channel_id"]
        click.echo(f"{said['start_ms'] / 1000:8.1f}  {who:<9} {said['language_code']:<5} {said['text']}")


def summary(call: Mapping[str, Any], timezone: str) -> list[str]:
    """Return what matters of a call, in at most ten lines."""
    facts, legs = call["call"], call["legs"]
    begin = local_time(facts["start_ts"], timezone)
    lines = [f"call {facts['call_id']}  {facts['product']}  {begin} ({timezone})  {_clock(facts['duration_ms'])}"]
    if not legs:
        return [*lines, "legs      none: nobody was connected"]
    if len(legs) == 1:
        return [*lines, *_of_leg(legs[0], facts, timezone)]
    shown = [f"leg {leg['leg_no']}     {_leg_line(leg)}" for leg in legs[:_LEGS_SHOWN]]
    more = [f"          and {len(legs) - _LEGS_SHOWN} more legs"] if len(legs) > _LEGS_SHOWN else []
    return [*lines, *shown, *more, f"sound     {_sound(legs)}", f"missing   {_missing(legs)}"]


def _of_leg(leg: Leg, facts: Mapping[str, Any], timezone: str) -> list[str]:
    of = leg["metrics"].get
    speed = "characters" if of("talk_speed_unit") == "cpm" else "words"
    return [
        f"who       agent {_text(of('agent_name'))}, queue {_text(of('queue_name'))}, language {_text(facts['language'])}",
        f"talk      agent {_pct(of('agent_talk_pct'))}, customer {_pct(of('customer_talk_pct'))}, "
        f"silence {_pct(of('silence_pct'))}",
        f"waits     longest silence {_clock(of('longest_silence_ms'))}, dead air {_clock(of('dead_air_ms'))}, "
        f"hold {_clock(of('hold_ms'))}",
        f"overtalk  {_count(of('overtalk_count'))} times; interruptions by agent {_count(of('interruptions_agent'))}, "
        f"by customer {_count(of('interruptions_customer'))}",
        f"pace      agent {_count(of('wpm_agent'))}, customer {_count(of('wpm_customer'))} {speed} a minute; "
        f"the agent answers after {_seconds(of('response_latency_ms_agent_p50'))}",
        f"words     agent {_count(of('word_count_agent'))}, customer {_count(of('word_count_customer'))}; "
        f"by {_text(of('asr_model'))}, confidence {_conf(of('asr_conf_mean'))}",
        f"sound     {_sound([leg])}",
        f"missing   {_missing([leg])}",
        f"measured  {local_time(of('computed_at'), timezone)}, thresholds {leg['thresholds']['name']!r}, "
        f"formulas of version {of('metric_version')}",
    ]


def _leg_line(leg: Leg) -> str:
    of = leg["metrics"].get
    talk = f"talk {_pct(of('agent_talk_pct'))} agent, {_pct(of('customer_talk_pct'))} customer"
    who = f"{_text(of('agent_name'))}, {_text(of('queue_name'))}"
    cut = f"interruptions {_count(of('interruptions_agent'))} by agent, {_count(of('interruptions_customer'))} by customer"
    waits = f"dead air {_clock(of('dead_air_ms'))}  hold {_clock(of('hold_ms'))}"
    return f"{who}  {_clock(of('end_ms') - of('start_ms'))}  {talk}  {cut}  {waits}"


def _sound(legs: Sequence[Leg]) -> str:
    lost_ms = sum((leg["metrics"].get("media_gap_ms") or 0) + (leg["metrics"].get("media_lost_ms") or 0) for leg in legs)
    told = [f"{lost_ms / 1000:.1f} s missing"] if lost_ms else []
    told += [words for name, words in _FAULTS.items() if any(leg["metrics"].get(name) for leg in legs)]
    unfit = [str(leg["leg_no"]) for leg in legs if leg["metrics"].get("qa_eligible") is False]
    if unfit:
        told.append("not eligible for quality" if len(legs) == 1 else f"not eligible for quality: leg {', '.join(unfit)}")
    return "; ".join(told) or "nothing missing, no fault found"


def _missing(legs: Sequence[Leg]) -> str:
    """Return how many numbers there are not, and the reasons that explain most of them."""
    counted: Counter[str] = Counter()
    for leg in legs:
        sets = (msgspec.convert(leg["thresholds"], ThresholdSet),)
        counted.update(explain(code, sets) or code for code in leg["reasons"].values())
    if not counted:
        return "no number"
    most = " · ".join(f"{count}: {words}" for words, count in counted.most_common(_REASONS_SHOWN))
    return f"{counted.total()} numbers, with their reasons below; {most}"


def _print_metrics(leg: Leg, timezone: str) -> None:
    known, reasons = columns(), leg["reasons"]
    sets = (msgspec.convert(leg["thresholds"], ThresholdSet),)
    rows = []
    for name, value in leg["metrics"].items():
        if value is None and name not in reasons:
            continue
        unit = known[name].unit if name in known else None
        if unit == "UTC" and value is not None:
            value, unit = local_time(value, timezone), timezone
        rows.append([name, cell(value), unit or "", explain(reasons.get(name, ""), sets) or ""])
    print_table(["metric", "value", "unit", "why it is missing"], rows)


# -- values ----------------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return "not known" if value is None else str(value)


def _pct(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1f} %"


def _count(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.0f}"


def _conf(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"


def _seconds(value_ms: float | None) -> str:
    return "a time not measured" if value_ms is None else f"{value_ms / 1000:.1f} s (median)"


def _clock(value_ms: int | None) -> str:
    if value_ms is None:
        return "not measured"
    seconds = round(value_ms / 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"
