"""Training examples: sentences spoken by many voices, disturbed as telephone calls are, labelled frame by frame."""

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.mini import tts
from models.mini.features import RATE_HZ, mfcc
from models.mini.language import Language
from models.mini.tts import SILENCE, Samples, Voice


class Take(msgspec.Struct, frozen=True):
    """One disturbed recording: MFCC frames and each frame's phone."""

    features: NDArray[np.float32]
    labels: tuple[str, ...]


class Example(msgspec.Struct, frozen=True):
    """A sentence as one voice said it, in several takes."""

    text: str
    voice: Voice
    phones: tuple[str, ...]
    takes: tuple[Take, ...]


class _Order(msgspec.Struct, frozen=True):
    text: str
    voice: Voice
    seed: int
    copies: int


def make(language: Language, texts: Sequence[str], seed: int, copies: int, workers: int) -> list[Example]:
    """Speak every text once, in a random voice, with `copies` takes. The same arguments give the same examples."""
    rng = random.Random(seed)
    voices = [rng.choice(language.voices) for _ in texts]
    orders = [
        _Order(text, voice, seed * 1_000_003 + number, copies)
        for number, (text, voice) in enumerate(zip(texts, voices, strict=True))
    ]
    work = partial(_make, language)
    if workers == 1:
        return list(map(work, orders))
    # Spawned: a forked child would share the parent's espeak-ng, which is one per process.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return list(pool.map(work, orders, chunksize=16))


def _make(language: Language, order: _Order) -> Example:
    voice, warp = _vary(order.voice, random.Random(order.seed))
    rng = np.random.default_rng(order.seed)
    speech = tts.speak(order.text, voice)
    samples = tts.resample(speech.samples, speech.rate_hz * warp, RATE_HZ)
    named = language.phones(speech.phones, voice)
    phones = tuple(tts.Phone(phone.start_s / warp, phone.end_s / warp, phone.name) for phone in named)
    takes = tuple(_take(samples, phones, rng) for _ in range(order.copies))
    return Example(order.text, order.voice, tuple(phone.name for phone in phones), takes)


def _vary(voice: Voice, rng: random.Random) -> tuple[Voice, float]:
    """Another tempo and pitch, and a warp (> 1 plays faster and higher) that moves the formants."""
    replace = msgspec.structs.replace
    if voice.engine == "espeak":
        varied = replace(voice, speed=rng.randint(130, 210), pitch=rng.randint(25, 75), pitch_range=rng.randint(30, 70))
        return varied, rng.uniform(0.92, 1.10)
    up = rng.random() < 0.5  # flite's voices are men's, nearly all
    return replace(voice, stretch=rng.uniform(0.85, 1.2)), rng.uniform(1.0, 1.25) if up else rng.uniform(0.92, 1.10)


def _take(samples: Samples, phones: Sequence[tts.Phone], rng: np.random.Generator) -> Take:
    disturbed, lead_s = disturb(samples, rng)
    features = mfcc(disturbed)
    middles = np.arange(len(features)) * 0.01 + 0.0125 - lead_s
    positions = np.searchsorted([phone.end_s for phone in phones], middles, side="right")
    labels = (
        phones[position].name if middle >= 0 and position < len(phones) else SILENCE
        for position, middle in zip(positions, middles, strict=True)
    )  # fmt: skip
    return Take(features, tuple(labels))


def disturb(samples: Samples, rng: np.random.Generator) -> tuple[Samples, float]:
    """Pauses around it, another level, a channel, noise, mu-law; and the seconds of pause that were put in front."""
    lead, tail = (int(seconds * RATE_HZ) for seconds in rng.uniform(0.0, 0.6, 2))
    out = np.concatenate([np.zeros(lead), samples, np.zeros(tail)])
    out *= np.exp(rng.uniform(np.log(1000), np.log(28000))) / (np.abs(out).max() + 1)
    stages = [_channel, _noisy]
    for stage in rng.permutation(2):  # noise of the room comes before the channel, noise of the line after it
        if rng.random() < 0.65:
            out = stages[stage](out, rng)
    if rng.random() < 0.3:
        out = mu_law(out)
    return np.round(np.clip(out, -32768, 32767)), lead / RATE_HZ


def _channel(samples: Samples, rng: np.random.Generator) -> Samples:
    """A spectral tilt and, mostly, a telephone's band."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    spectrum *= (np.maximum(hz, 50) / 1000) ** rng.uniform(-0.35, 0.35)
    if rng.random() < 0.7:
        low, high, steep = rng.uniform(100, 330), rng.uniform(3200, 3700), rng.choice([4, 8, 40])
        spectrum *= 1 / (1 + (low / np.maximum(hz, 1)) ** steep) / (1 + (hz / high) ** (3 * steep))
    out: Samples = np.fft.irfft(spectrum, len(samples))
    return out


def _noisy(samples: Samples, rng: np.random.Generator) -> Samples:
    kind = rng.choice(["white", "pink", "pink", "brown", "hum"])
    return with_noise(samples, rng, kind, rng.uniform(8, 40))


def with_noise(samples: Samples, rng: np.random.Generator, kind: str, snr_db: float) -> Samples:
    """Add white, pink or brown noise, or the hum of mains, so many dB below the whole recording."""
    noise = _noise(len(samples), rng, kind)
    gain = float(np.sqrt((samples**2).mean() / (noise**2).mean())) * 10 ** (-snr_db / 20)
    return samples + noise * gain


def _noise(count: int, rng: np.random.Generator, kind: str) -> Samples:
    if kind == "hum":
        hz = rng.choice([50, 60, 100, 120])
        seconds = np.arange(count) / RATE_HZ
        hum: Samples = np.sum([np.sin(2 * np.pi * hz * n * seconds + rng.uniform(0, 6)) / n for n in (1, 2, 3)], axis=0)
        return hum
    spectrum = np.fft.rfft(rng.normal(size=count))
    slope = {"white": 0.0, "pink": -0.5, "brown": -1.0}[kind]
    return np.fft.irfft(spectrum * (np.arange(len(spectrum)) + 8.0) ** slope, count)


def mu_law(samples: Samples) -> Samples:
    """There and back through 8-bit mu-law."""
    scaled = np.clip(samples / 32768, -1, 1)
    code = np.round(np.sign(scaled) * np.log1p(255 * np.abs(scaled)) / np.log(256) * 127) / 127
    out: Samples = np.sign(code) * (256 ** np.abs(code) - 1) / 255 * 32768
    return out
