"""Reports: named SELECTs over all calls; the only reader of `analytics/`, and of the store for whoever wants tables instead of
calls.

Views and macros are created as temporary ones on the cursor that asks. They belong to the program and not to the file, so an
upgrade never finds old ones, and a read-only copy of the store answers like the live one. The alternative, views kept in the
file, would have made every change of a view a migration.

The grammar of the headers is in `analytics/README.md`. Values reach DuckDB as bound parameters only.

    QueryError            the question cannot be answered; the message says what to ask instead
    └── NoSuchQuery       there is none of this name
"""

import base64
import datetime
import difflib
import importlib
import io
import re
import warnings
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import msgspec
import polars as pl

from cc_voice.call.metrics.call_quality import DOUBTS
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.config import site_settings
from cc_voice.config.settings import bundled
from cc_voice.query import report_notes, service_client
from cc_voice.query.scope import EVERYTHING, RowScope, scoped
from cc_voice.store.database import Database
from cc_voice.store.migration import tokeniser_macros

Connection = duckdb.DuckDBPyConnection
Value = datetime.date | int | float | str | None

_FOR_EACH = re.compile(r"^(?P<indent> *)-- for each (?P<what>metric|doubt): (?P<line>.*\{(?P=what)\}.*)$", re.MULTILINE)
_NAMES = {"metric": tuple(METRICS), "doubt": DOUBTS}
_HEADER = re.compile(r"^-- (title|summary|question|needs|check|grain): (.+)$", re.MULTILINE)
_TYPE = r"date|integer|number|text|choice \w+(?:\|\w+)*"
_PARAM = re.compile(rf"^-- param (\w+) \(({_TYPE}), (required|default \S+)\): (.+)$", re.MULTILINE)
_DAY = re.compile(r"today(?:-(\d{1,5}))?")
_FORMS = {
    "date": "a date such as 2026-11-01, or today, or today-30",
    "integer": "a whole number, 0 or more",
    "number": "a number such as 0.6",
    "text": "text",
}


class QueryError(Exception):
    """A question cannot be answered; the message is for whoever asked."""


class NoSuchReport(QueryError):
    """There is no report or check of the name asked for."""


