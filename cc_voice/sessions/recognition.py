"""Recognition of one worker process: its threads, the models and the voice detector they share.

Channels are heard in the blocks of one pool (priority_pool.py). What else takes time has threads of its own: errands, which are
short (finding a language, reading a model, flushing a file); calls that have just ended, whose numbers somebody waits for; and what
an earlier process left. An ended call may have an hour to be heard again while live calls leave it a tenth of the time: among the
errands, a few of those would keep every new call from being heard at all.

Models load on first use, in a thread, so that sockets are open and audio is being recorded before a large model is read.

When a call starts, the folder of models is looked at: what was installed, changed or removed since counts from this call on. A call
keeps the model it began with, and the model stays in memory until the last of its calls has ended. While one thread loads, calls
that start in a language that had a model go on with that one, so that a large model's arrival holds up nobody.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from cc_voice.config import phrase_lists
from cc_voice.config.settings import Settings
from cc_voice.sessions.channel_recognition import PipelineFactory
from cc_voice.sessions.priority_pool import PriorityPool
from cc_voice.speech import vosk
from cc_voice.speech.errors import DetectorError, GrammarError, ModelError
from cc_voice.speech.machine import Machine, this_machine
from cc_voice.speech.models import inventory
from cc_voice.speech.models.inventory import ModelInfo, Stamp
from cc_voice.speech.phrase_boosting import WithPhrases
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecogniserFactory
from cc_voice.speech.recogniser_pool import RecogniserPool
from cc_voice.speech.text_language import TextIdentifier
from cc_voice.speech.voice_activity import detector

log = structlog.get_logger()

WARM_SHARE = 0.25
"""Of the machine's memory, for recognisers that are kept warm (speech/recogniser_pool.py), unless the settings say otherwise."""
ERRANDS = 4
"""Threads of either kind beside those that hear: they mostly wait, for the disk or for their blocks to be heard."""


class Pipelines(NamedTuple):
    """What one call is heard with: makes pipelines for its channels, the name of the model they use, and further languages."""

    make: PipelineFactory
    model: str | None
    recogniser: Callable[[str], RecogniserFactory | None]
    """Returns the recogniser of a language (BCP-47), loading its model if need be; the same one throughout the call."""


class _Chosen(NamedTuple):
    """A language's recogniser, and the state of the models' folder in which it was chosen."""

    stamps: tuple[tuple[str, Stamp], ...]
    recogniser: RecogniserFactory | None


