"""Language track: which language was spoken when, one track per channel, from what Zoom wrote and how it tagged it.

Zoom's tags follow a speaker who changes language 10 to 30 s late, are missing, or are wrong for a sentence; the text beside them
is right all the while. So a channel is a hidden Markov model: its states are the candidate languages, which seldom change from one
utterance to the next, and every utterance is evidence, the text more than the tag. The most probable path (Viterbi) gives each
utterance its language, forward and backward probabilities how sure that is (`conf`, the posterior).

    source        evidence                                                    weighs
    text          identification of Zoom's text (`Utterance.lid`)             tenfold per three words, a thousandfold at most
                  letters of a script that not all of them are written in     a hundredfold, where text was not asked
    tag           Zoom's tag                                                  fourfold; a hundredfold where text was not asked
    recognisers   several heard the segment; the surest is believed           twelvefold per 0.1 of confidence, hundredfold at most
    configured    nothing told anything: the default, and no `conf`           –

A tag that the text beside it contradicts is not counted: it lags. Text is not asked below three words (characters of scripts
without spaces) or where its two best languages are close, because "okay" and "gracias" say nothing; our own recogniser's text is
never asked, as an English model writes English whatever it hears. Single borrowed words and names switch nothing: two changes of
state cost more than they weigh.

Where the language changes, speech does not: a switch is moved to the nearest pause of the speaker.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Literal

import msgspec

from cc_voice.call.analysis import ChannelAnalysis, Interval, SegmentComparison
from cc_voice.call.intervals import Intervals, clip, length, overlapping
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.tokeniser import units, without_chips
from cc_voice.call.transcript.scripts import LATIN, script_of, scripts_of
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import primary

Source = Literal["text", "tag", "recognisers", "configured"]

MIN_WORDS = 3
MIN_MARGIN = 0.15
_STAY = 0.95
"""How probable it is that an utterance is in the language of the one before."""
_DEFAULT_WEIGHT = 0.5
"""How much of the first utterance's probability belongs to the default; the rest is everybody's."""
_TENFOLD_WORDS = 3
_DOUBT = 0.001
"""However long a text, identification may be wrong."""
_OTHER_SCRIPT = 0.01
_TAG_RIGHT, _TAG_RIGHT_ALONE = 0.8, 0.99
_SURER, _SURER_DOUBT = 25.0, 0.01
"""How fast a recogniser's lead in mean word confidence (0–1) becomes belief, and what is left of the others however large it is."""
_BEFORE_MS, _AFTER_MS = -(10**12), 10**12
_PAUSE_REACH_MS = 2_000
"""How far from where Zoom's times put it a switch is moved to reach a pause."""


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Time of a channel in one language. `conf` is the mean posterior, 0–1; None where nothing told."""

    start_ms: int
    end_ms: int
    language: str
    """Primary subtag."""
    conf: float | None
    source: Source


class LanguageTrack(msgspec.Struct, frozen=True, kw_only=True):
    """The language of one channel from the call's start to its end."""

    pieces: tuple[Stretch, ...]
    """One per utterance that told something, in order, each reaching to the next; at least one."""

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Return the pieces joined: neighbours differ in language."""
        return tuple(_joined(tuple(run)) for _, run in groupby(self.pieces, key=lambda piece: piece.language))

    def piece_at(self, at_ms: int) -> Stretch:
        """Return what is known of an instant; before the first and after the last piece, theirs."""
        return self.pieces[max(0, bisect_right(self.pieces, at_ms, key=lambda piece: piece.start_ms) - 1)]

    def at(self, at_ms: int) -> str:
        """Return the language in force at an instant (primary subtag)."""
        return self.piece_at(at_ms).language


class _Observation(msgspec.Struct, frozen=True):
    """What one utterance says: a likelihood for every candidate."""

    span: Interval
    likelihoods: tuple[float, ...]
    source: Source


def track(
    said: Iterable[Utterance],
    policy: LanguagePolicy,
    *,
    compared: Sequence[SegmentComparison] = (),
    speech: Intervals = (),
    duration_ms: int = 0,
) -> LanguageTrack:
    """Return the language of one channel.

    `said` are its utterances, of which only Zoom's count; `compared` what several recognisers made of its segments, in streams of
    the call in which Zoom wrote nothing; `speech` its speech in canonical form, for the pauses.
    """
    words = sorted((one for one in said if one.source == "zoom"), key=lambda one: (one.start_ms, one.end_ms))
    tags = [one.tagged for one in words if one.tagged]
    candidates = policy.candidates([*tags, *(language for one in words for language, _ in one.lid)])
    found = [*(_of_words(one, candidates) for one in words), *(_of_recognisers(one, candidates) for one in compared)]
    told = sorted((one for one in found if one is not None), key=lambda one: one.span) if policy.identify else []
    if not told:
        whole = Stretch(start_ms=0, end_ms=duration_ms, language=primary(policy.default), conf=None, source="configured")
        return LanguageTrack(pieces=(whole,))
    chances, best = _posteriors([one.likelihoods for one in told]), _path(told)
    starts = _starts(told, best, speech)
    ends = [*starts[1:], max(duration_ms, told[-1].span[1], starts[-1])]
    return LanguageTrack(
        pieces=tuple(
            Stretch(start_ms=start, end_ms=end, language=candidates[state], conf=chance[state], source=one.source)
            for start, end, state, chance, one in zip(starts, ends, best, chances, told, strict=True)
        )
    )


def _of_words(said: Utterance, candidates: Sequence[str]) -> _Observation | None:
    """What a line of Zoom's tells; None where it has neither usable text nor a tag."""
    tag = primary(said.tagged) if said.tagged else None
    text = _text_likelihoods(said, candidates, tag) or _script_likelihoods(said, candidates)
    if text is not None and tag is not None and candidates[max(range(len(text)), key=text.__getitem__)] != tag:
        tag = None
    if text is None and tag is None:
        return None
    right = _TAG_RIGHT if said.lid or _word_count(said) < MIN_WORDS else _TAG_RIGHT_ALONE
    wrong = (1 - right) / max(1, len(candidates) - 1)
    by_tag = [1.0 if tag is None else right if language == tag else wrong for language in candidates]
    both = tuple(a * b for a, b in zip(text or [1.0] * len(candidates), by_tag, strict=True))
    return _Observation((said.start_ms, said.end_ms), both, "tag" if text is None else "text")


