"""Plays a script on whatever links there are: decides what is due, sends it, waits for the next moment.

The call's clock is a position in milliseconds. At a finite speed it runs with the wall clock, whether or not anybody
listens: what a link misses is buffered, at most `buffer_s` of wall time. At speed `max` it moves on to whatever is due
next once the peer has taken what came before, and stands still while a link is missing.

What a lost link had been sent may never have been read. At a finite speed the last `replay_s` seconds are sent again.
At `max` the sockets' own buffers can hold minutes of audio, so it goes back further: to the last keep-alive that the
client answered, which proves that everything before it was read.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from cc_voice.simulator import wire
from cc_voice.simulator.link import Link
from cc_voice.simulator.negotiation import MediaTerms
from cc_voice.simulator.player import MIXED, AudioFeed, EventQueue, LineQueue, Packet, Sent, Tally, mixed
from cc_voice.simulator.scenario import FIRST_USER_ID, Event, Line, Party, Script, concerns
from cc_voice.simulator.wire import Media, Message

MAX = "max"
MIN_PAUSE_S = 0.004
"""At high speeds several packets go out per wake-up instead of one each."""


class Playback:
    """The script of one call being played."""

    def __init__(
        self,
        script: Script,
        *,
        speed: float | str,
        start_unix_ms: int,
        dtx: bool = False,
        buffer_s: float = 60.0,
        replay_s: float = 2.0,
    ) -> None:
        self.script = script
        self.speed = speed
        self.start_unix_ms = start_unix_ms
        self.position_ms = 0
        self.events_sent = self.transcripts_sent = 0
        self._dtx = dtx
        self._buffer_s = buffer_s
        self._replay_s = replay_s
        self._begun_s = time.monotonic()
        self._events = EventQueue(script.events)
        self._lines = LineQueue(script.lines)
        self._end_ms = max(script.duration_ms, self._events.last_ms, self._lines.last_ms)
        self._feed: AudioFeed | None = None
        self._feed_mixed = False
        self._tallies: dict[str, Tally] = {}
        self._fixed_language: int | None = None
        self._signaling: Link | None = None
        self._audio: Link | None = None
        self._transcript: Link | None = None
        self._subscribed: frozenset[int] = frozenset()
        self._backlog = True
        self._first_packet_told = False
        self._flowing = False
        self._wake = asyncio.Event()
        self._marks: deque[tuple[float, int]] = deque()
        self._asked: dict[int, int] = {}
        self._acknowledged_ms = 0

    @property
    def finished(self) -> bool:
        """The script is over and every link has been sent all of it."""
        heard = self._audio is None or self._feed is None or self._feed.finished
        read = self._transcript is None or self._lines.next_due_ms() is None
        return self.position_ms >= self._end_ms and heard and read

    def sent(self) -> tuple[Sent, ...]:
        tallies = self._tallies or {track.key: Tally(track) for track in self.script.tracks}
        return tuple(tally.result(self.start_unix_ms) for tally in tallies.values())

    def catch_up(self, now_s: float) -> None:
        """Bring the position up to date; it stands still while nothing is due. At `max` only sending moves it."""
        if self.speed != MAX:
            self.position_ms = max(self.position_ms, self._clock(now_s))

    def release(self) -> None:
        """Let go of the audio; what was sent stays known. For calls that are over but not forgotten."""
        self._feed = None
        silent = tuple(msgspec.structs.replace(track, pcm=b"") for track in self.script.tracks)
        self.script = msgspec.structs.replace(self.script, tracks=silent)

    # What `call.py` tells --------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something changed: look again what is due."""
        self._wake.set()

    def flow(self, flowing: bool) -> None:
        """Every link that is needed is there, or no longer."""
        self._flowing = flowing
        self.wake()

    def signaling_up(self, link: Link, *, backlog: bool) -> None:
        self._signaling = link
        self._subscribed = frozenset()  # subscriptions do not outlive their link (5.3)
        self._backlog = backlog
        self.wake()

    def signaling_down(self) -> None:
        self._signaling = None

    def subscribe(self, wanted: Mapping[int, bool]) -> None:
        """Switch events on and off; events that already happened are told at the next step."""
        added = frozenset(number for number, on in wanted.items() if on) - self._subscribed
        self._events.recall(added)
        self._subscribed = (self._subscribed | added) - {number for number, on in wanted.items() if not on}
        self.wake()

    def media_agreed(self, terms: MediaTerms) -> None:
        """Take over what a media handshake settled."""
        if terms.transcript is not None:
            self._fixed_language = terms.transcript.fixed_language
        if terms.audio is None:
            return
        if self._feed is None or self._feed_mixed != terms.audio.mixed:
            at_ms = self._feed.position_ms if self._feed is not None else 0
            tracks = (mixed(self.script),) if terms.audio.mixed else self.script.tracks
            self._feed = AudioFeed(tracks, send_rate_ms=terms.audio.send_rate_ms, dtx=self._dtx, from_ms=at_ms)
            self._feed_mixed = terms.audio.mixed
            self._tallies |= self._feed.tallies
        self._feed.retune(terms.audio.send_rate_ms)

    def audio_up(self, link: Link, now_s: float) -> None:
        """Audio may flow on this link from now on."""
        if self._audio is link or self._feed is None:
            return
        if not self._first_packet_told and not self._backlog:
            self.catch_up(now_s)
            self._feed.skip_to(self.position_ms)  # buffer_data false concerns this first window only (5.1)
        self._audio = link
        self._marks = deque([(now_s, self._feed.position_ms)])
        self._asked = {}
        self._acknowledged_ms = self._feed.position_ms
        self.wake()

    def transcript_up(self, link: Link) -> None:
        self._transcript = link
        self.wake()

    def media_down(self, lost: Media, now_s: float) -> None:
        """Links are gone; audio goes back to what the client surely has."""
        if Media.TRANSCRIPT in lost:
            self._transcript = None
        if Media.AUDIO in lost and self._audio is not None and self._feed is not None:
            self._audio = None
            self._prune_marks(now_s)
            safe_ms = self._marks[0][1]
            self._feed.rewind(min(safe_ms, self._acknowledged_ms) if self.speed == MAX else safe_ms)

    def audio_asked(self, timestamp: int) -> None:
        """A keep-alive is about to follow the audio sent so far."""
        if self._feed is not None:
            self._asked[timestamp] = self._feed.position_ms

    def audio_acknowledged(self, timestamp: int) -> None:
        """The keep-alive was answered: all before it was read."""
        self._acknowledged_ms = max(self._acknowledged_ms, self._asked.pop(timestamp, 0))

    # The clock -------------------------------------------------------------------------------------------------------

    async def step(self, now_s: float, until_s: float | None) -> None:
        """Send what is due, then wait for the next moment, but not past `until_s`."""
        self.position_ms = max(self.position_ms, self._clock(now_s))
        await self._tell_events()
        await self._send_lines()
        await self._send_audio(now_s)
        await self._pause(until_s)

    def _clock(self, now_s: float) -> int:
        if self.speed != MAX:
            return min(self._end_ms, int((now_s - self._begun_s) * 1000 * float(self.speed)))
        return min(self._end_ms, self._next_due_ms()) if self._flowing else self.position_ms

    def _next_due_ms(self) -> int:
        due = [self._events.next_due_ms()]
        due.append(self._feed.next_due_ms() if self._feed is not None and self._audio is not None else None)
        due.append(self._lines.next_due_ms() if self._transcript is not None else None)
        return min((at_ms for at_ms in due if at_ms is not None), default=self._end_ms)

    async def _pause(self, until_s: float | None) -> None:
        now_s = time.monotonic()
        if self.finished and until_s is None:
            return
        if self.speed == MAX:
            next_s = now_s if self._flowing and not self.finished else until_s
        else:
            due_s = self._begun_s + self._next_due_ms() / 1000 / float(self.speed)
            next_s = min(max(due_s, now_s + MIN_PAUSE_S), until_s if until_s is not None else due_s + 1)
        if next_s is not None and next_s <= now_s:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if next_s is None else next_s - now_s):
                await self._wake.wait()
        self._wake.clear()

    async def _tell_events(self) -> None:
        self._events.happen(self.position_ms)
        if self._signaling is not None:
            link = self._signaling
            for event in self._events.take(self._subscribed):
                if not await link.send(wire.event_update(self._event(event))):
                    return
                self.events_sent += 1

    async def _send_lines(self) -> None:
        link = self._transcript
        if link is not None:
            for line in self._lines.take(self.position_ms):
                if not await link.send(self._transcript_message(line)):
                    return
                self.transcripts_sent += 1

    async def _send_audio(self, now_s: float) -> None:
        link, feed = self._audio, self._feed
        if link is None or feed is None:
            return
        if self.speed != MAX:
            feed.skip_to(self.position_ms - int(self._buffer_s * 1000 * float(self.speed)))
        for packet in feed.take(self.position_ms):
            if not self._first_packet_told:
                await self._tell_first_packet(packet)
            if not await link.send(self._audio_message(packet)):
                return
        if link is self._audio and now_s - self._marks[-1][0] >= 0.1:
            self._marks.append((now_s, feed.position_ms))
            self._prune_marks(now_s)

    def _prune_marks(self, now_s: float) -> None:
        """Keep one mark that is at least `replay_s` old, if there is one, and all younger ones."""
        while len(self._marks) > 1 and self._marks[1][0] <= now_s - self._replay_s:
            self._marks.popleft()

    # Messages --------------------------------------------------------------------------------------------------------

    async def _tell_first_packet(self, packet: Packet) -> None:
        self._first_packet_told = True
        if self._signaling is not None:
            event = wire.plain_event(wire.FIRST_PACKET_TIMESTAMP, self.start_unix_ms + packet.at_ms)
            await self._signaling.send(wire.event_update(event))

    def _audio_message(self, packet: Packet) -> Message:
        source: Message = {"user_id": 0} if packet.key == MIXED else self._source(packet.key)
        return wire.audio(source, packet.pcm, self.start_unix_ms + packet.at_ms)

    def _transcript_message(self, line: Line) -> Message:
        language = wire.language_number(line.language) if self._fixed_language is None else self._fixed_language
        source = self._source(line.channel_id or line.user_id)
        return wire.transcript(source, line.text, self.start_unix_ms + line.start_ms, self.start_unix_ms + line.end_ms, language)

    def _source(self, key: str | None) -> Message:
        """Return who a media message is from.

        A channel also gets a user's number and name: the documentation leaves them out, but Zoom's own SDK (1.1.0) drops every
        audio message that has no `user_name`.
        """
        number, name = next(((n, track.who.name) for n, track in enumerate(self.script.tracks) if track.key == key), (0, None))
        if self.script.product.by_channel:
            return {"channel_id": key, "user_id": FIRST_USER_ID + 1024 * number, "user_name": name or ""}
        return {"user_id": int(key or 0), "user_name": name or ""}

    def _event(self, event: Event) -> Message:
        at = self.start_unix_ms + event.at_ms
        who = next((track.who for track in self.script.tracks if concerns(event, track.who)), None)
        if self.script.product.by_channel:
            return wire.zcc_event(event.event_type, at, _participant_info(event, who)) | event.fields
        return wire.plain_event(event.event_type, at, **_participant_fields(event, who)) | event.fields


def _participant_info(event: Event, who: Party | None) -> Message:
    """Return what Contact Center tells about a party (5.5); the phone number stands in consumer events only."""
    if who is None:
        return {"channel_id": event.channel_id} if event.channel_id else {}
    consumer = who.party == "customer"
    info: dict[str, Any] = {
        "channel_id": who.channel_id,
        "participant_mode": "caller" if consumer else "callee",
        "queue_id": who.queue_id,
        "queue_name": who.queue_name,
        "phone_number": who.phone_number if consumer else None,
        "user_id": who.user_id,
        "display_name": who.name,
    }
    return {key: value for key, value in info.items() if value is not None}


def _participant_fields(event: Event, who: Party | None) -> Message:
    """Return the fields of meeting events 2–4 (5.4); numbers for user ids."""
    if who is None or who.user_id is None:
        return {}
    user = (int(who.user_id), who.name or "")
    if event.event_type in (wire.PARTICIPANT_JOIN, wire.PARTICIPANT_LEAVE):
        return {"participants": wire.participants([user], names=event.event_type == wire.PARTICIPANT_JOIN)}
    return {"user_id": user[0], "user_name": user[1]}