class Param(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a report. `default` is text as a user would give it, None for one that must be given."""

    name: str
    meaning: str
    type: str
    """date, integer, number, text or choice."""
    default: str | None
    """`none` stands for NULL, `today-30` for a day relative to the newest local date of any site."""
    choices: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A named question; `question` is its number among those of supervisors and analysts, if any, `needs` the right to ask."""

    name: str
    title: str
    summary: str
    question: int | None
    params: tuple[Param, ...]
    needs: str = "numbers"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Something that holds for every store: its query returns no row."""

    name: str
    meaning: str


def list_reports() -> list[Report]:
    """Return every report, by name."""
    return [_report(name, _text(path)) for name, path in sorted(_files("reports").items())]


def run(name: str, /, *, data_dir: Path | str | None = None, config: Path | str | None = None, **params: object) -> pl.DataFrame:
    """Answer a report of a site, for analysts: `run("agent-talk", since="2026-11-01", queue="Billing")`.

    The site is that of `data_dir` or of the configuration, as for every command; a running service is asked, and the question
    stands in the audit log. Values are dates, numbers or text as `cc-voice report` takes it, None for the default. Notes on the
    answer come as warnings. Raises QueryError, SettingsError.
    """
    folder = None if data_dir is None else Path(data_dir)
    site = site_settings.load(None if config is None else Path(config), overrides={"data_dir": folder})
    given = {key: str(value) for key, value in params.items() if value is not None}

    def there() -> Answer:
        told = service_client.ask_service(site, "report", {"name": name, "params": given, "format": "arrow"})
        return Answer(pl.read_ipc(base64.b64decode(told["answer"])), tuple(told["notes"]))

    def here(database: Database) -> Answer:
        # By name, as nothing here imports what lies above: the audit log is written by one module, and commands give it to `ask`
        witness = importlib.import_module("cc_voice.web.access.command_audit").witness
        witness(site.data_dir, "report", {"name": name, "params": given})
        return database.read_now(lambda con: answered(con, EVERYTHING, name, given))

    try:
        service_client.need_a_site(site)
        found = service_client.database_or_service(site, here, there)
    except service_client.QuestionError as error:
        raise QueryError(str(error)) from error
    for note in found.notes:
        warnings.warn(note, stacklevel=2)
    return found.frame


def packed(frame: pl.DataFrame) -> str:
    """Return an answer as text that keeps its types: Arrow's file format in base64."""
    file = io.BytesIO()
    frame.write_ipc(file)
    return base64.b64encode(file.getvalue()).decode()


class Answer(msgspec.Struct, frozen=True):
    """What a report answers."""

    frame: pl.DataFrame
    notes: tuple[str, ...]
    """What whoever reads the numbers must know of the legs behind them, each a sentence."""


def answer(con: Connection, scope: RowScope, name: str, params: Mapping[str, str]) -> pl.DataFrame:
    """Answer a report from what a scope may see; parameters not given, or given empty, take their defaults. Raises QueryError."""
    return answered(con, scope, name, params).frame


def answered(con: Connection, scope: RowScope, name: str, params: Mapping[str, str]) -> Answer:
    """Answer a report, with what there is to say of its legs. Raises QueryError."""
    try:
        con = scoped(con, scope)
        prepare(con)
        sql, values = text(name), asked(con, name, params)[1]
        frame = frame_of(con, sql, values)
        return Answer(frame, report_notes.notes(con, sql, values) if frame.height else ())
    except duckdb.InterruptException as error:
        raise QueryError(f"report {name} took too long; narrow the dates") from error
    except duckdb.Error as error:
        raise QueryError(f"report {name} failed: {str(error).splitlines()[0]}") from error


def explain(name: str) -> Report:
    """Return what a report asks and takes. Raises NoSuchReport."""
    return _report(name, text(name))


def text(name: str) -> str:
    """Return the SQL of a report. Raises NoSuchReport."""
    return _sql("reports", "report", name)


def asked(con: Connection, name: str, params: Mapping[str, str]) -> tuple[Report, dict[str, Value]]:
    """Return a report and the values of its parameters, defaults included. Raises QueryError."""
    report = explain(name)
    return report, _values(report, params, _today(con))


def checks() -> list[Check]:
    """Return every check, by name."""
    return [Check(name=name, meaning=_header(_text(path))["check"]) for name, path in sorted(_files("checks").items())]


def run_check(con: Connection, scope: RowScope, name: str) -> pl.DataFrame:
    """Return the rows in scope that break a check; none when all is well. Raises QueryError for an unknown name."""
    sql = _sql("checks", "check", name)
    con = scoped(con, scope)
    prepare(con)
    return frame_of(con, sql)


def views() -> dict[str, str]:
    """Return name → grain of every view, in an order in which they can be created."""
    texts = {name: _text(path) for name, path in sorted(_files("views").items())}
    uses = {name: set(re.findall(r"\bv_\w+", sql)) & texts.keys() - {name} for name, sql in texts.items()}
    return {name: _header(texts[name])["grain"] for name in TopologicalSorter(uses).static_order()}


def prepare(con: Connection) -> None:
    """Give a cursor the macros and views, and UTC for its times, unless it has them already."""
    if con.execute("select true from duckdb_views() where temporary and view_name = 'v_call'").fetchall():
        return
    con.execute("set session TimeZone = 'UTC'")
    con.execute(_macros())
    con.execute(_text(bundled("analytics") / "index.sql"))
    for name in views():
        con.execute(f"create or replace temp view {name} as {view_text(name)}")


def view_text(name: str) -> str:
    """Return the SELECT of a view."""
    return _text(bundled("analytics") / "views" / f"{name}.sql")


def macros() -> str:
    """Return the macros of views and reports as SQL, for whoever asks the views of a copy."""
    return f"{tokeniser_macros()}\n{_macros()}"


def _macros() -> str:
    return _text(bundled("analytics") / "macros.sql")


def frame_of(con: Connection, sql: str, values: Mapping[str, Value] | None = None) -> pl.DataFrame:
    """Return the rows of a query."""
    # Through the Arrow stream of the relation: its own .pl() needs pyarrow, which an installed appliance does not have
    return pl.DataFrame(con.sql(sql, params=dict(values)) if values else con.sql(sql))


# -- files and their headers -----------------------------------------------------------------------------------------


def _files(kind: str) -> dict[str, Path]:
    return {path.stem: path for path in (bundled("analytics") / kind).glob("*.sql")}


def _text(path: Path) -> str:
    """Return the SQL of a file; a line `-- for each metric: l.{metric},` becomes one line for each metric of a leg,
    one with `doubt` one for each obstacle that leaves in doubt who spoke when.
    """
    return _FOR_EACH.sub(_lines_of_names, path.read_text())


def _lines_of_names(found: re.Match[str]) -> str:
    return "\n".join(found["indent"] + found["line"].replace(f"{{{found['what']}}}", name) for name in _NAMES[found["what"]])


def _sql(kind: str, word: str, name: str) -> str:
    """Return the text of a file by its name. Raises NoSuchQuery with names close to it."""
    known = _files(kind)
    if name in known:
        return _text(known[name])
    close = difflib.get_close_matches(name, known)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(sorted(known))}"
    raise NoSuchReport(f"there is no {word} {name!r}; {hint}")


