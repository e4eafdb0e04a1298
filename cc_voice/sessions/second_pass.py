"""Second pass: every segment in the language that was spoken; what another language's model recognised is decoded again.

Live, a channel is heard in the language it was last known to be in, which Zoom's words tell late and with mistakes. When a stream
has ended everything is known: each channel gets its track (`call/transcript/language_track.py`), and segments that were recognised
in another language than the track's are read from the recording and recognised again. So the stored result depends on what was said
and written, not on when it arrived. A language without a model here keeps what the default's wrote, which the transcript leaves
out.

Where Zoom wrote nothing on a channel and the site has models for several languages, all of them hear it, and how sure they are
is the evidence.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec
import structlog

from cc_voice.call.analysis import Interval, SegmentComparison
from cc_voice.call.intervals import canonical
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.tokeniser import units, without_chips
from cc_voice.call.transcript.language_track import MIN_WORDS, LanguageTrack, track
from cc_voice.call.transcript.scripts import LATIN, script_of, scripts_of
from cc_voice.call.transcript.word_languages import line_words, mostly, romanised
from cc_voice.call.transcript.word_lists import WORDS
from cc_voice.call.utterances import Utterance, Word, mean_confidence
from cc_voice.config.languages import primary
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.media.recordings import ChannelFile
from cc_voice.rtms.enums import LANGUAGES
from cc_voice.sessions.channel_recognition import BlockRunner, RecognisedChannel
from cc_voice.speech.decoded_segments import Segment, decode
from cc_voice.speech.errors import RecogniserError
from cc_voice.speech.pipeline import speech_of
from cc_voice.speech.recogniser import RecogniserFactory
from cc_voice.speech.text_language import Chances, TextIdentifier

log = structlog.get_logger()

MOST_COMPARED = 3
"""Languages of which recognisers are compared: each hears all of the channel, so many models would cost many times as much."""
_COMPARED_WORDS = 2
"""A segment in which no recogniser found so many words compares nothing."""

_WORDS_PER_S = 1.5
"""Slower speech is rare in any language; a recogniser of another one finds few words in it, and may be sure of them."""

_WRITTEN = frozenset(primary(tag) for tag in LANGUAGES)
"""Languages of Zoom's transcript."""
_TELLING_WORDS, _CERTAIN, _TELLING_LINES = 6, 0.95, 2

RecogniserOf = Callable[[str], RecogniserFactory | None]


class SecondPassResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard and written, once languages are known."""

    heard: dict[str, RecognisedChannel]
    words: tuple[Utterance, ...]
    """Zoom's, with what identification makes of them."""
    compared: dict[str, tuple[SegmentComparison, ...]]
    languages: tuple[str, ...]
    """Languages that were met (primary subtags)."""


def identified(
    words: Iterable[Utterance], policy: LanguagePolicy, identifier: Callable[[], TextIdentifier]
) -> tuple[Utterance, ...]:
    """Return Zoom's words with the languages their text may be in; nothing is loaded where there is no choice."""
    words = tuple(words)
    plain = tuple(msgspec.structs.replace(said, text=without_chips(said.text)) for said in words)
    tags = [said.tagged for said in words if said.tagged]
    foreign = _in_other_scripts(plain, policy.candidates(tags))
    if not words or not (policy.is_open or len(policy.candidates(tags)) > 1 or (policy.identify and foreign)):
        return words
    engine = identifier()
    tags += [language for text, possible in foreign for language in _likeliest(text, possible, engine)]
    if policy.is_open:
        tags += [*_unexpected(plain, engine), *_romanised(plain, policy.candidates(tags))]
    candidates = policy.candidates(tags)
    chances = (_chances(said.text, candidates, engine) for said in plain)
    return tuple(msgspec.structs.replace(said, lid=found) for said, found in zip(words, chances, strict=True))


def _chances(text: str, candidates: Sequence[str], engine: TextIdentifier) -> Chances:
    """What a line may be in; word lists have a say where identification does not know a language in Latin letters."""
    found, listed = engine.identify(text, candidates), romanised(text, candidates)
    best = next((language for language, _ in found if language not in listed), None)
    if not listed or best not in WORDS:  # Italian is no Hindi because it looks less like English
        return found
    others = {language: chance for language, chance in found if language not in listed}
    rest, total = 1 - sum(listed.values()), sum(others.values()) or 1.0
    both = {**{language: rest * chance / total for language, chance in others.items()}, **listed}
    return tuple(sorted(both.items(), key=lambda one: -one[1]))


def _romanised(words: Iterable[Utterance], known: Sequence[str]) -> list[str]:
    """Return the languages that identification does not know in Latin letters, and of which most words of a line are."""
    lines = (line_words(line.text) for line in words)
    found = {one for line in lines if len(line) >= MIN_WORDS for one in mostly(line, ("en", *known))}
    return sorted(language for language in found if scripts_of(language)[0] != LATIN)


