"""Legs: who had the call when, roles and hold, read from events (contact center), a rule (meetings) or options (imports).

The theory, for a contact-center call. Any number of legs is open at a time; each belongs to one agent.

    event                      opens                    closes                               hold
    user_answered              that agent's leg         –                                    –
    user_hold / user_unhold    –                        –                                    opens / closes that agent's
    user_end                   –                        that agent's leg                     closes that agent's
    transfer_initiated         – (remembers who gives the call away)
    transfer_canceled/…        – (forgets it)
    transfer_completed         –                        the giver's leg, if still open       closes all
    takeover_started           the supervisor's leg     every open leg                       closes all
    end of the last stream     –                        every open leg                       closes all

Zoom's order in a transfer is initiated, hold, accepted, new agent answered, completed, old agent ended: the new leg begins while
the customer is still on hold, so a consultation between agents is in nobody's analysed time. Hold of several agents is a union:
what counts is that the customer cannot be heard. An unhold by an agent who holds nothing (the new one, after a transfer that lost
its "completed") closes every hold. "Transfer completed" names the giver; where "initiated" was lost, that name decides, also after
the giver's "user end", so that the new agent's leg stays open.

Events may be lost, repeated or about people who were never announced; nothing here raises for that. Holding and leaving prove an
agent as well as answering does (rtms/README.md 5.5), but not since when: a call whose every answer was lost is one leg, from the
first packet, without what counts from the answer.
"""

from collections.abc import Callable

import msgspec

from cc_voice.call.analysis import ChannelAnalysis, Interval
from cc_voice.call.events import EventName, Participant
from cc_voice.call.intervals import Intervals, canonical, intersect, union
from cc_voice.call.legs import meeting_roles
from cc_voice.call.legs.conference import conferences, invitations
from cc_voice.call.legs.meeting_roles import FIRST_TO_JOIN, AgentRule
from cc_voice.call.legs.timeline import Timeline

MEETING_LIKE = frozenset({"meeting", "webinar", "video_sdk"})
PHONE = "phone"
"""No event of a phone call says who is who; without a rule of the site its two channels belong to nobody."""


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's part of the call. `start_ms` is negative when the agent answered before media flowed."""

    number: int
    start_ms: int
    end_ms: int
    channel_id: str | None = None
    """The agent's audio; None when it is not known which channel that is."""
    user_id: str | None = None
    name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    answered: bool = False
    """An answer was announced at `start_ms`; False for imports, meetings and calls that no agent took."""
    ended: str = "stream_end"
    """user_end, transfer, takeover or stream_end."""

    @property
    def span(self) -> Interval:
        """The leg as an interval."""
        return (self.start_ms, self.end_ms)


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """How the call was handled."""

    legs: tuple[Leg, ...]
    roles: dict[str, str]
    """channel_id → agent, customer, supervisor, ivr or other."""
    holds: Intervals = ()
    monitored: Intervals = ()
    by_events: bool = False
    """The platform announces answering and hold; without it hold is unknown (imports) or does not exist (meetings)."""
    ended_by: str | None = None
    transfer_count: int = 0
    conference_count: int = 0
    conferences: Intervals = ()
    """When somebody else was in the call, a supervisor who barged in among them."""
    consumer_answered_ms: int | None = None
    """When the customer's side of the call stood."""
    customer_key: str | None = None
    supervisors: frozenset[str] = frozenset()
    """Channels of people who monitored: outside a leg of their own, what they say is whispered and belongs to nobody."""


def handle(timeline: Timeline, agent_rule: AgentRule = FIRST_TO_JOIN) -> Handling:
    """Return legs, roles and hold of a call. `agent_rule` says who the agent of a meeting or phone call is (meeting_roles.py)."""
    answered = {EventName.USER_ANSWERED, EventName.TAKEOVER_STARTED}
    if any(event.name in answered for event in timeline.events):
        return _from_events(timeline)
    if timeline.product in MEETING_LIKE or (timeline.product == PHONE and agent_rule):
        return _from_joining(timeline, agent_rule)
    return _from_options(timeline)


