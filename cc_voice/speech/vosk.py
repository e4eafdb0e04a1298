"""Vosk behind our Recogniser protocol; the only module that imports it.

What it shields from (all seen on 0.3.45):
- models are opened by absolute path only: look-up by name or language downloads, guesses, or calls sys.exit;
- damaged models load and talk nonsense or, with a wrong word_boundary.int, end the process at the first word, and load errors
  name no reason: models.py checks the files first, and one recogniser is made when a model is loaded;
- a new recogniser per segment: Reset() keeps undecoded audio, and word times run on across it;
- `bytes` only, whole samples only (an odd byte shifts the rest), at the model's own rate (8 kHz into a 16 kHz model fails);
- blocks of 100 ms, always: the end-point test runs once per block, so long blocks would hide end points, and results
  must not depend on how the caller cuts;
- grammars only as grammar.py makes them: a wrong one kills the process; no alternatives: they change the shape of the result.
Kaldi writes its log to file descriptor 2; SetLogLevel(-1) leaves only what it prints before dying.
The GIL is released inside AcceptWaveform, so threads share one Model; never two threads in one recogniser.
"""

import functools
from collections.abc import Iterable
from typing import Any

import msgspec
import vosk

from cc_voice.call.transcript import Word
from cc_voice.speech.codecs import bytes_from_int16, int16_from_bytes
from cc_voice.speech.errors import ModelError, RecogniserError
from cc_voice.speech.grammar import Fitted, Grammar, fit
from cc_voice.speech.models import ModelInfo, check, vocabulary
from cc_voice.speech.recogniser import RecognisedSegment
from cc_voice.speech.resample import Resampler

_BLOCK_MS = 100
_NOT_WORDS = frozenset({"[unk]", "<unk>", "[noise]", "<eps>"})


class _HeardWord(msgspec.Struct, frozen=True):
    word: str
    start: float
    end: float
    conf: float = 0.0


class _Result(msgspec.Struct, frozen=True):
    """Vosk's JSON: `result` is absent when nothing was heard, `partial` after a result."""

    text: str = ""
    partial: str = ""
    result: tuple[_HeardWord, ...] = ()


_RESULT = msgspec.json.Decoder(_Result)
"""Made here, once: msgspec crashes the process when two threads are the first to decode a type (seen with 0.22)."""


class VoskFactory:
    """One loaded model and the recognisers made from it. Thread-safe."""

    def __init__(self, info: ModelInfo) -> None:
        """Load a model (0.1 to some seconds, up to gigabytes). Raises ModelError."""
        check(info)
        vosk.SetLogLevel(-1)
        self._info = info
        try:
            self._model = vosk.Model(model_path=str(info.path.resolve()))
            self._engine()  # a damaged graph or features of another network show only here
        except Exception as error:  # the binding raises nothing more exact
            raise ModelError(f"Vosk cannot load the model {info.name} from {info.path}; install it again") from error

    @property
    def model_name(self) -> str:
        return self._info.name

    @property
    def language(self) -> str:
        return self._info.language

    def create(self, sample_rate_hz: int) -> "VoskRecogniser":
        """Return a recogniser for one segment. Raises RecogniserError."""
        try:
            return VoskRecogniser(self._engine(), sample_rate_hz, self._info)
        except Exception as error:  # as above
            raise RecogniserError(f"the model {self._info.name} gives no recogniser; is memory short?") from error

    @property
    def takes_grammars(self) -> bool:
        return self._info.takes_grammars

    def fit(self, phrases: Iterable[str]) -> Fitted:
        """Return what of these phrases the model can hear: nothing where it takes no grammar."""
        return fit(phrases, self.model_name, self._vocabulary) if self.takes_grammars else Fitted(None)

    def confined(self, grammar: Grammar, sample_rate_hz: int) -> "VoskRecogniser":
        """Return a recogniser for one segment that hears nothing but `grammar`, which `fit` made. Raises RecogniserError."""
        if grammar.model != self.model_name or not self.takes_grammars:
            raise AssertionError("a grammar is for the model that it was made for")
        try:
            return VoskRecogniser(self._engine(grammar.json), sample_rate_hz, self._info)
        except Exception as error:  # as above
            raise RecogniserError(f"the model {self._info.name} gives no recogniser; is memory short?") from error

    @functools.cached_property
    def _vocabulary(self) -> frozenset[str]:
        return vocabulary(self._info)

    def _engine(self, *grammar: str) -> Any:
        engine = vosk.KaldiRecognizer(self._model, self._info.sample_rate_hz, *grammar)
        engine.SetWords(True)
        return engine


class VoskRecogniser:
    """Hears one segment."""

    def __init__(self, engine: Any, sample_rate_hz: int, info: ModelInfo) -> None:
        self._engine = engine
        self._model_name = info.name
        self._resampler = Resampler(sample_rate_hz, info.sample_rate_hz)
        self._block = info.sample_rate_hz * _BLOCK_MS // 1000 * 2
        self._odd = b""
        self._waiting = bytearray()
        self._results: list[_Result] = []

    def accept(self, pcm: bytes) -> None:
        pcm = self._odd + pcm
        whole = len(pcm) // 2 * 2
        self._odd = pcm[whole:]
        self._waiting += bytes_from_int16(self._resampler.feed(int16_from_bytes(pcm[:whole])))
        ready = len(self._waiting) - len(self._waiting) % self._block
        for at in range(0, ready, self._block):
            self._decode(bytes(self._waiting[at : at + self._block]))
        del self._waiting[:ready]

    def partial(self) -> str:
        now = self._parse(self._engine.PartialResult())
        return " ".join(filter(None, [*(result.text for result in self._results), now.partial]))

    def finish(self) -> RecognisedSegment:
        self._waiting += bytes_from_int16(self._resampler.finish())
        for at in range(0, len(self._waiting), self._block):
            self._decode(bytes(self._waiting[at : at + self._block]))
        self._results.append(self._parse(self._engine.FinalResult()))
        return _segment([word for result in self._results for word in result.result if word.word not in _NOT_WORDS])

    def _decode(self, block: bytes) -> None:
        try:
            ended = self._engine.AcceptWaveform(block)
        except Exception as error:  # the binding raises nothing more exact
            raise RecogniserError(f"the model {self._model_name} failed on audio") from error
        if ended:
            self._results.append(self._parse(self._engine.Result()))

    def _parse(self, text: str) -> _Result:
        try:
            result = _RESULT.decode(text)
        except msgspec.DecodeError as error:
            raise RecogniserError(f"the model {self._model_name} answered something unreadable") from error
        if not all(word.word for word in result.result):
            raise RecogniserError(f"the model {self._model_name} recognised a word that its list of words lacks; install it again")
        return result


def _segment(heard: list[_HeardWord]) -> RecognisedSegment:
    words = tuple(Word(one.word, round(one.start * 1000), round(one.end * 1000), min(1.0, max(0.0, one.conf))) for one in heard)
    conf = sum(word.conf or 0.0 for word in words) / len(words) if words else None
    return RecognisedSegment(text=" ".join(word.word for word in words), words=words, conf=conf)
