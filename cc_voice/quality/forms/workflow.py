"""Workflow of an evaluation: who moves it on, from which state to which.

    auto, needs_review ─open→ draft ─submit→ submitted ─acknowledge, or time-out→ acknowledged
    submitted ─dispute→ disputed ─uphold→ upheld ─appeal→ appealed ─decide→ final
    disputed ─change→ changed                upheld ─acknowledge, or time-out→ acknowledged

Each step is a row that is added and never changed. `acknowledged`, `changed` and `final` count; the others may still change. An
evaluator never evaluates themselves; an agent answers for their own evaluations only. An appeal can be made once: its state is left
for `final` only.
"""

from typing import Literal

import msgspec

from cc_voice.quality.forms.errors import FormError, NotAllowed

EvaluationState = Literal[
    "auto", "needs_review", "draft", "submitted", "acknowledged", "disputed", "upheld", "changed", "appealed", "final"
]
Deed = Literal["open", "submit", "acknowledge", "dispute", "uphold", "change", "appeal", "decide"]
COUNTED: tuple[EvaluationState, ...] = ("acknowledged", "changed", "final")
ACKNOWLEDGED_AFTER_DAYS = 5
LEAST_TEXT = 10
"""Characters of a reason: enough to say why."""

OverrideReason = Literal["heard_otherwise", "context", "wrong_rule", "customer_asked", "does_not_apply", "other"]
OVERRIDE_REASONS: dict[OverrideReason, str] = {
    "heard_otherwise": "the recording says otherwise than the transcript",
    "context": "the rest of the call explains it",
    "wrong_rule": "the rule looks for the wrong thing",
    "customer_asked": "the customer asked for it",
    "does_not_apply": "the question does not apply to this call",
    "other": "something else, as the text says",
}


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """A step that may be made."""

    to: EvaluationState
    right: str
    """What whoever makes it must have."""
    by: Literal["anybody", "evaluator", "agent"] = "anybody"
    text: bool = False
    """It says why."""


TRANSITIONS: dict[tuple[EvaluationState, Deed], Transition] = {
    ("auto", "open"): Transition(to="draft", right="evaluate"),
    ("needs_review", "open"): Transition(to="draft", right="evaluate"),
    ("draft", "submit"): Transition(to="submitted", right="evaluate", by="evaluator"),
    ("submitted", "acknowledge"): Transition(to="acknowledged", right="acknowledge", by="agent"),
    ("submitted", "dispute"): Transition(to="disputed", right="acknowledge", by="agent", text=True),
    ("disputed", "uphold"): Transition(to="upheld", right="coach", text=True),
    ("disputed", "change"): Transition(to="changed", right="coach", text=True),
    ("upheld", "acknowledge"): Transition(to="acknowledged", right="acknowledge", by="agent"),
    ("upheld", "appeal"): Transition(to="appealed", right="acknowledge", by="agent", text=True),
    ("appealed", "decide"): Transition(to="final", right="appeals", text=True),
}


class EvaluationPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Who does something: an account, or whoever can open the data folder."""

    id: str
    name: str
    user_id: str | None = None
    """Zoom's id, where the account is an agent's."""
    rights: frozenset[str] = frozenset()
    is_owner: bool = False
    """Of the data folder: does for the site whatever a role may, and stands for nobody's agent."""

    def may(self, right: str) -> bool:
        return self.is_owner or right in self.rights


def step(
    state: EvaluationState, deed: Deed, person: EvaluationPerson, *, evaluator: str | None, agent: str | None, text: str
) -> Transition:
    """Return the step of a deed. `agent` is Zoom's id of who handled the leg. Raises FormError, NotAllowed."""
    found = TRANSITIONS.get((state, deed))
    if found is None:
        possible = [each for at, each in TRANSITIONS if at == state]
        told = f"it can be: {', '.join(possible)}" if possible else "nothing moves it on"
        raise FormError(f"an evaluation that is {state} has no {deed}; {told}")
    if not person.may(found.right):
        raise NotAllowed(f"to {deed} needs the right `{found.right}`")
    is_own = agent is not None and person.user_id == agent
    if found.by == "agent" and not is_own and not person.is_owner:
        raise NotAllowed(f"only the agent of the call may {deed}")
    if found.by == "evaluator" and person.id != evaluator and not person.is_owner:
        raise NotAllowed(f"only {evaluator}, who opened it, may {deed} it")
    if found.by != "agent" and is_own:
        raise NotAllowed("nobody evaluates, or decides about, themselves")
    if found.text and len(text.strip()) < LEAST_TEXT:
        raise FormError(f"to {deed}, say why: {LEAST_TEXT} characters at least")
    return found


def check_override(reason: str | None, text: str) -> None:
    """Check why an automatic answer was changed. Raises FormError."""
    if reason not in OVERRIDE_REASONS:
        raise FormError(f"an automatic answer is changed with a reason: one of {', '.join(OVERRIDE_REASONS)}")
    if len(text.strip()) < LEAST_TEXT:
        raise FormError(f"an automatic answer is changed with a text of {LEAST_TEXT} characters at least")
