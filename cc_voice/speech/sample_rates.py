"""Sample rates: a streaming converter whose output does not depend on how its input was cut.

soxr's own int16 mode adds dither: digital silence becomes noise of ±1, and the noise differs with the size of the blocks
given to it (measured). So soxr works in floats here, on blocks of fixed size, and we round.
"""

import numpy as np
import numpy.typing as npt
import soxr

from cc_voice.speech.codecs import Samples, int16_from_float

_BLOCK_MS = 20

Floats = npt.NDArray[np.float32]


class Resampler:
    """Convert one channel from one rate to another. soxr holds back about 30 ms until `finish`."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._same = from_hz == to_hz
        self._block = max(1, from_hz * _BLOCK_MS // 1000)
        self._rest: Samples = np.zeros(0, dtype=np.int16)
        self._stream = None if self._same else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def feed(self, samples: Samples) -> Samples:
        """Return what can be converted so far."""
        if self._stream is None:
            return samples
        pending = np.concatenate((self._rest, samples))
        whole = len(pending) - len(pending) % self._block
        self._rest = pending[whole:]
        # Rounded together: that costs as much for one block as for fifty
        return _rounded([self._convert(pending[at : at + self._block]) for at in range(0, whole, self._block)])

    def finish(self) -> Samples:
        """Return the rest. The resampler cannot be used afterwards."""
        return self._rest[:0] if self._stream is None else _rounded([self._convert(self._rest, last=True)])

    def _convert(self, block: Samples, last: bool = False) -> Floats:
        assert self._stream is not None
        converted: Floats = self._stream.resample_chunk(block.astype(np.float32) / 32768.0, last=last)
        return converted


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Convert a whole recording at once."""
    if from_hz == to_hz:
        return samples
    return int16_from_float(soxr.resample(samples.astype(np.float32) / 32768.0, from_hz, to_hz, quality="HQ"))


def _rounded(parts: list[Floats]) -> Samples:
    return int16_from_float(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int16)
