"""Rows of rules: the findings of a call's legs as the store keeps them."""

from collections.abc import Iterable

import msgspec

from cc_voice.call.rows import MeasuredCall, RuleHitRow, RuleRows, RuleStateRow, RuleVersion
from cc_voice.quality.rules.evaluation import Evaluator, Finding
from cc_voice.quality.rules.hits import Hit, hit_key
from cc_voice.quality.rules.leg_record import LegRecord, leg_records
from cc_voice.quality.rules.logic import RuleState
from cc_voice.quality.rules.rule import Rule


def with_rules(call: MeasuredCall, evaluator: Evaluator, low_conf: float) -> MeasuredCall:
    """Return a measured call with what rules find in it; `low_conf` where a leg has no thresholds of its own."""
    legs = leg_records(call, low_conf)
    found = [(leg, evaluator.findings(leg)) for leg in legs]
    rows = RuleRows(
        rule_set=evaluator.sha,
        versions=versions(evaluator),
        hits=tuple(row for leg, findings in found for row in hit_rows(leg, findings)),
        states=tuple(row for leg, findings in found for row in state_rows(leg, findings)),
    )
    return msgspec.structs.replace(call, rules=rows)


def versions(evaluator: Evaluator) -> tuple[RuleVersion, ...]:
    """Return what the rules of a set are called."""
    return tuple(version_of(each.rule) for each in evaluator.rules.rules)


def version_of(rule: Rule) -> RuleVersion:
    """Return what a rule is called."""
    return RuleVersion(
        rule_id=rule.id,
        version=rule.version,
        title=rule.title,
        folder=rule.folder,
        kind=rule.kind,
        state=rule.state,
        alert=rule.alert,
    )


def hit_rows(leg: LegRecord, findings: Iterable[Finding]) -> list[RuleHitRow]:
    """Return the hits of a leg. A category that is matched without words has one hit without a time; a step has its state."""
    rows: list[RuleHitRow] = []
    for finding in findings:
        rows += [_row(leg, finding.rule, one.condition, one.hit) for one in finding.hits]
        if not finding.hits and finding.answer.state == RuleState.MATCHED and not finding.rule.is_step:
            rows.append(_row(leg, finding.rule, None, None))
    return rows


def _row(leg: LegRecord, rule: Rule, condition: str | None, hit: Hit | None) -> RuleHitRow:
    where = (hit.channel_id, hit.start_ms, hit.end_ms) if hit else (leg.leg_id, None, None)
    return RuleHitRow(
        leg_id=leg.leg_id or "",
        rule_id=rule.id,
        condition=condition,
        party=hit.party if hit else None,
        channel_id=hit.channel_id if hit else None,
        start_ms=hit.start_ms if hit else None,
        end_ms=hit.end_ms if hit else None,
        utterance_id=hit.utterance_id if hit else None,
        first_word_seq=hit.first_word_seq if hit else None,
        last_word_seq=hit.last_word_seq if hit else None,
        expression=hit.expression if hit else None,
        matched_text=hit.text if hit else None,
        source=hit.source if hit else None,
        conf=hit.conf if hit else None,
        timed=hit.timed if hit else None,
        hit_key=hit_key(rule.id, condition or "", leg.call_id, *where),
    )


def state_rows(leg: LegRecord, findings: Iterable[Finding]) -> list[RuleStateRow]:
    """Return what the steps are of a leg."""
    return [
        RuleStateRow(
            leg_id=leg.leg_id or "",
            rule_id=finding.rule.id,
            state=int(finding.answer.state),
            reason=finding.answer.reason,
            value=finding.answer.value,
        )
        for finding in findings
        if finding.rule.is_step
    ]
