"""Roles of meetings, webinars and sessions: who is the agent, as nothing on the wire says so, a rule of the site does.

The rule is a list of steps, tried in order; the first that finds somebody says whose the leg is:

    first       the first to join; where nobody's joining was announced, the first to be heard
    host        the participant with the host's id (see below)
    any other   a participant's name or id, whatever its case and spacing

Everybody whom a name or id finds is an agent: colleagues are not the customer. Where no step finds anybody there is no agent, and
so no customer either: better no numbers than the customer's under an agent's name. A rule that ends in `first` always finds one.

What is knowable of the host. A webhook says (since May 2026) which account user started the stream, and whether that is the
original host. Participants, however, have ids of their own, made for the meeting; only where Zoom uses the user's id for both is
there a match. A host's role that was handed to somebody else shows nowhere. Somebody who leaves and comes back has a new id and is
found again by name, not by `host` or `first`.
"""

import unicodedata

from cc_voice.call.analysis import ChannelAnalysis
from cc_voice.call.events import EventName, Participant
from cc_voice.call.legs.timeline import Timeline

AgentRule = tuple[str, ...]
FIRST, HOST = "first", "host"
FIRST_TO_JOIN: AgentRule = (FIRST,)


def agents(timeline: Timeline, rule: AgentRule) -> tuple[str, ...]:
    """Return the channels of the agents, the leg's own first; none where the rule finds nobody."""
    people = _people(timeline)
    found: list[str] = []
    for step in rule:
        if step == FIRST:
            found += [] if found else _first_to_join(timeline)
        elif step == HOST:
            found += [] if found or timeline.host_id is None else _called(timeline.host_id, people)
        else:
            found += _called(step, people)
    return tuple(dict.fromkeys(found))


def _called(name: str, people: dict[str, set[str]]) -> list[str]:
    wanted = _folded(name)
    return [key for key, names in people.items() if wanted in names]


def _people(timeline: Timeline) -> dict[str, set[str]]:
    """Return what everybody is called, by channel, in order of first mention. A channel may be heard that no event told of."""
    people: dict[str, set[str]] = {}
    for person in (person for event in timeline.events for person in event.participants):
        if (key := _key(person)) is not None:
            people.setdefault(key, set()).update(_names(person.channel_id, person.user_id, person.display_name))
    for channel in timeline.channels:
        people.setdefault(channel.channel_id, set()).update(_names(channel.channel_id, channel.user_id, channel.name))
    return people


def _names(*given: str | None) -> set[str]:
    return {folded for name in given if name and (folded := _folded(name))}


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _first_to_join(timeline: Timeline) -> list[str]:
    for event in timeline.events:
        if event.name == EventName.PARTICIPANT_JOIN and event.participants and (key := _key(event.participants[0])) is not None:
            return [key]
    heard = [channel for channel in timeline.channels if channel.first_packet_ms is not None]
    first = min(heard, key=_first_packet) if heard else next(iter(timeline.channels), None)
    return [first.channel_id] if first is not None else []


def _first_packet(channel: ChannelAnalysis) -> int:
    return channel.first_packet_ms or 0


def _key(person: Participant) -> str | None:
    return person.channel_id or person.user_id