def _header(sql: str) -> dict[str, str]:
    return dict(_HEADER.findall(sql))


def _report(name: str, sql: str) -> Report:
    header = _header(sql)
    return Report(
        name=name,
        title=header["title"],
        summary=header["summary"],
        question=int(header["question"]) if "question" in header else None,
        params=tuple(_param(*found) for found in _PARAM.findall(sql)),
        needs=header.get("needs", "numbers"),
    )


def _param(name: str, form: str, need: str, meaning: str) -> Param:
    kind, _, choices = form.partition(" ")
    return Param(
        name=name,
        meaning=meaning,
        type=kind,
        default=None if need == "required" else need.removeprefix("default "),
        choices=tuple(choices.split("|")) if choices else (),
    )


# -- parameters ------------------------------------------------------------------------------------------------------


def _today(con: Connection) -> datetime.date:
    """Return the newest local date of any site, so that a default range leaves out no call."""
    found: datetime.date = con.execute(
        "select coalesce(max(timezone(timezone, now())), timezone('UTC', now()))::date from dim_site"
    ).fetchall()[0][0]
    return found


def _values(report: Report, given: Mapping[str, str], today: datetime.date) -> dict[str, Value]:
    known = {param.name: param for param in report.params}
    for name in given:
        if name not in known:
            raise QueryError(f"report {report.name} has no parameter {name!r}; {_usage(report)}")
    values = {}
    for name, param in known.items():
        text = given.get(name) or param.default
        if text is None:
            raise QueryError(f"report {report.name} needs a value for {name!r} ({param.meaning}); {_usage(report)}")
        try:
            values[name] = None if text == "none" and param.default == "none" else _value(param, text, today)
        except (ValueError, OverflowError) as error:
            form = f"one of {', '.join(param.choices)}" if param.choices else _FORMS[param.type]
            raise QueryError(f"parameter {name!r} of report {report.name} is {form}, not {text!r}") from error
    return values


def _value(param: Param, text: str, today: datetime.date) -> Value:
    """Read a value as its parameter's type. Raises ValueError, OverflowError."""
    text.encode()  # half a surrogate pair, as a broken terminal sends, is no text
    if param.type == "date":
        relative = _DAY.fullmatch(text)
        return today - datetime.timedelta(int(relative[1] or 0)) if relative else datetime.date.fromisoformat(text)
    if param.type == "integer":
        number = int(text)
        if not 0 <= number < 1 << 63:
            raise ValueError(text)
        return number
    if param.type == "number":
        return float(text)
    if param.choices and text not in param.choices:
        raise ValueError(text)
    return text


def _usage(report: Report) -> str:
    if not report.params:
        return "it takes none"
    return "it takes " + ", ".join(f"{p.name} ({p.type}{'' if p.default else ', required'})" for p in report.params)
