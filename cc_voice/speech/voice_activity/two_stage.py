"""Two-stage detector: is there a voice in a frame? WebRTC's detector says where, Silero whether.

WebRTC's (mode 3, on audio brought to common level) costs 1 µs a frame and has sharp edges, but takes music, tones and line noise
for voice. Silero knows better, but blurs edges and costs twenty times as much. So WebRTC's looks at every frame, Silero only at
what lies around its yes, and a frame is voiced when both say so – Silero generously, over the stretches of decision.py. Each alone
lost: Silero with 5 % (median) and 21 % (worst) error of talk time, WebRTC's with 99 % of hold music (README).

What WebRTC's takes for voice and Silero does not, and any tone, is looked at by sounds.py. (WebRTC's takes a tone that was there
from the beginning for the noise of the line.)

Answers come in order, late by 0.4 s at most, and only where Silero has not made up its mind: frames that WebRTC's refuses, and
those in the midst of speech, are answered at once.
"""

from collections import deque

import numpy as np
import webrtcvad

from cc_voice.speech.codecs import Samples, bytes_from_int16, int16_from_bytes
from cc_voice.speech.frames import BYTES_PER_SAMPLE, check_rate, frame_samples
from cc_voice.speech.sample_rates import Resampler
from cc_voice.speech.voice_activity.decision import OPEN, REACH, VoiceDecision
from cc_voice.speech.voice_activity.gain import RATE_HZ, GainControl
from cc_voice.speech.voice_activity.low_band import LowBand
from cc_voice.speech.voice_activity.silero import CHUNK_SAMPLES, CONTEXT_SAMPLES, Audio, Silero, SileroState
from cc_voice.speech.voice_activity.sounds import WINDOW_SAMPLES, SoundLog, Sounds, SpectrumAnalyser, Texture

_FRAME = frame_samples(RATE_HZ)
_WARM_UP = 16
"""Chunks (0.5 s) before WebRTC's yes that Silero hears too: its memory needs to know the silence that ended."""
_AFTER = REACH
"""Chunks after the last yes. Not fewer than a stretch of speech reaches: then a chunk that was left out decides nothing."""
_KEPT = (_WARM_UP + 1) * CHUNK_SAMPLES + WINDOW_SAMPLES


