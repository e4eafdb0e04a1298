"""Worker plan: how many worker processes, how many recogniser threads in each, and what memory that takes.

Every worker loads its own copy of every model that its calls need, and libvosk releases the interpreter's lock while it decodes. So
there are few workers with several threads each, not one for every core: with the small Korean model one with two threads took
600 MiB less than two with one, and no more processor time for a call (speech/README.md).

Four cores each: what is left under the lock – packets, voice detection, JSON – is at most what a worker takes for a call with the
tiny model, 61 ms a second where the Korean one took 484 (`bench live` on the same busy machine), an eighth. So four threads that
always decode hold the lock half of the time at most, and eight would wait for it. And a crash costs the streams of one worker
only. There are fewer where half of the memory does not hold their models; the other half is for warm recognisers, the store and
everything else.

Ruled out: sharing one copy between processes by fork. It would copy the locks of all threads, and a model that arrives later would
not be shared.
"""

from collections.abc import Iterable

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.sessions.recognition import warm_mb
from cc_voice.speech.errors import ModelError
from cc_voice.speech.machine import Machine
from cc_voice.speech.models import inventory
from cc_voice.speech.models.inventory import ModelInfo

CORES_EACH = 4
WORKER_MB = 250.0
"""A worker without models: interpreter and Silero 180 MB, and the recordings and results of its calls."""
LOADED_FACTOR = 2.0
"""A model in memory, to its files on disk (524 MB to 264 MB for the small Korean one)."""
MODELS_SHARE = 0.5
"""Of the memory, for workers and their models."""


class MemoryTooSmall(Exception):
    """The models that calls need do not fit this machine's memory; the message says what can be done."""


class WorkerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is started. Megabytes of a million bytes."""

    workers: int
    threads: int
    """That recognise, in each worker."""
    worker_mb: float
    """What a worker takes once all its models are loaded, estimated from their files."""
    models: tuple[str, ...]
    """Names of the models that calls may need."""
    warm_mb: float
    """What warm recognisers may take in each worker."""
    memory_mb: float | None

    @property
    def problem(self) -> str | None:
        """Say where memory is short; None where the workers take no more than their share."""
        taken_mb = self.workers * self.worker_mb
        if self.memory_mb is None or taken_mb <= self.memory_mb * MODELS_SHARE:
            return None
        each = "1 worker takes" if self.workers == 1 else f"{self.workers} workers take {self.worker_mb:.0f} MB each,"
        which = f" with the models {', '.join(self.models)}" if self.models else ""
        fewer = "" if self.workers == 1 else "set fewer `workers` (0: as many as fit); "
        return (
            f"{each} about {taken_mb:.0f} MB{which}, and this machine has {self.memory_mb:.0f} MB: {fewer}install small models, "
            'set `prefer_models = "small"`, name the languages of the site in `language.languages`, or give it more memory'
        )


def plan(settings: Settings, machine: Machine) -> WorkerPlan:
    """Return how many workers to start. Raises MemoryTooSmall where they alone would fill the memory. Reads the models' folder."""
    needed = list(_needed(settings)) if settings.recogniser != "none" else []
    worker_mb = WORKER_MB + LOADED_FACTOR * sum(inventory.disk_mb(model) for model in needed)
    workers = settings.workers or default_workers(machine, worker_mb)
    made = WorkerPlan(
        workers=workers,
        threads=max(1, -(-machine.cores // workers)),
        worker_mb=worker_mb,
        models=tuple(model.name for model in needed),
        warm_mb=warm_mb(settings, machine) / workers,
        memory_mb=machine.memory_mb,
    )
    if needed and made.memory_mb is not None and workers * worker_mb > made.memory_mb:
        raise MemoryTooSmall(f"memory is too small: {made.problem}")
    return made


def default_workers(machine: Machine, worker_mb: float) -> int:
    """Return a worker for every four cores, or as many as fit their share of the memory; one at least."""
    by_cores = -(-machine.cores // CORES_EACH)
    if machine.memory_mb is None:
        return by_cores
    return max(1, min(by_cores, int(machine.memory_mb * MODELS_SHARE / worker_mb)))


def _needed(settings: Settings) -> Iterable[ModelInfo]:
    """Yield the models that calls of this site may be heard with, each once."""
    try:
        found = inventory.survey(settings.installed_models_dir).models
    except (ModelError, OSError):
        return  # told when a call asks for a model
    serving = [model for model in found if settings.allow_test_model or not model.test_only]
    language = settings.language
    tags = [language.default, *language.languages, *(tag for rule in language.queues for tag in rule.languages)]
    if language.identify and not language.languages:
        tags += [model.language for model in serving]
    chosen = (
        inventory.choose(found, tag, allow_test_model=settings.allow_test_model, prefer=settings.prefer_models) for tag in tags
    )
    yield from {model.name: model for model in chosen if model is not None}.values()
