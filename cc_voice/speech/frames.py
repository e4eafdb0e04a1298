"""The recent past of one channel, cut into frames of equal length and addressed by frame number."""

import numpy as np

from cc_voice.speech.codecs import int16_from_bytes

FRAME_MS = 10
"""10, 20 and 30 ms are possible with WebRTC's detector; 10 ms measures talk time best (README)."""

BYTES_PER_SAMPLE = 2

SUPPORTED_RATES_HZ = (8000, 16000, 32000, 48000)
"""What WebRTC's detector takes, and what is a whole number of samples in a frame."""


def check_rate(sample_rate_hz: int) -> None:
    """Raise ValueError for a rate that no detector examines."""
    if sample_rate_hz not in SUPPORTED_RATES_HZ:
        raise ValueError(f"{sample_rate_hz} Hz cannot be examined; resample to 16000 Hz first")


def frame_samples(sample_rate_hz: int) -> int:
    """Return how many samples a frame has."""
    return sample_rate_hz * FRAME_MS // 1000


def frame_energies(pcm: bytes | memoryview, sample_rate_hz: int) -> list[int]:
    """Return the sum of squares of every frame; in integers, so that it cannot depend on how frames are grouped."""
    samples = int16_from_bytes(memoryview(pcm)).astype(np.int64)
    energies: list[int] = np.square(samples).reshape(-1, frame_samples(sample_rate_hz)).sum(axis=1).tolist()
    return energies


class FrameHistory:
    """PCM bytes since frame 0; what is no longer needed is forgotten, what is not yet a whole frame waits."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.frame_bytes = frame_samples(sample_rate_hz) * BYTES_PER_SAMPLE
        self._sample_rate_hz = sample_rate_hz
        self._pcm = bytearray()
        self._first = 0

    @property
    def frames(self) -> int:
        """How many whole frames have arrived."""
        return self._first + len(self._pcm) // self.frame_bytes

    @property
    def position_ms(self) -> int:
        """How much audio has arrived, the unfinished frame included."""
        rest = len(self._pcm) % self.frame_bytes // BYTES_PER_SAMPLE
        return self.frames * FRAME_MS + rest * 1000 // self._sample_rate_hz

    def append(self, pcm: bytes | memoryview) -> int:
        """Add bytes, cut anywhere; return the number of the first frame that they complete."""
        before = self.frames
        self._pcm += pcm
        return before

    def slice(self, start: int, end: int) -> bytes:
        """Return the PCM of frames start … end−1."""
        return bytes(self._pcm[(start - self._first) * self.frame_bytes : (end - self._first) * self.frame_bytes])

    def forget_before(self, frame: int) -> None:
        """Drop frames that nobody will ask for again."""
        if frame > self._first:
            del self._pcm[: (frame - self._first) * self.frame_bytes]
            self._first = frame
