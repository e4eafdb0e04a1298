"""Maintenance over the API: imports, enrichments and recomputations as jobs, deletion of calls. What commands of these names do.

What a job found tells of calls of the whole site: it is told to those who see all of them, and their numbers. That it was done, by
whom, and whether it failed, is told to whoever may read administration.
"""

import asyncio
import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from cc_voice.config import languages
from cc_voice.media import recompute_runs, recordings
from cc_voice.media.recompute_runs import RecomputeRun, RunPlan
from cc_voice.query import call_deletion
from cc_voice.store import call_list
from cc_voice.store.report_headings import Dataset
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.api import cursors
from cc_voice.web.api.problems import BadParameters, FieldProblem, bad_query
from cc_voice.web.appliance import Appliance
from cc_voice.web.jobs import Job, JobKind, JobsBusy

UPLOAD_BYTES = 64 << 20
"""An hour in FLAC, several in MP3. What is longer is taken by `cc-voice import` on the machine: a body has 15 s to come."""
RECOMPUTE_BYTES = 64 << 10
ONE = {"statuses": (404,)}
UPLOAD = {"statuses": (409, 429)}
ChannelNumber = Annotated[int | None, QueryParameter(ge=0, le=63)]
CallIds = Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)]


@dataclass
class UploadOperation(Operation):
    """An operation whose body is a file."""

    def __post_init__(self) -> None:
        content = {"application/octet-stream": OpenAPIMediaType(Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))}
        self.request_body = RequestBody(content, description=f"The file, of at most {UPLOAD_BYTES >> 20} MB.", required=True)


class RecomputeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls are measured again, and with what. Without `publish` the result is kept as a run, and nothing is changed."""

    since: datetime.date | None = None
    """First local date."""
    until: datetime.date | None = None
    """Last local date."""
    call_ids: CallIds = ()
    """None named: all."""
    metrics: CallIds = ()
    """Changes of these only are told."""
    threshold_set: str | None = None
    what: Literal["metrics", "recognition"] = "metrics"
    """Count again what was heard, or hear the recordings again with today's models."""
    publish: bool = False


class KeptRun(msgspec.Struct, frozen=True):
    """A recomputation whose result is kept until it is published or discarded."""

    name: str
    plan: RunPlan


@post(
    "/imports",
    summary="Import a recording",
    status_code=202,
    request_max_body_size=UPLOAD_BYTES,
    opt=UPLOAD,
    operation_class=UploadOperation,
)
async def import_recording(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    agent_channel: ChannelNumber = None,
    customer_channel: ChannelNumber = None,
    language: FromQuery[str | None] = None,
    start: FromQuery[datetime.datetime | None] = None,
) -> Response[Job]:
    """Have a recording (WAV, FLAC, MP3, Ogg and what else `cc-voice import` reads) analysed like a live call, as a job."""
    arguments = ["--json"]
    for name, channel in (("--agent-channel", agent_channel), ("--customer-channel", customer_channel)):
        arguments += [] if channel is None else [name, str(channel)]
    if language is not None:
        try:
            arguments += [f"--language={languages.tag(language)}"]
        except ValueError as error:
            raise bad_query("language", str(error)) from error
    began = cursors.moment("start", start)
    arguments += [] if began is None else ["--start", began.isoformat()]
    arguments += ["--allow-test-model"] if appliance.settings.allow_test_model else []
    return await _begin_with_file(request, appliance, "import", arguments)


@post(
    "/enrichments",
    summary="Take a report or a roster",
    status_code=202,
    request_max_body_size=UPLOAD_BYTES,
    opt=UPLOAD,
    operation_class=UploadOperation,
)
async def enrich(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    dataset: FromQuery[Dataset | None] = None,
    durations: FromQuery[Literal["s", "ms"] | None] = None,
) -> Response[Job]:
    """Have a report of Zoom Contact Center (CSV, JSON) or a roster of agents or queues (CSV) taken, as a job."""
    arguments = [] if dataset is None else ["--dataset", dataset]
    arguments += [] if durations is None else ["--durations", durations]
    return await _begin_with_file(request, appliance, "enrich", arguments)


@post(
    "/recomputations",
    summary="Measure calls again",
    status_code=202,
    request_max_body_size=RECOMPUTE_BYTES,
    opt={"statuses": (429,)},
)
async def recompute(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[RecomputeRequest]
) -> Response[Job]:
    """Have calls measured again, or heard again, as a job; its `summary` is what changes. With `publish` it is stored."""
    options: dict[str, str | None] = {
        "--since": data.since.isoformat() if data.since else None,
        "--until": data.until.isoformat() if data.until else None,
        "--threshold-set": data.threshold_set,
    }
    arguments = ["recompute", "--json", "--jobs=1", f"--what={data.what}"]
    arguments += [f"{name}={value}" for name, value in options.items() if value is not None]
    arguments += [f"--call={each}" for each in data.call_ids] + [f"--metric={each}" for each in data.metrics]
    arguments += ["--publish"] if data.publish else []
    arguments += ["--allow-test-model"] if appliance.settings.allow_test_model and data.what == "recognition" else []
    if any("\0" in each for each in arguments):
        raise BadParameters(FieldProblem("body", "data", "there is a NUL in it"))
    return await _begin(request, appliance, _job(request, appliance, "recompute", arguments), arguments)


