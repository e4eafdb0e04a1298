"""Zoom's clock, distrusted: which times of a stream can be true, and what becomes of audio whose time cannot.

The theory. Audio arrives about when it was spoken, so a time is near when it is within three minutes of the furthest audio so
far: more than Zoom keeps audio for (65 s) and a stream can be without us (60 s). Further ahead it is near if as much time has
passed here, for a call may be paused for hours; sixtyfold, because simulations run faster than life. A packet from elsewhere is
put aside:

- one alone was damaged, and is left out;
- ten of one source that agree with each other are a clock that was set. They and what follows are moved, so that the first one
  follows the furthest audio. What still comes with the old time is taken by the old clock.

A clock that is set by less than three minutes shows only where it goes back: other audio has the time already. Such packets are
doubted by whoever compares the audio, and treated alike: a few are left where they say, and have no place there; ten are a clock.

Ruled out: to believe every time, where one damaged packet makes a call a day long, every hour of which is heard and stored; and
to go by the clock of this machine alone, which nobody promises to be right.
"""

import msgspec

from cc_voice.rtms.events import Audio

NEAR_MS = 180_000
RUN = 10
"""So many packets agree before a clock is believed to have been set: 200 ms of ordinary ones."""
RUN_STEP_MS = 5_000
"""Packets agree when they are no further apart than this."""
FASTER_THAN_LIFE = 60
PLAUSIBLE_UNIX_MS = (1_420_000_000_000, 4_102_000_000_000)
"""2015 to 2099: a clock that tells another year counts from somewhere else, its stream's beginning for instance."""
MOST_SETTINGS = 16
"""A clock set more often than this is none: what it says is left out."""


class Timed(msgspec.Struct, frozen=True):
    """A packet and its true time on the stream's clock (Unix ms)."""

    packet: Audio
    at_unix_ms: int


