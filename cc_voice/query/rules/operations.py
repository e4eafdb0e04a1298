"""Operations of rules on the store: what commands ask of whoever holds it, by name. Each is given the database, and answers plain
values; days of history are answered as bytes, for who evaluates them (`history.py`)."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.quality.rules.errors import RuleError
from cc_voice.query.rules import history_runs, publication
from cc_voice.query.rules.backtest import MarkPlace
from cc_voice.query.rules.publication import RulePublication
from cc_voice.query.scope import RowScope, read_now
from cc_voice.query.service_client import QuestionError
from cc_voice.store import rule_history, rule_rows
from cc_voice.store.database import Connection, Database
from cc_voice.store.rule_history import HistoryChoice, HistoryNeeds

_encode = msgspec.msgpack.encode


def _list(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return msgspec.to_builtins(database.read_now(rule_rows.versions))


def _version(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Return a version as it was published, as JSON, None where the site published none."""
    rule_id, version = arguments["rule_id"], arguments["version"]
    return database.read_now(lambda con: rule_rows.published_rule(con, rule_id, version))


def _days(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    choice = msgspec.convert(arguments["choice"], HistoryChoice)
    return database.read_now(lambda con: rule_history.days(con, choice))


def _day(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    choice, needs = msgspec.convert(arguments["choice"], HistoryChoice), msgspec.convert(arguments["needs"], HistoryNeeds)
    return _encode(database.read_now(lambda con: rule_history.read_day(con, arguments["day"], choice, needs)))


def _words(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return _encode(database.read_now(lambda con: rule_history.words(con, arguments["day"], arguments["utterance_ids"])))


def _texts(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return database.read_now(lambda con: rule_history.texts(con, arguments["utterance_ids"]))


def _vocabulary(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return database.read_now(rule_history.vocabulary)


def _marks(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return database.read_now(lambda con: publication.marks_of(con, arguments["rule_id"]))


def _mark(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    marks = msgspec.convert(arguments["marks"], list[MarkPlace])
    try:
        return database.write_now(
            lambda con: publication.mark(
                con, arguments["rule_id"], arguments["version"], marks, arguments["by"], arguments.get("seed")
            )
        )
    except RuleError as error:
        raise QuestionError(str(error)) from error


def _publish(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    change = RulePublication(
        text=arguments["text"],
        actor=arguments["by"],
        note=arguments.get("note") or "",
        unmarked=bool(arguments.get("unmarked")),
        seen=arguments.get("seen"),
    )
    try:
        return publication.publish(database, settings, change)
    except (RuleError, OSError) as error:
        raise QuestionError(str(error)) from error


def _in_force(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return _encode(database.read_now(publication.in_force))


def _stored(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    first, last = arguments["first"], arguments["last"]
    return _encode(database.read_now(lambda con: history_runs.stored(con, first, last, arguments["rule_ids"])))


def _write_month(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    run, month = arguments["run"], arguments["month"]
    try:
        return msgspec.to_builtins(history_runs.write_month(database, settings.runs_dir, run, month))
    except (history_runs.HistoryRunError, OSError) as error:
        raise QuestionError(str(error)) from error


def scoped_question(database: Database, rows: RowScope, question: str, arguments: Mapping[str, Any]) -> Any:
    """RuleAnswer what a backtest asks, from the rows that somebody may see; which forms a stem has is the site's."""
    choice = msgspec.convert(arguments["choice"], HistoryChoice) if "choice" in arguments else HistoryChoice()

    def work(con: Connection) -> Any:
        match question:
            case "rules.days":
                return rule_history.days(con, choice)
            case "rules.day":
                needs = msgspec.convert(arguments["needs"], HistoryNeeds)
                return _encode(rule_history.read_day(con, arguments["day"], choice, needs))
            case "rules.words":
                return _encode(rule_history.words(con, arguments["day"], arguments["utterance_ids"]))
            case "rules.texts":
                return rule_history.texts(con, arguments["utterance_ids"])
            case "rules.marks":
                return publication.marks_of(con, arguments["rule_id"])
            case _:
                raise AssertionError(f"a backtest does not ask {question}")

    return database.read_now(rule_history.vocabulary) if question == "rules.vocabulary" else read_now(database, rows, work)


RULE_QUESTIONS: dict[str, Callable[[Database, Settings, Mapping[str, Any]], Any]] = {
    "rules.list": _list,
    "rules.version": _version,
    "rules.days": _days,
    "rules.day": _day,
    "rules.words": _words,
    "rules.texts": _texts,
    "rules.vocabulary": _vocabulary,
    "rules.marks": _marks,
    "rules.mark": _mark,
    "rules.publish": _publish,
    "rules.in_force": _in_force,
    "rules.stored": _stored,
    "rules.write_month": _write_month,
}
