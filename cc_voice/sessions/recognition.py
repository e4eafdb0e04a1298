"""Recognition of one worker process: a few threads and the models they share.

Models load on first use, in a thread, so that sockets are open and audio is being recorded before a large model is read.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import structlog

from cc_voice.sessions.listening import PipelineFactory
from cc_voice.settings import Settings
from cc_voice.speech import models, vosk
from cc_voice.speech.errors import ModelError
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecogniserFactory

log = structlog.get_logger()


class Recognition:
    """Hands out pipelines by language. Thread-safe; `close` waits for what is being heard."""

    def __init__(self, settings: Settings, threads: int, allow_test_model: bool) -> None:
        self.pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="listen")
        self._settings = settings
        self._allow_test_model = allow_test_model
        self._lock = threading.Lock()
        self._factories: dict[str, RecogniserFactory | None] = {}

    def recogniser(self, language: str) -> RecogniserFactory | None:
        """Return the recogniser of a language, loading its model if need be; None: the words will be Zoom's."""
        if self._settings.recogniser == "none":
            return None
        with self._lock:
            if language not in self._factories:
                self._factories[language] = self._load(language)
            return self._factories[language]

    def _load(self, language: str) -> RecogniserFactory | None:
        models_dir = self._settings.models_dir or self._settings.data_dir / "models"
        try:
            chosen = models.choose(models.installed(models_dir), language, allow_test_model=self._allow_test_model)
            return vosk.VoskFactory(chosen) if chosen is not None else None
        except (ModelError, OSError) as error:
            # A broken model must not stop a call: its words come from Zoom, and the operator reads why.
            log.error("model cannot be used", language=language, error=str(error))
            return None

    def pipelines(self, language: str) -> tuple[PipelineFactory, str | None]:
        """Return what makes pipelines for channels in `language`, and the name of the model they use."""
        recogniser = self.recogniser(language)

        def make(channel_id: str, rate_hz: int) -> ChannelPipeline:
            return ChannelPipeline(channel_id, rate_hz, recogniser, language)

        return make, recogniser.model_name if recogniser else None

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)