class MediaClock:
    """The clock of one stream. Times are Zoom's Unix ms; `now` is seconds on a clock of ours that does not jump."""

    def __init__(self, now: float, *, announced_unix_ms: int | None = None, furthest_unix_ms: int | None = None) -> None:
        """`announced_unix_ms`: when Zoom said that the stream begins. `furthest_unix_ms`: how far an earlier session came."""
        self.left_out = 0
        """Packets whose time cannot be true."""
        self._furthest = announced_unix_ms if furthest_unix_ms is None else furthest_unix_ms
        self._has_audio = furthest_unix_ms is not None
        self._moved_at = now
        self._shifts = [0]
        """What to add to a time, one per setting of the clock, the newest first."""
        self._aside: dict[str, list[Audio]] = {}
        self._doubted: dict[str, list[Timed]] = {}
        self._unplaced: list[Audio] = []
        self._first: int | None = None

    @property
    def settings(self) -> int:
        """How often the clock was set while the stream ran."""
        return len(self._shifts) - 1

    def is_near(self, at_unix_ms: int, now: float) -> bool:
        """Whether a time can be true."""
        if self._furthest is None:
            return True
        ahead_ms = NEAR_MS + FASTER_THAN_LIFE * round((now - self._moved_at) * 1000)
        return -NEAR_MS <= at_unix_ms - self._furthest <= ahead_ms

    def announce(self, first_unix_ms: int, now: float) -> int | None:
        """Take Zoom's word for when the first packet was made; return it as the stream's start, None when audio must confirm it."""
        self._first = first_unix_ms
        if not self.is_near(first_unix_ms, now):
            return None
        self._advance(first_unix_ms, now)
        return first_unix_ms

    def start(self, at_unix_ms: int) -> int:
        """Return the stream's start, given the first packet's time: what was announced, if the two agree."""
        if self._first is not None and abs(self._first - at_unix_ms) <= NEAR_MS:
            return self._first
        return at_unix_ms

    def admit(self, packet: Audio, now: float) -> list[Timed]:
        """Return the packets whose time is known now that this one is here: it alone, none, or it and those put aside before it."""
        at_unix_ms = self._true_time(packet.timestamp_ms, now)
        if at_unix_ms is None:
            return self._put_aside(packet, now)
        self._leave_out(self._aside.pop(packet.source, []))
        self._advance(at_unix_ms, now)
        return [Timed(packet, at_unix_ms)]

    def reach(self, end_unix_ms: int) -> None:
        """Audio was written up to here: what a clock that is set later goes on from."""
        if self._furthest is not None:
            self._furthest = max(self._furthest, end_unix_ms)

    def finish(self) -> None:
        """Give up what is still put aside."""
        for run in self._aside.values():
            self._leave_out(run)
        self._aside.clear()

    def doubt(self, timed: Timed, now: float) -> list[Timed]:
        """Other audio has the time of a packet: return what is to be recorded now, with the times that are believed."""
        source = timed.packet.source
        known = self._doubted.get(source)
        agrees = known is None or abs(timed.packet.timestamp_ms - known[-1].packet.timestamp_ms) <= RUN_STEP_MS
        given_up = [] if agrees else self.believe(source)
        run = self._doubted.setdefault(source, [])
        run.append(timed)
        if len(run) < RUN:
            return given_up
        if self.settings >= MOST_SETTINGS:
            return given_up + self.believe(source)
        self._set(run[0].packet.timestamp_ms)
        waiting = [one.packet for doubted in self._doubted.values() for one in doubted]
        self._doubted.clear()
        moved = [Timed(packet, packet.timestamp_ms + self._shifts[0]) for packet in waiting]
        for one in moved:
            self._advance(one.at_unix_ms, now)
        return given_up + moved

    def believe(self, source: str | None = None) -> list[Timed]:
        """Return the doubted packets of a source, or of all, with the times they came with."""
        sources = list(self._doubted) if source is None else [source]
        return [timed for one in sources for timed in self._doubted.pop(one, [])]

    def take_unplaced(self) -> list[Audio]:
        """Return the packets that were left out since this was last asked."""
        taken, self._unplaced = self._unplaced, []
        return taken

    @property
    def furthest_unix_ms(self) -> int | None:
        """How far the audio came."""
        return self._furthest

    def settle(self, unix_ms: int) -> int:
        """Return the true time of something that is not audio, as near to the audio as any setting of the clock puts it."""
        furthest = unix_ms if self._furthest is None else self._furthest
        return unix_ms + min(self._shifts, key=lambda shift: abs(unix_ms + shift - furthest))

    def place(self, unix_ms: int, now: float) -> int:
        """Return the time of something that comes as it happens, a picture: where it cannot be true, how far the audio is."""
        at_unix_ms = self.settle(unix_ms)
        return at_unix_ms if self._furthest is None or self.is_near(at_unix_ms, now) else self._furthest

    def _true_time(self, unix_ms: int, now: float) -> int | None:
        return next((unix_ms + shift for shift in self._shifts if self.is_near(unix_ms + shift, now)), None)

    def _advance(self, at_unix_ms: int, now: float) -> None:
        self._furthest = max(self._furthest, at_unix_ms) if self._has_audio and self._furthest is not None else at_unix_ms
        self._has_audio = True
        self._moved_at = now

    def _leave_out(self, packets: list[Audio]) -> None:
        self.left_out += len(packets)
        self._unplaced += packets

    def _put_aside(self, packet: Audio, now: float) -> list[Timed]:
        run = self._aside.setdefault(packet.source, [])
        if run and (len(run) == RUN or abs(packet.timestamp_ms - run[-1].timestamp_ms) > RUN_STEP_MS):
            self._leave_out(run)
            run.clear()
        run.append(packet)
        if len(run) < RUN or self.settings == MOST_SETTINGS:
            return []
        self._set(run[0].timestamp_ms)
        # Of all sources: the others' packets wait for the same setting
        waiting = [one for source in self._aside.values() for one in source]
        self._aside.clear()
        return [timed for one in waiting for timed in self.admit(one, now)]

    def _set(self, unix_ms: int) -> None:
        """Believe a clock: the first one as it is, if it tells a year that can be; else so that it goes on where the audio is.

        Before there was audio that is when the stream was announced.
        """
        is_possible = PLAUSIBLE_UNIX_MS[0] <= unix_ms < PLAUSIBLE_UNIX_MS[1]
        if self._furthest is None or (not self._has_audio and is_possible):
            self._furthest = unix_ms
        else:
            self._shifts.insert(0, self._furthest - unix_ms)
