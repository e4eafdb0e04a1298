"""Text to speech with known phone times, from espeak-ng and flite.

Both engines tell which phone they spoke when, so neither the acoustic training nor the demo's reference
times need a forced alignment. espeak-ng is called through its shared library, because only the library's
PHONEME events carry times; flite's command line prints them with `-psdur`. Build time only: nothing of
this is imported by the product.

Phones keep the engine's own names here; each language's module says what they are called in its alphabet.
"""

import ctypes
import subprocess
import tempfile
import wave
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

SILENCE = "SIL"
"""Every engine's pause, in every alphabet."""
NO_SOUND = "+"
"""In a table of phone names: a mark of the engine's that cannot be heard."""


class Voice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to speak.

    `speed` (words a minute), `pitch` and `pitch_range` (0–100) are espeak's; `stretch` (1 = as recorded) is flite's.
    """

    engine: Literal["espeak", "flite"]
    name: str
    speed: int = 170
    pitch: int = 50
    pitch_range: int = 50
    stretch: float = 1.0


class Phone(NamedTuple):
    """One phone, in seconds from the first sample."""

    start_s: float
    end_s: float
    name: str


class Speech(msgspec.Struct, frozen=True):
    """What an engine said. `samples` are at int16 scale; the phones cover them without holes."""

    samples: Samples
    rate_hz: int
    phones: tuple[Phone, ...]


class EngineMissing(RuntimeError):
    """espeak-ng or flite is not installed."""


def speak(text: str, voice: Voice) -> Speech:
    """`text` in `voice`. Raises EngineMissing, or ValueError for a voice the engine does not have."""
    return _flite(text, voice) if voice.engine == "flite" else _espeak().speak(text, voice)


def speak_fresh(text: str, voice: Voice) -> Speech:
    """As `speak`, and the same every time.

    What espeak-ng says differs by a few ms with what it said before, and nothing of its interface resets that, so it
    speaks in a process of its own here. flite always does.
    """
    return speak(text, voice) if voice.engine == "flite" else _fresh_processes().submit(speak, text, voice).result()


@cache
def _fresh_processes() -> ProcessPoolExecutor:
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    return ProcessPoolExecutor(1, context, max_tasks_per_child=1)


def engines_missing() -> str | None:
    """Why speech cannot be made here, None when both engines work."""
    try:
        for engine, name in (("espeak", "en-us"), ("flite", "rms")):
            speak("yes", Voice(engine=engine, name=name))  # type: ignore[arg-type]  # literals of the tuple above
    except (EngineMissing, ValueError) as error:
        return str(error)
    return None


def resample(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    """Whole-utterance resampling through the spectrum; the rates may be any real numbers, which is how formants are warped."""
    count = round(len(samples) * to_hz / from_hz)
    spectrum = np.fft.rfft(samples)
    kept = min(count // 2 + 1, len(spectrum))
    fade = max(1, kept // 25)  # a soft edge; a brick wall rings
    out = np.zeros(count // 2 + 1, complex)
    out[:kept] = spectrum[:kept]
    out[kept - fade : kept] *= np.linspace(1, 0, fade)
    return np.fft.irfft(out, count) * (count / len(samples))


# ---- flite


def _flite(text: str, voice: Voice) -> Speech:
    if voice.name not in _flite_voices():  # flite itself would say it in its first voice and report success
        raise ValueError(f"flite has no voice {voice.name!r}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        stretch = ["--setf", f"duration_stretch={voice.stretch}"]
        command = ["flite", "-voice", voice.name, "-psdur", *stretch, "-t", text, "-o", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        with wave.open(str(path)) as file:
            rate_hz = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    ends = [item.split(":") for item in done.stdout.split()]
    starts = [0.0, *(float(end) for _, end in ends)]
    marks = [(start, SILENCE if name == "pau" else name) for start, (name, _) in zip(starts, ends, strict=False)]
    return Speech(samples, rate_hz, _contiguous(marks, len(samples) / rate_hz))


@cache
def _flite_voices() -> frozenset[str]:
    try:
        listed = subprocess.run(["flite", "-lv"], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        raise EngineMissing("flite is not installed (Debian package flite)") from error
    return frozenset(listed.partition(":")[2].split())


# ---- espeak-ng: the few names of speak_lib.h that are needed

_SYNCHRONOUS = 2
_PHONEME_EVENTS = 1
_CHARS_UTF8 = 1
_EVENT_PHONEME = 7
_RATE, _PITCH, _RANGE = 1, 3, 4


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Espeak:
    """The library, which is one per process and hands audio and events to one callback."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise EngineMissing("espeak-ng is not installed (Debian package espeak-ng)") from error
        self._rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        if self._rate_hz <= 0:
            raise EngineMissing("espeak-ng does not find its voices (Debian package espeak-ng-data)")
        self._audio = bytearray()
        self._marks: list[tuple[float, str]] = []
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        self._callback = prototype(self._receive)  # kept: the library does not keep it alive
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, audio: Any, count: int, events: Any) -> int:
        if audio and count > 0:
            self._audio += ctypes.string_at(audio, 2 * count)
        position = 0
        while events[position].type:
            event = events[position]
            if event.type == _EVENT_PHONEME:
                self._marks.append((event.audio_position / 1000, event.id.string.decode()))
            position += 1
        return 0

    def speak(self, text: str, voice: Voice) -> Speech:
        self._audio.clear()
        self._marks = [(0.0, SILENCE)]
        if self._library.espeak_SetVoiceByName(voice.name.encode()):
            raise ValueError(f"espeak-ng has no voice {voice.name!r}")
        for parameter, value in ((_RATE, voice.speed), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode() + b"\0"
        self._library.espeak_Synth(encoded, len(encoded), 0, 0, 0, _CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.frombuffer(bytes(self._audio), "<i2").astype(np.float64)
        marks = [(start, SILENCE if name in ("_", "_:") else name) for start, name in self._marks]
        return Speech(samples, self._rate_hz, _contiguous(marks, len(samples) / self._rate_hz))


@cache
def _espeak() -> _Espeak:
    return _Espeak()


def _contiguous(marks: Iterable[tuple[float, str]], end_s: float) -> tuple[Phone, ...]:
    """Start marks to phones that touch; neighbouring pauses become one, phones without length vanish."""
    phones: list[Phone] = []
    for (start, name), (end, _) in pairwise([*marks, (end_s, SILENCE)]):
        if phones and name == SILENCE == phones[-1].name:
            phones[-1] = phones[-1]._replace(end_s=end)
        elif end > start:
            phones.append(Phone(start, end, name))
    return tuple(phones)


def renamed(phones: Iterable[Phone], table: Mapping[str, str]) -> tuple[Phone, ...]:
    """Phones under the names of another alphabet.

    A phone that is two there is cut in halves; one that is NO_SOUND there is dropped. Raises KeyError for a phone not in `table`.
    """
    marks: list[tuple[float, str]] = []
    end_s = 0.0
    for start, end, name in phones:
        end_s = end
        if table[name] == NO_SOUND:
            continue
        parts = table[name].split()
        marks += [(start + (end - start) * n / len(parts), part) for n, part in enumerate(parts)]
    return _contiguous(marks, end_s)