@get("/recomputations", summary="List recomputations")
async def list_runs(appliance: NamedDependency[Appliance]) -> list[KeptRun]:
    """List the recomputations whose result is kept: what was asked for. The same asked again goes on with it."""
    runs_dir = appliance.settings.runs_dir
    return await asyncio.to_thread(
        lambda: [KeptRun(name, RecomputeRun(runs_dir, name).plan()) for name in recompute_runs.names(runs_dir)]
    )


@delete("/recomputations/{name:str}", summary="Discard a recomputation", opt=ONE)
async def discard_run(request: VisitorRequest, appliance: NamedDependency[Appliance], name: FromPath[str]) -> None:
    """Forget what a recomputation found; the store stays as it is."""
    runs_dir = appliance.settings.runs_dir
    if name not in await asyncio.to_thread(recompute_runs.names, runs_dir):
        raise NotFoundException("there is no such recomputation")
    await appliance.write_down(request, "change", f"recomputation {name} discarded")
    await asyncio.to_thread(RecomputeRun(runs_dir, name).discard)


@get("/jobs", summary="List jobs")
async def list_jobs(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[Job]:
    """List what was imported, enriched and measured again over the API, by whom, and what became of it; the newest first."""
    visitor = signed_in(request)
    return [_told_to(visitor, each) for each in await appliance.jobs.known(appliance.settings)]


@get("/jobs/{job_id:str}", summary="Return a job", opt=ONE)
async def show_job(request: VisitorRequest, appliance: NamedDependency[Appliance], job_id: FromPath[str]) -> Job:
    """Return a job: whether it is done, and what came of it."""
    found = await appliance.jobs.known(appliance.settings, job_id)
    if not found:
        raise NotFoundException("there is no such job")
    return _told_to(signed_in(request), found[0])


@delete("/calls/{call_id:str}", summary="Delete a call", opt={"statuses": (404, 409)})
async def delete_call(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> None:
    """Delete a call for ever: numbers, transcript, search, recording, and the copies of them. One in progress is refused."""
    visitor, settings = signed_in(request), appliance.settings
    seen = await appliance.read(visitor, lambda con: call_list.is_known(con, call_id))
    if not seen and visitor.scope.site:  # received, and not in the store
        seen = await asyncio.to_thread(lambda: call_id in recordings.recorded_calls(settings.recordings_dir))
    if not seen:
        raise NotFoundException(f"there is no call {call_id}")
    await appliance.write_down(request, "delete", "call", call_id=call_id)
    try:
        found = await asyncio.to_thread(call_deletion.delete_call, appliance.database, settings, call_id)
    except OSError as error:
        raise HTTPException(f"the recording cannot be deleted ({error.strerror}); repeat when it can", status_code=503) from error
    if not found:
        raise NotFoundException(f"there is no call {call_id}")


async def _begin_with_file(request: VisitorRequest, appliance: Appliance, kind: JobKind, arguments: list[str]) -> Response[Job]:
    """Keep the body as a file, and have a command read it."""
    _refuse_many(appliance)
    try:
        path = await asyncio.to_thread(appliance.jobs.upload_path, appliance.settings)
        try:
            await _write(path, request.stream())
            return await _begin(request, appliance, _job(request, appliance, kind, arguments, path), [kind, *arguments, str(path)])
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
    except OSError as error:
        raise HTTPException(f"the file cannot be kept ({error.strerror})", status_code=503) from error


def _told_to(visitor: Visitor, job: Job) -> Job:
    """Return a job without what it found, where that is not for whoever asks."""
    if visitor.scope.site and visitor.may("numbers"):
        return job
    return msgspec.structs.replace(
        job, call_id=None, summary=None, notes=(), problem=None if job.problem is None else "who sees the whole site is told why"
    )


def _refuse_many(appliance: Appliance) -> None:
    """Refuse everybody while too many wait, before a body is read. Raises JobsBusy."""
    if appliance.jobs.is_full:
        raise JobsBusy("other jobs wait; repeat later")


def _job(request: VisitorRequest, appliance: Appliance, kind: JobKind, arguments: list[str], path: Path | None = None) -> Job:
    asked = " ".join(each for each in arguments if each not in ("recompute", "--json", "--jobs=1"))
    made = path or appliance.jobs.upload_path(appliance.settings)
    return Job(id=made.stem, kind=kind, actor=signed_in(request).account, asked=asked, asked_s=appliance.now(), state="waiting")


async def _begin(request: VisitorRequest, appliance: Appliance, job: Job, arguments: list[str]) -> Response[Job]:
    await appliance.write_down(
        request, "import" if job.kind != "recompute" else "change", f"{job.kind}, job {job.id}", detail=job.asked
    )
    began = await appliance.jobs.begin(appliance.settings, job, arguments, appliance.now)
    return Response(began, status_code=202, headers={"location": f"/api/v1/jobs/{job.id}"})


async def _write(path: Path, body: AsyncIterator[bytes]) -> None:
    """Write a body as it comes; a megabyte at a time goes to a thread. Raises OSError, BadParameters for an empty one."""
    held, whole = bytearray(), 0
    async for chunk in body:
        held += chunk
        if len(held) >= 1 << 20:
            whole += len(held)
            await asyncio.to_thread(_append, path, bytes(held))
            held.clear()
    await asyncio.to_thread(_append, path, bytes(held))
    if not whole and not held:
        raise BadParameters(FieldProblem("body", "data", "the file is empty, or missing"))


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