def _text_likelihoods(said: Utterance, candidates: Sequence[str], tag: str | None) -> list[float] | None:
    """Identification has answered for a set of languages; it says nothing of a line whose tag it does not know."""
    chances = dict(said.lid)
    words = _word_count(said)
    ranked = sorted((chances.get(language, 0.0) for language in candidates), reverse=True)
    if len(ranked) < 2 or words < MIN_WORDS or ranked[0] - ranked[1] < MIN_MARGIN or (tag is not None and tag not in chances):
        return None
    doubt = max(_DOUBT, 10 ** (-words / _TENFOLD_WORDS))
    return [doubt + (1 - doubt) * chances.get(language, 0.0) for language in candidates]


def _script_likelihoods(said: Utterance, candidates: Sequence[str]) -> list[float] | None:
    """What letters alone tell of a line that is too short to identify; Latin ones nothing, as in "OK" they are everybody's."""
    script = script_of(without_chips(said.text))
    theirs = [script in scripts_of(language) for language in candidates]
    if script in (None, LATIN) or not any(theirs) or all(theirs):
        return None
    return [1.0 if known else _OTHER_SCRIPT for known in theirs]


def _word_count(said: Utterance) -> int:
    return units(without_chips(said.text or " ".join(word.word for word in said.words)))


