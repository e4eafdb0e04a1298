"""Operations on the store, done here or by the service: same functions, same answers.

Each is a name and a function given the database. `service_client.py` opens the database where nobody holds it, and otherwise hands
name and arguments to the running service, which looks them up in the same table.
"""

import datetime
import time
import zoneinfo
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cc_voice import exports
from cc_voice.config.policies import PolicyError, kind_of
from cc_voice.config.settings import Settings
from cc_voice.exports import transcripts
from cc_voice.exports.contact_lens import contact_lens
from cc_voice.exports.folder import Options, export
from cc_voice.exports.lake import TableWritten, export_lake
from cc_voice.exports.manifest import Manifest
from cc_voice.media import recompute_runs, recordings, spool
from cc_voice.query import (
    administration,
    call_deletion,
    datasets,
    policies,
    redaction_audit,
    report_tables,
    reports,
    service_client,
    webhook_questions,
)
from cc_voice.query import sql as people_sql
from cc_voice.query.evaluations.operations import EVALUATION_DEEDS, EVALUATION_QUESTIONS
from cc_voice.query.rules.operations import RULE_QUESTIONS
from cc_voice.query.scope import EVERYTHING, RowScope
from cc_voice.query.service_client import QuestionError as QuestionError
from cc_voice.query.sql import runner, scoped_views, snapshot
from cc_voice.store import access_log, batches, call_list, calls, dimensions, enrichment, streams
from cc_voice.store.database import Database
from cc_voice.store.search import matches, postings
from cc_voice.store.search.matches import SearchFilter

Question = Callable[[Database, Settings, Mapping[str, Any]], Any]
"""(database, settings, arguments) → something JSON can carry. Raises QuestionError."""

CHECK_ROWS = 20
"""Rows that break a check, shown at most: what is wrong is seen from a few, and there may be millions."""
_NEED_A_SITE = frozenset(
    {
        *(
            "calls.list",
            "calls.show",
            "calls.export",
            "calls.delete",
            "streams",
            "streams.not_analysed",
            "report",
            "policies",
            "policies.set",
        ),
        *RULE_QUESTIONS,
        *EVALUATION_QUESTIONS,
        *("checks", "search", "reindex", "export", "export.lake", "sql", "policies", "policies.set"),
        *("administration.overview", "administration.queues", "administration.exports", "administration.configuration"),
        "redaction.audit",
        *("webhooks", "webhooks.replay"),
    }
)
"""Questions about a site that is there: a mistyped folder must not be made and look like a site without calls."""

_OPTIONS = msgspec.json.Decoder(Options)


WRITTEN_DOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "calls.list": ("list", ()),
    "calls.show": ("view", ("call_id",)),
    "calls.export": ("download", ("call_id", "form")),
    "calls.delete": ("delete", ("call_id",)),
    "report": ("report", ("name", "params")),
    "search": ("search", ("query",)),
    "export": ("export", ("folder",)),
    "export.lake": ("export", ("uri",)),
    "sql": ("sql", ("text",)),
    "enrich": ("import", ("dataset",)),
    "recompute.publish": ("change", ("run",)),
    "policies.set": ("change", ("kind", "text", "seen")),
    "rules.publish": ("change", ("text", "note", "unmarked")),
    "rules.mark": ("change", ("rule_id", "marks")),
    "rules.write_month": ("change", ("run", "month")),
    "rules.days": ("search", ("choice",)),
    "rules.texts": ("view", ("utterance_ids",)),
    **EVALUATION_DEEDS,
    "webhooks.replay": ("change", ("message_id", "since", "endpoint")),
}
"""Questions that the audit log has before they are answered: action, and the arguments that are told."""

Witness = Callable[[str, Mapping[str, Any]], None]
"""(question, arguments): writes down what is about to be answered here; raises what then keeps it from being answered."""


def ask(settings: Settings, question: str, *, witness: Witness | None = None, **arguments: Any) -> Any:
    """Answer a question of `QUESTIONS`: here when the database is free, else by the service that holds it.

    What is answered here `witness` has before; the service writes it down itself.

    Raises QuestionError with the reason when neither can.
    """
    if question in _NEED_A_SITE:
        service_client.need_a_site(settings)
    return service_client.database_or_service(
        settings,
        here=lambda database: _answered(database, settings, question, arguments, witness),
        there=lambda: service_client.ask_service(settings, question, arguments),
    )


