"""Evaluation rows: automatic evaluations, written with their call, and what people made of them, which measuring again keeps.

What people made is of a call, a party and a time. After a measurement the leg is found again by the largest overlap; where none
overlaps the row has no leg, and is listed under problems.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from cc_voice.call.rows import EvaluationItemRow, EvaluationRow, EvaluationRows, FormVersionRow
from cc_voice.store.database import Connection

UNIT = 720_720
_MADE = ("fact_evaluation", "qa_pick", "coaching_item", "calibration_session")
"""Tables of what people made of a leg."""


def automatic_id(leg_id: str, form_id: str, form_version: int) -> str:
    """Return the id of a leg's automatic evaluation: the same however often it is measured."""
    return hashlib.sha256(f"{leg_id}\x1f{form_id}\x1f{form_version}".encode()).hexdigest()[:26]


def insert(con: Connection, rows: EvaluationRows) -> None:
    """Add the automatic evaluations of a call; part of the transaction that writes it."""
    keys = {(form.form_id, form.version): note_form(con, form) for form in rows.forms}
    for row in rows.evaluations:
        insert_automatic(con, row, keys[row.form_id, row.form_version])


def note_form(con: Connection, form: FormVersionRow) -> dict[str, int]:
    """Return question id → key of a form's questions, added where this version is not known yet."""
    known = items_of(con, form.form_id, form.version)
    if known:
        return known
    con.execute(
        """
        insert into form_version (form_id, version, title, state, form, origin, author, published_ts)
        values (?, ?, ?, ?, ?, 'shipped', 'cc-voice', now())
        on conflict do nothing
        """,
        [form.form_id, form.version, form.title, form.state, form.form],
    )
    for item in form.items:
        con.execute(
            """
            insert into dim_form_item
                (form_item_key, form_id, form_version, item_reference_id, parent_item_id, item_type, title, weight_pct,
                max_base_point, is_critical, automation, section, place, critical_cap, review)
            values (nextval('form_item_key'), ?, ?, ?, null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                *(form.form_id, form.version, item.question_id, item.kind, item.title, item.weight, item.max_points),
                *(item.critical_cap is not None, item.automation, item.section, item.place, item.critical_cap, item.review),
            ],
        )
    return items_of(con, form.form_id, form.version)


def items_of(con: Connection, form_id: str, version: int) -> dict[str, int]:
    """Return question id → key of the questions of a form."""
    sql = "select item_reference_id, form_item_key from dim_form_item where form_id = ? and form_version = ?"
    return dict(con.execute(sql, [form_id, version]).fetchall())


def insert_automatic(con: Connection, row: EvaluationRow, keys: dict[str, int]) -> str:
    """Add an automatic evaluation in place of the one there was, and return its id."""
    key = automatic_id(row.leg_id, row.form_id, row.form_version)
    remove_evaluation(con, key)
    con.execute(
        """
        insert into fact_evaluation
            (evaluation_id, leg_id, call_id, date_key, party, start_ms, end_ms, form_id, form_version, evaluation_source,
            evaluation_type, state, score_pct, score_uncapped_pct, coverage_pct, adherence_pct, score_reason, applicable,
            determined, earned, weight, automatic_fail, is_sampled, is_resubmitted, rule_set, asr_model, opened_ts)
        select
            ?, l.leg_id, l.call_id, l.date_key, 'agent', l.start_ms, l.end_ms, ?, ?, 'automatic', 'standard', ?, ?, ?, ?, ?, ?, ?,
            ?, ?, 1, ?, false, false, ?, ?, now()
        from fact_leg as l
        where l.leg_id = ?
        """,
        [
            *(key, row.form_id, row.form_version, row.state, row.score_pct, row.score_uncapped_pct, row.coverage_pct),
            *(row.adherence_pct, row.score_reason, row.applicable, row.determined, row.earned, row.automatic_fail, row.rule_set),
            *(row.asr_model, row.leg_id),
        ],
    )
    con.executemany(_INSERT_ITEM, [_item(key, keys[item.question_id], item) for item in row.items])
    _name_intervals(con, key)
    return key


_INSERT_ITEM = """
    insert into fact_evaluation_item
        (evaluation_id, form_item_key, answer, state, units, earned_points, weighted_score, applied_weight, reason, needs_review,
        auto_answer, auto_units, auto_confidence, rule_versions, evidence)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def _item(evaluation_id: str, key: int, item: EvaluationItemRow) -> Sequence[Any]:
    share = item.units / UNIT
    return (
        *(evaluation_id, key, item.state, item.state, item.units, share, share * item.applied_weight, item.applied_weight),
        *(item.reason, item.needs_review, item.state, item.units, item.confidence, item.rule_versions, item.evidence),
    )


def _name_intervals(con: Connection, evaluation_id: str) -> None:
    """Name the row of fact_interval that an answer rests on first, where it rests on one."""
    con.execute(
        """
        update fact_evaluation_item
        set evidence_interval_id = i.interval_id
        from fact_evaluation as e, fact_interval as i
        where fact_evaluation_item.evaluation_id = ?
            and e.evaluation_id = fact_evaluation_item.evaluation_id
            and i.date_key = e.date_key
            and i.leg_id = e.leg_id
            and json_extract_string(fact_evaluation_item.evidence, '$[0].kind') = 'interval'
            and i.kind = json_extract_string(fact_evaluation_item.evidence, '$[0].name')
            and i.start_ms = json_extract(fact_evaluation_item.evidence, '$[0].start_ms')::bigint
            and i.end_ms = json_extract(fact_evaluation_item.evidence, '$[0].end_ms')::bigint
        """,
        [evaluation_id],
    )


def remove_evaluation(con: Connection, evaluation_id: str) -> None:
    """Remove one evaluation with its answers."""
    for table in ("fact_evaluation_item", "fact_evaluation"):
        con.execute(f"delete from {table} where evaluation_id = ?", [evaluation_id])


def remove(con: Connection, call_id: str, *, keep_made: bool = False) -> None:
    """Remove the automatic evaluations of a call, and without `keep_made`, as when it is erased, all that people made of it."""
    sql = "select evaluation_id from fact_evaluation where call_id = ?"
    ids = [key for (key,) in con.execute(sql + (" and evaluation_source = 'automatic'" if keep_made else ""), [call_id]).fetchall()]
    for table in ("fact_evaluation_item", "fact_evaluation", *(() if keep_made else ("evaluation_answer", "evaluation_event"))):
        con.execute(f"delete from {table} where evaluation_id in (select unnest(?))", [ids])
    for table in () if keep_made else ("qa_pick", "coaching_item", "calibration_session"):
        con.execute(f"delete from {table} where call_id = ?", [call_id])


def reattach(con: Connection, call_id: str) -> None:
    """Find the legs again of what people made of a call, by largest overlap in time, the earlier of equals."""
    for table in _MADE:
        human = "t.evaluation_source = 'human' and" if table == "fact_evaluation" else ""
        rows = con.execute(
            f"select distinct t.leg_id, t.start_ms, t.end_ms from {table} as t where {human} t.call_id = ?", [call_id]
        ).fetchall()
        for leg_id, start_ms, end_ms in rows:
            best = con.execute(
                """
                select leg_id, date_key
                from fact_leg
                where call_id = ? and least(end_ms, ?) > greatest(start_ms, ?)
                order by least(end_ms, ?) - greatest(start_ms, ?) desc, leg_no
                limit 1
                """,
                [call_id, end_ms, start_ms, end_ms, start_ms],
            ).fetchall()
            found, date_key = best[0] if best else (None, None)
            human = "evaluation_source = 'human' and" if table == "fact_evaluation" else ""
            dated = ", date_key = coalesce(?, date_key)" if table == "fact_evaluation" else ""
            con.execute(
                f"""
                update {table}
                set leg_id = ?{dated}
                where {human} call_id = ? and leg_id is not distinct from ? and start_ms = ? and end_ms = ?
                """,
                [found, *([date_key] if dated else []), call_id, leg_id, start_ms, end_ms],
            )


def detached(con: Connection) -> Iterable[tuple[str, str]]:
    """Return (table, call_id) of what people made of legs that are no more."""
    found = [
        (table, call_id)
        for table in _MADE
        for (call_id,) in con.execute(f"select distinct call_id from {table} where leg_id is null order by all").fetchall()
    ]
    return found


# -- of people -------------------------------------------------------------------------------------------------------


def human_id(automatic: str, person: str, session: str | None, now_ms: int) -> str:
    """Return the id of an evaluation that a person opens."""
    return hashlib.sha256(f"{automatic}\x1f{person}\x1f{session}\x1f{now_ms}".encode()).hexdigest()[:26]


def copy_automatic(
    con: Connection, automatic: str, key: str, who: tuple[str, str, str, str | None, str, bool], now_ms: int
) -> None:
    """Add a person's evaluation with the automatic answers filled in. `who`: evaluator, name, type, session, state, sampled."""
    evaluator, name, kind, session, state, sampled = who
    con.execute(
        """
        insert into fact_evaluation
        select e.* replace (
            ? as evaluation_id, ? as evaluator_id, ? as evaluator_name, 'human' as evaluation_source, ? as evaluation_type,
            ? as calibration_session_id, ? as state, ? as is_sampled, make_timestamptz(?::bigint * 1000) as opened_ts
        )
        from fact_evaluation as e
        where e.evaluation_id = ?
        """,
        [key, evaluator, name, kind, session, state, sampled, now_ms, automatic],
    )
    con.execute(
        """
        insert into fact_evaluation_item
        select i.* replace (? as evaluation_id)
        from fact_evaluation_item as i
        where i.evaluation_id = ?
        """,
        [key, automatic],
    )


def automatic_answer(con: Connection, evaluation_id: str, question_id: str) -> tuple[str | None, int | None]:
    """Return state and units of the automatic answer that an evaluation was opened with."""
    rows = con.execute(
        """
        select i.auto_answer, i.auto_units
        from fact_evaluation_item as i
        join dim_form_item as d on d.form_item_key = i.form_item_key
        where i.evaluation_id = ? and d.item_reference_id = ?
        """,
        [evaluation_id, question_id],
    ).fetchall()
    return rows[0] if rows else (None, None)


def write_answer(
    con: Connection,
    place: tuple[str, str, int, str],
    given: tuple[str, str, int, int, bool],
    why: tuple[str | None, str | None, str, int],
) -> None:
    """Write a person's answer: the row of now, and one more of what was ever answered."""
    evaluation_id, form_id, version, question_id = place
    answer, state, of_units, weight, accepted = given
    reason, text, person, now_ms = why
    share = of_units / UNIT
    con.execute(
        """
        update fact_evaluation_item
        set answer = ?, state = ?, units = ?, earned_points = ?, weighted_score = ?, applied_weight = ?, reason = null,
            needs_review = false, auto_accepted = ?, override_reason = ?, override_text = ?
        where evaluation_id = ? and form_item_key = (
            select form_item_key from dim_form_item where form_id = ? and form_version = ? and item_reference_id = ?
        )
        """,
        [
            answer,
            state,
            of_units,
            share,
            share * weight,
            weight,
            accepted,
            reason,
            text,
            evaluation_id,
            form_id,
            version,
            question_id,
        ],
    )
    con.execute(
        "insert into evaluation_answer values (?, ?, ?, ?, ?, ?, ?, ?, make_timestamptz(?::bigint * 1000))",
        [evaluation_id, question_id, answer, state, of_units, reason, text, person, now_ms],
    )


def write_score(con: Connection, evaluation_id: str, columns: dict[str, Any]) -> None:
    """Write what answers come to."""
    set_ = ", ".join(f"{name} = ?" for name in columns)
    con.execute(f"update fact_evaluation set {set_} where evaluation_id = ?", [*columns.values(), evaluation_id])


def set_state(
    con: Connection, key: str, state: str, now_ms: int, text: str, *, is_resubmitted: bool = False, is_timed_out: bool = False
) -> None:
    """Write the state that an evaluation is in; on submission what was left as it was counts as confirmed."""
    at = "make_timestamptz(?::bigint * 1000)"
    stamp = {"submitted": f", submitted_ts = {at}", "acknowledged": f", acknowledged_ts = {at}", "appealed": ", appeal_text = ?"}
    values: dict[str, list[Any]] = {"submitted": [now_ms], "acknowledged": [now_ms], "appealed": [text]}
    con.execute(
        f"""
        update fact_evaluation
        set state = ?, is_resubmitted = is_resubmitted or ?, is_timed_out = coalesce(is_timed_out, false) or ?{stamp.get(state, "")}
        where evaluation_id = ?
        """,
        [state, is_resubmitted, is_timed_out, *values.get(state, []), key],
    )
    if state == "submitted":
        con.execute(
            """
            update fact_evaluation_item
            set auto_accepted = true, needs_review = false
            where evaluation_id = ? and auto_accepted is null and auto_answer not in ('undetermined', 'unanswered')
            """,
            [key],
        )


def left_alone(con: Connection, before_ms: int) -> list[tuple[str, str]]:
    """Return evaluations whose agent was asked before a time and did nothing: id and state."""
    return con.execute(
        """
        select e.evaluation_id, e.state
        from fact_evaluation as e
        where e.state in ('submitted', 'upheld') and e.evaluation_type = 'standard'
            and (select max(v.at_ts) from evaluation_event as v where v.evaluation_id = e.evaluation_id)
            < make_timestamptz(?::bigint * 1000)
        order by all
        """,
        [before_ms],
    ).fetchall()