def _of_recognisers(compared: SegmentComparison, candidates: Sequence[str]) -> _Observation | None:
    """What two recognisers' confidences tell; languages that nobody tried are as improbable as the worst that was."""
    confs = {primary(language): conf for language, conf in compared.confs}
    known = [confs[language] for language in candidates if language in confs]
    if len(known) < 2:
        return None
    lowest = min(known)
    leads = (confs.get(language, lowest) - max(known) for language in candidates)
    weights = tuple(max(_SURER_DOUBT, math.exp(_SURER * lead)) for lead in leads)
    return _Observation((compared.start_ms, compared.end_ms), weights, "recognisers")


def _prior(count: int) -> list[float]:
    return [(_DEFAULT_WEIGHT if state == 0 else 0.0) + (1 - _DEFAULT_WEIGHT) / count for state in range(count)]


def _path(told: Sequence[_Observation]) -> list[int]:
    """Return the most probable sequence of states."""
    states = range(len(told[0].likelihoods))
    stay, leave = math.log(_STAY), math.log((1 - _STAY) / max(1, len(states) - 1))
    score = [math.log(chance * weight) for chance, weight in zip(_prior(len(states)), told[0].likelihoods, strict=True)]
    came: list[list[int]] = []
    for one in told[1:]:
        steps = [[score[old] + (stay if old == new else leave) for old in states] for new in states]
        came.append([max(states, key=step.__getitem__) for step in steps])
        score = [max(step) + math.log(weight) for step, weight in zip(steps, one.likelihoods, strict=True)]
    path = [max(states, key=score.__getitem__)]
    for before in reversed(came):
        path.append(before[path[-1]])
    return path[::-1]


