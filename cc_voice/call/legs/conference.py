"""Conferences: when somebody else was in the call (metric dictionary 1.7).

Zoom tells who was invited and who left, and not who joined: somebody joins with the first audio of a channel that nobody had
before. An invitation that brings no audio was not followed, or is only listened to; it lasts no time either way.
"""

from collections.abc import Iterable

from cc_voice.call.analysis import Interval
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.intervals import Intervals, canonical
from cc_voice.call.legs.timeline import Timeline

DECLINED = frozenset(
    {
        EventName.CONFERENCE_CANCELED,
        EventName.CONFERENCE_PARTICIPANT_CANCELED,
        EventName.CONFERENCE_PARTICIPANT_REJECTED,
        EventName.CONFERENCE_PARTICIPANT_TIMEOUT,
    }
)
EARLY_MS = 500
"""Audio may arrive before the event that announces it."""


def invitations(events: Iterable[CallEvent]) -> int:
    """Return how many were invited and did not decline."""
    names = [event.name for event in events]
    declined = sum(name in DECLINED for name in names)
    return max(0, names.count(EventName.CONFERENCE_PARTICIPANT_INVITED) - declined)


def conferences(timeline: Timeline, parties: Iterable[str]) -> Intervals:
    """Return when others were in the call; `parties` are the channels of the customer and of agents in their own legs."""
    book = _Book(timeline, frozenset(parties))
    for event in timeline.events:
        person = event.participants[0] if event.participants else Participant()
        if event.name == EventName.CONFERENCE_PARTICIPANT_INVITED:
            book.invited(event.at_ms, person)
        elif event.name == EventName.CONFERENCE_PARTICIPANT_LEFT:
            book.left(event.at_ms, person)
    return book.finish()


class _Book:
    """Reads events in order. A channel that joined is open until somebody leaves."""

    def __init__(self, timeline: Timeline, parties: frozenset[str]) -> None:
        first = {one.channel_id: one.first_packet_ms for one in timeline.channels if one.first_packet_ms is not None}
        self._first = {name: at for name, at in first.items() if name not in parties}
        self._end_ms = timeline.duration_ms
        self._open: dict[str, int] = {}
        self._spans: list[Interval] = []

    def invited(self, at_ms: int, person: Participant) -> None:
        free = {name: at for name, at in self._first.items() if at >= at_ms - EARLY_MS}
        named = person.channel_id if person.channel_id in free else None
        name = named or min(free, key=lambda one: (free[one], one), default=None)
        if name is not None:
            self._open[name] = max(at_ms, self._first.pop(name))

    def left(self, at_ms: int, person: Participant) -> None:
        there = [name for name, since in self._open.items() if since <= at_ms]
        name = person.channel_id if person.channel_id in there else next(iter(there), None)
        if name is not None:
            self._spans.append((self._open.pop(name), min(at_ms, self._end_ms)))

    def finish(self) -> Intervals:
        return canonical([*self._spans, *((since, self._end_ms) for since in self._open.values())])
