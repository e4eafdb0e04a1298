"""Administration pages: how the appliance is, policies of queues, models, exports, and the configuration in force.

What they show is of `query/administration.py` and `query/policies.py`, which commands ask too. Nothing here is about a call.
"""

import asyncio
import zoneinfo
from datetime import UTC
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from cc_voice.config import policies as files
from cc_voice.config.policies import PolicyError, PolicyKind
from cc_voice.config.webhook_settings import hidden
from cc_voice.query import administration, policies, webhook_questions
from cc_voice.query.administration import ConfigurationLine, ExportState, Gauge, QueuePolicies, gauges
from cc_voice.query.model_lines import ModelLine, lines_of
from cc_voice.query.policies import PolicyChange, PolicyConflict, PolicyState
from cc_voice.query.webhook_questions import WebhookOverview
from cc_voice.speech.errors import ModelError
from cc_voice.store.policy_versions import PolicyVersion
from cc_voice.web import threshold_trial
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages.account import moment
from cc_voice.web.rendering.page import page
from cc_voice.web.threshold_trial import ThresholdTrial

POLICY_FORM_BYTES = 4 * files.MOST_BYTES
"""A text as a form sends it: every character may be three."""
VERSIONS_SHOWN = 20
DELIVERIES_SHOWN = 20


class PolicyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to be published or tried; `seen` is the SHA-256 of the working copy that the form was filled from."""

    text: str = ""
    seen: str = ""


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """How the appliance is."""

    gauges: tuple[Gauge, ...]
    queues: tuple[QueuePolicies, ...]
    policies: tuple[PolicyState, ...]
    zone: str


class QueuesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Queues with what holds for their calls, and the policies it is from."""

    queues: tuple[QueuePolicies, ...]
    policies: tuple[PolicyState, ...]
    zone: str


class VersionLine(msgspec.Struct, frozen=True):
    """A version of a policy, and what it changed."""

    version: int
    at: str
    actor: str
    difference: str


class PolicyPage(msgspec.Struct, frozen=True, kw_only=True):
    """A policy with its form. `seen` goes back with it."""

    state: PolicyState
    since: str
    text: str
    seen: str
    versions: tuple[VersionLine, ...]
    may_change: bool
    zone: str
    problem: str | None = None
    difference: str | None = None
    trial: ThresholdTrial | None = None


class ModelsPage(msgspec.Struct, frozen=True):
    """Speech models that are here; `others` could be."""

    models: tuple[ModelLine, ...]
    others: int
    folder: str


class ExportsPage(msgspec.Struct, frozen=True):
    """Scheduled exports and webhooks, and how each went."""

    rows: tuple[tuple[ExportState, str, str], ...]
    zone: str
    webhooks: WebhookOverview


class SystemPage(msgspec.Struct, frozen=True):
    """The configuration as it is in force."""

    lines: tuple[ConfigurationLine, ...]


