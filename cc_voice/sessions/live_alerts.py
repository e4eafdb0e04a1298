"""Live alerts: what a session knows of its call, looked at for every second of its media, and what follows told to the owner.

A second is looked at when every channel was heard a little beyond it, so the same call raises the same alerts however its packets
came. A channel that stays behind for long (its recognition failed, it is heard from further back) is not waited for: silence that
nobody can be sure of is none, so such a channel counts as one on which somebody speaks.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from cc_voice.call.events import CallEvent
from cc_voice.call.intervals import canonical
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import SITE_SET, QueueThresholds, ThresholdSet, alerts_for_queue, for_queue
from cc_voice.media.recordings import ChannelFile
from cc_voice.quality.alerts.conditions import conditions
from cc_voice.quality.alerts.live_facts import WINDOW_MS, ChannelSound, LiveFacts
from cc_voice.quality.alerts.reasons import AlertChange, AlertCondition
from cc_voice.quality.alerts.state_machine import AlertMachine
from cc_voice.sessions import journal
from cc_voice.sessions.live_recognition import ChannelVoice
from cc_voice.sessions.spec import SessionSpec

STEP_MS = 1_000
SETTLED_MS = 300
"""The last of what was heard may still be joined to what follows."""
NOT_WAITED_FOR_MS = 10_000
CARD = "[CARD_NUMBER]"
"""What stands in a line where digits of a card are hidden."""
MOST_AT_ONCE = 30
"""Seconds looked at in one go: after an outage a backlog comes, and the loop has other streams."""

Tell = Callable[[AlertChange], None]
"""Takes what changed; called in the event loop, must not wait."""


class LiveAlerts:
    """The alerts of one stream. Everything here runs in the event loop and is quick."""

    def __init__(self, spec: SessionSpec, sets: tuple[QueueThresholds, ...], tell: Tell) -> None:
        self._sets = sets
        self._site = next((each.values for each in sets if each.name == SITE_SET), ThresholdSet())
        self._tell = tell
        self._facts = LiveFacts(self._site)
        self._machine = AlertMachine(spec.call_id, spec.stream_id, spec.epoch)
        self._at_ms = 0
        self._unplaced: list[CallEvent] = []
        self._hits: tuple[AlertCondition, ...] = ()
        self._cards: dict[tuple[str, str, int], int] = {}
        """Lines in which digits of a card are hidden, by source, channel and start, with their start."""

    def take_event(self, event: CallEvent) -> None:
        """Take an event as it comes; its place on the stream's clock may not be known yet."""
        self._unplaced.append(event)

    def take_words(self, said: Iterable[Utterance]) -> None:
        """Take lines that have become final."""
        for each in said:
            self._facts.take_words(each)
            key = (each.source, each.channel_id, each.start_ms)
            self._cards.pop(key, None)
            if CARD in each.text:
                self._cards[key] = each.start_ms

    def take_hits(self, hits: Iterable[AlertCondition]) -> None:
        """Take all that rules have found and not taken back, and conditions of theirs that are true."""
        self._hits = tuple(hits)

    def look(
        self, t0_unix_ms: int | None, media_ms: int, files: Mapping[str, ChannelFile], voices: Mapping[str, ChannelVoice]
    ) -> None:
        """Look at the seconds that were heard since the last look."""
        if t0_unix_ms is None or not files:
            return
        for event in self._unplaced:
            self._facts.take_event(journal.place(event, t0_unix_ms))
        self._unplaced.clear()
        heard = {name: voices.get(name, ChannelVoice()) for name in files}
        waited_for = [each.to_ms for each in heard.values() if media_ms - each.to_ms < NOT_WAITED_FOR_MS]
        end_ms = min(waited_for, default=media_ms - NOT_WAITED_FOR_MS) - SETTLED_MS
        for _ in range(MOST_AT_ONCE):
            if self._at_ms + STEP_MS > end_ms:
                return
            self._at_ms += STEP_MS
            self._step(media_ms, files, heard)

    def _card(self) -> Iterator[AlertCondition]:
        """While a call is paused no audio comes; so whatever is hidden was read out into a call that was not."""
        if self._cards:
            text = "Card number read out; hidden from here on"
            yield AlertCondition(reason="card_unpaused", true_ms=min(self._cards.values()), text=text)

    def _step(self, media_ms: int, files: Mapping[str, ChannelFile], heard: Mapping[str, ChannelVoice]) -> None:
        now_ms = self._at_ms
        queue = self._facts.queue(now_ms)
        chosen, alerts = for_queue(self._site, self._sets, *queue), alerts_for_queue(self._sets, *queue)
        sounds = {name: _sound(files[name], voice, now_ms) for name, voice in heard.items()}
        behind_ms = max((media_ms - each.to_ms for each in heard.values()), default=0)
        found = conditions(self._facts.at(now_ms, sounds, behind_ms), chosen, alerts)
        hits = (each for each in (*self._hits, *self._card()) if each.true_ms <= now_ms and each.reason not in alerts.off)
        allowed = [each for each in hits if each.reason != "sentiment_drop" or alerts.sentiment_drop]
        for change in self._machine.step(now_ms, [*found, *allowed]):
            with contextlib.suppress(OSError):  # the owner is gone, and with it everything here
                self._tell(msgspec.structs.replace(change, media_ms=media_ms))


def _sound(file: ChannelFile, voice: ChannelVoice, now_ms: int) -> ChannelSound:
    """Return a channel lately; where it was not heard yet somebody may speak."""
    since = max(0, now_ms - WINDOW_MS)
    unheard = ((voice.to_ms, now_ms),) if voice.to_ms < now_ms else ()
    rate = file.rate_hz
    pairs = ((start * 1000 // rate, end * 1000 // rate) for start, end in reversed(file.ranges.pairs()))
    received = []
    for start, end in pairs:
        if end < since:
            break
        received.append((start, end))
    return ChannelSound(voice=canonical((*voice.voice, *unheard)), received=canonical(received))