class TwoStageDetector:
    """Tell voiced frames of one channel. Stateful: one per channel, frames in order."""

    name = "webrtcvad-3+silero-5"

    def __init__(self, sample_rate_hz: int, silero: Silero) -> None:
        """Raises ValueError for a rate that cannot be examined."""
        check_rate(sample_rate_hz)
        self._frame_bytes = frame_samples(sample_rate_hz) * BYTES_PER_SAMPLE
        self._resampler = Resampler(sample_rate_hz, RATE_HZ)
        self._leveller, self._low_band, self._vad = GainControl(), LowBand(), webrtcvad.Vad(3)
        self._silero, self._memory = silero, SileroState()
        self._decision, self._eye, self._log = VoiceDecision(), SpectrumAnalyser(), SoundLog()
        self._given = self._gated = self._answered = 0
        """Frames that came in, that WebRTC's has seen, that were answered."""
        self._rest = _silence(0)
        self._audio = np.zeros(WINDOW_SAMPLES, dtype=np.float32)
        self._audio_from = -WINDOW_SAMPLES
        """Number of the first sample in `_audio`."""
        self._waiting: deque[bool] = deque()
        """What WebRTC's said of frames not answered yet."""
        self._fired: set[int] = set()
        """Chunks ahead in which it said yes."""
        self._last_fired = -_AFTER - 1
        self._examined = self._heard = 0
        """Chunks up to which it was decided whether Silero listens, and to which it did."""
        self._textures: deque[tuple[int, Texture]] = deque()

    def push(self, pcm: bytes) -> list[bool]:
        """Take whole frames; return the answers for the frames next in order that are known now."""
        self._given += len(pcm) // self._frame_bytes
        self._take(self._resampler.feed(int16_from_bytes(pcm)))
        return self._answers()

    def finish(self) -> list[bool]:
        """The audio ends: return the answers for all frames that wait. Nothing may be pushed afterwards."""
        owed = (self._given - self._gated) * _FRAME - len(self._rest)
        tail = self._resampler.finish()[:owed]
        self._take(np.concatenate((tail, _silence(owed - len(tail)))))  # resampled lengths are rounded, by a sample
        self._keep(_silence(CHUNK_SAMPLES))
        while self._examined * CHUNK_SAMPLES < self._gated * _FRAME:
            self._examine()
        answers = self._answers(ended=True)
        self._log.finish()
        return answers

    def sounds(self) -> Sounds:
        """Return the music and the tones among what has been answered."""
        return self._log.sounds()

    def _take(self, samples: Samples) -> None:
        pending = np.concatenate((self._rest, samples))
        whole = len(pending) - len(pending) % _FRAME
        self._rest = pending[whole:]
        found = self._leveller.level(pending[:whole])
        audio = self._low_band.restore(pending[:whole], found)
        self._keep(audio)
        pcm = memoryview(bytes_from_int16(audio))
        for number, audible in enumerate(found.audible):
            at = number * _FRAME * BYTES_PER_SAMPLE
            self._gate(self._vad.is_speech(pcm[at : at + _FRAME * BYTES_PER_SAMPLE], RATE_HZ) and audible)
        self._forget()

    def _gate(self, voiced: bool) -> None:
        """Note what WebRTC's said of the next frame, and let Silero hear the chunk that it completes."""
        if voiced:
            self._fired.add(_chunk_of(self._gated))
        self._waiting.append(voiced)
        self._gated += 1
        if self._gated * _FRAME >= (self._examined + 1) * CHUNK_SAMPLES:
            self._examine()

    def _examine(self) -> None:
        """Decide whether Silero hears the next chunk: where WebRTC's said yes, a little before that and a little after."""
        chunk = self._examined
        self._examined += 1
        if chunk in self._fired:
            self._fired.remove(chunk)
            self._last_fired = chunk
            self._heard = max(self._heard, chunk - _WARM_UP)
        probability = 0.0
        if chunk - self._last_fired <= _AFTER or self._decision.wavering:
            while self._heard <= chunk:
                probability = self._push_chunk(self._heard)
                self._heard += 1
        if probability < OPEN:
            self._textures.append((chunk, self._eye.look(chunk, self._before(chunk, WINDOW_SAMPLES))))

    def _push_chunk(self, chunk: int) -> float:
        probability = self._silero.probability(self._before(chunk, CONTEXT_SAMPLES + CHUNK_SAMPLES), self._memory)
        self._decision.push(chunk, probability)
        return probability

    def _before(self, chunk: int, samples: int) -> Audio:
        """Return audio up to the end of a chunk."""
        end = (chunk + 1) * CHUNK_SAMPLES - self._audio_from
        return self._audio[end - samples : end]

    def _answers(self, ended: bool = False) -> list[bool]:
        found: list[bool] = []
        while self._waiting and (chunk := _chunk_of(self._answered)) < self._examined:
            verdict = self._decision.verdict(chunk) if self._waiting[0] else False
            if verdict is None and not ended:
                break
            voiced = self._waiting.popleft()
            texture = self._texture(chunk)
            self._log.push(not verdict and (voiced or texture is Texture.TONE), texture)
            self._answered += 1
            found.append(bool(verdict))
        return found

    def _texture(self, chunk: int) -> Texture:
        while self._textures and self._textures[0][0] < chunk:
            self._textures.popleft()
        return self._textures[0][1] if self._textures and self._textures[0][0] == chunk else Texture.NOISE

    def _keep(self, samples: Samples) -> None:
        self._audio = np.concatenate((self._audio, samples.astype(np.float32) / np.float32(32768)))

    def _forget(self) -> None:
        """Drop audio that Silero will not hear any more."""
        surplus = len(self._audio) - _KEPT - CHUNK_SAMPLES
        if surplus > 0:
            self._audio = self._audio[surplus:]
            self._audio_from += surplus


def _silence(samples: int) -> Samples:
    return np.zeros(samples, dtype=np.int16)


def _chunk_of(frame: int) -> int:
    """Return the chunk in which the middle of a frame lies."""
    return (frame * _FRAME + _FRAME // 2) // CHUNK_SAMPLES
