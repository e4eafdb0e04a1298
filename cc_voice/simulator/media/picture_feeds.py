"""Picture feeds: what can be seen of a call, whose camera or screen is shown when, and which picture is due. Pure, as `feeds.py`
is.

Pictures are not buffered (5.1): what a link misses is gone, and a new link begins with the moment, and H.264 with a key
frame. What was sent is counted in the order it was sent.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from cc_voice.simulator.media.feeds import loud_frames
from cc_voice.simulator.parameters import PictureTerms
from cc_voice.simulator.scenario import ScriptChannel
from cc_voice.simulator.wire import Media

LATE_MS = 1000
"""Pictures more than this behind the call's clock are left out."""


class DuePicture(msgspec.Struct, frozen=True):
    """One picture, or one piece of H.264, of the source `key`."""

    key: str
    at_ms: int
    data: bytes


class PicturesSent(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent of one kind, over all sources."""

    kind: str
    """`video` or `deskshare`."""
    pictures: int
    bytes: int
    sha256: str
    """Over all decoded payloads in the order they were sent."""


class PictureFeed:
    """The pictures of one kind. `whose` tells whose is shown at a position, None where nobody's is."""

    def __init__(self, kind: Media, whose: Callable[[int], str | None]) -> None:
        self.kind = kind
        self._whose = whose
        self._pieces: Sequence[bytes] = ()
        self._fps = 1
        self._tick = self._piece = 0
        self._shown: str | None = None
        self._digest = hashlib.sha256()
        self._count = self._bytes = 0

    def agreed(self, terms: PictureTerms, pieces: Sequence[bytes]) -> None:
        """Send these pieces in turn from here on."""
        self._fps, self._pieces = terms.fps, pieces

    def begin(self, at_ms: int) -> None:
        """A link is there: go on with what is seen now."""
        self._tick = max(0, -(-at_ms * self._fps // 1000))
        self._piece, self._shown = 0, None

    def next_due_ms(self) -> int:
        return self._tick * 1000 // self._fps

    def take(self, until_ms: int) -> Iterator[DuePicture]:
        """Yield the pictures due until a position. What was yielded counts as sent."""
        if self.next_due_ms() < until_ms - LATE_MS:
            self.begin(until_ms - LATE_MS)
        while (at_ms := self.next_due_ms()) <= until_ms:
            self._tick += 1
            if (key := self._whose(at_ms)) is not None:
                data = self._next_piece(key)
                self._digest.update(data)
                self._count, self._bytes = self._count + 1, self._bytes + len(data)
                yield DuePicture(key, at_ms, data)

    def sent(self) -> PicturesSent:
        name = (self.kind.name or "").lower()
        return PicturesSent(kind=name, pictures=self._count, bytes=self._bytes, sha256=self._digest.hexdigest())

    def _next_piece(self, key: str) -> bytes:
        self._piece = self._piece + 1 if key == self._shown else 0
        self._shown = key
        return self._pieces[self._piece % len(self._pieces)]


class Cameras:
    """Who is seen on camera: the active speaker, or the one participant that was subscribed to (5.10)."""

    def __init__(self, tracks: Sequence[ScriptChannel]) -> None:
        self._tracks = tracks
        self._speakers = _speakers(tracks)
        self.individual = False
        self.watched: str | None = None
        """Key of the participant that was subscribed to."""

    def at(self, at_ms: int) -> str | None:
        if self.individual:
            key: str | None = self.watched
        else:
            key = self._tracks[self._speakers[min(at_ms // 20, len(self._speakers) - 1)]].key
        return key if any(track.key == key and track.start_ms <= at_ms < track.end_ms for track in self._tracks) else None


def screen(tracks: Sequence[ScriptChannel]) -> Callable[[int], str | None]:
    """Return who shares a screen when: the first party, as long as it is on the call."""
    first = tracks[0]
    return lambda at_ms: first.key if first.start_ms <= at_ms < first.end_ms else None


def _speakers(tracks: Sequence[ScriptChannel]) -> list[int]:
    """Return for every 20 ms the number of the track that spoke last, the first one until somebody does."""
    loud = [loud_frames(track.pcm) for track in tracks]
    last = np.zeros(max(len(frames) for frames in loud), dtype=int)
    speaks = np.zeros(len(last), dtype=bool)
    for number in reversed(range(len(loud))):
        last[: len(loud[number])][loud[number]] = number
        speaks[: len(loud[number])] |= loud[number]
    since = np.maximum.accumulate(np.where(speaks, np.arange(len(last)), 0))
    speakers: list[int] = last[since].tolist()
    return speakers
