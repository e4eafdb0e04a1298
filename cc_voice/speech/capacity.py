"""Capacity: what a speech model costs on this machine, time, memory, and so how many calls it can carry.

Nobody can look these numbers up: they depend on the model, the processor and what else runs. Measured is the whole path of a
channel (speech detection, segments, recognition) in one thread, by CPU time, so that a busy machine does not look slow. What is
said hardly matters for the cost; how much of the time somebody speaks does, and calls have about one speaker at a time.

The same sound is recognised two ways, with a new engine for every segment and with engines that are kept (recogniser_pool.py), in
one run, so that their ratio is one of the model and not of what else the machine does.
"""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.speech.errors import ModelError
from cc_voice.speech.machine import Machine, resident_mb
from cc_voice.speech.models.inventory import ModelInfo, composed_mb
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser_pool import RecogniserPool, warm_mb
from cc_voice.speech.voice_activity.detector import DetectorFactory
from cc_voice.speech.voice_activity.webrtc import WebrtcDetector
from cc_voice.speech.vosk import VoskFactory

CPU_SHARE = 0.7
"""Of the cores, for recognition: the rest is for media, the store, pages, and bursts."""
MEMORY_SHARE = 0.8
"""Of the memory that is free."""
PARTIES = 2
_RECOGNISERS = 8
"""How many are alive at once for measuring what one takes, at most."""
_PLAIN_MB = 100.0
"""Fewer will do once they take so much: then what else takes memory does not show, and their time is long."""
_HELD_S = 15
"""What each of them hears: segments are never longer, and memory grows until their end."""
_BLOCK_MS = 1000
_ROOM_MB = 1000.0
"""For kept engines while measuring: one is used, as one channel is recognised after the other."""


class Channel(msgspec.Struct, frozen=True):
    """One party's sound: little-endian int16, mono."""

    pcm: bytes
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate_hz


