"""Audio intake: a stream's packets on their way into its recording: whose they are, when they were said, what is lost of them.

A packet passes what may be wrong with it in this order: its party's name (`party_names.py`), a clock in whole seconds
(`whole_seconds.py`), a clock that was set or is broken (`clock.py`), a pace that is not its size (`packet_pace.py`), a time that
other audio has. Each of them may hold packets back until it knows; `finish` lets go of all.
"""

import time

import msgspec
import structlog

from cc_voice.call.analysis import Doubt
from cc_voice.media.recordings import Recording
from cc_voice.rtms import events as rtms
from cc_voice.sessions import journal
from cc_voice.sessions.audio_writer import AudioWriter
from cc_voice.sessions.clock import MediaClock, Timed
from cc_voice.sessions.journal import DoubtNote
from cc_voice.sessions.losses import Losses
from cc_voice.sessions.open_gaps import OpenGaps
from cc_voice.sessions.packet_pace import ODD, PacketPace
from cc_voice.sessions.party_names import PartyNames
from cc_voice.sessions.whole_seconds import COARSE, WholeSeconds

LONGEST_STREAM_MS = 24 * 3600 * 1000
"""Audio further from the stream's start is left out, and told: a day of sound is all that anybody hears and stores of one call."""


class AudioIntake:
    """The audio of one stream. Nothing that Zoom sends raises; a full disk does (OSError)."""

    def __init__(self, recording: Recording, announced_unix_ms: int | None, log: structlog.typing.FilteringBoundLogger) -> None:
        self.media_unix_ms = 0
        """How far the audio came, on Zoom's clock."""
        self.writer = AudioWriter(recording)
        self.gaps = OpenGaps(recording.note)
        self.losses = Losses(recording.note)
        self._recording = recording
        self._log = log
        is_new = recording.header.t0_unix_ms is None
        self.names = PartyNames(recording.note, () if is_new else journal.known_names(recording))
        self.clock = self._continued_clock(announced_unix_ms)
        self._seconds = WholeSeconds()
        self._pace = PacketPace(self.writer.set_shape, lambda source: self._doubt(source, ODD))
        self._doubted: set[tuple[str, Doubt]] = set()

    def _continued_clock(self, announced_unix_ms: int | None) -> MediaClock:
        """Go on where an earlier session of this stream stopped: what Zoom does not deliver again since then is a media gap."""
        t0, now = self._recording.header.t0_unix_ms, time.monotonic()
        if t0 is None:
            return MediaClock(now, announced_unix_ms=announced_unix_ms)
        if self._recording.channels:
            self.media_unix_ms = t0 + self._recording.duration_ms
            for name, file in self._recording.channels.items():
                self.gaps.came(name, t0, t0 + file.ranges.end * 1000 // file.rate_hz)
            self.gaps.open()
        return MediaClock(now, furthest_unix_ms=t0 + self._recording.duration_ms)

    def set_format(self, told: rtms.AudioFormat) -> None:
        """Decode what follows as the server says it is encoded."""
        now = time.monotonic()
        for timed in self._pace.set_format(told):
            self._place(timed, now)
        self.writer.set_format(told)
        if self.writer.refusal is not None:
            self._log.error("audio cannot be used", reason=self.writer.refusal)

    def take(self, packet: rtms.Audio) -> None:
        """Take a packet as it came."""
        name = self.names.of_packet(packet, self._recording.channels)
        if name != packet.source:
            packet = msgspec.structs.replace(packet, source=name)
        now, settings = time.monotonic(), self.clock.settings
        for placed in self._seconds.take(packet, self.writer.length_ms(name, packet.pcm)):
            self._admit(placed, now)
        self._lose_unplaced()
        if self.clock.settings != settings:
            self._log.warning("Zoom's clock was set; audio goes on where it was", timestamp_ms=packet.timestamp_ms)

    def finish(self) -> None:
        """Record what waited for more, and tell what of the stream is lost for good."""
        now = time.monotonic()
        for packet in self._seconds.finish():
            self._admit(packet, now)
        self.clock.finish()
        for timed in self._pace.finish():
            self._place(timed, now)
        for timed in self.clock.believe():
            self._write(timed.packet, timed.at_unix_ms)
        self.writer.finish()
        self._lose_unplaced()
        self.losses.finish()
        for source in self._seconds.coarse:
            self._doubt(source, COARSE)

    def start_clock(self, t0_unix_ms: int) -> None:
        """Fix the stream's start, once."""
        if self._recording.header.t0_unix_ms is None:
            self._recording.start_clock(t0_unix_ms)
            self._log.info("media started", t0_unix_ms=t0_unix_ms)

    def _admit(self, packet: rtms.Audio, now: float) -> None:
        for timed in self.clock.admit(packet, now):
            for known in self._pace.take(timed):
                self._place(known, now)

    def _place(self, timed: Timed, now: float) -> None:
        source = timed.packet.source
        ready = self.clock.doubt(timed, now) if self._is_taken(timed) else [*self.clock.believe(source), timed]
        for one in ready:
            self._write(one.packet, one.at_unix_ms)

    def _is_taken(self, timed: Timed) -> bool:
        """Whether other audio has this packet's time."""
        t0 = self._recording.header.t0_unix_ms
        return t0 is not None and self.writer.clashes(timed.packet.source, timed.at_unix_ms - t0, timed.packet.pcm)

    def _lose_unplaced(self) -> None:
        for packet in self.clock.take_unplaced():
            at = self.clock.furthest_unix_ms or packet.timestamp_ms
            self.losses.add(packet.source, at, self.writer.length_ms(packet.source, packet.pcm), "impossible time")

    def _write(self, packet: rtms.Audio, at_unix_ms: int) -> None:
        source, writer = packet.source, self.writer
        t0 = self._recording.header.t0_unix_ms
        t0 = self.clock.start(at_unix_ms) if t0 is None else t0
        if at_unix_ms - t0 > LONGEST_STREAM_MS:
            self.clock.left_out += 1
            self.losses.add(source, self.media_unix_ms or t0, writer.length_ms(source, packet.pcm), "past the longest")
            return
        if writer.refusal is None:
            self.start_clock(t0)
        unplaced_ms = writer.unplaced_ms(source)
        length_ms = writer.write(source, at_unix_ms - t0, packet.pcm)
        if not length_ms:
            self.losses.add(source, at_unix_ms, writer.length_ms(source, packet.pcm), writer.why_unusable(source))
            return
        self.losses.add(source, at_unix_ms, writer.unplaced_ms(source) - unplaced_ms, "time taken")
        self.gaps.came(source, at_unix_ms, at_unix_ms + length_ms)
        self.media_unix_ms = max(self.media_unix_ms, at_unix_ms + length_ms)
        self.clock.reach(at_unix_ms + length_ms)

    def _doubt(self, source: str, why: Doubt) -> None:
        """Note that what is measured of a channel would be wrong."""
        if (source, why) not in self._doubted:
            self._doubted.add((source, why))
            self._log.warning("a party's audio makes no sense", channel_id=source, why=why)
            self._recording.note(DoubtNote(channel_id=source, why=why))