def _in_other_scripts(words: Iterable[Utterance], candidates: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return lines that are in none of the candidates' scripts, and in which of Zoom's languages such a line may be.

    Whatever a site expects and Zoom tags, they are in none of the candidates; identification would be sure of one of them.
    """
    known = {script for language in candidates for script in scripts_of(language)}
    found = ((said.text, script_of(said.text)) for said in words if units(said.text) >= MIN_WORDS)
    return [
        (text, tuple(sorted(language for language in _WRITTEN if script in scripts_of(language))))
        for text, script in found
        if script is not None and script not in known
    ]


def _likeliest(text: str, possible: Sequence[str], engine: TextIdentifier) -> Iterable[str]:
    best = engine.surest(text, possible)
    return [best[0]] if best is not None else possible[:1]


def _unexpected(words: Sequence[Utterance], engine: TextIdentifier) -> list[str]:
    """Return the languages that two lines are in beyond doubt, of all that Zoom writes.

    A call may end before Zoom's tags have noticed a language, and they may be missing; its words are in it all the same.
    """
    lines = (said.text for said in words if units(said.text) >= _TELLING_WORDS)
    best = [found for text in lines if (found := engine.surest(text, _WRITTEN)) is not None]
    counts = Counter(language for language, chance in best if chance >= _CERTAIN)
    return [language for language, count in counts.items() if count >= _TELLING_LINES]


def second_pass(
    heard: Mapping[str, RecognisedChannel],
    files: Mapping[str, ChannelFile],
    words: Sequence[Utterance],
    policy: LanguagePolicy,
    recogniser: RecogniserOf,
    compare: Sequence[str],
    run: BlockRunner,
) -> SecondPassResult:
    """Bring what was heard into the languages spoken.

    `words` are identified; `compare` are languages to try where there are none; `run` runs what is recognised. Raises OSError.
    """
    corrected: dict[str, RecognisedChannel] = {}
    comparisons: dict[str, tuple[SegmentComparison, ...]] = {}
    met: dict[str, None] = {}
    for name, channel in heard.items():
        again = _ChannelSecondPass(files[name], channel, recogniser, run)
        said = [one for one in words if one.channel_id == name]
        if not said and policy.identify and len(compare) > 1:
            comparisons[name] = again.compare(compare)
        speech = canonical(speech_of(channel.voiced, (), ThresholdSet()))
        found = track(said, policy, compared=comparisons.get(name, ()), speech=speech)
        corrected[name] = msgspec.structs.replace(channel, segments=again.follow(found, policy))
        met |= dict.fromkeys(piece.language for piece in found.pieces)
    return SecondPassResult(heard=corrected, words=tuple(words), compared=comparisons, languages=tuple(met))


class _ChannelSecondPass:
    """One channel, to be heard again segment by segment; nothing twice in one language."""

    def __init__(self, file: ChannelFile, channel: RecognisedChannel, recogniser: RecogniserOf, run: BlockRunner) -> None:
        self._file, self._segments, self._recogniser, self._run = file, channel.segments, recogniser, run
        self._decoded = {(place, primary(one.language)): one for place, one in enumerate(channel.segments)}

    def follow(self, found: LanguageTrack, policy: LanguagePolicy) -> tuple[Segment, ...]:
        """Return the segments in the languages of a track."""
        return tuple(
            self._segment(place, policy.tag(found.at((one.spoken[0] + one.spoken[1]) // 2)), policy.default)
            for place, one in enumerate(self._segments)
        )

    def compare(self, languages: Sequence[str]) -> tuple[SegmentComparison, ...]:
        """Let recognisers of several languages hear every segment; nothing where fewer than two of their models work."""
        languages = [language for language in languages if self._recogniser(language) is not None]
        found: list[SegmentComparison] = []
        if len(languages) < 2:
            return ()
        for place, one in enumerate(self._segments):
            heard = [(language, self._segment(place, language, language)) for language in languages]
            words = [(language, [word for said in segment.utterances for word in said.words]) for language, segment in heard]
            if max(_count(theirs) for _, theirs in words) >= _COMPARED_WORDS:
                confs = tuple((language, _credit(theirs, one.spoken)) for language, theirs in words)
                found.append(SegmentComparison(*one.spoken, confs))
        return tuple(found)

    def _segment(self, place: int, language: str, otherwise: str) -> Segment:
        """A segment in a language, or in another where that has no model; as it was where neither has."""
        for wanted in (language, otherwise):
            known = self._decoded.get((place, primary(wanted)))
            if known is not None and (wanted == otherwise or self._recogniser(wanted) is not None):
                return known
            if known is None and (factory := self._recogniser(wanted)) is not None:
                decoded = self._run(partial(self._decode, self._segments[place], factory, wanted))
                self._decoded[place, primary(wanted)] = decoded
                return decoded
        return self._segments[place]

    def _decode(self, segment: Segment, factory: RecogniserFactory, language: str) -> Segment:
        file = self._file
        pcm = file.read(segment.start_ms * file.rate_hz // 1000, segment.end_ms * file.rate_hz // 1000)
        try:
            return decode(segment, pcm, file.channel_id, file.rate_hz, factory, language)
        except RecogniserError as error:
            log.error("segment lost its words", channel_id=file.channel_id, start_ms=segment.start_ms, error=str(error))
            return msgspec.structs.replace(segment, language=language, utterances=())


def _credit(words: Sequence[Word], spoken: Interval) -> float:
    """How far a recogniser's words can be believed: one sure word is little for four seconds of speech."""
    needed = _WORDS_PER_S * (spoken[1] - spoken[0]) / 1000
    return (mean_confidence(words) or 0.0) * min(1.0, _count(words) / needed)


def _count(words: Sequence[Word]) -> int:
    return sum(units(word.word) for word in words)


def served(languages: Iterable[str], installed: Iterable[str], recogniser: RecogniserOf, policy: LanguagePolicy) -> tuple[str, ...]:
    """Return which of the languages met have a model that works (primary subtags)."""
    here = {primary(language) for language in installed}
    return tuple(sorted(language for language in languages if language in here and recogniser(policy.tag(language)) is not None))
