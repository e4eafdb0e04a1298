"""Rules over the API: what there is, what it finds, what people say of it, and which version acts."""

import asyncio
import datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody

from cc_voice.media.files import write_atomically
from cc_voice.quality.rules.errors import RuleError
from cc_voice.quality.rules.examples import wrong_examples
from cc_voice.quality.rules.rule_files import read_rule
from cc_voice.query import scope
from cc_voice.query.rules import backtest, publication, rule_folder
from cc_voice.query.rules.backtest import Backtest, MarkPlace
from cc_voice.query.rules.operations import scoped_question
from cc_voice.query.rules.publication import RuleConflict, RulePublication
from cc_voice.query.rules.rule_list import ListedRule, listed
from cc_voice.store import rule_rows
from cc_voice.store.rule_history import HistoryChoice
from cc_voice.store.rule_rows import StoredHit
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.api.parameters import PageLimit
from cc_voice.web.api.problems import BadParameters, FieldProblem
from cc_voice.web.appliance import Appliance

MOST_CALLS = 2_000
"""Calls of a backtest that a request waits for; of more, `cc-voice rules test` tells."""
RULE_BYTES = 4 * 64_000
"""Of a body with the text of a rule, or with marks."""
ONE = {"statuses": (404,)}
CHANGED = {"statuses": (404, 409)}


class RuleText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text of a rule file, and the SHA-256 of the one that it replaces; null where there was none."""

    text: Annotated[str, msgspec.Meta(max_length=60_000)]
    seen: str | None = None


class RuleDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with its text and its published versions, oldest first."""

    rule: ListedRule
    text: str
    problems: list[str]
    """Examples that are not found, counterexamples that are."""
    versions: list[dict[str, Any]]


class BacktestRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule is tried on. Without `text` the rule's file is tried."""

    text: Annotated[str, msgspec.Meta(max_length=60_000)] | None = None
    since: datetime.date | None = None
    until: datetime.date | None = None
    queue: str | None = None
    calls: Annotated[int, msgspec.Meta(ge=1, le=MOST_CALLS)] = MOST_CALLS
    """The newest so many."""
    sample: Annotated[int, msgspec.Meta(ge=0, le=200)] = backtest.SAMPLE
    seed: Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)] = backtest.SEED


class RuleMarks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Marks on what a backtest showed."""

    version: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    marks: Annotated[list[MarkPlace], msgspec.Meta(max_length=200)]
    seed: Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)] | None = None


class MarksTaken(msgspec.Struct, frozen=True):
    """How many marks were added."""

    marks: int


class PublicationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Publish the rule's file as it is. `seen` is its SHA-256, as the list has it."""

    seen: str
    note: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    unmarked: bool = False


class RulePublished(msgspec.Struct, frozen=True, kw_only=True):
    """The version that acts from now on. Stored calls follow by `cc-voice rules run`."""

    id: str
    version: int
    state: str
    marked: int
    rule_set: str


@get("/rules", summary="List rules")
async def list_rules(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[ListedRule]:
    """List the rules: the site's and those that ship, and which version is published."""
    appliance.note_down(request, "list", "rules")
    files, _ = await asyncio.to_thread(rule_folder.all_files, appliance.settings.data_dir)
    return listed(files, await appliance.database.read(rule_rows.versions))


@get("/rules/{rule_id:str}", summary="Return a rule", opt=ONE)
async def show_rule(request: VisitorRequest, appliance: NamedDependency[Appliance], rule_id: FromPath[str]) -> RuleDetail:
    """Return a rule with its text and its published versions."""
    appliance.note_down(request, "view", f"rule {rule_id}")
    return await _detail(appliance, rule_id)


async def _detail(appliance: Appliance, rule_id: str) -> RuleDetail:
    file = await _file(appliance, rule_id)
    versions = await appliance.database.read(rule_rows.versions)
    (rule,) = listed({rule_id: file}, versions)
    problems = [each.told for each in await asyncio.to_thread(wrong_examples, file.rule)]
    return RuleDetail(rule=rule, text=file.text, problems=problems, versions=[row for row in versions if row["id"] == rule_id])


@put("/rules/{rule_id:str}", summary="Write a rule", request_max_body_size=RULE_BYTES, opt=CHANGED)
async def write_rule(
    request: VisitorRequest, appliance: NamedDependency[Appliance], rule_id: FromPath[str], data: JSONBody[RuleText]
) -> RuleDetail:
    """Write the working copy of a rule; it acts when it is published. 409 where the copy is not the one that was seen."""
    rule = _read(data.text, rule_id)
    if rule != rule_id:
        raise BadParameters(FieldProblem("body", "text", f"this is the rule `{rule}`, not `{rule_id}`"))
    await appliance.write_down(request, "change", f"rule {rule_id}", detail=data.text)
    await asyncio.to_thread(_write, appliance, rule_id, data)
    return await _detail(appliance, rule_id)


def _write(appliance: Appliance, rule_id: str, data: RuleText) -> None:
    path = rule_folder.rules_dir(appliance.settings.data_dir) / f"{rule_id}.toml"
    there = rule_folder.digest(path.read_text(encoding="utf-8")) if path.is_file() else None
    if there != data.seen:
        raise ClientException("the rule's file was changed since it was read; read it again", status_code=409)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, data.text.encode())