def _posteriors(likelihoods: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return each utterance's probability of each state (forward–backward)."""
    prior = _prior(len(likelihoods[0]))
    forward: list[list[float]] = []
    for likelihood in likelihoods:
        before = _moved(forward[-1]) if forward else prior
        forward.append(_normal([a * b for a, b in zip(before, likelihood, strict=True)]))
    behind = [1.0] * len(prior)
    found: list[list[float]] = []
    for chance, likelihood in zip(reversed(forward), reversed(likelihoods), strict=True):
        found.append(_normal([a * b for a, b in zip(chance, behind, strict=True)]))
        behind = _normal(_moved([a * b for a, b in zip(behind, likelihood, strict=True)]))
    return found[::-1]


def _moved(chances: Sequence[float]) -> list[float]:
    """One step of the chain: mostly stay, else any other language alike. The step is the same in both directions."""
    if len(chances) == 1:
        return list(chances)
    leave, total = (1 - _STAY) / (len(chances) - 1), sum(chances)
    return [_STAY * chance + leave * (total - chance) for chance in chances]


def _normal(weights: list[float]) -> list[float]:
    total = sum(weights)
    return [weight / total for weight in weights]


def _starts(told: Sequence[_Observation], best: Sequence[int], speech: Intervals) -> list[int]:
    """Return where each piece begins: the first at 0, one in another language than the one before at a pause, others where told."""
    starts = [min(0, told[0].span[0])]
    for (before, after), (old, new) in zip(pairwise(told), pairwise(best), strict=True):
        at = after.span[0] if old == new else _pause(before.span[1], after.span[0], speech)
        starts.append(max(starts[-1], at))
    return starts


def _pause(low: int, high: int, speech: Intervals) -> int:
    """Return the end of the pause nearest to the time between two lines (of several in it the longest); `high` if none is near."""
    low, high = min(low, high), max(low, high)
    first = bisect_left(speech, low - _PAUSE_REACH_MS, key=lambda span: span[1])
    last = bisect_right(speech, high + _PAUSE_REACH_MS, key=lambda span: span[0])
    pauses = [(one[1], other[0]) for one, other in pairwise(speech[max(0, first - 1) : last + 1])]
    near = [(max(0, start - high, low - end), start - end, end) for start, end in pauses]
    distance, _, end = min(near, default=(_PAUSE_REACH_MS + 1, 0, high))
    return end if distance <= _PAUSE_REACH_MS else high


def _joined(run: Sequence[Stretch]) -> Stretch:
    """Pieces of one language as one stretch; the source is what most of its time was told by."""
    weights = [max(1, piece.end_ms - piece.start_ms) for piece in run]
    known = [(piece.conf, weight) for piece, weight in zip(run, weights, strict=True) if piece.conf is not None]
    by_source: dict[Source, int] = {}
    for piece, weight in zip(run, weights, strict=True):
        by_source[piece.source] = by_source.get(piece.source, 0) + weight
    return Stretch(
        start_ms=run[0].start_ms,
        end_ms=run[-1].end_ms,
        language=run[0].language,
        conf=sum(conf * weight for conf, weight in known) / sum(weight for _, weight in known) if known else None,
        source=max(by_source, key=by_source.__getitem__),
    )


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """Speech of one party that a track gives one language and one confidence."""

    span: Interval
    language: str
    conf: float | None
    source: Source
    speech: Intervals

    @property
    def speech_ms(self) -> int:
        return length(self.speech)


def tracks(
    channels: Iterable[ChannelAnalysis], utterances: Iterable[Utterance], policy: LanguagePolicy, duration_ms: int
) -> dict[str, LanguageTrack]:
    """Return the track of every channel of a call, also of one that was only written about."""
    heard = {channel.channel_id: channel for channel in channels}
    said: dict[str, list[Utterance]] = {name: [] for name in heard}
    for one in utterances:
        said.setdefault(one.channel_id, []).append(one)
    nothing = ChannelAnalysis(channel_id="")
    return {
        name: track(
            lines,
            policy,
            compared=heard.get(name, nothing).compared,
            speech=heard.get(name, nothing).speech,
            duration_ms=duration_ms,
        )
        for name, lines in said.items()
    }


def cut(on: LanguageTrack, speech: Intervals, leg: Interval) -> tuple[Spoken, ...]:
    """Cut a leg out of a track; `speech` is the channel's in the leg's analysed time."""
    pieces = ((max(piece.start_ms, leg[0]), min(piece.end_ms, leg[1]), piece) for piece in _endless(on))
    return tuple(
        Spoken(
            span=(start, end),
            language=piece.language,
            conf=piece.conf,
            source=piece.source,
            speech=_within(speech, (start, end)),
        )
        for start, end, piece in pieces
        if start < end
    )


def _within(speech: Intervals, span: Interval) -> Intervals:
    near = overlapping(speech, span)
    return clip(speech[near.start : near.stop], span)


def _endless(on: LanguageTrack) -> Iterable[Stretch]:
    """The pieces, the first from before the call's start, the last to after its end."""
    last = len(on.pieces) - 1
    for place, piece in enumerate(on.pieces):
        start = piece.start_ms if place else min(piece.start_ms, _BEFORE_MS)
        yield msgspec.structs.replace(piece, start_ms=start, end_ms=piece.end_ms if place < last else _AFTER_MS)


def in_force(languages: dict[str, LanguageTrack]) -> Callable[[Utterance], str]:
    """Return what says in which language an utterance was said, by the track of its channel."""
    return lambda said: languages[said.channel_id].at((said.start_ms + said.end_ms) // 2)


def retagged(utterances: Iterable[Utterance], tracks: dict[str, LanguageTrack]) -> tuple[Utterance, ...]:
    """Return utterances with the language that was spoken, and how sure that is.

    Zoom's words get the track's language for a tag that lagged; a local recogniser's language is a fact, not an opinion, and stays,
    and so does the tag of a line without words, of which nothing else is known.
    """
    return tuple(_retagged(said, tracks[said.channel_id]) if said.channel_id in tracks else said for said in utterances)


def _retagged(said: Utterance, on: LanguageTrack) -> Utterance:
    piece = on.piece_at((said.start_ms + said.end_ms) // 2)
    agrees = primary(said.language) == piece.language
    if not agrees and (said.source != "zoom" or (said.tagged and not _word_count(said))):
        return said
    return msgspec.structs.replace(said, language=said.language if agrees else piece.language, lid_conf=piece.conf)
