"""Evaluations over the API: forms, what they say of legs, and what people do about it.

Rows are read on the cursor of who asks: what lies outside is not there. What is written was seen on it before.
"""

import asyncio
import datetime
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException, PermissionDeniedException
from litestar.params import FromPath, FromQuery, JSONBody

from cc_voice.quality.forms.errors import FormError, NotAllowed
from cc_voice.quality.forms.form_files import read_form
from cc_voice.quality.forms.workflow import EvaluationPerson
from cc_voice.query.evaluations import calibrations, coaching, desk, form_folder, picks, shown_evaluations, stored_legs
from cc_voice.query.evaluations.calibrations import CalibrationResult, CalibrationSession
from cc_voice.query.evaluations.coaching import CoachingDeed, CoachingDraft, CoachingItem
from cc_voice.query.evaluations.desk import GivenAnswer, OpenedFor, StepTaken
from cc_voice.query.evaluations.form_folder import FormConflict, FormPublication
from cc_voice.query.evaluations.picks import DrawnSample, SampleChoice
from cc_voice.query.evaluations.shown_evaluations import EvaluationHead, ShownEvaluation
from cc_voice.store.database import Connection
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.api import tables
from cc_voice.web.api.parameters import PageLimit
from cc_voice.web.api.tables import TABLE, TableForm, answer_of
from cc_voice.web.appliance import Appliance

EVALUATION_BYTES = 4 * 64_000
"""Of a body with the text of a form, or with answers."""
ONE = {"statuses": (404,)}
CHANGED = {"statuses": (404, 409)}
T = TypeVar("T")


class ListedForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form in force, and the SHA-256 of its working copy; null where it is the one that ships."""

    id: str
    version: int
    title: str
    state: str
    queues: tuple[str, ...]
    questions: int
    seen: str | None


class FormText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text of a form file, and the SHA-256 of the working copy that it replaces; null where there was none."""

    text: Annotated[str, msgspec.Meta(max_length=60_000)]
    seen: str | None = None
    note: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class FormPublished(msgspec.Struct, frozen=True, kw_only=True):
    """The version that calls are evaluated with from now on."""

    id: str
    version: int
    state: str


class EvaluationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which leg is evaluated, with which form, and in which calibration."""

    leg_id: Annotated[str, msgspec.Meta(max_length=100)]
    form: Annotated[str, msgspec.Meta(max_length=60)] = "service-call"
    calibration_session_id: Annotated[str, msgspec.Meta(max_length=60)] | None = None


class AnswersGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers to questions of a draft."""

    answers: Annotated[list[GivenAnswer], msgspec.Meta(min_length=1, max_length=100)]


class CalibrationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which leg is calibrated, and whose answers are the reference."""

    leg_id: Annotated[str, msgspec.Meta(max_length=100)]
    form: Annotated[str, msgspec.Meta(max_length=60)] = "service-call"
    expert: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class PickRejected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a leg that was drawn is not evaluated."""

    leg_id: Annotated[str, msgspec.Meta(max_length=100)]
    reason: Annotated[str, msgspec.Meta(max_length=2_000)]


class CoachingStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done with a coaching item."""

    deed: CoachingDeed


def _person(request: VisitorRequest) -> EvaluationPerson:
    visitor = signed_in(request)
    return EvaluationPerson(
        id=visitor.account,
        name=visitor.display_name or visitor.account,
        user_id=visitor.scope.user_id,
        rights=frozenset(visitor.rights),
    )


async def _done(appliance: Appliance, work: Callable[[Connection], T]) -> T:
    """Do what is written, in one transaction. Raises ClientException 400 and 403 for what a person can mend."""
    try:
        return await appliance.database.write(work)
    except NotAllowed as error:
        raise PermissionDeniedException(str(error)) from error
    except FormError as error:
        raise ClientException(str(error)) from error


async def _seen(request: VisitorRequest, appliance: Appliance, evaluation_id: str) -> EvaluationHead:
    """Return an evaluation that one may see. Raises NotFoundException."""
    person = _person(request)

    def work(con: Connection) -> EvaluationHead | None:
        one = shown_evaluations.head(con, evaluation_id)
        return None if one is None or shown_evaluations.is_hidden(con, one, person) else one

    found = await appliance.read(request.user, work)
    if found is None:
        raise NotFoundException(f"there is no evaluation {evaluation_id!r}")
    return found


async def _leg_seen(request: VisitorRequest, appliance: Appliance, leg_id: str) -> None:
    if await appliance.read(request.user, lambda con: stored_legs.leg_place(con, leg_id)) is None:
        raise NotFoundException(f"there is no leg {leg_id!r}")


# -- forms -----------------------------------------------------------------------------------------------------------


@get("/forms", summary="List forms")
async def list_forms(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[ListedForm]:
    """List the forms in force."""
    appliance.note_down(request, "list", "forms")
    forms = await appliance.database.read(form_folder.published)
    files, _ = await asyncio.to_thread(form_folder.all_files, appliance.settings.data_dir)
    return [
        ListedForm(
            id=form.id,
            version=form.version,
            title=form.title,
            state=form.state,
            queues=form.queues,
            questions=len(form.questions),
            seen=form_folder.digest(files[form.id].text) if form.id in files and files[form.id].origin != "shipped" else None,
        )
        for form in forms
    ]


@post(
    "/forms/{form_id:str}/publish",
    summary="Publish a form",
    status_code=200,
    request_max_body_size=EVALUATION_BYTES,
    opt=CHANGED,
)
async def publish_form(
    request: VisitorRequest, appliance: NamedDependency[Appliance], form_id: FromPath[str], data: JSONBody[FormText]
) -> FormPublished:
    """Write a form's file and put it in force; 409 where the working copy is not the one that was seen."""
    visitor = signed_in(request)
    try:
        named = read_form(data.text, f"{form_id}.toml").id
    except FormError as error:
        raise ClientException(str(error)) from error
    if named != form_id:
        raise ClientException(f"this is the form `{named}`, not `{form_id}`")
    await appliance.write_down(request, "change", f"form {form_id} published", detail=data.text)
    seen = data.seen or form_folder.digest("")
    change = FormPublication(text=data.text, actor=visitor.account, note=data.note, seen=seen)
    try:
        made = await asyncio.to_thread(form_folder.publish, appliance.database, appliance.settings, change)
    except FormConflict as error:
        raise ClientException(str(error), status_code=409) from error
    except FormError as error:
        raise ClientException(str(error)) from error
    return msgspec.convert(made, FormPublished)


# -- evaluations -----------------------------------------------------------------------------------------------------


@get("/evaluations", summary="List evaluations", opt=TABLE, responses=answer_of(list[EvaluationHead]))
async def list_evaluations(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    limit: PageLimit = 100,
    since: FromQuery[datetime.date | None] = None,
    until: FromQuery[datetime.date | None] = None,
    form: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
    format: FromQuery[TableForm | None] = None,
) -> Response[Any]:
    """List evaluations that one may see, the newest first; days are those of the legs."""
    as_form, person = tables.chosen_form(request, format), _person(request)
    if as_form == "json":
        appliance.note_down(request, "list", "evaluations", detail=str(request.url.query))
    else:
        await tables.write_down(request, appliance, as_form, "evaluations")
    where = """
        (?::text is null or e.form_id = ?) and (?::text is null or e.state = ?)
        and e.date_key between coalesce(strftime(?::date, '%Y%m%d')::integer, 0)
        and coalesce(strftime(?::date, '%Y%m%d')::integer, 99999999)
    """

    def work(con: Connection) -> list[EvaluationHead]:
        found = shown_evaluations.heads(con, where, [form, form, status, status, since, until])
        return [one for one in found if not shown_evaluations.is_hidden(con, one, person)][:limit]

    found = await appliance.read(request.user, work)
    if as_form != "json":
        return await tables.file_response(tables.frame_of(EvaluationHead, found), as_form, "evaluations")
    return Response(found)


