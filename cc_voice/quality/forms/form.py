"""Forms as data: what a form file says, checked. `form_files.py` reads one, `clauses.py` and `answers.py` answer it of a leg."""

from fractions import Fraction
from typing import Literal

import msgspec

from cc_voice.quality.rules.rule import Anchor, Condition, Moment, RuleParty, RuleStatus

Review = Literal["always", "undetermined", "never"]
HumanAnswer = Literal["yes_no", "scale", "choice"]
SCALE_STEPS = 5
"""A person's scale goes from 1 (no points) to 5 (all of them)."""


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of a question. Its window and party replace those of the rule that it names."""

    condition: Condition
    absent: bool = False
    """Turned round: it holds where the condition does not."""
    party: RuleParty | None = None


class EachInstance(msgspec.Struct, frozen=True, kw_only=True):
    """Something asked of every instance of an interval or event; the share of instances of which it holds gives the points."""

    interval: str | None = None
    event: Moment | None = None
    subkind: str | None = None
    party: str | None = None
    min_ms: int = 0
    before: Anchor | None = None
    after: Anchor | None = None


class MetricScale(msgspec.Struct, frozen=True, kw_only=True):
    """Points by a number: those of the first step whose bound is not below it."""

    metric: str
    steps: tuple[tuple[float, int], ...]
    otherwise: int = msgspec.field(name="else", default=0)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question: answered by clauses, instances or a scale, or by a person alone."""

    id: str
    title: str
    weight: int
    guidance: str = ""
    met: tuple[Clause, ...] = ()
    any: bool = False
    each: EachInstance | None = None
    scale: MetricScale | None = None
    max_points: int = 1
    na: tuple[Clause, ...] = ()
    critical: Literal["zero"] | int | None = None
    """What a missed one makes of the score: nothing, or so many percent at most."""
    review: Review = "undetermined"
    human: HumanAnswer | None = None
    choices: dict[str, int] = {}
    """Answer → points, of a choice."""

    @property
    def kind(self) -> str:
        """What answers it."""
        return self.human or ("scale_of_metric" if self.scale else "each" if self.each else "clauses")

    @property
    def cap(self) -> int | None:
        return 0 if self.critical == "zero" else self.critical

    def share_of(self, answer: str) -> Fraction | None:
        """Return the share of points of a person's answer to a human question, None where there is no such answer."""
        match self.human:
            case "yes_no":
                found = {"yes": Fraction(1), "no": Fraction(0)}.get(answer)
            case "scale":
                steps = {str(step): Fraction(step - 1, SCALE_STEPS - 1) for step in range(1, SCALE_STEPS + 1)}
                found = steps.get(answer)
            case "choice":
                found = Fraction(self.choices[answer], self.max_points) if answer in self.choices else None
            case None:
                found = None
        return found

    @property
    def answers(self) -> tuple[str, ...]:
        """What a person may answer, beside that it is not applicable."""
        match self.human:
            case "yes_no":
                return ("yes", "no")
            case "scale":
                return tuple(str(step) for step in range(1, SCALE_STEPS + 1))
            case "choice":
                return tuple(self.choices)
            case None:
                return ("met", "missed", "partial") if self.scale or self.each else ("met", "missed")


class FormSection(msgspec.Struct, frozen=True, kw_only=True):
    """Questions under a title."""

    title: str
    questions: tuple[Question, ...]


class EvaluationForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form, as it was written."""

    id: str
    version: int
    title: str
    notes: str = ""
    queues: tuple[str, ...] = ()
    state: RuleStatus = "draft"
    sections: tuple[FormSection, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(question for section in self.sections for question in section.questions)

    def question(self, question_id: str) -> Question | None:
        return next((each for each in self.questions if each.id == question_id), None)

    @property
    def meaning(self) -> bytes:
        """What makes a new version when it changes: everything but title, notes and state of the form."""
        plain = msgspec.structs.replace(self, version=0, title="", notes="", state="live")
        return msgspec.json.encode(plain, order="deterministic")
