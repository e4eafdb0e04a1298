"""Party names: who is behind the ids of a stream's packets, and which of its recorded channels are one party's.

A party may come under two ids: Zoom names it by `user_id` until it knows the channel, and by `channel_id` from then on. What says
that the two are one is, best first: a packet that carries both; an event that names both; a name that only one channel's party
has, where the one id ends before the other begins. While a stream is live, only the first two are known, and a party's packets go
on in the channel that it has already; what is known at the end joins the rest (`joined`).

A party of a product with channels that nothing joins is told as that (`UNJOINED`): its audio is somebody's, and whoever is measured
without it is measured wrongly. Ruled out: to join by elimination, who stops being heard when another begins. At a transfer that is
two agents.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from cc_voice.call.analysis import Doubt, Interval
from cc_voice.call.events import CallEvent
from cc_voice.rtms.events import MIXED_SOURCE, Audio
from cc_voice.sessions.journal import NameNote

UNJOINED: Doubt = "party_not_joined"
TOGETHER_MS = 1_000
"""Whose audio overlaps for longer than this is two people, whatever they are called."""


class PartyNames:
    """The ids of one live stream; `note` writes to its journal and may raise OSError."""

    def __init__(self, note: Callable[[NameNote], None], known: Iterable[NameNote] = ()) -> None:
        """`known`: what an earlier session of the stream noted."""
        self._note = note
        self._seen: set[tuple[str | None, str | None, str | None]] = set()
        self._channels_of: dict[str, set[str]] = {}
        self._user_of: dict[str, str] = {}
        for one in known:
            self._remember(one)

    def of_packet(self, packet: Audio, recorded: Mapping[str, object]) -> str:
        """Return the channel that a packet belongs in; `recorded` are those that there are."""
        ids = packet.channel_id, packet.user_id, packet.user_name
        if ids not in self._seen and packet.source != MIXED_SOURCE and (packet.channel_id or packet.user_id):
            found = NameNote(channel_id=packet.channel_id, user_id=packet.user_id, name=packet.user_name)
            self._remember(found)
            self._note(found)
        return self.channel(packet.source, recorded)

    def event(self, channel_id: str | None, user_id: str | None) -> None:
        """An event named a party by both ids. It is in the journal itself."""
        if channel_id is not None and user_id is not None and user_id not in ("0", channel_id):
            self._channels_of.setdefault(user_id, set()).add(channel_id)
            self._user_of[channel_id] = user_id

    def channel(self, source: str, recorded: Mapping[str, object]) -> str:
        """Return where the audio or the words of a source belong: in the channel that its party has already."""
        if source in recorded:
            return source
        user = self._user_of.get(source)
        if user in recorded and user is not None and len(self._channels_of[user]) == 1:
            return user
        channels = self._channels_of.get(source, set())
        return next(iter(channels)) if len(channels) == 1 else source

    def _remember(self, found: NameNote) -> None:
        if len(self._seen) < 4096:  # a peer chooses the names
            self._seen.add((found.channel_id, found.user_id, found.name))
        self.event(found.channel_id, found.user_id)


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Which recorded channels are one party's."""

    names: dict[str, str]
    """Recorded name → the party's channel id, where the two differ."""
    unjoined: frozenset[str]
    """Channels whose party is not known, though the others' are."""

    def name(self, channel_id: str) -> str:
        """The channel that a recorded one is part of."""
        return self.names.get(channel_id, channel_id)


def joined(notes: Sequence[NameNote], events: Sequence[CallEvent], received: Mapping[str, Sequence[Interval]]) -> Joined:
    """Return what a stream's notes and events say about its recorded channels; `received` is when audio came on each."""
    people = [person for event in events for person in event.participants]
    told = [
        *((note.channel_id, note.user_id, note.name) for note in notes),
        *((person.channel_id, person.user_id, person.display_name) for person in people),
    ]
    channels = {note.channel_id for note in notes if note.channel_id}
    channels_of: dict[str, set[str]] = {}
    called: dict[str, set[str]] = {}
    for channel, user, name in told:
        if channel is not None and user is not None and user not in ("0", channel):
            channels_of.setdefault(user, set()).add(channel)
        if channel is not None and name and (channel in channels or channel in received):
            called.setdefault(_folded(name), set()).add(channel)
    names, unjoined = {}, set()
    for user, name in {note.user_id: note.name for note in notes if note.channel_id is None}.items():
        if user is None or user == "0" or user not in received or not channels:
            continue
        known = channels_of.get(user) or {
            channel
            for channel in called.get(_folded(name or ""), set()) - {user}
            if _overlap_ms(received[user], received.get(channel, ())) <= TOGETHER_MS
        }
        if len(known) == 1:
            names[user] = next(iter(known))
        else:
            unjoined.add(user)
    return Joined(names=names, unjoined=frozenset(unjoined))


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _overlap_ms(mine: Sequence[Interval], theirs: Sequence[Interval]) -> int:
    return sum(max(0, min(a_end, b_end) - max(a, b)) for a, a_end in mine for b, b_end in theirs)