@post("/evaluations", summary="Open an evaluation", opt=ONE)
async def open_evaluation(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[EvaluationRequest]
) -> ShownEvaluation:
    """Open a draft of one's own with the automatic answers filled in, or return the one there is."""
    person, settings = _person(request), appliance.settings
    await _leg_seen(request, appliance, data.leg_id)
    await appliance.write_down(request, "change", f"evaluation of leg {data.leg_id} opened")

    def work(con: Connection) -> ShownEvaluation:
        now_ms = round(appliance.now() * 1000)
        if data.calibration_session_id is not None:
            known = calibrations.sessions(
                con, "calibration_session_id = ? and leg_id = ?", (data.calibration_session_id, data.leg_id)
            )
            if not known:
                raise FormError(f"there is no calibration {data.calibration_session_id!r} of leg {data.leg_id}")
            return shown_evaluations.show(con, calibrations.join(con, settings, data.calibration_session_id, person, now_ms))
        why = OpenedFor(form_id=data.form, is_sampled=picks.is_sampled(con, data.leg_id, data.form))
        return shown_evaluations.show(con, desk.open_(con, settings, data.leg_id, why, person, now_ms))

    return await _done(appliance, work)


@get("/evaluations/{evaluation_id:str}", summary="Return an evaluation", opt=ONE)
async def show_evaluation(
    request: VisitorRequest, appliance: NamedDependency[Appliance], evaluation_id: FromPath[str]
) -> ShownEvaluation:
    """Return an evaluation with its answers, their evidence, sections, score and steps."""
    one = await _seen(request, appliance, evaluation_id)
    appliance.note_down(request, "view", f"evaluation {evaluation_id}", call_id=one.call_id)
    return await appliance.read(request.user, lambda con: shown_evaluations.show(con, one))


@put("/evaluations/{evaluation_id:str}/answers", summary="Answer questions", request_max_body_size=EVALUATION_BYTES, opt=ONE)
async def answer_questions(
    request: VisitorRequest, appliance: NamedDependency[Appliance], evaluation_id: FromPath[str], data: JSONBody[AnswersGiven]
) -> ShownEvaluation:
    """Answer questions of one's draft; an automatic answer is changed with a reason."""
    person = _person(request)
    one = await _seen(request, appliance, evaluation_id)
    await _written_down(request, appliance, one, "answered", data)

    def work(con: Connection) -> ShownEvaluation:
        now = shown_evaluations.head(con, evaluation_id) or one
        return shown_evaluations.show(con, desk.answer(con, now, data.answers, person, round(appliance.now() * 1000)))

    return await _done(appliance, work)


@post(
    "/evaluations/{evaluation_id:str}/steps",
    summary="Move an evaluation on",
    status_code=200,
    request_max_body_size=EVALUATION_BYTES,
    opt=ONE,
)
async def move_evaluation(
    request: VisitorRequest, appliance: NamedDependency[Appliance], evaluation_id: FromPath[str], data: JSONBody[StepTaken]
) -> ShownEvaluation:
    """Submit, acknowledge, dispute, uphold, change, appeal or decide, as the state and one's role allow."""
    person = _person(request)
    one = await _seen(request, appliance, evaluation_id)
    await _written_down(request, appliance, one, data.deed, data)

    def work(con: Connection) -> ShownEvaluation:
        now = shown_evaluations.head(con, evaluation_id) or one
        return shown_evaluations.show(con, desk.move(con, now, data, person, round(appliance.now() * 1000)))

    return await _done(appliance, work)


async def _written_down(request: VisitorRequest, appliance: Appliance, one: EvaluationHead, what: str, data: Any) -> None:
    detail = msgspec.json.encode(data).decode()
    await appliance.write_down(request, "change", f"evaluation {one.evaluation_id}: {what}", call_id=one.call_id, detail=detail)


# -- samples, calibrations, coaching ---------------------------------------------------------------------------------


