"""Stored legs: automatic evaluations of legs that are in the store, made where there is none yet."""

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.config.settings import Settings
from cc_voice.media import rule_sets
from cc_voice.quality.forms.automatic_answers import FormEvaluator
from cc_voice.quality.forms.errors import FormError
from cc_voice.quality.forms.evaluation_rows import form_version, leg_evaluation
from cc_voice.quality.forms.form import EvaluationForm
from cc_voice.quality.rules.rule_files import INTERVALS
from cc_voice.store import evaluation_rows, rule_history
from cc_voice.store.database import Connection
from cc_voice.store.rule_history import HistoryChoice, HistoryNeeds

_NEEDS = HistoryNeeds(metrics=tuple(METRICS), intervals=tuple(sorted(INTERVALS)), unused=True)


class LegPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Which leg, and whose."""

    leg_id: str
    call_id: str
    leg_no: int
    date_key: int
    call_day: int
    start_ms: int
    end_ms: int
    agent_id: str | None
    agent_name: str | None
    asr_model: str | None


def leg_place(con: Connection, leg_id: str) -> LegPlace | None:
    """Return a leg, None where it is not there, or not in the scope of the cursor."""
    rows = con.execute(
        """
        select l.leg_id, l.call_id, l.leg_no, l.date_key, c.date_key, l.start_ms, l.end_ms, a.user_id, a.display_name,
            (select min(u.asr_model) from fact_utterance as u where u.call_id = l.call_id and u.leg_id = l.leg_id)
        from fact_leg as l
        join fact_call as c on c.call_id = l.call_id
        left join dim_agent as a on a.agent_key = l.agent_key
        where l.leg_id = ?
        """,
        [leg_id],
    ).fetchall()
    return LegPlace(**dict(zip(LegPlace.__struct_fields__, rows[0], strict=True))) if rows else None


def automatic(con: Connection, settings: Settings, leg: LegPlace, form: EvaluationForm) -> str:
    """Return the id of the automatic evaluation of a leg with a form, made now where there is none. Raises FormError."""
    key = evaluation_rows.automatic_id(leg.leg_id, form.id, form.version)
    if con.execute("select count(*) from fact_evaluation where evaluation_id = ?", [key]).fetchall()[0][0]:
        return key
    rules = rule_sets.evaluator(settings.data_dir).rules
    stored = rule_history.read_day(con, leg.call_day, HistoryChoice(), _NEEDS)
    found = next((each for each in stored if each.record.leg_id == leg.leg_id), None)
    if found is None:
        raise FormError(f"leg {leg.leg_id} is not measured")
    lines = [line.utterance_id for line in (*found.record.lines, *found.record.unused)]
    whole = rule_history.with_words(found, rule_history.words(con, leg.call_day, lines))
    row = leg_evaluation(FormEvaluator(form, rules, rules.unproven), whole.record, leg.asr_model)
    if row is None:
        raise FormError(f"form {form.id} is for the queues {', '.join(form.queues)}, and leg {leg.leg_id} is in another")
    return evaluation_rows.insert_automatic(con, row, evaluation_rows.note_form(con, form_version(form)))
