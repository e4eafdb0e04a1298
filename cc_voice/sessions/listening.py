"""Listening: recognition follows the recording at its own pace, one listener per channel.

The recording is the buffer. The media loop only writes; a listener reads what lies between its own position and how far
the stream has certainly come, and hears holes as silence. Audio that arrives behind a listener (Zoom filled a gap late)
makes it stale: the channel is heard again from its start when the stream has ended, so that the stored result never
depends on the order of arrival.
"""

from collections.abc import Callable

from cc_voice.call.analysis import Interval
from cc_voice.call.transcript import Utterance
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.store.recordings import ChannelFile

PipelineFactory = Callable[[str, int], ChannelPipeline]
"""(channel_id, sample_rate_hz) → a fresh pipeline."""

BLOCK_MS = 10_000
"""How much is read and heard at once when catching up: bounds memory, costs nothing."""
HOLE_PATIENCE_MS = 1_000
"""How long packets of one channel may lag behind another channel's before their absence counts as silence."""


class Listener:
    """Hears one channel of a recording. `advance` and `finish` run in a worker thread, one at a time; the rest in the loop."""

    def __init__(self, file: ChannelFile, make_pipeline: PipelineFactory) -> None:
        self.file = file
        self._pipeline = make_pipeline(file.channel_id, file.rate_hz)
        self._position = 0
        self.busy = False
        self.failed = False

    @property
    def position(self) -> int:
        """How far the channel was heard, in samples."""
        return self._position

    @property
    def position_ms(self) -> int:
        return self._position * 1000 // self.file.rate_hz

    @property
    def stale(self) -> bool:
        """Whether audio arrived behind the position."""
        return self.file.late_from is not None and self.file.late_from < self._position

    def reach(self, stream_ms: int) -> int:
        """Return the sample up to which the channel may be heard now, given how far (ms) any channel of the stream is."""
        run_end = self.file.ranges.end_of_run(self._position)
        if run_end is not None:
            return run_end
        silence_end = (stream_ms - HOLE_PATIENCE_MS) * self.file.rate_hz // 1000
        next_start = self.file.ranges.next_start(self._position)
        return max(self._position, min(silence_end, next_start) if next_start is not None else silence_end)

    def advance(self, to: int) -> list[Utterance]:
        """Hear up to sample `to` and return the utterances that became final."""
        found: list[Utterance] = []
        block = BLOCK_MS * self.file.rate_hz // 1000
        while self._position < to:
            end = min(to, self._position + block)
            found += self._pipeline.feed(self.file.read(self._position, end))
            self._position = end
        return found

    def finish(self) -> list[Utterance]:
        """Hear the rest of the channel and return the last utterances."""
        return self.advance(self.file.ranges.end) + self._pipeline.finish()

    def speech(self) -> tuple[Interval, ...]:
        """Return the speech intervals; valid after `finish`."""
        return self._pipeline.speech()


def hear(file: ChannelFile, make_pipeline: PipelineFactory) -> tuple[tuple[Interval, ...], list[Utterance]]:
    """Hear a whole recorded channel: speech intervals and utterances."""
    listener = Listener(file, make_pipeline)
    utterances = listener.finish()
    return listener.speech(), utterances
