"""Live facts: what is known of a call in progress at a second of its media: who speaks, who is on hold, what arrived.

A second is looked at once all its channels were heard beyond it, and only what lies before its end counts. So what is found is the
same however fast the media came and whenever somebody looked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from cc_voice.call.events import CallEvent, EventName
from cc_voice.call.intervals import Intervals, canonical, clip, complement, subtract, union
from cc_voice.call.lexicon import announces_wait, normalise
from cc_voice.call.metrics.turns import PARTIES, Party
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet

WINDOW_MS = 400_000
"""How far back speech is looked at; the longest time a reason asks for is a hold's, which needs no speech."""
LOST_MS = 2_000
"""No packet of anybody for so long is lost media and no silence."""
_AGENT, _CUSTOMER = EventName.USER_ANSWERED, EventName.CONSUMER_ANSWERED
_HOLD_ENDS = frozenset({EventName.USER_UNHOLD, EventName.USER_END, EventName.TRANSFER_COMPLETED, EventName.USER_ANSWERED})
_ANSWERED = frozenset({_AGENT, EventName.PARTICIPANT_JOIN})
_OVER = frozenset({EventName.USER_END, EventName.CONSUMER_END, EventName.WEBHOOK_ENDED})


class ChannelSound(msgspec.Struct, frozen=True, kw_only=True):
    """One channel as far as it was heard. Both sets reach back at least `WINDOW_MS`."""

    voice: Intervals
    received: Intervals
    """Where packets arrived."""


class FactsAt(msgspec.Struct, frozen=True, kw_only=True):
    """A call at a moment: nothing in it lies after `now_ms`."""

    now_ms: int
    everybody: Intervals
    """Speech of all channels."""
    speech: Mapping[Party, Intervals]
    """Of those who are known to be agent or customer."""
    received: Mapping[Party, Intervals]
    holds: Intervals
    """Those that touch or overlap are one."""
    talk: Intervals
    """Where the parties could speak with each other: answered, not on hold, media arriving."""
    has_both: bool
    """It is known who is agent and who is customer."""
    waits_announced_ms: tuple[int, ...] = ()
    """Ends of what an agent said that announces a wait."""
    behind_ms: int = 0


class LiveFacts:
    """Collects what becomes known of a call, and tells how it is at a moment."""

    def __init__(self, thresholds: ThresholdSet) -> None:
        self._thresholds = thresholds
        self._events: list[CallEvent] = []
        self._waits: list[tuple[str, int]] = []
        """(channel, end) of lines that announce a wait."""

    def take_event(self, event: CallEvent) -> None:
        """Take an event whose place on the stream's clock is known."""
        self._events.append(event)
        self._events.sort(key=lambda each: each.at_ms)

    def take_words(self, said: Utterance) -> None:
        """Take a line that is final."""
        if announces_wait([normalise(word.word) for word in said.words] or said.text.lower().split(), said.language):
            self._waits.append((said.channel_id, said.end_ms))

    def queue(self, now_ms: int) -> tuple[str | None, str | None]:
        """Return id and name of the queue that was named last."""
        found: tuple[str | None, str | None] = (None, None)
        for event in self._until(now_ms):
            for person in event.participants[:1]:
                if person.queue_id or person.queue_name:
                    found = person.queue_id, person.queue_name
        return found

    def at(self, now_ms: int, channels: Mapping[str, ChannelSound], behind_ms: int = 0) -> FactsAt:
        """Return how the call is at a moment."""
        since = max(0, now_ms - WINDOW_MS)
        span = (since, max(now_ms, since))
        events = self._until(now_ms)
        speech = {name: self._speech(sound.voice, span) for name, sound in channels.items()}
        received = {name: clip(sound.received, span) for name, sound in channels.items()}
        party = _parties(events)
        holds = _spans(events, {EventName.USER_HOLD}, _HOLD_ENDS, now_ms)
        answered = _spans(events, _ANSWERED, _OVER, now_ms)
        lost = tuple(piece for piece in complement(union(*received.values()), span) if piece[1] - piece[0] >= LOST_MS)
        agents = {name for name, who in party.items() if who == "agent"}
        return FactsAt(
            now_ms=now_ms,
            everybody=union(*speech.values()),
            speech={who: union(*(speech[name] for name in speech if party.get(name) == who)) for who in PARTIES},
            received={who: union(*(received[name] for name in received if party.get(name) == who)) for who in PARTIES},
            holds=holds,
            talk=subtract(subtract(clip(answered, span), clip(holds, span)), lost),
            has_both={"agent", "customer"} <= {party[name] for name in channels if name in party},
            waits_announced_ms=tuple(sorted(end for name, end in self._waits if name in agents and end <= now_ms)),
            behind_ms=behind_ms,
        )

    def _until(self, now_ms: int) -> Sequence[CallEvent]:
        return [event for event in self._events if event.at_ms <= now_ms]

    def _speech(self, voice: Intervals, span: tuple[int, int]) -> Intervals:
        """Return what counts as speech as the metrics have it, but for specks whose words are not known yet."""
        set_ = self._thresholds
        joined: list[tuple[int, int]] = []
        for start, end in clip(canonical(voice), span):
            if joined and start - joined[-1][1] <= set_.vad_gap_close_ms:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return tuple(piece for piece in joined if piece[1] - piece[0] >= set_.vad_min_speech_ms)


_Who = Literal["agent", "customer", "supervisor"]
_INTRODUCES: dict[str, _Who] = {_AGENT: "agent", _CUSTOMER: "customer", EventName.MONITOR_STARTED: "supervisor"}


def _parties(events: Iterable[CallEvent]) -> dict[str, _Who]:
    """Return who speaks on which channel, as events introduced them; the measured call decides for good."""
    found: dict[str, _Who] = {}
    for event in events:
        who = _INTRODUCES.get(event.name)
        for person in event.participants:
            if who is not None and person.channel_id is not None:
                found.setdefault(person.channel_id, who)
    return found


def _spans(events: Iterable[CallEvent], begin: Iterable[str], end: Iterable[str], now_ms: int) -> Intervals:
    """Return the time from each beginning to the next end; one that is open lasts until now."""
    begins, ends = frozenset(begin), frozenset(end)
    found: list[tuple[int, int]] = []
    since: int | None = None
    for event in events:
        if event.name in ends and since is not None:
            found.append((since, event.at_ms))
            since = None
        if event.name in begins and since is None:
            since = event.at_ms
    if since is not None:
        found.append((since, now_ms))
    return canonical(found)
