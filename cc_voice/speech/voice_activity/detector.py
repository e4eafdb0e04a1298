"""Detector of voice activity: what the pipeline asks of a detector, and which detector this machine has.

Not here: what a frame sounds like (webrtc.py, two_stage.py), where speech begins and ends (speech/segmentation.py).
"""

from collections.abc import Callable
from typing import Literal, Protocol

from cc_voice.speech.voice_activity.silero import load
from cc_voice.speech.voice_activity.sounds import Sounds
from cc_voice.speech.voice_activity.two_stage import TwoStageDetector
from cc_voice.speech.voice_activity.webrtc import WebrtcDetector


class Detector(Protocol):
    """Tells voiced frames of one channel, in order. However frames are grouped, the answers are the same."""

    @property
    def name(self) -> str:
        """For the record: figures of different detectors must not be compared unawares."""

    def push(self, pcm: bytes) -> list[bool]:
        """Take whole frames; return the answers that are known now, for the frames next in order."""

    def finish(self) -> list[bool]:
        """The audio ends: return the answers that are still owed."""

    def sounds(self) -> Sounds:
        """Return what sounded like a voice and is music or a tone."""


OWN_SPEECH = "own-1"
"""What becomes of every detector's answers: the party's own speech, without people behind and the other's echo, lines without low
frequencies levelled. Stored with each leg behind the detector's name; raised with every change that moves numbers, so that legs
measured before are told apart."""

DetectorFactory = Callable[[int], Detector]
"""sample_rate_hz → a detector for one channel; raises ValueError for a rate that cannot be examined."""


def recorded_name(detector: Detector) -> str:
    """Return what is stored with numbers: the detector, and which rules decided on its answers."""
    return f"{detector.name}+{OWN_SPEECH}"


def detectors(kind: Literal["silero", "webrtc"]) -> DetectorFactory:
    """Return what makes detectors: WebRTC's and Silero together, or WebRTC's alone. Raises DetectorError without Silero."""
    if kind == "webrtc":
        return WebrtcDetector
    silero = load()
    return lambda sample_rate_hz: TwoStageDetector(sample_rate_hz, silero)
