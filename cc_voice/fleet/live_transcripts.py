"""Live transcripts: what is being said in live streams, at this moment, in memory only, in the loop of the service process.

A channel's words that may still change replace one another; final ones stay until the store has them. Nothing is accepted for a
stream that was not opened here, or from an older session of it, so what was closed or revoked stays gone whatever arrives late.
"""

import asyncio
from types import TracebackType
from typing import Self

from cc_voice.call.batch import LiveWords, StreamProgress
from cc_voice.sessions.spec import SessionSpec

MOST_WAITING = 2000
"""Words kept for a watcher that reads slowly; older ones are dropped. Forty calls of two channels are a tenth of it."""

_Key = tuple[str, str, int | None]


class _Stream:
    """One stream's words by channel."""

    def __init__(self, spec: SessionSpec) -> None:
        self.call_id = spec.call_id
        self.epoch = spec.epoch
        self.saying: dict[str, LiveWords] = {}
        self.final: dict[str, dict[int, LiveWords]] = {}
        """By channel and start."""


class LiveTranscripts:
    """The words of all live streams. Not thread-safe."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._watches: set[Watch] = set()

    def open(self, spec: SessionSpec) -> None:
        """A session begins; what an earlier one of its stream said last is gone."""
        self._streams[spec.stream_id] = _Stream(spec)

    def close(self, stream_id: str) -> None:
        """Forget a stream's words: its media has ended, or it was revoked."""
        self._streams.pop(stream_id, None)

    def take(self, words: LiveWords) -> None:
        """Show words in the place of the channel's last ones that were not final."""
        stream = self._streams.get(words.stream_id)
        if stream is None or stream.epoch != words.epoch:
            return
        stream.saying.pop(words.channel_id, None)
        if words.is_final:
            stream.final.setdefault(words.channel_id, {})[words.start_ms] = words
        elif words.text:
            stream.saying[words.channel_id] = words
        for watch in self._watches:
            watch.put(words)

    def stored(self, progress: StreamProgress) -> None:
        """The store has these utterances: they need not be shown from here any more."""
        stream = self._streams.get(progress.stream_id)
        if stream is not None:
            for said in progress.utterances:
                stream.final.get(said.channel_id, {}).pop(said.start_ms, None)

    def of_call(self, call_id: str) -> tuple[LiveWords, ...]:
        """Return what is being said in a call, and what was said and is not stored yet, in order of time."""
        found = [
            words
            for stream in self._streams.values()
            if stream.call_id == call_id
            for words in (*stream.saying.values(), *(one for said in stream.final.values() for one in said.values()))
        ]
        return tuple(sorted(found, key=lambda words: (words.start_ms, words.channel_id)))

    def of_stream(self, stream_id: str) -> tuple[LiveWords, ...]:
        """Return what is being said in a stream and may still change, the channel that was heard last first."""
        stream = self._streams.get(stream_id)
        return tuple(sorted(stream.saying.values(), key=lambda words: -words.end_ms)) if stream else ()

    def watch(self) -> "Watch":
        """Return a watch on all words from now on, a context manager."""
        return Watch(self._watches)


class Watch:
    """Gets words as they come. Of a channel's words that may still change only the last wait for a reader who is slow."""

    def __init__(self, watches: "set[Watch]") -> None:
        self._watches = watches
        self._waiting: dict[_Key, LiveWords] = {}
        self._some = asyncio.Event()

    def __enter__(self) -> Self:
        self._watches.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._watches.discard(self)

    def put(self, words: LiveWords) -> None:
        key = (words.stream_id, words.channel_id, words.start_ms if words.is_final else None)
        self._waiting.pop(key, None)
        self._waiting[key] = words
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._some.set()

    async def take(self) -> list[LiveWords]:
        """Wait for words; return all that came, in order."""
        await self._some.wait()
        self._some.clear()
        found, self._waiting = list(self._waiting.values()), {}
        return found
