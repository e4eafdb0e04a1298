"""Is there a voice in a frame? WebRTC's detector, mode 3 (the most sceptical one).

It is cheap (2 µs a frame) and good on telephone speech, but takes hold music, ringback and DTMF for voice.
Not here: the decision where speech begins and ends (segment.py).
"""

import webrtcvad

from cc_voice.speech.framing import FRAME_MS

DETECTOR = "webrtcvad-3"
"""Name of the detector for the record: figures of different detectors must not be compared unawares."""

SUPPORTED_RATES_HZ = (8000, 16000, 32000, 48000)


class VoiceDetector:
    """Tell voiced frames of one channel. Stateful: one per channel, frames in order."""

    def __init__(self, sample_rate_hz: int, mode: int = 3) -> None:
        if sample_rate_hz not in SUPPORTED_RATES_HZ:
            raise ValueError(f"{sample_rate_hz} Hz cannot be examined; resample to 16000 Hz first")
        self._rate = sample_rate_hz
        self._frame_bytes = sample_rate_hz * FRAME_MS // 1000 * 2
        self._vad = webrtcvad.Vad(mode)

    def voiced(self, pcm: bytes) -> list[bool]:
        """Return one answer per frame of `pcm`, which is a whole number of frames."""
        step, rate, ask, view = self._frame_bytes, self._rate, self._vad.is_speech, memoryview(pcm)
        return [ask(view[at : at + step], rate) for at in range(0, len(pcm), step)]
