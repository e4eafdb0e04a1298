"""Coaching items: what an agent is shown of their calls, until when, and whether it was done."""

import datetime
import hashlib
from typing import Any, Literal

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.quality.forms.errors import FormError, NotAllowed
from cc_voice.quality.forms.workflow import EvaluationPerson
from cc_voice.query.evaluations.stored_legs import leg_place
from cc_voice.store.database import Connection

CLIP_MARGIN_MS = 2_000
CoachingDeed = Literal["acknowledge", "done"]


class CoachingDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A coaching item as it is made: about a stretch of a leg, a question of a form, or the whole leg."""

    leg_id: str
    note: str
    start_ms: int | None = None
    end_ms: int | None = None
    form: str | None = None
    question: str | None = None
    due_date: datetime.date | None = None
    metric: str | None = None
    """What should move: the report `before-after` opens with its date."""


class CoachingItem(msgspec.Struct, frozen=True, kw_only=True):
    """A coaching item. Its clip is the stretch with two seconds on either side."""

    coaching_id: str
    agent_id: str
    call_id: str
    leg_id: str | None
    start_ms: int
    end_ms: int
    form_id: str | None
    question_id: str | None
    note: str
    metric: str | None
    author: str
    due_date: datetime.date | None
    state: str
    created_ts: datetime.datetime
    acknowledged_ts: datetime.datetime | None
    done_ts: datetime.datetime | None

    @property
    def clip_ms(self) -> tuple[int, int]:
        return max(0, self.start_ms - CLIP_MARGIN_MS), self.end_ms + CLIP_MARGIN_MS


def items(con: Connection, where: str = "true", values: tuple[Any, ...] = ()) -> list[CoachingItem]:
    """Return coaching items, what is due first."""
    names = ", ".join(CoachingItem.__struct_fields__)
    rows = con.execute(
        f"select {names} from coaching_item where {where} order by due_date nulls last, created_ts, coaching_id", list(values)
    ).fetchall()
    return [CoachingItem(**dict(zip(CoachingItem.__struct_fields__, row, strict=True))) for row in rows]


def add(con: Connection, draft: CoachingDraft, person: EvaluationPerson, now_ms: int) -> CoachingItem:
    """Make a coaching item. Raises FormError, NotAllowed."""
    if not person.may("coach"):
        raise NotAllowed("to coach needs the right `coach`")
    leg = leg_place(con, draft.leg_id)
    if leg is None or leg.agent_id is None:
        raise FormError(f"there is no leg {draft.leg_id!r} of a known agent")
    if leg.agent_id == person.user_id:
        raise NotAllowed("nobody coaches themselves")
    if not draft.note.strip():
        raise FormError("a coaching item has a note")
    if draft.metric is not None and draft.metric not in METRICS:
        raise FormError(f"there is no metric {draft.metric!r}; analytics/README.md lists them")
    start, end = draft.start_ms, draft.end_ms
    start, end = leg.start_ms if start is None else start, leg.end_ms if end is None else end
    if not leg.start_ms <= start < end <= leg.end_ms:
        raise FormError(f"{start} to {end} ms is no stretch of leg {draft.leg_id}, {leg.start_ms} to {leg.end_ms}")
    key = hashlib.sha256(f"{draft.leg_id}\x1f{draft.note}\x1f{person.id}\x1f{now_ms}".encode()).hexdigest()[:16]
    con.execute(
        """
        insert into coaching_item
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', make_timestamptz(?::bigint * 1000), null, null)
        """,
        [
            *(key, leg.agent_id, leg.call_id, leg.leg_id, start, end, draft.form, draft.question, draft.note, draft.metric),
            *(person.id, draft.due_date, now_ms),
        ],
    )
    return items(con, "coaching_id = ?", (key,))[0]


def move(con: Connection, one: CoachingItem, deed: CoachingDeed, person: EvaluationPerson, now_ms: int) -> CoachingItem:
    """Move a coaching item on: its agent acknowledges it, then it is done. Raises FormError, NotAllowed."""
    before, after = {"acknowledge": ("open", "acknowledged"), "done": ("acknowledged", "done")}[deed]
    if one.state != before:
        raise FormError(f"a coaching item that is {one.state} is not moved on by {deed}")
    is_agent = person.user_id == one.agent_id
    if not person.is_owner and not is_agent and not (deed == "done" and person.may("coach")):
        raise NotAllowed("its agent acknowledges a coaching item; its agent or a coach says that it is done")
    con.execute(
        f"update coaching_item set state = ?, {after}_ts = make_timestamptz(?::bigint * 1000) where coaching_id = ?",
        [after, now_ms, one.coaching_id],
    )
    return items(con, "coaching_id = ?", (one.coaching_id,))[0]
