"""Feeds: what is due when, audio cut into packets with positions that can be moved back, and a tally of what was sent.

Pure values and counters: no clock, no socket. Positions are milliseconds on the call's clock, from the call's start;
`simulator/call.py` maps the wall clock to them (real time, N times as fast, or as fast as the peer takes it).

A packet is *due* when its interval is over – a live call cannot send what was not said yet – and carries the
interval's start as its timestamp.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cc_voice.simulator import wire
from cc_voice.simulator.media.sound import FRAME_MS, PLAIN, EncodedSound, SoundEncoding, encode
from cc_voice.simulator.scenario import BYTES_PER_MS, ChatLine, Event, Script, ScriptChannel, ScriptLine

MIXED = "0"
"""Key of the one source of mixed audio, as on the wire."""
QUIET = 64
"""With DTX, a packet is sent if a sample within `HANG_MS` of it is louder than this (−54 dBFS)."""
HANG_MS = 200


class Packet(msgspec.Struct, frozen=True):
    """One packet: `payload` holds what the source `key` said from `at_ms` on, for `lasts_ms`."""

    key: str
    at_ms: int
    payload: bytes
    lasts_ms: int = FRAME_MS
    bytes_per_ms: int = BYTES_PER_MS
    """0: the payload cannot be divided."""


class SentAudio(msgspec.Struct, frozen=True, kw_only=True):
    """What one source was sent. `packets` and `bytes` count audio sent for the first time, replays stand apart."""

    channel: str
    """Channel id, or user id where the product has no channels; `0` is mixed audio."""
    party: str
    packets: int
    bytes: int
    replayed_packets: int
    dropped_ms: int
    """Audio that was never sent, because the buffer had run over or the client did not want the backlog."""
    first_timestamp: int | None
    last_timestamp: int | None
    sha256: str
    """Over all decoded payloads in timestamp order, each counted once."""


class Tally:
    """Counts one source's packets, and hashes its audio in order, each byte once."""

    def __init__(self, track: ScriptChannel) -> None:
        self._key, self._party = track.key, track.who.party
        self._digest = hashlib.sha256()
        self._hashed_to_ms = -1
        self._packets = self._bytes = self._replayed = self.dropped_ms = 0
        self._first_ms: int | None = None
        self._last_ms: int | None = None

    def add(self, packet: Packet) -> None:
        end_ms = packet.at_ms + packet.lasts_ms
        if end_ms <= self._hashed_to_ms:
            self._replayed += 1
            return
        # After a reconnect with another send_rate a packet may be half old: only its new half counts.
        new = packet.payload[max(0, self._hashed_to_ms - packet.at_ms) * packet.bytes_per_ms :]
        self._digest.update(new)
        self._packets += 1
        self._bytes += len(new)
        self._first_ms = packet.at_ms if self._first_ms is None else self._first_ms
        self._last_ms = packet.at_ms
        self._hashed_to_ms = end_ms

    def result(self, start_unix_ms: int) -> SentAudio:
        return SentAudio(
            channel=self._key,
            party=self._party,
            packets=self._packets,
            bytes=self._bytes,
            replayed_packets=self._replayed,
            dropped_ms=self.dropped_ms,
            first_timestamp=None if self._first_ms is None else start_unix_ms + self._first_ms,
            last_timestamp=None if self._last_ms is None else start_unix_ms + self._last_ms,
            sha256=self._digest.hexdigest(),
        )


