"""Evaluations in a store: from automatic answers to a person's, kept when a call is measured anew, gone when it is erased."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cc_voice.config.settings import Settings
from cc_voice.media import form_sets
from cc_voice.quality.forms.errors import FormError, NotAllowed
from cc_voice.quality.forms.evaluation_rows import with_evaluations
from cc_voice.quality.forms.workflow import EvaluationPerson
from cc_voice.query import reports
from cc_voice.query.evaluations import calibrations, coaching, desk, form_folder, picks, shown_evaluations
from cc_voice.query.evaluations.coaching import CoachingDraft
from cc_voice.query.evaluations.desk import GivenAnswer, OpenedFor, StepTaken
from cc_voice.query.evaluations.form_folder import FormConflict, FormPublication
from cc_voice.query.evaluations.picks import SampleChoice
from cc_voice.store import batches, evaluation_rows
from tests.stored_calls import Connection, call, leg, new_database, new_store, say, write

EVA = EvaluationPerson(id="eva", name="Eva", rights=frozenset({"evaluate", "coach"}))
ANA = EvaluationPerson(id="ana", name="Ana", user_id="ana", rights=frozenset({"acknowledge"}))
WHY = "the customer asked for time"
NOW = 1_800_000_000_000
DAY_MS = 86_400_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def con() -> Connection:
    con = new_store()
    store(con)
    return con


def store(con: Connection, call_id: str = "a", **columns: Any) -> None:
    fit = {"qa_eligible": True, "hold_count": 0, "longest_hold_ms": None, "interruptions_agent": 0, "greeting_latency_ms": 900}
    said = (
        say(call_id, "agent", 1_000, "thank you for calling my name is ana how can i help you today"),
        say(call_id, "customer", 5_000, "i want to know what my balance is please"),
        say(call_id, "agent", 20_000, "could you confirm your date of birth and the address please"),
        say(call_id, "agent", 50_000, "is there anything else i can do for you have a nice day"),
    )
    made = call(call_id, leg(call_id, **(fit | columns)), said=said)
    write(con, with_evaluations(made, form_sets.evaluators(Path("none")), 0.6))


def answers(con: Connection, key: str) -> dict[str, str]:
    one = shown_evaluations.head(con, key)
    assert one is not None
    return {each.question: each.state for each in shown_evaluations.show(con, one).answers}


def opened(con: Connection, settings: Settings, person: EvaluationPerson = EVA) -> shown_evaluations.EvaluationHead:
    return desk.open_(con, settings, "a-1", OpenedFor(form_id="service-call"), person, NOW)


def submitted(con: Connection, settings: Settings) -> shown_evaluations.EvaluationHead:
    one = opened(con, settings)
    missing = [name for name, state in answers(con, one.evaluation_id).items() if state == "undetermined"]
    given = [GivenAnswer(question=name, answer="met") for name in missing]
    one = desk.answer(con, one, given, EVA, NOW) if given else one
    return desk.move(con, one, StepTaken(deed="submit"), EVA, NOW)


def test_the_automatic_answers_are_there_when_a_call_is_measured(con: Connection, settings: Settings) -> None:
    auto = desk.automatic_of(con, settings, "a-1", "service-call")
    found = answers(con, auto.evaluation_id)
    assert {name: found[name] for name in ("q1", "q2", "q3", "q4", "q5", "q7", "q10", "q11")} == {
        "q1": "met",
        "q2": "met",
        "q3": "missed",
        "q4": "met",
        "q5": "met",
        "q7": "not_applicable",
        "q10": "met",
        "q11": "met",
    }
    assert (auto.evaluation_source, auto.automatic_fail) == ("automatic", True)
    again = desk.automatic_of(con, settings, "a-1", "service-call")
    assert again.evaluation_id == auto.evaluation_id


def test_a_stored_leg_gets_the_same_answers_as_one_just_measured(con: Connection, settings: Settings) -> None:
    auto = desk.automatic_of(con, settings, "a-1", "service-call")
    before = shown_evaluations.show(con, auto)
    evaluation_rows.remove_evaluation(con, auto.evaluation_id)
    after = shown_evaluations.show(con, desk.automatic_of(con, settings, "a-1", "service-call"))
    assert after.answers == before.answers
    assert after.score == before.score


def test_a_person_changes_answers_with_a_reason_and_the_first_ones_are_kept(con: Connection, settings: Settings) -> None:
    one = opened(con, settings)
    assert (one.state, one.evaluation_source) == ("draft", "human")
    assert opened(con, settings).evaluation_id == one.evaluation_id
    with pytest.raises(FormError, match="with a reason"):
        desk.answer(con, one, [GivenAnswer(question="q3", answer="met")], EVA, NOW)
    for answer in ("yes", "2/1", "1/2", "nan", ""):
        with pytest.raises(FormError, match="question q3"):
            desk.answer(con, one, [GivenAnswer(question="q3", answer=answer, reason="context", text=WHY)], EVA, NOW)
    changed = desk.answer(con, one, [GivenAnswer(question="q3", answer="met", reason="heard_otherwise", text=WHY)], EVA, NOW)
    assert changed.score_pct is not None
    assert (changed.score_pct > (one.score_pct or 0), changed.automatic_fail) == (True, False)
    back = desk.answer(con, changed, [GivenAnswer(question="q3", answer="missed")], EVA, NOW)
    assert back.score_pct == one.score_pct
    rows = con.execute("select answer from evaluation_answer where evaluation_id = ?", [one.evaluation_id]).fetchall()
    assert rows == [("met",), ("missed",)]
    half = desk.answer(con, back, [GivenAnswer(question="q5", answer="1/2", reason="context", text=WHY)], EVA, NOW)
    assert answers(con, half.evaluation_id)["q5"] == "partial"
    with pytest.raises(NotAllowed, match="only eva"):
        desk.answer(con, back, [GivenAnswer(question="q3", answer="missed")], EvaluationPerson(id="ben", name="Ben"), NOW)


def test_an_evaluation_is_disputed_appealed_and_decided(con: Connection, settings: Settings) -> None:
    one = submitted(con, settings)
    one = desk.move(con, one, StepTaken(deed="dispute", question="q3", text="i said that at the start"), ANA, NOW)
    changed = GivenAnswer(question="q3", answer="met", reason="heard_otherwise", text=WHY)
    one = desk.move(con, one, StepTaken(deed="change", text="you are right about that", answers=(changed,)), EVA, NOW)
    assert (one.state, one.is_resubmitted, desk.counts(one)) == ("changed", True, True)
    assert [each.deed for each in shown_evaluations.steps(con, one.evaluation_id)] == ["open", "submit", "dispute", "change"]
    told = con.execute("select type, call_id, data from webhook_message where type like 'evaluation.%' order by all").fetchall()
    assert [kind for kind, *_ in told] == ["evaluation.disputed", "evaluation.submitted"]
    assert {call_id for _, call_id, _ in told} == {one.call_id}
    assert all(one.evaluation_id in data and '"score_pct"' in data for *_, data in told)
    with pytest.raises(FormError, match="nothing moves it on"):
        desk.move(con, one, StepTaken(deed="appeal", text="i do not agree with it"), ANA, NOW)


def test_a_draft_with_open_questions_is_not_submitted(con: Connection, settings: Settings) -> None:
    con.execute("update fact_evaluation_item set state = 'undetermined', auto_answer = 'undetermined'")
    one = opened(con, settings)
    with pytest.raises(FormError, match="not answered yet: q1, q2"):
        desk.move(con, one, StepTaken(deed="submit"), EVA, NOW)


def test_what_its_agent_leaves_alone_counts_as_acknowledged_and_is_marked_so(con: Connection, settings: Settings) -> None:
    one = submitted(con, settings)
    assert desk.time_out(con, NOW + 5 * DAY_MS, 5) == 0
    assert desk.time_out(con, NOW + 5 * DAY_MS + 1, 5) == 1
    assert desk.time_out(con, NOW + 9 * DAY_MS, 5) == 0
    found = shown_evaluations.head(con, one.evaluation_id)
    assert found is not None
    assert (found.state, found.is_timed_out) == ("acknowledged", True)


def test_an_agent_evaluates_not_themselves_and_sees_no_draft(con: Connection, settings: Settings) -> None:
    own = EvaluationPerson(id="x", name="X", user_id="ana", rights=frozenset({"evaluate", "coach"}))
    with pytest.raises(NotAllowed, match="themselves"):
        opened(con, settings, own)
    one = opened(con, settings)
    assert shown_evaluations.is_hidden(con, one, ANA)
    one = submitted(con, settings)
    assert not shown_evaluations.is_hidden(con, one, ANA)


def test_what_people_made_finds_its_leg_again_and_goes_with_the_call(con: Connection, settings: Settings) -> None:
    one = submitted(con, settings)
    item = coaching.add(con, CoachingDraft(leg_id="a-1", note="listen to the greeting", start_ms=0, end_ms=5_000), EVA, NOW)
    calibrations.begin(con, settings, "a-1", "service-call", None, EVA, NOW)
    write(con, call("a", leg("a", start_ms=0, end_ms=10_000), leg("a", 2, start_ms=10_000, end_ms=70_000)))
    moved = shown_evaluations.head(con, one.evaluation_id)
    assert moved is not None
    assert (moved.leg_id, moved.state, moved.score_pct) == ("a-2", "submitted", one.score_pct)
    assert coaching.items(con, "coaching_id = ?", (item.coaching_id,))[0].leg_id == "a-1"
    write(con, call("a", leg("a", start_ms=300_000, end_ms=360_000)))
    assert ("fact_evaluation", "a") in list(evaluation_rows.detached(con))
    store(con)
    batches.delete_call(con, "a")
    tables = ("fact_evaluation", "fact_evaluation_item", "evaluation_answer", "evaluation_event", "coaching_item")
    for table in (*tables, "calibration_session", "qa_pick"):
        assert con.execute(f"select count(*) from {table}").fetchall() == [(0,)], table


def test_a_sample_is_recorded_and_a_rejected_pick_is_followed_by_the_next(con: Connection, settings: Settings) -> None:
    for number in range(6):
        store(con, f"b{number}")
    store(con, "bad", qa_eligible=False)
    submitted(con, settings)
    choice = SampleChoice(per_agent=2, min_ms=0, seed="2026-W48", by=("queue", "language"))
    drawn = picks.sample(con, settings, choice, EVA, NOW)
    assert (drawn.population, [each.weight for each in drawn.picks]) == (6, [3.0, 3.0])
    assert picks.sample(con, settings, choice, EVA, NOW + 1).sample_id == drawn.sample_id
    store(con, "later")
    assert {each.leg_id for each in drawn.picks} & {"a-1", "bad-1"} == set()
    first = drawn.picks[0].leg_id
    with pytest.raises(FormError, match="reason"):
        picks.reject(con, drawn.sample_id, first, "no", EVA, NOW)
    after = picks.reject(con, drawn.sample_id, first, "this was a wrong number", EVA, NOW)
    assert [each.state for each in after.picks] == ["rejected", "picked", "picked"]
    assert len({each.leg_id for each in after.picks}) == 3
    assert picks.is_sampled(con, after.picks[2].leg_id, "service-call")
    assert not picks.is_sampled(con, first, "service-call")


def test_who_calibrates_sees_others_only_after_submitting(con: Connection, settings: Settings) -> None:
    ben = EvaluationPerson(id="ben", name="Ben", rights=frozenset({"evaluate"}))
    session = calibrations.begin(con, settings, "a-1", "service-call", "eva", EVA, NOW).calibration_session_id
    mine, theirs = (calibrations.join(con, settings, session, person, NOW) for person in (EVA, ben))
    desk.answer(con, theirs, [GivenAnswer(question="q3", answer="met", reason="context", text=WHY)], ben, NOW)
    theirs = desk.move(con, theirs, StepTaken(deed="submit"), ben, NOW)
    assert shown_evaluations.is_hidden(con, theirs, EVA)
    assert calibrations.result(con, "service-call", None, EVA).sessions == 0
    desk.move(con, mine, StepTaken(deed="submit"), EVA, NOW)
    assert not shown_evaluations.is_hidden(con, theirs, EVA)
    found = calibrations.result(con, "service-call", None, EVA)
    assert found.questions[0].question == "q3"
    by_question = {each.question: each for each in found.questions}
    assert (by_question["q3"].evaluators.raw, by_question["q4"].evaluators.raw, by_question["q3"].expert.n) == (0, 1, 1)
    assert by_question["q3"].automatic.raw == 0.5
    with pytest.raises(FormError, match="counts for nobody"):
        desk.move(con, theirs, StepTaken(deed="dispute", text=WHY), ANA, NOW)


def test_a_form_is_published_once_in_a_version(tmp_path: Path) -> None:
    database, settings = new_database(tmp_path / "cc_voice.duckdb"), Settings(data_dir=tmp_path)
    text = form_sets.shipped_texts()["service-call"]
    publish = lambda text, seen=None: form_folder.publish(database, settings, FormPublication(text=text, actor="eva", seen=seen))  # noqa: E731
    try:
        with pytest.raises(FormError, match=r"version 1 is published and asks something else; write version = 2"):
            publish(text.replace("at_most = 10000", "at_most = 9000"))
        second = text.replace("version = 1", "version = 2").replace("at_most = 10000", "at_most = 9000")
        assert publish(second, form_folder.digest(""))["version"] == 2
        with pytest.raises(FormConflict, match="was changed since"):
            publish(second, form_folder.digest(""))
        with pytest.raises(FormError, match="the next one is 3, not 1"):
            publish(text)
        with pytest.raises(FormError, match="draft"):
            publish(second.replace('state = "live"', 'state = "draft"'))
        (ready,) = form_sets.evaluators(tmp_path)
        assert ready.form.version == 2
        assert (tmp_path / "forms" / "service-call.toml").read_text() == second
        (tmp_path / "forms" / "service-call.toml").write_text(second.replace("weight = 16", "weight = 17"))
        with pytest.raises(FormError, match="sum to 101"):
            form_folder.named(tmp_path, "service-call")
        assert publish(second.replace('title = "Service call"', 'title = "Service"'))["version"] == 2
    finally:
        database.close()


def test_views_leave_out_a_calibration_that_goes_on(con: Connection, settings: Settings) -> None:
    session = calibrations.begin(con, settings, "a-1", "service-call", None, EVA, NOW).calibration_session_id
    one = calibrations.join(con, settings, session, EVA, NOW)
    for view, of_form in (("v_evaluation", 1), ("v_evaluation_item", 12)):
        text = reports.view_text(view)
        assert con.execute(f"select count(*) from ({text})").fetchall() == [(of_form,)]
        con.execute("update fact_evaluation set state = 'submitted' where evaluation_type = 'calibration'")
        assert con.execute(f"select count(*) from ({text})").fetchall() == [(2 * of_form,)]
        con.execute("update fact_evaluation set state = 'draft' where evaluation_type = 'calibration'")
    shown = msgspec.json.encode(shown_evaluations.show(con, one))
    assert b"thank you for calling" not in shown  # words stay in the transcript