def _from_options(timeline: Timeline) -> Handling:
    """Imports, and contact-center calls that no agent answered: parties as given, consumers as announced, one leg for all of it."""
    book = _read(timeline)
    book.finish(timeline.duration_ms)
    roles = {**book.roles, **_given_roles(timeline)}
    agents = [channel for channel in timeline.channels if roles.get(channel.channel_id) == "agent"]
    return Handling(
        legs=(_whole(timeline, agents[0] if agents else None),),
        roles=_complete(roles, timeline),
        holds=canonical(book.holds),
        by_events=timeline.product == "contact_center",
        ended_by="customer" if book.consumer_end_ms is not None else None,
        customer_key=_customer_key(timeline),
        supervisors=frozenset(book.supervisors) | {channel for channel, role in roles.items() if role == "supervisor"},
    )


def _from_joining(timeline: Timeline, rule: AgentRule) -> Handling:
    """Meetings: agents by rule, unless a channel's party names them; with an agent, everybody else is a customer; no hold."""
    given = _given_roles(timeline)
    agents = tuple(channel for channel, role in given.items() if role == "agent") or meeting_roles.agents(timeline, rule)
    rest = dict.fromkeys((channel.channel_id for channel in timeline.channels), "customer" if agents else "other")
    agent = agents[0] if agents else None
    found = next((channel for channel in timeline.channels if channel.channel_id == agent), None)
    leg = _whole(timeline, found)
    if found is None and agent is not None:
        leg = msgspec.structs.replace(leg, channel_id=agent, user_id=agent)
    return Handling(legs=(leg,), roles=rest | dict.fromkeys(agents, "agent") | given)


def _whole(timeline: Timeline, agent: ChannelAnalysis | None) -> Leg:
    return Leg(
        number=1,
        start_ms=0,
        end_ms=timeline.duration_ms,
        channel_id=agent.channel_id if agent else None,
        user_id=agent.user_id if agent else None,
        name=agent.name if agent else None,
    )


def _from_events(timeline: Timeline) -> Handling:
    book = _read(timeline)
    book.finish(timeline.duration_ms)
    roles = _complete({**book.roles, **_given_roles(timeline)}, timeline)
    legs = tuple(leg.frozen(number) for number, leg in enumerate(book.legs, start=1))
    return Handling(
        legs=legs,
        roles=roles,
        holds=canonical(book.holds),
        monitored=canonical(book.monitored),
        by_events=True,
        ended_by=_ended_by(legs, book.consumer_end_ms),
        transfer_count=sum(event.name == EventName.TRANSFER_COMPLETED for event in timeline.events),
        conference_count=invitations(timeline.events),
        conferences=union(
            conferences(timeline, (name for name, role in roles.items() if role in ("agent", "customer", "supervisor"))),
            intersect(canonical(book.barged(timeline.duration_ms)), canonical(book.monitored)),
        ),
        consumer_answered_ms=book.consumer_answered_ms,
        customer_key=_customer_key(timeline),
        supervisors=frozenset(book.supervisors) | {channel for channel, role in roles.items() if role == "supervisor"},
    )


def _ended_by(legs: tuple[Leg, ...], consumer_end_ms: int | None) -> str | None:
    """Hang-up side: first of consumer end and last agent's end (1.7); who leaves a transferred call hangs up nothing."""
    last = max(legs, key=lambda leg: (leg.end_ms, leg.number))
    if consumer_end_ms is not None and (last.ended != "user_end" or consumer_end_ms <= last.end_ms):
        return "customer"
    return "agent" if last.ended == "user_end" else None


def _customer_key(timeline: Timeline) -> str | None:
    keys = (person.customer_key for event in timeline.events for person in event.participants if person.customer_key)
    return next(keys, None)


def _given_roles(timeline: Timeline) -> dict[str, str]:
    return {channel.channel_id: channel.party for channel in timeline.channels if channel.party}


def _complete(roles: dict[str, str], timeline: Timeline) -> dict[str, str]:
    """Give every channel a role; one channel left over beside an agent, without an announced customer, is the customer."""
    unknown = [channel.channel_id for channel in timeline.channels if channel.channel_id not in roles]
    present = set(roles.values())
    by_elimination = "agent" in present and "customer" not in present and len(unknown) == 1
    return {**roles, **dict.fromkeys(unknown, "customer" if by_elimination else "other")}