class Recognition:
    """Hands out pipelines by language. Thread-safe; `close` waits for what is being heard."""

    def __init__(
        self, settings: Settings, threads: int, allow_test_model: bool, engines: "RecogniserPool[Any] | None" = None
    ) -> None:
        """`engines` lends what segments are recognised with; None: as many are kept as the settings or the memory allow."""
        self.engines: RecogniserPool[Any] = engines if engines is not None else RecogniserPool(warm_mb(settings, this_machine()))
        self.priority_pool = PriorityPool(threads)
        self.pool = ThreadPoolExecutor(max_workers=ERRANDS, thread_name_prefix="errand")
        """Loading, delivering: what live calls wait for."""
        self.ended = ThreadPoolExecutor(max_workers=ERRANDS, thread_name_prefix="ended")
        """Completing calls that have just ended; hears through `priority_pool`."""
        self.backlog = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="backlog")
        """Completing what an earlier process left."""
        self._settings = settings
        self._allow_test_model = allow_test_model
        self._lock = threading.Lock()
        self._chosen: dict[str, _Chosen] = {}
        # Weak: whoever has chosen a model, language or call, holds it
        self._loaded: weakref.WeakValueDictionary[tuple[Path, Stamp], vosk.VoskFactory] = weakref.WeakValueDictionary()
        self._told: set[tuple[str, str]] = set()
        """What was said of models and phrases; again only after a restart."""
        self._detector_lock = threading.Lock()
        self._detectors: detector.DetectorFactory | None = None
        self._identifier_lock = threading.Lock()
        self._identifier: TextIdentifier | None = None

    def recogniser(self, language: str) -> RecogniserFactory | None:
        """Return the recogniser of a language, loading its model if need be; None: the words will be Zoom's."""
        if self._settings.recogniser == "none":
            return None
        # The lock is held while a model loads, seconds for a large one. Whoever has a recogniser for its language does not wait
        # for it: it tries the lock, and when another thread loads, goes on with what is known; the next call sees the newer
        # model. Who has none waits, as the alternative is no words at all. `_chosen` is read without the lock: one look-up of
        # a dict, whose values are replaced whole. Ruled out: a lock for each language. Two large models read at once have the
        # disk and the memory twice, and both calls wait.
        known = self._chosen.get(language)
        if not self._lock.acquire(blocking=known is None or known.recogniser is None):
            assert known is not None
            return known.recogniser
        try:
            return self._current(language)
        finally:
            self._lock.release()

    def _current(self, language: str) -> RecogniserFactory | None:
        try:
            stamps = inventory.stamps(self._settings.installed_models_dir)
            if (known := self._chosen.get(language)) is None or known.stamps != stamps:
                known = self._chosen[language] = _Chosen(stamps, self._with_phrases(language, next(self._usable(language), None)))
            return known.recogniser
        except (ModelError, OSError) as error:
            _tell(language, error)
            return None

    def _usable(self, language: str) -> Iterator[vosk.VoskFactory]:
        """Load the models of a language, best first. A broken one must not stop a call: the operator reads why."""
        found = inventory.survey(self._settings.installed_models_dir)
        for problem in found.problems:
            _tell(language, problem.reason)
        prefer = self._settings.prefer_models
        for info in inventory.ranked(found.models, language, allow_test_model=self._allow_test_model, prefer=prefer):
            try:
                yield self._load(info)
            except (ModelError, OSError) as error:
                _tell(language, error)

    def _load(self, info: ModelInfo) -> vosk.VoskFactory:
        key = (info.path, inventory.stamp(info.path))
        factory = self._loaded.get(key)
        if factory is None:
            factory = self._loaded[key] = vosk.VoskFactory(info, self.engines)
            log.info("model loaded", model=info.name, language=info.language)
        return factory

    def _with_phrases(self, language: str, factory: vosk.VoskFactory | None) -> RecogniserFactory | None:
        """Let a recogniser prefer the site's phrases of the language. A model that cannot hears as it does without."""
        phrases = phrase_lists.of_language(self._settings.phrases, language, self._settings.language.default)
        if factory is None or not phrases:
            return factory
        try:
            preferring = WithPhrases(factory, phrases)
        except GrammarError as error:
            self._tell_once(factory.model_name, str(error))
            return factory
        for left_out in preferring.left_out:
            self._tell_once(factory.model_name, f"the model does not know all words of {left_out}")
        return preferring

    def _tell_once(self, model: str, problem: str) -> None:
        if (model, problem) not in self._told:
            self._told.add((model, problem))
            log.warning("phrases are not used", model=model, problem=problem)

    def detectors(self) -> detector.DetectorFactory:
        """Return what makes voice detectors, loading Silero if need be."""
        with self._detector_lock:
            if self._detectors is None:
                self._detectors = self._load_detectors()
            return self._detectors

    def _load_detectors(self) -> detector.DetectorFactory:
        try:
            return detector.detectors(self._settings.vad)
        except DetectorError as error:
            # Calls are measured all the same; every leg says by which detector
            log.error("speech is told by WebRTC's detector alone: music and tones count as speech", error=str(error))
            return detector.detectors("webrtc")

    def pipelines(self, language: str) -> Pipelines:
        """Return what a call in `language` is heard with from its start to its end."""
        recogniser, detectors = self.recogniser(language), self.detectors()

        def make(channel_id: str, rate_hz: int) -> ChannelPipeline:
            return ChannelPipeline(channel_id, rate_hz, recogniser, language, detectors=detectors)

        chosen = {language: recogniser}

        def other(language: str) -> RecogniserFactory | None:
            if language not in chosen:
                chosen[language] = self.recogniser(language)
            return chosen[language]

        return Pipelines(make, recogniser.model_name if recogniser else None, other)

    def identifier(self) -> TextIdentifier:
        """Return what tells languages by text, loading it if need be."""
        with self._identifier_lock:
            if self._identifier is None:
                self._identifier = TextIdentifier()
            return self._identifier

    @property
    def is_local(self) -> bool:
        """Whether recognisers of ours are in use at all."""
        return self._settings.recogniser != "none"

    def languages(self) -> tuple[str, ...]:
        """Return the languages (BCP-47) of the models that may serve, without loading any."""
        if not self.is_local:
            return ()
        try:
            found = inventory.survey(self._settings.installed_models_dir).models
        except (ModelError, OSError):
            return ()  # told when a call asks for a model
        return tuple(dict.fromkeys(info.language for info in found if self._allow_test_model or not info.test_only))

    def close(self) -> None:
        for pool in (self.backlog, self.ended, self.pool):
            pool.shutdown(wait=True, cancel_futures=True)
        self.priority_pool.close()


def warm_mb(settings: Settings, machine: Machine) -> float:
    """Return what warm recognisers may take: as set (a worker finds its share), else a quarter of the memory, 0 where unknown."""
    if settings.warm_memory_mb is not None:
        return float(settings.warm_memory_mb)
    return (machine.memory_mb or 0.0) * WARM_SHARE


def _tell(language: str, error: object) -> None:
    log.error("model cannot be used", language=language, error=str(error))