def _answered(database: Database, settings: Settings, question: str, arguments: Mapping[str, Any], witness: Witness | None) -> Any:
    if witness is not None:
        witness(question, arguments)
    return QUESTIONS[question](database, settings, arguments)


def _list_calls(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    page = database.read_now(lambda con: call_list.list_calls(con, call_list.CallFilter(), limit=int(arguments["limit"])))
    return msgspec.to_builtins(page)


def _show_call(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    found = database.read_now(lambda con: calls.load_call(con, arguments["call_id"]))
    if found is None:
        raise QuestionError(f"there is no call {arguments['call_id']!r}; `cc-voice calls list` shows the ids")
    return msgspec.to_builtins(found)


def _export_call(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    found = database.read_now(lambda con: calls.load_call(con, arguments["call_id"]))
    if found is None:
        raise QuestionError(f"there is no call {arguments['call_id']!r}; `cc-voice calls list` shows the ids")
    return call_as(found, arguments["form"], arguments["leg_no"], settings.site.name)


def call_as(call: calls.StoredCall, form: str, leg_no: int | None, site: str) -> str:
    """Return a call, or a leg of it, as vtt, srt, txt or json. Raises QuestionError where there is no such leg."""
    leg = next((leg for leg in call.legs if leg.leg_no == (leg_no or 1)), None)
    if leg is None and (leg_no is not None or form == "json"):
        raise QuestionError(f"call {call.call.call_id} has {len(call.legs)} legs, and none is number {leg_no or 1}")
    if form == "json" and leg is not None:
        return contact_lens(call, leg, site).decode()
    return transcripts.FORMS[form](line for line in call.utterances if leg_no is None or leg is None or line.leg_id == leg.leg_id)


def _delete_call(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    try:
        found = call_deletion.delete_call(database, settings, arguments["call_id"])
    except OSError as error:
        raise QuestionError(
            f"the recording of call {arguments['call_id']} cannot be deleted ({error}); repeat when it can"
        ) from error
    if not found:
        raise QuestionError(f"there is no call {arguments['call_id']!r}; `cc-voice calls list` shows the ids")
    return None


def _streams(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return msgspec.to_builtins(database.read_now(streams.list_streams))


def _not_analysed(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return msgspec.to_builtins(database.read_now(lambda con: streams.not_analysed(con, time.time())))


def _list_reports(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return msgspec.to_builtins(reports.list_reports())


def _report(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    name, params = arguments["name"], arguments["params"]
    try:
        if arguments["format"] == "table":
            zone = settings.timezone
            return msgspec.to_builtins(database.read_now(lambda con: report_tables.table(con, EVERYTHING, name, params, zone)))
        if arguments["format"] == "rows":
            zone, most = settings.timezone, int(arguments["limit"])
            return msgspec.to_builtins(
                database.read_now(lambda con: report_tables.told_rows(con, EVERYTHING, name, params, zone, most))
            )
        found = database.read_now(lambda con: reports.answered(con, EVERYTHING, name, params))
    except reports.QueryError as error:
        raise QuestionError(str(error)) from error
    frame, notes = found.frame, list(found.notes)
    if arguments["format"] == "csv":
        return {"answer": exports.csv_text(frame), "notes": notes}
    if arguments["format"] == "json":
        return {"answer": frame.write_json(), "notes": notes}
    return {"answer": reports.packed(frame), "notes": notes}


def ask_sql(database: Database, settings: Settings, scope: RowScope, text: str, limits: runner.SqlLimits) -> runner.SqlAnswer:
    """Answer a question in SQL of somebody who may ask one, from what their scope has. Raises SqlError, StoreError."""
    folder = settings.sql_dir
    with runner.turn(folder, patience_s=limits.time_ms / 1000):
        now_s = time.time()
        made = database.read_now(lambda con: snapshot.refresh(con, folder, now_s))
        views = scoped_views.definitions(scope, database.read_now(snapshot.columns))
        return runner.run(folder, made, views, text, limits, now_s)


def _sql(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    try:
        answer = ask_sql(database, settings, EVERYTHING, arguments["text"], runner.SqlLimits())
    except people_sql.SqlError as error:
        raise QuestionError(str(error)) from error
    if arguments["format"] == "csv":
        text: Any = exports.csv_text(exports.frame([(each.name, each.type) for each in answer.columns], answer.rows))
    elif arguments["format"] == "json":
        text = msgspec.json.encode(answer).decode()
    else:
        text = {"columns": [each.name for each in answer.columns], "rows": [[cell(value) for value in row] for row in answer.rows]}
    return {"answer": text, "rows": len(answer.rows), "cut": answer.cut, "age_s": answer.age_s}


def _checks(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Return, for every check asked for or for all: its name, what holds, how many rows break it, and the first of them."""
    known = {check.name: check.meaning for check in reports.checks()}
    answers = []
    for name in arguments["names"] or known:
        try:
            frame = database.read_now(lambda con, name=name: reports.run_check(con, EVERYTHING, name))  # type: ignore[misc]
        except reports.QueryError as error:
            raise QuestionError(str(error)) from error
        rows = [[cell(value) for value in row] for row in frame.head(CHECK_ROWS).rows()]
        answers.append({"name": name, "holds": known[name], "broken": frame.height, "columns": frame.columns, "rows": rows})
    return answers


def _search(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    chosen = msgspec.convert(arguments["chosen"], SearchFilter)
    query, limit, after = arguments["query"], arguments["limit"], arguments["after"]
    return msgspec.to_builtins(database.read_now(lambda con: matches.search(con, query, chosen, limit=limit, after=after)))


def _reindex(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    months = database.read_now(postings.months)
    return {"months": months, "pairs": postings.rebuild_all(database.write_now, months)}


def cell(value: Any) -> str:
    """Return a value as a table shows it: one decimal, a dash for what is missing."""
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _export(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    options = _OPTIONS.decode(msgspec.json.encode(arguments["options"]))

    def work(con: reports.Connection) -> Manifest:
        with datasets.exported(con, EVERYTHING) as source:
            return export(source, Path(arguments["folder"]), options)

    try:
        manifest = database.read_now(work)
    except exports.ExportError as error:
        raise QuestionError(str(error)) from error
    return msgspec.to_builtins(manifest)


def _export_lake(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    def work(con: reports.Connection) -> tuple[TableWritten, ...]:
        with datasets.exported(con, EVERYTHING) as source:
            return export_lake(source, arguments["uri"], settings.site.name)

    try:
        return msgspec.to_builtins(database.read_now(work))
    except exports.ExportError as error:
        raise QuestionError(str(error)) from error


def _store(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    batch = spool.read(settings.spool_dir, arguments["batch_id"])
    if batch is not None:
        database.write_now(lambda con: batches.write_batch(con, batch, settings.site))
        spool.remove(settings.spool_dir, arguments["batch_id"])
    return None


def _stored_legs(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Return what is stored of the legs of some calls: call_id → leg_id → column → value; a call that is not stored is left out."""
    return database.read_now(lambda con: calls.leg_metrics(con, arguments["call_ids"]))


def _thresholds(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return msgspec.to_builtins(database.read_now(dimensions.threshold_sets))


def _publish(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Write the next calls of a run, each in a transaction of its own, and tell how many were written and how many are left out."""
    run = recompute_runs.RecomputeRun(settings.runs_dir, arguments["run"])
    written, superseded, more = 0, 0, False
    for result, end in run.results(run.published):
        if written + superseded == arguments["limit"]:
            more = True
            break
        if result.measured is not None:
            taken = _publish_call(database, settings, result)
            written, superseded = written + taken, superseded + (not taken)
        run.note_published(end)
    return {"written": written, "superseded": superseded, "more": more}


def _publish_call(database: Database, settings: Settings, result: recompute_runs.RunResult) -> bool:
    """Write a call, unless it was deleted or measured from more since: what was heard again first, so that it can be repeated.

    A call that lost a stream is not written either: Zoom revoked that, and the run still has what was said in it.
    """
    there = {analysis.stream_id for analysis in recordings.load_analyses(settings.recordings_dir, result.call_id)}
    if result.measured is None or there != set(result.streams):
        return False
    for analysis in result.analyses:
        recordings.save_analysis(settings.recordings_dir, analysis)
        if analysis.redacted is not None and analysis.redacted.outcome == "silenced":  # a better model may have found more
            folder = recordings.stream_folder(settings.recordings_dir, analysis.call_id, analysis.stream_id)
            recordings.compress(folder, dict(analysis.redacted.spans), is_tone=settings.redaction.audio == "tone")
    batch = result.measured
    return database.write_now(lambda con: batches.write_batch(con, batch, settings.site))


def _enrich(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Store records of a report or a roster, all of them or none."""
    dataset = arguments["dataset"]
    records = enrichment.records_of(dataset, arguments["records"])
    today = datetime.datetime.now(zoneinfo.ZoneInfo(settings.timezone)).date()
    taken = database.write_now(lambda con: enrichment.take(con, dataset, records, settings.site, today))
    return msgspec.to_builtins(taken)


def _policy(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    kind = arguments.get("kind")
    try:
        if kind is None:
            return msgspec.to_builtins(policies.states(database, settings))
        found = policies.state(database, settings, kind_of(kind))
        return {"state": msgspec.to_builtins(found), "versions": msgspec.to_builtins(policies.history(database, found.kind))}
    except PolicyError as error:
        raise QuestionError(str(error)) from error


def _set_policy(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    try:
        change = policies.PolicyChange(
            kind=kind_of(arguments["kind"]), text=arguments["text"], seen=arguments["seen"], actor=arguments["by"]
        )
        return msgspec.to_builtins(policies.publish(database, settings, change))
    except policies.PolicyConflict as error:
        raise QuestionError(f"{error}\n{error.difference}") from error
    except (PolicyError, OSError) as error:
        raise QuestionError(str(error)) from error


def _overview(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    told = arguments.get("running")
    running = None if told is None else msgspec.convert(told, administration.Running)
    return msgspec.to_builtins(administration.overview(database, settings, running, time.time()))


def _queues(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    try:
        return msgspec.to_builtins(administration.queue_policies(database, settings))
    except PolicyError as error:
        raise QuestionError(str(error)) from error


def _exports(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return msgspec.to_builtins(administration.export_states(settings))


def _configuration(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    try:
        return msgspec.to_builtins(administration.configuration(settings))
    except PolicyError as error:
        raise QuestionError(str(error)) from error


def _audit_copied(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Return number and hash of the last entry of the audit log that the store has a copy of."""
    return database.read_now(access_log.last)


def _redaction_audit(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Return what of words that should be hidden the store has, told without them."""
    since = datetime.date.fromisoformat(arguments["since"]) if arguments["since"] else None
    return database.read_now(lambda con: list(redaction_audit.findings(con, settings.redaction, since)))


QUESTIONS: dict[str, Question] = {
    "audit.copied": _audit_copied,
    "calls.list": _list_calls,
    "calls.show": _show_call,
    "calls.export": _export_call,
    "calls.delete": _delete_call,
    "administration.overview": _overview,
    "administration.queues": _queues,
    "administration.exports": _exports,
    "administration.configuration": _configuration,
    "policies": _policy,
    "policies.set": _set_policy,
    "webhooks": webhook_questions.list_,
    "webhooks.replay": webhook_questions.replay,
    "streams": _streams,
    "streams.not_analysed": _not_analysed,
    "reports": _list_reports,
    "report": _report,
    "checks": _checks,
    "search": _search,
    "reindex": _reindex,
    "export": _export,
    "export.lake": _export_lake,
    "sql": _sql,
    "store": _store,
    "enrich": _enrich,
    "redaction.audit": _redaction_audit,
    **RULE_QUESTIONS,
    **EVALUATION_QUESTIONS,
    "recompute.before": _stored_legs,
    "recompute.thresholds": _thresholds,
    "recompute.publish": _publish,
}