class ModelCost(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    model: str
    load_s: float
    """By the clock, checking its files included; longer where the disk has not read them lately."""
    load_cpu_s: float
    model_mb: float
    """Resident memory that loading took; each worker process loads it once."""
    recogniser_mb: float
    """What a party who is speaking takes."""
    audio_s: float
    speech_s: float
    cpu_s: float
    """For recognising all of it, with a new engine for every segment."""
    kept_cpu_s: float
    """The same with engines that are kept, from the first segment on."""
    ratio: float
    """Of the second to the first in the later half of the speech: engines have heard others by then, and this is what goes on."""
    kept_mb: float
    """What the kept engine has grown to; 0 where the model gains nothing and none is kept."""
    warm_mb: float
    """What is reckoned with for a kept engine; 0 where none is kept."""
    segments: int
    alike: int
    """Segments in which both ways recognised the same words."""

    @property
    def rtf(self) -> float:
        """CPU seconds per second of speech, with a new engine for every segment."""
        return self.cpu_s / self.speech_s

    @property
    def cold_rtf(self) -> float:
        """CPU seconds per second of speech with engines that are kept, from the first segment on."""
        return self.kept_cpu_s / self.speech_s

    @property
    def kept_rtf(self) -> float:
        """CPU seconds per second of speech with warm engines."""
        return self.rtf * self.ratio

    @property
    def call_cores(self) -> float:
        """Cores that one call of two parties takes on average, with a new engine for every segment."""
        return self.cpu_s / self.audio_s * PARTIES

    @property
    def kept_call_cores(self) -> float:
        """The same with warm engines."""
        return self.call_cores * self.ratio


class Capacity(msgspec.Struct, frozen=True):
    """How many calls at once. `by_memory` is None where memory is not known."""

    by_cpu: int
    by_memory: int | None
    kept: int = 0
    """Engines that are kept warm, in all workers."""

    @property
    def calls(self) -> int:
        return self.by_cpu if self.by_memory is None else min(self.by_cpu, self.by_memory)


def measure(
    info: ModelInfo, channels: Sequence[Channel], seconds: float | None, detectors: DetectorFactory = WebrtcDetector
) -> ModelCost:
    """Load a model and let it hear `seconds` of each channel, repeated where they are shorter; None: each once. Raises ModelError.

    Finding the speech is part of hearing: `detectors` are those that calls are heard with. A channel is heard both ways before the
    next one, so that a machine that gets busier slows both.
    """
    before_mb, began, cpu_began = resident_mb(), time.monotonic(), time.process_time()
    factory = VoskFactory(info)
    load_s, load_cpu_s, loaded_mb = time.monotonic() - began, time.process_time() - cpu_began, resident_mb()
    recogniser_mb = _recogniser_mb(factory, channels[0])
    pool: RecogniserPool[Any] = RecogniserPool(_ROOM_MB)
    keeping = factory.lending_from(pool)  # named: what is kept goes with the factory that asked for it
    heard = [_cut(channel, seconds) for channel in channels]
    new, new_mb = [_recognise(factory, heard[0], detectors)], resident_mb()
    kept = [_recognise(keeping, heard[0], detectors)]
    for channel in heard[1:]:
        new.append(_recognise(factory, channel, detectors))
        kept.append(_recognise(keeping, channel, detectors))
    speech_s = sum(one.speech_s for one in new)
    if not speech_s:
        first = "the recordings" if seconds is None else f"the first {seconds:g} s"
        raise ModelError(f"the model {info.name} cannot be measured: nobody speaks in {first}; take more")
    is_kept = pool.counts().kept > 0
    return ModelCost(
        model=info.name,
        load_s=load_s,
        load_cpu_s=load_cpu_s,
        model_mb=max(0.0, loaded_mb - before_mb),
        recogniser_mb=recogniser_mb,
        audio_s=sum(channel.seconds for channel in heard),
        speech_s=speech_s,
        cpu_s=sum(one.cpu_s for one in new),
        kept_cpu_s=sum(one.cpu_s for one in kept),
        ratio=_later_ratio(new, kept) if is_kept else 1.0,
        kept_mb=max(0.0, resident_mb() - new_mb) if is_kept else 0.0,
        warm_mb=warm_mb(composed_mb(info)) if is_kept else 0.0,
        segments=sum(len(one.texts) for one in new),
        alike=sum(a == b for one, other in zip(new, kept, strict=True) for a, b in zip(one.texts, other.texts, strict=True)),
    )


class _Recognised(msgspec.Struct, frozen=True):
    cpu_s: float
    speech_s: float
    texts: tuple[str, ...]


def _later_ratio(new: Sequence[_Recognised], kept: Sequence[_Recognised]) -> float:
    """Return what kept engines took of what new ones did, on the channels that end in the later half of the speech."""
    half_s, so_far = sum(one.speech_s for one in new) / 2, itertools.accumulate(one.speech_s for one in new)
    later = [(one.cpu_s, other.cpu_s) for one, other, at_s in zip(new, kept, so_far, strict=True) if at_s > half_s]
    return sum(kept_s for _, kept_s in later) / sum(new_s for new_s, _ in later)


def _recognise(factory: VoskFactory, channel: Channel, detectors: DetectorFactory) -> _Recognised:
    began = time.process_time()
    pipeline = ChannelPipeline("measured", channel.rate_hz, factory, factory.language, detectors=detectors)
    for block in _blocks(channel):
        pipeline.feed(block)
    pipeline.finish()
    cpu_s = time.process_time() - began
    texts = tuple(" ".join(said.text for said in one.utterances) for one in pipeline.segments())
    return _Recognised(cpu_s, sum(end - start for start, end in pipeline.speech()) / 1000, texts)


def capacity(cost: ModelCost, machine: Machine, workers: int, budget_mb: float = 0.0) -> Capacity:
    """Return how many calls of two parties this machine can carry, with one copy of the model in each worker.

    `budget_mb` is what all workers may keep warm. A call has about one speaker at a time, and so one engine out: the first calls
    have warm ones, those beyond what is kept get new ones.
    """
    kept = int(budget_mb / cost.warm_mb) if cost.warm_mb else 0
    cores = machine.cores * CPU_SHARE
    warm_calls = min(kept, int(cores / cost.kept_call_cores))
    by_cpu = warm_calls + int((cores - warm_calls * cost.kept_call_cores) / cost.call_cores)
    if machine.free_mb is None:
        return Capacity(by_cpu, None, kept)
    room_mb = machine.free_mb * MEMORY_SHARE - workers * cost.model_mb - kept * cost.warm_mb
    return Capacity(by_cpu, max(0, int(room_mb / (PARTIES * max(cost.recogniser_mb, 0.1)))), kept)


def _recogniser_mb(factory: VoskFactory, channel: Channel) -> float:
    """Return what one recogniser takes that is in the middle of a segment, the mean of several."""
    pcm = channel.pcm[: _HELD_S * channel.rate_hz * 2]
    before_mb, alive = resident_mb(), [factory.create(channel.rate_hz)]
    alive[0].accept(pcm)
    while len(alive) < _RECOGNISERS and resident_mb() - before_mb < _PLAIN_MB:
        alive.append(factory.create(channel.rate_hz))
        alive[-1].accept(pcm)
    return max(0.0, resident_mb() - before_mb) / len(alive)


def _cut(channel: Channel, seconds: float | None) -> Channel:
    """Return `seconds` of a channel, again from its start where it is shorter; None: as long as it is."""
    if seconds is None:
        return channel
    wanted = int(seconds * channel.rate_hz) * 2
    return Channel((channel.pcm * (wanted // len(channel.pcm) + 1))[:wanted], channel.rate_hz)


def _blocks(channel: Channel) -> list[bytes]:
    step = channel.rate_hz * _BLOCK_MS // 1000 * 2
    return [channel.pcm[at : at + step] for at in range(0, len(channel.pcm), step)]
