"""Playback of a script on whatever links there are: decides what is due, sends it, waits for the next moment.

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

import msgspec

from cc_voice.simulator.link import ClientLink
from cc_voice.simulator.media.feeds import AudioFeed, ChatQueue, EventQueue, LineQueue, Packet, SentAudio, Tally, mixed
from cc_voice.simulator.media.picture_feeds import Cameras, PictureFeed, PicturesSent, screen
from cc_voice.simulator.media.pictures import pieces
from cc_voice.simulator.media.sound import PLAIN
from cc_voice.simulator.negotiation import MediaTerms
from cc_voice.simulator.parameters import AudioTerms, PictureTerms, TranscriptTerms
from cc_voice.simulator.scenario import Script
from cc_voice.simulator.script_messages import ScriptMessages
from cc_voice.simulator.wire import Media

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
        self.events_sent = self.transcripts_sent = self.chats_sent = 0
        self._dtx = dtx
        self._buffer_s = buffer_s
        self._replay_s = replay_s
        self._begun_s = time.monotonic()
        self._events = EventQueue(script.events)
        self._lines = LineQueue(script.lines)
        self._chat = ChatQueue(script.chat)
        self._end_ms = max(script.duration_ms, self._events.last_ms, self._lines.last_ms)
        self._phrasing = ScriptMessages(script, start_unix_ms)
        self._feed: AudioFeed | None = None
        self._feed_mixed = False
        self._tallies: dict[str, Tally] = {}
        self._cameras: Cameras | None = None
        self._pictures: dict[Media, PictureFeed] = {}
        self._transcript: TranscriptTerms | None = None
        self._signaling: ClientLink | None = None
        self._media: dict[Media, ClientLink] = {}
        """Links on which media may flow."""
        self._subscribed: frozenset[int] = frozenset()
        self._backlog = True
        self._first_packet_told = False
        self._flowing = False
        self._paused = False
        self._wake = asyncio.Event()
        self._marks: deque[tuple[float, int]] = deque()
        self._asked: dict[int, int] = {}
        self._acknowledged_ms = 0

    @property
    def finished(self) -> bool:
        """The script is over and every link has been sent all of it."""
        heard = Media.AUDIO not in self._media or self._feed is None or self._feed.finished
        read = Media.TRANSCRIPT not in self._media or self._lines.next_due_ms() is None
        return self.position_ms >= self._end_ms and heard and read

    def sent(self) -> tuple[SentAudio, ...]:
        tallies = self._tallies or {track.key: Tally(track) for track in self.script.tracks}
        return tuple(tally.result(self.start_unix_ms) for tally in tallies.values())

    def pictures_sent(self) -> tuple[PicturesSent, ...]:
        return tuple(feed.sent() for feed in self._pictures.values())

    def catch_up(self, now_s: float) -> None:
        """Bring the position up to date; it stands still while nothing is due. At `max` only sending moves it."""
        if self.speed != MAX:
            self.position_ms = max(self.position_ms, self._clock(now_s))

    def release(self) -> None:
        """Let go of the audio; what was sent stays known. For calls that are over but not forgotten."""
        self._feed = self._cameras = None
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

    def signaling_up(self, link: ClientLink, *, backlog: bool) -> None:
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

    async def media_agreed(self, terms: MediaTerms) -> None:
        """Take over what a media handshake settled; encodes what is to be sent."""
        if terms.transcript is not None:
            self._transcript = terms.transcript
        if terms.audio is not None:
            await self._audio_agreed(terms.audio)
        if terms.video is not None:
            if self._cameras is None:
                self._cameras = await asyncio.to_thread(Cameras, self.script.tracks)
                self._pictures[Media.VIDEO] = PictureFeed(Media.VIDEO, self._cameras.at)
            self._cameras.individual = terms.video.individual
            await _pictures_agreed(self._pictures[Media.VIDEO], terms.video)
        if terms.deskshare is not None:
            feed = self._pictures.setdefault(Media.DESKSHARE, PictureFeed(Media.DESKSHARE, screen(self.script.tracks)))
            await _pictures_agreed(feed, terms.deskshare)

    async def _audio_agreed(self, terms: AudioTerms) -> None:
        if self._feed is None or self._feed_mixed != terms.mixed:
            at_ms = self._feed.position_ms if self._feed is not None else 0
            tracks = (mixed(self.script),) if terms.mixed else self.script.tracks
            self._feed = AudioFeed(tracks, send_rate_ms=terms.send_rate_ms, dtx=self._dtx, from_ms=at_ms, tallies=self._tallies)
            self._feed_mixed = terms.mixed
            self._tallies |= self._feed.tallies
        feed = self._feed
        plain = terms.encoding == PLAIN
        sounds = feed.encoded(PLAIN) if plain else await asyncio.to_thread(feed.encoded, terms.encoding)
        feed.retune(terms.send_rate_ms, sounds)

    def mix(self) -> None:
        """Send all parties as one source from here on, in plain packets; nobody is told."""
        if self._feed is not None and not self._feed_mixed:
            at_ms = self._feed.position_ms
            self._feed = AudioFeed((mixed(self.script),), dtx=self._dtx, from_ms=at_ms, tallies=self._tallies)
            self._feed_mixed = True
            self._tallies |= self._feed.tallies

    def watch(self, user_id: int | None) -> None:
        """Show this participant's camera to a client that asked for one at a time; None: nobody's."""
        if self._cameras is not None:
            self._cameras.watched = None if user_id is None else str(user_id)

    def media_up(self, media: Mapping[Media, ClientLink], now_s: float) -> None:
        """Media may flow on these links from now on."""
        self.catch_up(now_s)
        for kind, link in media.items():
            if self._media.get(kind) is link:
                continue
            self._media[kind] = link
            if kind == Media.AUDIO:
                self._audio_up(now_s)
            elif kind in self._pictures:
                self._pictures[kind].begin(self.position_ms)
        self.wake()

    def _audio_up(self, now_s: float) -> None:
        assert self._feed is not None, "an audio link is up, so audio was agreed on"
        if not self._first_packet_told and not self._backlog:
            self._feed.skip_to(self.position_ms)  # buffer_data false concerns this first window only (5.1)
        self._marks = deque([(now_s, self._feed.position_ms)])
        self._asked = {}
        self._acknowledged_ms = self._feed.position_ms

    def media_down(self, lost: Media, now_s: float) -> None:
        """Links are gone; audio goes back to what the client surely has."""
        if Media.AUDIO in lost and Media.AUDIO in self._media and self._feed is not None:
            self._prune_marks(now_s)
            safe_ms = self._marks[0][1]
            self._feed.rewind(min(safe_ms, self._acknowledged_ms) if self.speed == MAX else safe_ms)
        self._media = {kind: link for kind, link in self._media.items() if kind not in lost}

    def pause(self) -> None:
        """Send no media, and keep none for later (8.5). At `max` the call's clock stands still meanwhile."""
        self._paused = True
        self.wake()

    def resume(self, now_s: float) -> None:
        self.skip(now_s, 0)
        self._paused = False
        self.wake()

    def skip(self, now_s: float, lasts_ms: int) -> None:
        """Lose the audio of so many ms from now on, and all that was never sent yet."""
        self.catch_up(now_s)
        if self._feed is not None:
            self._feed.lose(self.position_ms + lasts_ms)

    def audio_asked(self, timestamp: int) -> None:
        """A keep-alive is about to follow the audio sent so far."""
        if self._feed is not None:
            self._asked[timestamp] = self._feed.position_ms

    def audio_acknowledged(self, timestamp: int | None) -> None:
        """The keep-alive was answered: all before it was read. None, from a keep-alive without, proves nothing."""
        if timestamp is not None:
            self._acknowledged_ms = max(self._acknowledged_ms, self._asked.pop(timestamp, 0))

    # The clock -------------------------------------------------------------------------------------------------------

    async def step(self, now_s: float, until_s: float | None) -> None:
        """Send what is due, then wait for the next moment, but not past `until_s`."""
        self.position_ms = max(self.position_ms, self._clock(now_s))
        await self._tell_events()
        if self._paused:
            self.skip(now_s, 0)
        else:
            await self._send_lines()
            await self._send_chat()
            await self._send_pictures()
            await self._send_audio(now_s)
        await self._pause(until_s)

    @property
    def _moving(self) -> bool:
        """At `max`, whether the call's clock moves."""
        return self._flowing and not self._paused

    def _clock(self, now_s: float) -> int:
        if self.speed != MAX:
            return min(self._end_ms, int((now_s - self._begun_s) * 1000 * float(self.speed)))
        return min(self._end_ms, self._next_due_ms()) if self._moving else self.position_ms

    def _next_due_ms(self) -> int:
        due = [self._events.next_due_ms()]
        due.append(self._feed.next_due_ms() if self._feed is not None and Media.AUDIO in self._media else None)
        due.append(self._lines.next_due_ms() if Media.TRANSCRIPT in self._media else None)
        due.append(self._chat.next_due_ms() if Media.CHAT in self._media else None)
        due += [feed.next_due_ms() for kind, feed in self._pictures.items() if kind in self._media]
        return min((at_ms for at_ms in due if at_ms is not None), default=self._end_ms)

    async def _pause(self, until_s: float | None) -> None:
        now_s = time.monotonic()
        if self.finished and until_s is None:
            return
        if self.speed == MAX:
            next_s = now_s if self._moving and not self.finished else until_s
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
                if not await link.send(self._phrasing.event(event)):
                    return
                self.events_sent += 1

    async def _send_lines(self) -> None:
        if (link := self._media.get(Media.TRANSCRIPT)) is not None:
            assert self._transcript is not None, "a transcript link is up, so a transcript was agreed on"
            for line in self._lines.take(self.position_ms):
                if not await link.send(self._phrasing.transcript(line, self._transcript)):
                    return
                self.transcripts_sent += 1

    async def _send_chat(self) -> None:
        if (link := self._media.get(Media.CHAT)) is not None:
            for line in self._chat.take(self.position_ms):
                if not await link.send(self._phrasing.chat(line)):
                    return
                self.chats_sent += 1

    async def _send_pictures(self) -> None:
        for kind, feed in self._pictures.items():
            if (link := self._media.get(kind)) is not None:
                for picture in feed.take(self.position_ms):
                    if not await link.send(self._phrasing.picture(kind, picture)):
                        return

    async def _send_audio(self, now_s: float) -> None:
        link, feed = self._media.get(Media.AUDIO), self._feed
        if link is None or feed is None:
            return
        if self.speed != MAX:
            feed.skip_to(self.position_ms - int(self._buffer_s * 1000 * float(self.speed)))
        for packet in feed.take(self.position_ms):
            if not self._first_packet_told:
                await self._tell_first_packet(packet)
            if not await link.send(self._phrasing.audio(packet)):
                return
        if link is self._media.get(Media.AUDIO) and now_s - self._marks[-1][0] >= 0.1:
            self._marks.append((now_s, feed.position_ms))
            self._prune_marks(now_s)

    async def _tell_first_packet(self, packet: Packet) -> None:
        self._first_packet_told = True
        if self._signaling is not None:
            await self._signaling.send(self._phrasing.first_packet(packet))

    def _prune_marks(self, now_s: float) -> None:
        """Keep one mark that is at least `replay_s` old, if there is one, and all younger ones."""
        while len(self._marks) > 1 and self._marks[1][0] <= now_s - self._replay_s:
            self._marks.popleft()


async def _pictures_agreed(feed: PictureFeed, terms: PictureTerms) -> None:
    feed.agreed(terms, await asyncio.to_thread(pieces, terms.codec, terms.width, terms.height, terms.fps))