@get("/rules/{rule_id:str}/hits", summary="List the hits of a rule", opt=ONE)
async def list_hits(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    rule_id: FromPath[str],
    limit: PageLimit = 100,
    since: FromQuery[datetime.date | None] = None,
    until: FromQuery[datetime.date | None] = None,
) -> list[StoredHit]:
    """List what a rule found in measured calls, the newest first, in rows of who asks."""
    await _file(appliance, rule_id)
    await appliance.write_down(request, "search", f"hits of rule {rule_id}", detail=str(request.url.query))
    return await appliance.read(request.user, lambda con: rule_rows.hits(con, rule_id, since, until, limit))


@post(
    "/rules/{rule_id:str}/backtest",
    summary="Try a rule on stored calls",
    status_code=200,
    request_max_body_size=RULE_BYTES,
    opt=ONE,
)
async def try_rule(
    request: VisitorRequest, appliance: NamedDependency[Appliance], rule_id: FromPath[str], data: JSONBody[BacktestRequest]
) -> Backtest:
    """See what a rule finds in the newest stored calls that one may see; nothing is written."""
    visitor = signed_in(request)
    text = data.text
    if text is None:
        text = (await _file(appliance, rule_id)).text
    await appliance.write_down(request, "search", f"backtest of rule {rule_id}", detail=text)
    return await asyncio.to_thread(_backtest, appliance, visitor.scope, text, data)


def _backtest(appliance: Appliance, rows: scope.RowScope, text: str, data: BacktestRequest) -> Backtest:
    def asked(question: str, arguments: dict[str, Any]) -> Any:
        return scoped_question(appliance.database, rows, question, arguments)

    try:
        rule = read_rule(text, "text")
        files, _ = rule_folder.all_files(appliance.settings.data_dir)
        rules = backtest.set_for(rule, (each.rule for each in files.values()), asked)
    except RuleError as error:
        raise BadParameters(FieldProblem("body", "text", str(error))) from error
    choice = HistoryChoice(since=data.since, until=data.until, queue=data.queue, calls=data.calls)
    return backtest.backtest(asked, rule, rules, choice, size=data.sample, seed=data.seed)


@post("/rules/{rule_id:str}/marks", summary="Mark hits of a rule", request_max_body_size=RULE_BYTES, opt=ONE)
async def mark_hits(
    request: VisitorRequest, appliance: NamedDependency[Appliance], rule_id: FromPath[str], data: JSONBody[RuleMarks]
) -> MarksTaken:
    """Mark what a backtest showed as right, wrong or unsure; marks on calls out of one's rows are left out."""
    visitor = signed_in(request)
    await _file(appliance, rule_id)
    await appliance.write_down(request, "change", f"marks of rule {rule_id}", detail=msgspec.json.encode(data.marks).decode())
    calls = [one.call_id for one in data.marks]
    seen = await appliance.read(visitor, lambda con: rule_rows.calls_seen(con, calls))
    marks = [one for one in data.marks if one.call_id in seen]
    try:
        taken = await appliance.database.write(
            lambda con: publication.mark(con, rule_id, data.version, marks, visitor.account, data.seed)
        )
    except RuleError as error:
        raise BadParameters(FieldProblem("body", "marks", str(error))) from error
    return MarksTaken(taken)


@post("/rules/{rule_id:str}/publish", summary="Publish a rule", status_code=200, opt=CHANGED)
async def publish_rule(
    request: VisitorRequest, appliance: NamedDependency[Appliance], rule_id: FromPath[str], data: JSONBody[PublicationRequest]
) -> RulePublished:
    """Put the rule's file in force for calls that begin from now on; 409 where it is not the one that was seen."""
    visitor = signed_in(request)
    file = await _file(appliance, rule_id)
    if file.digest != data.seen:
        raise ClientException("the rule's file was changed since it was read; read it again", status_code=409)
    await appliance.write_down(request, "change", f"rule {rule_id} published", detail=file.text)
    change = RulePublication(text=file.text, actor=visitor.account, note=data.note, unmarked=data.unmarked)
    try:
        made = await asyncio.to_thread(publication.publish, appliance.database, appliance.settings, change)
    except RuleConflict as error:
        raise ClientException(str(error), status_code=409) from error
    except RuleError as error:
        raise ClientException(str(error)) from error
    return msgspec.convert({key: made[key] for key in RulePublished.__struct_fields__}, RulePublished)


async def _file(appliance: Appliance, rule_id: str) -> rule_folder.RuleFile:
    files, _ = await asyncio.to_thread(rule_folder.all_files, appliance.settings.data_dir)
    if rule_id not in files:
        raise NotFoundException(f"there is no rule {rule_id!r}")
    return files[rule_id]


def _read(text: str, rule_id: str) -> str:
    try:
        return read_rule(text, f"{rule_id}.toml").id
    except RuleError as error:
        raise BadParameters(FieldProblem("body", "text", str(error))) from error