class AudioFeed:
    """Cuts the tracks of a call into packets, in timestamp order over all sources; one reader, which can go back."""

    def __init__(
        self,
        tracks: Sequence[ScriptChannel],
        *,
        send_rate_ms: int = 20,
        dtx: bool = False,
        from_ms: int = 0,
        tallies: Mapping[str, Tally] | None = None,
    ) -> None:
        """`tallies` of an earlier feed go on being counted."""
        self._tracks = {track.key: track for track in tracks}
        self._sounds: Mapping[str, EncodedSound] = {track.key: encode(track.pcm, PLAIN) for track in tracks}
        self._next_ms = {track.key: max(track.start_ms, from_ms) for track in tracks}
        self._loud = {track.key: loud_frames(track.pcm) for track in tracks} if dtx else {}
        self._rate_ms = send_rate_ms
        self._floor_ms = dict(self._next_ms)
        self._reached_ms = dict(self._next_ms)
        """Up to where audio was sent or lost at least once."""
        self._holes: dict[str, list[tuple[int, int]]] = {track.key: [] for track in tracks}
        self.tallies = {track.key: (tallies or {}).get(track.key) or Tally(track) for track in tracks}

    @property
    def position_ms(self) -> int:
        """Where the reader stands: everything before was sent or dropped."""
        waiting = [at_ms for key, at_ms in self._next_ms.items() if at_ms < self._tracks[key].end_ms]
        return min(waiting, default=max((track.end_ms for track in self._tracks.values()), default=0))

    @property
    def finished(self) -> bool:
        return all(at_ms >= self._tracks[key].end_ms for key, at_ms in self._next_ms.items())

    def next_due_ms(self) -> int | None:
        """Return when the next packet can be sent; None when everything was. The last one may be cut short by the call's end."""
        return None if self.finished else min(self.position_ms + self._rate_ms, max(t.end_ms for t in self._tracks.values()))

    def encoded(self, encoding: SoundEncoding) -> Mapping[str, EncodedSound]:
        """Return all sources in another encoding, to `retune` to. Slow, unless it is the scripts' own."""
        return {key: encode(track.pcm, encoding, phase_ms=self._next_ms[key] % FRAME_MS) for key, track in self._tracks.items()}

    def retune(self, send_rate_ms: int, sounds: Mapping[str, EncodedSound] | None = None) -> None:
        """Send other packets from here on; a client may ask for it when it reconnects."""
        self._rate_ms = send_rate_ms
        self._sounds = sounds or self._sounds

    def take(self, until_ms: int) -> Iterator[Packet]:
        """Yield the packets due until a position. What was yielded counts as sent."""
        while (due_ms := self.next_due_ms()) is not None and due_ms <= until_ms:
            at_ms = self.position_ms
            for key, next_ms in self._next_ms.items():
                if next_ms == at_ms and at_ms < self._tracks[key].end_ms:
                    self._move(key, at_ms + self._rate_ms)
                    if self._speaks(key, at_ms):
                        packet = self._packet(key, at_ms)
                        self.tallies[key].add(packet)
                        yield packet

    def rewind(self, to_ms: int) -> None:
        """Go back, so that what a dead link swallowed is sent again; never behind audio that was dropped for good."""
        for key, next_ms in self._next_ms.items():
            # Back by whole packets: a replayed packet then has its old timestamp, which is how clients know it.
            steps = -(-(next_ms - to_ms) // self._rate_ms)
            if steps > 0:
                self._move(key, max(self._floor_ms[key], next_ms - steps * self._rate_ms))

    def skip_to(self, at_ms: int) -> None:
        """Drop what was said before, for good: the buffer ran over, or the client did not want the backlog."""
        for key in self._tracks:
            length_ms = self._whole_packets(key, self._next_ms[key], at_ms)
            if length_ms > 0:
                self.tallies[key].dropped_ms += length_ms
                self._floor_ms[key] = self._next_ms[key] + length_ms
                self._move(key, self._floor_ms[key])

    def lose(self, until_ms: int) -> None:
        """Never send what was not sent yet, up to a position; what a dead link swallowed before can still be sent again."""
        for key, holes in self._holes.items():
            start_ms = self._reached_ms[key]
            length_ms = self._whole_packets(key, start_ms, until_ms)
            if length_ms > 0:
                self.tallies[key].dropped_ms += length_ms
                before = holes.pop()[0] if holes and holes[-1][1] == start_ms else start_ms
                holes.append((before, start_ms + length_ms))
                self._reached_ms[key] = start_ms + length_ms
                self._move(key, self._next_ms[key])

    def _whole_packets(self, key: str, from_ms: int, to_ms: int) -> int:
        """Return the length in ms of the packets that begin between two positions, none of them after the track's end."""
        return -(-(min(to_ms, self._tracks[key].end_ms) - from_ms) // self._rate_ms) * self._rate_ms

    def _move(self, key: str, to_ms: int) -> None:
        """Put a source's reader somewhere; within a hole that is where it ends."""
        landed_ms = next((end for start, end in self._holes[key] if start <= to_ms < end), to_ms)
        self._next_ms[key] = landed_ms
        self._reached_ms[key] = max(self._reached_ms[key], landed_ms)

    def _packet(self, key: str, at_ms: int) -> Packet:
        sound = self._sounds[key]
        return Packet(key, at_ms, sound.cut(at_ms, self._rate_ms), self._rate_ms, sound.bytes_per_ms)

    def _speaks(self, key: str, at_ms: int) -> bool:
        loud = self._loud.get(key)
        return loud is None or bool(loud[at_ms // 20 : -(-(at_ms + self._rate_ms) // 20)].any())


def loud_frames(pcm: bytes) -> NDArray[np.bool_]:
    """Tell for every 20 ms frame whether there is sound in it or within `HANG_MS` of it."""
    frame_bytes = 20 * BYTES_PER_MS
    whole = pcm.ljust(max(1, -(-len(pcm) // frame_bytes)) * frame_bytes, b"\0")
    samples = np.frombuffer(whole, dtype="<i2").reshape(-1, frame_bytes // 2)
    loud = np.abs(samples.astype(np.int32)).max(axis=1, initial=0) > QUIET
    reach = HANG_MS // 20
    return np.asarray(np.convolve(loud, np.ones(2 * reach + 1))[reach : reach + len(loud)] > 0, dtype=np.bool_)


def mixed(script: Script) -> ScriptChannel:
    """Return all parties of a call as one source, for clients that ask for mixed audio (`data_opt` 1)."""
    total = np.zeros(max((len(track.pcm) for track in script.tracks), default=0) // 2, dtype=np.int32)
    for track in script.tracks:
        samples = np.frombuffer(track.pcm, dtype="<i2")
        first = min(len(samples), track.start_ms * BYTES_PER_MS // 2)
        total[first : len(samples)] += samples[first:]
    first_track = script.tracks[0]
    return ScriptChannel(
        who=msgspec.structs.replace(first_track.who, party="mixed", channel_id=None, user_id=MIXED, name=None),
        key=MIXED,
        pcm=np.clip(total, -32768, 32767).astype("<i2").tobytes(),
        start_ms=min(track.start_ms for track in script.tracks),
        end_ms=max(track.end_ms for track in script.tracks),
    )


class EventQueue:
    """The call's events: which have happened, which of those the client was told."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = sorted(events, key=lambda event: event.known_ms)
        self._happened = 0
        self._untold: list[Event] = []

    @property
    def last_ms(self) -> int:
        return self._events[-1].known_ms if self._events else 0

    def next_due_ms(self) -> int | None:
        return self._events[self._happened].known_ms if self._happened < len(self._events) else None

    def happen(self, until_ms: int) -> None:
        """Let everything until a position happen, whether or not anybody listens."""
        while (due_ms := self.next_due_ms()) is not None and due_ms <= until_ms:
            self._untold.append(self._events[self._happened])
            self._happened += 1

    def take(self, subscribed: frozenset[int]) -> Iterator[Event]:
        """Yield what happened and was not told yet; what nobody subscribed to stays, a later subscription gets it."""
        for event in [event for event in self._untold if event.event_type in subscribed]:
            self._untold = [other for other in self._untold if other is not event]
            yield event

    def recall(self, types: frozenset[int]) -> None:
        """Tell again who is on the call, to a client that (re-)subscribes to the answered events.

        "Also sent at stream start for a consumer already connected" (5.5), with the time of the original.
        """
        # By number: 8 and 9 are also a meeting's cameras, which a client that comes back has to know of just as well.
        ends = {wire.CONSUMER_ANSWERED: wire.CONSUMER_END, wire.USER_ANSWERED: wire.USER_END}
        past = self._events[: self._happened]
        gone = {(event.event_type, event.channel_id, event.user_id) for event in past}
        for event in past:
            ended = (ends.get(event.event_type, 0), event.channel_id, event.user_id) in gone
            if event.event_type in types and event.event_type in ends and not ended:
                self._untold = [*(other for other in self._untold if other is not event), event]
        self._untold.sort(key=lambda event: event.at_ms)


class LineQueue:
    """Zoom's transcript: each line is known some time after it was spoken."""

    def __init__(self, lines: Sequence[ScriptLine]) -> None:
        self._lines = sorted(lines, key=lambda line: line.known_ms)
        self._next = 0

    @property
    def last_ms(self) -> int:
        return self._lines[-1].known_ms if self._lines else 0

    def next_due_ms(self) -> int | None:
        return self._lines[self._next].known_ms if self._next < len(self._lines) else None

    def take(self, until_ms: int) -> Iterator[ScriptLine]:
        while (due_ms := self.next_due_ms()) is not None and due_ms <= until_ms:
            self._next += 1
            yield self._lines[self._next - 1]


class ChatQueue:
    """What was written in the call's chat."""

    def __init__(self, lines: Sequence[ChatLine]) -> None:
        self._lines = sorted(lines, key=lambda line: line.at_ms)
        self._next = 0

    def next_due_ms(self) -> int | None:
        return self._lines[self._next].at_ms if self._next < len(self._lines) else None

    def take(self, until_ms: int) -> Iterator[ChatLine]:
        while (due_ms := self.next_due_ms()) is not None and due_ms <= until_ms:
            self._next += 1
            yield self._lines[self._next - 1]
