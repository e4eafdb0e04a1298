"""What a speech model costs on this machine: time, memory, and so how many calls it can carry.

Nobody can look these numbers up: they depend on the model, the processor and what else runs. Measured is the whole path of a
channel (speech detection, segments, recognition) in one thread, by CPU time, so that a busy machine does not look slow. What is
said hardly matters for the cost; how much of the time somebody speaks does, and calls have about one speaker at a time.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cc_voice.speech.errors import ModelError
from cc_voice.speech.models import ModelInfo
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.vad import DetectorFactory
from cc_voice.speech.vosk import VoskFactory
from cc_voice.speech.webrtc import WebrtcDetector

CPU_SHARE = 0.7
"""Of the cores, for recognition: the rest is for media, the store, pages, and bursts."""
MEMORY_SHARE = 0.8
"""Of the memory that is free."""
PARTIES = 2
_RECOGNISERS = 8
"""How many are alive at once for measuring what one takes."""
_HELD_S = 15
"""What each of them hears: segments are never longer, and memory grows until their end."""
_BLOCK_MS = 1000


class Channel(msgspec.Struct, frozen=True):
    """One party's sound: little-endian int16, mono."""

    pcm: bytes
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate_hz


class Machine(msgspec.Struct, frozen=True):
    """What there is. `free_mb` is None where the system does not say."""

    cores: int
    free_mb: float | None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    model: str
    load_s: float
    """By the clock, checking its files included; longer where the disk has not read them lately."""
    model_mb: float
    """Resident memory that loading took; each worker process loads it once."""
    recogniser_mb: float
    """What a party who is speaking takes."""
    audio_s: float
    speech_s: float
    cpu_s: float
    """For hearing all of it."""

    @property
    def rtf(self) -> float:
        """CPU seconds per second of speech."""
        return self.cpu_s / self.speech_s

    @property
    def call_cores(self) -> float:
        """Cores that one call of two parties takes on average."""
        return self.cpu_s / self.audio_s * PARTIES


class Capacity(msgspec.Struct, frozen=True):
    """How many calls at once. `by_memory` is None where memory is not known."""

    by_cpu: int
    by_memory: int | None

    @property
    def calls(self) -> int:
        return self.by_cpu if self.by_memory is None else min(self.by_cpu, self.by_memory)


def measure(info: ModelInfo, channels: Sequence[Channel], seconds: float, detectors: DetectorFactory = WebrtcDetector) -> Cost:
    """Load a model and let it hear `seconds` of each channel, repeated where they are shorter. Raises ModelError.

    Finding the speech is part of hearing: `detectors` are those that calls are heard with.
    """
    before_mb, began = resident_mb(), time.monotonic()
    factory = VoskFactory(info)
    load_s, loaded_mb = time.monotonic() - began, resident_mb()
    recogniser_mb = _recogniser_mb(factory, channels[0])
    speech_ms, began = 0, time.process_time()
    for number, channel in enumerate(channels):
        pipeline = ChannelPipeline(str(number), channel.rate_hz, factory, info.language, detectors=detectors)
        for block in _blocks(channel, seconds):
            pipeline.feed(block)
        pipeline.finish()
        speech_ms += sum(end - start for start, end in pipeline.speech())
    cpu_s = time.process_time() - began
    if not speech_ms:
        raise ModelError(f"the model {info.name} cannot be measured: nobody speaks in the first {seconds:g} s; take more")
    return Cost(
        model=info.name,
        load_s=load_s,
        model_mb=max(0.0, loaded_mb - before_mb),
        recogniser_mb=recogniser_mb,
        audio_s=seconds * len(channels),
        speech_s=speech_ms / 1000,
        cpu_s=cpu_s,
    )


def capacity(cost: Cost, machine: Machine, workers: int) -> Capacity:
    """Return how many calls of two parties this machine can carry, with one copy of the model in each worker."""
    by_cpu = int(machine.cores * CPU_SHARE / cost.call_cores)
    if machine.free_mb is None:
        return Capacity(by_cpu, None)
    room_mb = machine.free_mb * MEMORY_SHARE - workers * cost.model_mb
    return Capacity(by_cpu, max(0, int(room_mb / (PARTIES * max(cost.recogniser_mb, 0.1)))))


def this_machine() -> Machine:
    """Return cores and memory as this process may use them, in a container too."""
    return Machine(len(os.sched_getaffinity(0)), _free_mb())


def resident_mb() -> float:
    """Return the resident memory of this process (megabytes of a million bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _free_mb() -> float | None:
    found: list[float] = []
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024 / 1e6)
    group = Path("/sys/fs/cgroup")
    limit, used = _lines(group / "memory.max"), _lines(group / "memory.current")
    if limit and used and limit[0].isdigit():
        found.append((int(limit[0]) - int(used[0])) / 1e6)
    return min(found, default=None)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _recogniser_mb(factory: VoskFactory, channel: Channel) -> float:
    """Return what one recogniser takes that is in the middle of a segment, the mean of several."""
    pcm = channel.pcm[: _HELD_S * channel.rate_hz * 2]
    before_mb = resident_mb()
    alive = [factory.create(channel.rate_hz) for _ in range(_RECOGNISERS)]
    for recogniser in alive:
        recogniser.accept(pcm)
    return max(0.0, resident_mb() - before_mb) / len(alive)


def _blocks(channel: Channel, seconds: float) -> list[bytes]:
    """Return `seconds` of a channel in blocks, again from its start where it is shorter."""
    wanted = int(seconds * channel.rate_hz) * 2
    pcm = (channel.pcm * (wanted // len(channel.pcm) + 1))[:wanted]
    step = channel.rate_hz * _BLOCK_MS // 1000 * 2
    return [pcm[at : at + step] for at in range(0, wanted, step)]