@get("/admin/overview", include_in_schema=False)
async def overview(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show how the appliance is."""
    running = await appliance.running()
    found = await asyncio.to_thread(administration.overview, appliance.database, appliance.settings, running, appliance.now())
    queues, states = await _queues(appliance)
    appliance.note_down(request, "view", "administration")
    view = OverviewPage(gauges=gauges(found, appliance.now()), queues=queues, policies=states, zone=appliance.settings.timezone)
    return page(request, "admin_overview.html", title="Administration", current="admin", section="overview", view=view)


@get("/admin/queues", include_in_schema=False)
async def queues(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show what holds for calls of each queue."""
    found, states = await _queues(appliance)
    view = QueuesPage(queues=found, policies=states, zone=appliance.settings.timezone)
    return page(request, "admin_queues.html", title="Queues and policies", current="admin", section="queues", view=view)


@get("/admin/policies/{kind:str}", include_in_schema=False)
async def show_policy(request: VisitorRequest, appliance: NamedDependency[Appliance], kind: FromPath[str]) -> Response[str]:
    """Show a policy with its form and its versions."""
    return _policy_page(request, await _policy(request, appliance, _kind(kind)))


@post("/admin/policies/{kind:str}", status_code=303, request_max_body_size=POLICY_FORM_BYTES, include_in_schema=False)
async def set_policy(
    request: VisitorRequest, appliance: NamedDependency[Appliance], kind: FromPath[str], data: URLEncodedBody[PolicyForm]
) -> Response[str] | Redirect:
    """Put a text in force for calls that begin from now on."""
    known, actor = _kind(kind), signed_in(request).account
    await appliance.write_down(request, "change", f"policy {known}", detail=hidden(data.text))
    change = PolicyChange(kind=known, text=data.text, seen=data.seen, actor=actor)
    try:
        await asyncio.to_thread(policies.publish, appliance.database, appliance.settings, change)
    except PolicyConflict as error:
        view = await _policy(request, appliance, known, text=data.text, problem=str(error), difference=error.difference)
        return _policy_page(request, view, 409)
    except (PolicyError, OSError) as error:
        view = await _policy(request, appliance, known, text=data.text, problem=str(error))
        return _policy_page(request, view, 400)
    return Redirect(f"/admin/policies/{known}", status_code=303)


@post("/admin/policies/{kind:str}/try", status_code=200, request_max_body_size=POLICY_FORM_BYTES, include_in_schema=False)
async def try_policy(
    request: VisitorRequest, appliance: NamedDependency[Appliance], kind: FromPath[str], data: URLEncodedBody[PolicyForm]
) -> Response[str]:
    """Check a text; show what thresholds would change in the newest calls. Nothing is changed."""
    known = _kind(kind)
    try:
        candidate = await asyncio.to_thread(files.tried, appliance.settings, known, data.text.replace("\r\n", "\n"))
        trial = None
        if known == "thresholds":
            stored = await appliance.read(request.user, threshold_trial.newest)
            trial = await appliance.trials.run(threshold_trial.trial, stored, candidate)
    except PolicyError as error:
        view = await _policy(request, appliance, known, text=data.text, problem=str(error))
        return _policy_page(request, view, 400)
    return _policy_page(request, await _policy(request, appliance, known, text=data.text, trial=trial or ThresholdTrial(calls=0)))


@get("/admin/models", include_in_schema=False)
async def models(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the speech models that are installed, and which languages each serves."""
    try:
        found = await asyncio.to_thread(lambda: lines_of(files.in_force(appliance.settings)))
    except (ModelError, PolicyError) as error:
        raise HTTPException(str(error), status_code=503) from error
    here = tuple(each for each in found if each.state not in ("available", "obsolete"))
    view = ModelsPage(here, sum(each.state == "available" for each in found), str(appliance.settings.installed_models_dir))
    return page(request, "admin_models.html", title="Models and languages", current="admin", section="models", view=view)


@get("/admin/exports", include_in_schema=False)
async def exports(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the scheduled exports and how each last went."""
    found, zone = await asyncio.to_thread(administration.export_states, appliance.settings), _zone(appliance)
    rows = tuple((each, moment(each.tried_s, zone), moment(each.done_s, zone)) for each in found)
    try:
        hooks = await asyncio.to_thread(webhook_questions.overview, appliance.database, appliance.settings, DELIVERIES_SHOWN)
    except PolicyError as error:
        raise HTTPException(str(error), status_code=503) from error
    view = ExportsPage(rows, zone.key, hooks)
    return page(request, "admin_exports.html", title="Exports", current="admin", section="exports", view=view)


@get("/admin/system", include_in_schema=False)
async def system(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the configuration in force, secrets hidden."""
    try:
        lines = await asyncio.to_thread(administration.configuration, appliance.settings)
    except PolicyError as error:
        raise HTTPException(str(error), status_code=503) from error
    appliance.note_down(request, "view", "configuration")
    return page(request, "admin_system.html", title="System", current="admin", section="system", view=SystemPage(tuple(lines)))


def _kind(name: str) -> PolicyKind:
    try:
        return files.kind_of(name)
    except PolicyError as error:
        raise NotFoundException("There is no such policy.") from error


def _zone(appliance: Appliance) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(appliance.settings.timezone)


async def _queues(appliance: Appliance) -> tuple[tuple[QueuePolicies, ...], tuple[PolicyState, ...]]:
    try:
        found = await asyncio.to_thread(administration.queue_policies, appliance.database, appliance.settings)
        states = await asyncio.to_thread(policies.states, appliance.database, appliance.settings)
    except PolicyError as error:
        raise HTTPException(str(error), status_code=503) from error
    return tuple(found), tuple(states)


async def _policy(
    request: VisitorRequest,
    appliance: Appliance,
    kind: PolicyKind,
    *,
    text: str | None = None,
    **told: Any,
) -> PolicyPage:
    state = await asyncio.to_thread(policies.state, appliance.database, appliance.settings, kind)
    versions = await asyncio.to_thread(policies.history, appliance.database, kind)
    zone = _zone(appliance)
    return PolicyPage(
        state=state,
        since=f"{state.since.astimezone(zone):%Y-%m-%d %H:%M}" if state.since else "",
        text=state.working if text is None else text,
        seen=state.digest,
        versions=tuple(_version(each, zone) for each in versions[:VERSIONS_SHOWN]),
        may_change=signed_in(request).may("administer") and state.source != files.PINNED,
        zone=zone.key,
        **told,
    )


def _version(each: PolicyVersion, zone: zoneinfo.ZoneInfo) -> VersionLine:
    at = each.at_ts if each.at_ts.tzinfo else each.at_ts.replace(tzinfo=UTC)
    changed = policies.difference(each.before_text, each.after_text)
    return VersionLine(each.version, f"{at.astimezone(zone):%Y-%m-%d %H:%M}", each.actor, changed)


def _policy_page(request: VisitorRequest, view: PolicyPage, status: int = 200) -> Response[str]:
    return page(request, "admin_policy.html", title=view.state.title, current="admin", section="queues", view=view, status=status)
