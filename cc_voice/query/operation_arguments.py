"""Arguments of operations: what each takes, so that whoever asks, an older command or a hand, is told what is wrong."""

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from cc_voice.exports.folder import Options
from cc_voice.query.evaluations.coaching import CoachingDraft
from cc_voice.query.evaluations.desk import GivenAnswer, StepTaken
from cc_voice.query.evaluations.picks import SampleChoice
from cc_voice.query.rules.backtest import MarkPlace
from cc_voice.query.service_client import QuestionError
from cc_voice.store.report_headings import Dataset
from cc_voice.store.rule_history import HistoryChoice, HistoryNeeds
from cc_voice.store.search.matches import SearchFilter


class QuestionMalformed(QuestionError):
    """An argument is missing, or is of another kind than it has to be."""


_CALL: dict[str, Any] = {"call_id": str}
_EVALUATION: dict[str, Any] = {"target": str, "leg?": int | None, "form": str, "by": str}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "audit.copied": {},
    "calls.list": {"limit": int},
    "calls.show": _CALL,
    "calls.export": {**_CALL, "form": Literal["json", "srt", "txt", "vtt"], "leg_no": int | None},
    "calls.delete": _CALL,
    "administration.overview": {},
    "administration.queues": {},
    "administration.exports": {},
    "administration.configuration": {},
    "policies": {"kind?": str | None},
    "policies.set": {"kind": str, "text": str, "seen": str | None, "by": str},
    "streams": {},
    "streams.not_analysed": {},
    "reports": {},
    "report": {"name": str, "params": dict[str, str], "format": str, "limit?": int},
    "checks": {"names": tuple[str, ...] | None},
    "search": {"query": str, "chosen": SearchFilter, "limit": int, "after": str | None},
    "reindex": {},
    "export": {"folder": str, "options": Options},
    "export.lake": {"uri": str},
    "sql": {"text": str, "format": str},
    "store": {"batch_id": str},
    "enrich": {"dataset": Dataset, "records": list[dict[str, Any]]},
    "recompute.before": {"call_ids": tuple[str, ...]},
    "recompute.thresholds": {},
    "recompute.publish": {"run": str, "limit": int},
    "redaction.audit": {"since": datetime.date | None},
    "webhooks": {"limit": int},
    "webhooks.replay": {"message_id?": str | None, "since?": str | None, "endpoint?": str | None},
    "rules.list": {},
    "rules.version": {"rule_id": str, "version": int},
    "rules.days": {"choice": HistoryChoice},
    "rules.day": {"day": int, "choice": HistoryChoice, "needs": HistoryNeeds},
    "rules.words": {"day": int, "utterance_ids": list[str]},
    "rules.texts": {"utterance_ids": list[str]},
    "rules.vocabulary": {},
    "rules.marks": {"rule_id": str},
    "rules.mark": {"rule_id": str, "version": int, "marks": list[MarkPlace], "by": str, "seed?": int | None},
    "rules.publish": {"text": str, "by": str, "note?": str | None, "unmarked?": bool | None, "seen?": str | None},
    "rules.in_force": {},
    "rules.stored": {"first": int, "last": int, "rule_ids": list[str]},
    "rules.write_month": {"run": str, "month": int},
    "forms.versions": {},
    "forms.publish": {"text": str, "by": str, "note?": str | None, "seen?": str | None},
    "qa.show": {"target": str, "leg?": int | None, "form": str},
    "qa.answer": {**_EVALUATION, "answers": list[GivenAnswer]},
    "qa.step": {**_EVALUATION, "step": StepTaken},
    "qa.sample": {"choice": SampleChoice, "by": str},
    "qa.reject": {"sample_id": str, "leg_id": str, "reason": str, "by": str},
    "qa.calibrate": {
        **dict.fromkeys(("target?", "session?", "expert?"), str | None),
        "leg?": int | None,
        "form": str,
        "version?": int | None,
        "by": str,
    },
    "qa.coach": {"item": CoachingDraft, "by": str},
    "qa.time_out": {"days": int},
}
"""Question → argument → its type; one that may be left out ends in `?`. Others are not looked at: a newer command may say more."""

_FORMS = {
    question: msgspec.defstruct(
        "Arguments",
        [(name[:-1], kind, None) if name.endswith("?") else (name, kind) for name, kind in arguments.items()],
        kw_only=True,
    )
    for question, arguments in ARGUMENTS.items()
}

for _form in _FORMS.values():
    with contextlib.suppress(msgspec.ValidationError):
        msgspec.convert({}, _form)  # here, once: msgspec crashes when two threads are the first to decode a type (0.22)


def check(question: str, arguments: Mapping[str, Any]) -> None:
    """Raise QuestionMalformed for arguments that a question cannot be answered with."""
    form = _FORMS.get(question)
    try:
        if form is not None:
            msgspec.convert(dict(arguments), form, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        raise QuestionMalformed(f"the question {question} cannot be understood: {error}") from error