class _OpenLeg:
    """A leg while events are read; `end_ms` is None as long as it is open."""

    def __init__(self, start_ms: int, key: str | None, person: Participant | None) -> None:
        self.start_ms, self.key, self.person = start_ms, key, person
        self.end_ms: int | None = None
        self.ended = "stream_end"

    def close(self, at_ms: int, how: str) -> None:
        self.end_ms, self.ended = max(at_ms, self.start_ms), how

    def frozen(self, number: int) -> Leg:
        if self.end_ms is None:
            raise AssertionError("finish() closes every leg")
        person = self.person or Participant()
        return Leg(
            number=number,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            channel_id=self.key,
            user_id=person.user_id,
            name=person.display_name,
            queue_id=person.queue_id,
            queue_name=person.queue_name,
            answered=True,
            ended=self.ended,
        )


class _LegBook:
    """Reads events in order; see the table at the head of this module."""

    def __init__(self) -> None:
        self.legs: list[_OpenLeg] = []
        self.roles: dict[str, str] = {}
        self.supervisors: set[str] = set()
        self.holds: list[Interval] = []
        self.monitored: list[Interval] = []
        self.consumer_answered_ms: int | None = None
        self.consumer_end_ms: int | None = None
        self._channel_of_user: dict[str, str] = {}
        self._held_since: dict[str | None, int] = {}
        self._monitored_since: int | None = None
        self._modes: list[tuple[int, str]] = []
        self._supervisor: Participant | None = None
        self._giver: _OpenLeg | None = None

    def consumer(self, at_ms: int, person: Participant, event: str) -> None:
        key = self._resolve(person)
        if key is not None:
            self.roles[key] = "customer"
        if event == EventName.CONSUMER_ANSWERED and self.consumer_answered_ms is None:
            self.consumer_answered_ms = at_ms
        if event == EventName.CONSUMER_END and self.consumer_end_ms is None:
            self.consumer_end_ms = at_ms

    def answered(self, at_ms: int, person: Participant, event: str) -> None:
        key = self._resolve(person)
        if key is not None:
            self.roles[key] = "agent"
        if self._open_leg(key) is None:
            self.legs.append(_OpenLeg(at_ms, key, person))

    def ended(self, at_ms: int, person: Participant, event: str) -> None:
        key = self._agent(person)
        leg = self._open_leg(key) or (self._only_open() if key is None else None)
        if leg is not None:
            self._close(leg, at_ms, "user_end")
        self._release(key, at_ms)

    def hold(self, at_ms: int, person: Participant, event: str) -> None:
        self._held_since.setdefault(self._agent(person), at_ms)

    def unhold(self, at_ms: int, person: Participant, event: str) -> None:
        key = self._agent(person)
        if key in self._held_since:
            self._release(key, at_ms)
        else:
            self._release_all(at_ms)

    def monitor(self, at_ms: int, person: Participant, event: str) -> None:
        key = self._resolve(person)
        if key is not None and self.roles.setdefault(key, "supervisor") == "supervisor":
            self._supervisor = person
            self.supervisors.add(key)
        if event == EventName.MONITOR_ENDED:
            self._end_monitoring(at_ms)
        elif self._monitored_since is None:
            self._monitored_since = at_ms

    def mode(self, at_ms: int, person: Participant, event: str) -> None:
        """A webhook tells how a supervisor listens, which no RTMS event does; when that began and ended they tell better."""
        self._modes.append((at_ms, event))

    def barged(self, end_ms: int) -> list[Interval]:
        """When a supervisor could be heard by the customer: from barging in to the next mode."""
        ordered = sorted(self._modes)
        until = [at_ms for at_ms, _ in ordered[1:]] + [end_ms] * bool(ordered)
        return [
            (at_ms, end)
            for (at_ms, event), end in zip(ordered, until, strict=True)
            if event == EventName.WEBHOOK_BARGE and at_ms < end
        ]

    def takeover(self, at_ms: int, person: Participant, event: str) -> None:
        """The event may name the supervisor or the agent who loses the call: somebody with an open leg is the latter."""
        names_the_loser = self._open_leg(self._resolve(person)) is not None
        for leg in self._open():
            self._close(leg, at_ms, "takeover")
        self._release_all(at_ms)
        self._end_monitoring(at_ms)
        unnamed = self._resolve(person) is None
        self.answered(at_ms, (self._supervisor or Participant()) if names_the_loser or unnamed else person, event)

    def transfer_initiated(self, at_ms: int, person: Participant, event: str) -> None:
        self._giver = self._open_leg(self._resolve(person)) or next(iter(self._open()), None)

    def transfer_dropped(self, at_ms: int, person: Participant, event: str) -> None:
        self._giver = None

    def transfer_completed(self, at_ms: int, person: Participant, event: str) -> None:
        leg = self._giver or self._latest_leg(self._resolve(person)) or next(iter(self._open()), None)
        if leg is not None and leg.end_ms is None:
            self._close(leg, at_ms, "transfer")
        elif leg is not None:
            leg.ended = "transfer"
        self._giver = None
        self._release_all(at_ms)

    def finish(self, at_ms: int) -> None:
        """The last stream ended: close what is open."""
        for leg in self._open():
            self._close(leg, at_ms, "stream_end")
        self._release_all(at_ms)
        self._end_monitoring(at_ms)

    def _resolve(self, person: Participant) -> str | None:
        """The channel of a participant; an event without channel id names somebody whose channel an earlier one gave."""
        if person.channel_id is not None:
            if person.user_id is not None:
                self._channel_of_user[person.user_id] = person.channel_id
            return person.channel_id
        return self._channel_of_user.get(person.user_id, person.user_id) if person.user_id is not None else None

    def _agent(self, person: Participant) -> str | None:
        """The channel of somebody who does what only agents do; unnamed, it is the agent of the only open leg."""
        key = self._resolve(person)
        if key is None:
            only = self._only_open()
            return only.key if only is not None else None
        self.roles.setdefault(key, "agent")
        return key

    def _open(self) -> list[_OpenLeg]:
        return [leg for leg in self.legs if leg.end_ms is None]

    def _open_leg(self, key: str | None) -> _OpenLeg | None:
        return next((leg for leg in self._open() if key is not None and leg.key == key), None)

    def _only_open(self) -> _OpenLeg | None:
        open_legs = self._open()
        return open_legs[0] if len(open_legs) == 1 else None

    def _latest_leg(self, key: str | None) -> _OpenLeg | None:
        return next((leg for leg in reversed(self.legs) if key is not None and leg.key == key), None)

    def _close(self, leg: _OpenLeg, at_ms: int, how: str) -> None:
        leg.close(at_ms, how)
        self._release(leg.key, at_ms)

    def _release(self, key: str | None, at_ms: int) -> None:
        since = self._held_since.pop(key, None)
        if since is not None:
            self.holds.append((since, at_ms))

    def _release_all(self, at_ms: int) -> None:
        for key in tuple(self._held_since):
            self._release(key, at_ms)

    def _end_monitoring(self, at_ms: int) -> None:
        if self._monitored_since is not None:
            self.monitored.append((self._monitored_since, at_ms))
        self._monitored_since = None


