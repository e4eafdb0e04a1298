"""Vosk behind our Recogniser protocol; the only module that imports it.

What it shields from (all seen on 0.3.45):
- models are opened by absolute path only: look-up by name or language downloads, guesses, or calls sys.exit;
- damaged models load and talk nonsense or, with a wrong word_boundary.int, end the process at the first word, and load errors
  name no reason: speech/models/inventory.py checks the files first, and one recogniser is made when a model is loaded;
- a segment gets an engine that begins afresh: a new one, or one that has ended its last segment with FinalResult (features,
  speaker adaptation and decoder are then made anew, and only the composed graph stays). Reset() is no such end: it keeps
  undecoded audio. Neither is FinalResult right behind Result: it changes nothing, so a block of silence goes before it then;
- word times run on across segments in one engine: its earlier samples are subtracted;
- `bytes` only, whole samples only (an odd byte shifts the rest), at the model's own rate (8 kHz into a 16 kHz model fails);
- blocks of 100 ms, always: the end-point test runs once per block, so long blocks would hide end points, and results
  must not depend on how the caller cuts;
- grammars only as grammar.py makes them: a wrong one kills the process; no alternatives: they change the shape of the result.
Kaldi writes its log to file descriptor 2; SetLogLevel(-1) leaves only what it prints before dying.
The GIL is released inside AcceptWaveform, so threads share one Model; never two threads in one recogniser.
"""

import copy
import functools
from collections.abc import Iterable
from typing import Any, Literal, NoReturn

import msgspec
import vosk

from cc_voice.call.utterances import Word
from cc_voice.speech.codecs import bytes_from_int16, int16_from_bytes
from cc_voice.speech.errors import ModelError, RecogniserError
from cc_voice.speech.grammar import Fitted, Grammar, as_said, fit
from cc_voice.speech.models.inventory import ModelInfo, check, composed_mb, vocabulary
from cc_voice.speech.recogniser import RecognisedSegment
from cc_voice.speech.recogniser_pool import Graph, PooledEngine, RecogniserPool
from cc_voice.speech.sample_rates import Resampler

_BLOCK_MS = 100


class _VoskWord(msgspec.Struct, frozen=True):
    word: str
    start: float
    end: float
    conf: float = 0.0


class _Result(msgspec.Struct, frozen=True):
    """Vosk's JSON: `result` is absent when nothing was heard, `partial` after a result."""

    text: str = ""
    partial: str = ""
    result: tuple[_VoskWord, ...] = ()


_RESULT = msgspec.json.Decoder(_Result)
"""Made here, once: msgspec crashes the process when two threads are the first to decode a type (seen with 0.22)."""


class VoskFactory:
    """One loaded model and the recognisers made from it. Thread-safe."""

    def __init__(self, info: ModelInfo, pool: "RecogniserPool[Any] | None" = None) -> None:
        """Load a model (0.1 to some seconds, up to gigabytes). Raises ModelError.

        `pool` lends the engines, those of other models too; without one each segment gets a new engine.
        """
        check(info)
        vosk.SetLogLevel(-1)
        self._info = info
        self._pool: RecogniserPool[Any] = pool if pool is not None else RecogniserPool()
        self._graph_mb = composed_mb(info)
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
        return self._recogniser(sample_rate_hz, Graph(mb=self._graph_mb))

    def lending_from(self, pool: "RecogniserPool[Any]") -> "VoskFactory":
        """Return a factory of the same loaded model whose engines another pool lends."""
        other = copy.copy(self)
        other._pool = pool
        return other

    @property
    def takes_grammars(self) -> bool:
        return self._info.takes_grammars

    def fit(self, phrases: Iterable[str]) -> Fitted:
        """Return what of these phrases the model can hear: nothing where it takes no grammar."""
        return fit(phrases, self.model_name, self._vocabulary) if self.takes_grammars else Fitted(None)

    def confined(self, grammar: Grammar, sample_rate_hz: int, *, once: bool = False) -> "VoskRecogniser":
        """Return a recogniser for one segment that hears nothing but `grammar`, which `fit` made. Raises RecogniserError.

        `once`: the grammar was made for this segment, and will not be asked for again.
        """
        if grammar.model != self.model_name or not self.takes_grammars:
            raise AssertionError("a grammar is for the model that it was made for")
        return self._recogniser(sample_rate_hz, Graph(grammar.json, 0.0 if once else self._graph_mb))

    @functools.cached_property
    def _vocabulary(self) -> frozenset[str]:
        return vocabulary(self._info)

    def _recogniser(self, sample_rate_hz: int, graph: Graph) -> "VoskRecogniser":
        grammar = (graph.grammar,) if graph.grammar else ()
        try:
            lent = self._pool.lend(self, graph, lambda: self._engine(*grammar))
        except Exception as error:  # as above
            raise RecogniserError(f"the model {self._info.name} gives no recogniser; is memory short?") from error
        return VoskRecogniser(self, self._pool, lent, sample_rate_hz, self._info)

    def _engine(self, *grammar: str) -> Any:
        engine = vosk.KaldiRecognizer(self._model, self._info.sample_rate_hz, *grammar)
        engine.SetWords(True)
        return engine