@post("/samples", summary="Draw a sample of legs")
async def draw_sample(request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[SampleChoice]) -> DrawnSample:
    """Draw legs that nobody evaluated yet, of those one may see, by seed; the same again returns the same."""
    person = _person(request)
    await appliance.write_down(request, "change", "sample drawn", detail=msgspec.json.encode(data).decode())
    legs = await appliance.read(request.user, lambda con: picks.eligible(con, data))
    return await _done(
        appliance, lambda con: picks.sample(con, appliance.settings, data, person, round(appliance.now() * 1000), legs)
    )


@post("/samples/{sample_id:str}/rejections", summary="Reject a pick", status_code=200, opt=ONE)
async def reject_pick(
    request: VisitorRequest, appliance: NamedDependency[Appliance], sample_id: FromPath[str], data: JSONBody[PickRejected]
) -> DrawnSample:
    """Reject a leg that was drawn, and draw the next of its stratum."""
    person = _person(request)
    await _leg_seen(request, appliance, data.leg_id)
    await appliance.write_down(request, "change", f"sample {sample_id}: {data.leg_id} rejected", detail=data.reason)
    now_ms = round(appliance.now() * 1000)
    return await _done(appliance, lambda con: picks.reject(con, sample_id, data.leg_id, data.reason, person, now_ms))


@get("/calibrations", summary="Return how far evaluators agree")
async def show_calibrations(
    request: VisitorRequest, appliance: NamedDependency[Appliance], form: FromQuery[str] = "service-call"
) -> CalibrationResult:
    """Return raw agreement and Gwet's AC1 of each question of a form, over calibrations of legs that one may see."""
    person = _person(request)
    appliance.note_down(request, "list", "calibrations")
    try:
        return await appliance.read(request.user, lambda con: calibrations.result(con, form, None, person))
    except FormError as error:
        raise ClientException(str(error)) from error


@post("/calibrations", summary="Begin a calibration", opt=ONE)
async def begin_calibration(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[CalibrationRequest]
) -> CalibrationSession:
    """Begin a calibration of a leg; evaluators open their evaluation with its id."""
    person = _person(request)
    await _leg_seen(request, appliance, data.leg_id)
    await appliance.write_down(request, "change", f"calibration of leg {data.leg_id}")
    now_ms = round(appliance.now() * 1000)
    return await _done(
        appliance, lambda con: calibrations.begin(con, appliance.settings, data.leg_id, data.form, data.expert, person, now_ms)
    )


@get("/coaching", summary="List coaching items")
async def list_coaching(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[CoachingItem]:
    """List coaching items of legs that one may see, what is due first."""
    appliance.note_down(request, "list", "coaching items")
    return await appliance.read(request.user, coaching.items)


@post("/coaching", summary="Make a coaching item", opt=ONE)
async def make_coaching(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[CoachingDraft]
) -> CoachingItem:
    """Make a coaching item about a leg, a stretch of it, or a question."""
    person = _person(request)
    await _leg_seen(request, appliance, data.leg_id)
    await appliance.write_down(request, "change", f"coaching item for leg {data.leg_id}", detail=data.note)
    return await _done(appliance, lambda con: coaching.add(con, data, person, round(appliance.now() * 1000)))


@post("/coaching/{coaching_id:str}/steps", summary="Move a coaching item on", status_code=200, opt=ONE)
async def move_coaching(
    request: VisitorRequest, appliance: NamedDependency[Appliance], coaching_id: FromPath[str], data: JSONBody[CoachingStep]
) -> CoachingItem:
    """Acknowledge a coaching item, or say that it is done."""
    person = _person(request)
    found = await appliance.read(request.user, lambda con: coaching.items(con, "coaching_id = ?", (coaching_id,)))
    if not found:
        raise NotFoundException(f"there is no coaching item {coaching_id!r}")
    await appliance.write_down(request, "change", f"coaching item {coaching_id}: {data.deed}", call_id=found[0].call_id)
    return await _done(appliance, lambda con: coaching.move(con, found[0], data.deed, person, round(appliance.now() * 1000)))