_READERS: dict[str, Callable[[_LegBook, int, Participant, str], None]] = {
    EventName.CONSUMER_ANSWERED: _LegBook.consumer,
    EventName.CONSUMER_END: _LegBook.consumer,
    EventName.USER_ANSWERED: _LegBook.answered,
    EventName.USER_END: _LegBook.ended,
    EventName.USER_HOLD: _LegBook.hold,
    EventName.USER_UNHOLD: _LegBook.unhold,
    EventName.MONITOR_STARTED: _LegBook.monitor,
    EventName.MONITOR_TRANSITIONED: _LegBook.monitor,
    EventName.MONITOR_ENDED: _LegBook.monitor,
    EventName.TAKEOVER_STARTED: _LegBook.takeover,
    **dict.fromkeys(
        (EventName.WEBHOOK_MONITOR, EventName.WEBHOOK_WHISPER, EventName.WEBHOOK_BARGE, EventName.WEBHOOK_TAKEOVER), _LegBook.mode
    ),
    EventName.TRANSFER_INITIATED: _LegBook.transfer_initiated,
    EventName.TRANSFER_CANCELED: _LegBook.transfer_dropped,
    EventName.TRANSFER_REJECTED: _LegBook.transfer_dropped,
    EventName.TRANSFER_TIMEOUT: _LegBook.transfer_dropped,
    EventName.TRANSFER_COMPLETED: _LegBook.transfer_completed,
}


def _read(timeline: Timeline) -> _LegBook:
    book = _LegBook()
    for event in timeline.events:
        reader = _READERS.get(event.name)
        if reader is not None:
            reader(book, event.at_ms, event.participants[0] if event.participants else Participant(), event.name)
    return book