class VoskRecogniser:
    """Hears one segment with a lent engine, and gives it back at the segment's end."""

    def __init__(
        self, owner: VoskFactory, pool: "RecogniserPool[Any]", lent: "PooledEngine[Any]", sample_rate_hz: int, info: ModelInfo
    ) -> None:
        self._owner, self._pool = owner, pool
        self._lent: PooledEngine[Any] | None = lent
        self._engine = lent.engine
        self._model_name, self._rate = info.name, info.sample_rate_hz
        self._resampler = Resampler(sample_rate_hz, info.sample_rate_hz)
        self._block = info.sample_rate_hz * _BLOCK_MS // 1000 * 2
        self._odd = b""
        self._waiting = bytearray()
        self._results: list[_Result] = []
        self._began_at = lent.samples
        self._samples = 0
        """Given to the engine since."""
        self._has_ended = False
        """The engine has taken what it heard last for an end, and FinalResult would not be one."""

    def accept(self, pcm: bytes) -> None:
        self._check_open()
        pcm = self._odd + pcm
        whole = len(pcm) // 2 * 2
        self._odd = pcm[whole:]
        self._waiting += bytes_from_int16(self._resampler.feed(int16_from_bytes(pcm[:whole])))
        ready = len(self._waiting) - len(self._waiting) % self._block
        for at in range(0, ready, self._block):
            self._decode(bytes(self._waiting[at : at + self._block]))
        del self._waiting[:ready]

    def partial(self) -> str:
        self._check_open()
        now = self._ask("PartialResult")
        texts = [*(result.text for result in self._results), now.partial]
        return " ".join(filter(None, map(as_said, " ".join(texts).split())))

    def finish(self) -> RecognisedSegment:
        self._check_open()
        self._waiting += bytes_from_int16(self._resampler.finish())
        for at in range(0, len(self._waiting), self._block):
            self._decode(bytes(self._waiting[at : at + self._block]))
        if self._has_ended:
            results = self._results
            self._results = []
            self._decode(bytes(self._block))
            self._ask("FinalResult")  # of that silence: no word of the segment
            self._results = results
        else:
            self._results.append(self._ask("FinalResult"))
        self._give_back()
        return _segment([word for result in self._results for word in result.result], self._began_at / self._rate)

    def _check_open(self) -> None:
        if self._lent is None:
            raise AssertionError("a recogniser hears one segment; its engine may be another's by now")

    def _give_back(self) -> None:
        lent, self._lent, self._engine = self._lent, None, None
        if lent is not None:
            self._pool.give_back(self._owner, lent, self._samples, self._rate)

    def _fail(self, problem: str, error: Exception | None = None) -> NoReturn:
        """Raise, and let nobody have the engine again; not even the error's traceback."""
        lent, self._lent, self._engine = self._lent, None, None
        if lent is not None:
            self._pool.spoil(lent)
        raise RecogniserError(f"the model {self._model_name} {problem}") from error

    def _decode(self, block: bytes) -> None:
        self._samples += len(block) // 2
        try:
            self._has_ended = bool(self._engine.AcceptWaveform(block))
        except Exception as error:  # the binding raises nothing more exact
            self._fail("failed on audio", error)
        if self._has_ended:
            self._results.append(self._ask("Result"))

    def _ask(self, kind: Literal["Result", "PartialResult", "FinalResult"]) -> _Result:
        try:
            result = _RESULT.decode(getattr(self._engine, kind)())
        except msgspec.DecodeError as error:
            self._fail("answered something unreadable", error)
        if not all(word.word for word in result.result):
            self._fail("recognised a word that its list of words lacks; install it again")
        return result


def _segment(heard: list[_VoskWord], began_s: float) -> RecognisedSegment:
    words = tuple(
        Word(said, _ms(one.start - began_s), _ms(one.end - began_s), min(1.0, max(0.0, one.conf)))
        for one in heard
        if (said := as_said(one.word)) is not None
    )
    conf = sum(word.conf or 0.0 for word in words) / len(words) if words else None
    return RecognisedSegment(text=" ".join(word.word for word in words), words=words, conf=conf)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
