"""Operations of forms and evaluations on the store: what commands ask of whoever holds it, by name. Whoever runs a command can open
the data folder, and does what any role may; the rows name them."""

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.quality.forms.errors import FormError
from cc_voice.quality.forms.workflow import EvaluationPerson
from cc_voice.query.evaluations import calibrations, coaching, desk, form_folder, picks, shown_evaluations
from cc_voice.query.evaluations.form_folder import FormPublication
from cc_voice.query.service_client import QuestionError
from cc_voice.store.database import Connection, Database

_Question = Callable[[Database, Settings, Mapping[str, Any]], Any]


def _told(work: _Question) -> _Question:
    """Tell what a person can mend as an answer, not as a fault of the program."""

    @wraps(work)
    def answered(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
        try:
            return msgspec.to_builtins(work(database, settings, arguments))
        except (FormError, msgspec.ValidationError, OSError) as error:
            raise QuestionError(str(error)) from error

    return answered


def now_ms() -> int:
    """Return what time it is, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def _person(arguments: Mapping[str, Any]) -> EvaluationPerson:
    return EvaluationPerson(id=arguments["by"], name=arguments["by"], is_owner=True)


@_told
def _versions(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    def work(con: Connection) -> list[dict[str, Any]]:
        return [
            {"id": form.id, "version": form.version, "title": form.title, "state": form.state}
            for form in form_folder.published(con)
        ]

    return database.read_now(work)


@_told
def _publish(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    change = FormPublication(
        text=arguments["text"], actor=arguments["by"], note=arguments.get("note") or "", seen=arguments.get("seen")
    )
    return form_folder.publish(database, settings, change)


def target(con: Connection, text: str, leg_no: int | None) -> str:
    """Return the leg that a person names: its id, or a call and the number of a leg. Raises FormError."""
    rows = con.execute(
        "select leg_id, leg_no from fact_leg where leg_id = ? or call_id = ? order by leg_no", [text, text]
    ).fetchall()
    found = [leg_id for leg_id, number in rows if leg_no in (None, number)]
    if not found:
        raise FormError(f"there is no leg {text!r}; name an evaluation, a leg, or a call (`cc-voice calls list`)")
    if len(found) > 1:
        raise FormError(f"call {text} has {len(found)} legs; name one with --leg: {', '.join(str(number) for _, number in rows)}")
    return str(found[0])


@_told
def _show(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    def work(con: Connection) -> Any:
        one = shown_evaluations.head(con, arguments["target"])
        if one is None:
            leg_id = target(con, arguments["target"], arguments.get("leg"))
            one = desk.automatic_of(con, settings, leg_id, arguments["form"])
        others = shown_evaluations.heads(con, "e.leg_id = ? and e.evaluation_id <> ?", [one.leg_id, one.evaluation_id])
        return {"shown": shown_evaluations.show(con, one), "others": others}

    return database.write_now(work)


def _draft(
    con: Connection, settings: Settings, arguments: Mapping[str, Any], person: EvaluationPerson
) -> shown_evaluations.EvaluationHead:
    """Return the evaluation that is named, or this person's own of the leg that is named, opened now where there is none."""
    one = shown_evaluations.head(con, arguments["target"])
    if one is not None and one.evaluation_source == "human":
        return one
    leg_id = one.leg_id if one and one.leg_id else target(con, arguments["target"], arguments.get("leg"))
    form = one.form_id if one else arguments["form"]
    why = desk.OpenedFor(form_id=form, is_sampled=picks.is_sampled(con, leg_id, form))
    return desk.open_(con, settings, leg_id, why, person, now_ms())


@_told
def _answer(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    person = _person(arguments)
    given = msgspec.convert(arguments["answers"], list[desk.GivenAnswer])

    def work(con: Connection) -> shown_evaluations.ShownEvaluation:
        one = _draft(con, settings, arguments, person)
        return shown_evaluations.show(con, desk.answer(con, one, given, person, now_ms()))

    return database.write_now(work)


@_told
def _step(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    person = _person(arguments)
    taken = msgspec.convert(arguments["step"], desk.StepTaken)

    def work(con: Connection) -> shown_evaluations.ShownEvaluation:
        one = shown_evaluations.head(con, arguments["target"])
        if one is None or one.evaluation_source != "human":
            one = _draft(con, settings, arguments, person)
        return shown_evaluations.show(con, desk.move(con, one, taken, person, now_ms()))

    return database.write_now(work)


@_told
def _sample(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    choice = msgspec.convert(arguments["choice"], picks.SampleChoice)
    return database.write_now(lambda con: picks.sample(con, settings, choice, _person(arguments), now_ms()))


@_told
def _reject(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    person, sample_id, leg_id = _person(arguments), arguments["sample_id"], arguments["leg_id"]
    return database.write_now(lambda con: picks.reject(con, sample_id, leg_id, arguments["reason"], person, now_ms()))


@_told
def _calibrate(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    """Begin a calibration of a leg, join one, or tell what came of those of a form."""
    person = _person(arguments)

    def work(con: Connection) -> Any:
        if arguments.get("target"):
            leg_id = target(con, arguments["target"], arguments.get("leg"))
            return calibrations.begin(con, settings, leg_id, arguments["form"], arguments.get("expert"), person, now_ms())
        if arguments.get("session"):
            return calibrations.join(con, settings, arguments["session"], person, now_ms())
        return calibrations.result(con, arguments["form"], arguments.get("version"), person)

    return database.write_now(work)


@_told
def _coach(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    draft = msgspec.convert(arguments["item"], coaching.CoachingDraft)
    return database.write_now(lambda con: coaching.add(con, draft, _person(arguments), now_ms()))


@_told
def _time_out(database: Database, settings: Settings, arguments: Mapping[str, Any]) -> Any:
    return database.write_now(lambda con: desk.time_out(con, now_ms(), int(arguments["days"])))


EVALUATION_QUESTIONS: dict[str, _Question] = {
    "forms.versions": _versions,
    "forms.publish": _publish,
    "qa.show": _show,
    "qa.answer": _answer,
    "qa.step": _step,
    "qa.sample": _sample,
    "qa.reject": _reject,
    "qa.calibrate": _calibrate,
    "qa.coach": _coach,
    "qa.time_out": _time_out,
}
EVALUATION_DEEDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "forms.publish": ("change", ("text", "note")),
    "qa.show": ("view", ("target", "leg", "form")),
    "qa.answer": ("change", ("target", "leg", "form", "answers")),
    "qa.step": ("change", ("target", "leg", "form", "step")),
    "qa.sample": ("change", ("choice",)),
    "qa.reject": ("change", ("sample_id", "leg_id", "reason")),
    "qa.calibrate": ("change", ("target", "leg", "form", "session")),
    "qa.coach": ("change", ("item",)),
    "qa.time_out": ("change", ("days",)),
}
"""What the audit log has of each before it is answered."""
