"""Languages of a leg (metric dictionary 1.6): shares, switches, mixing, mismatch, and languages nobody here serves."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Literal

import msgspec

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, canonical, clip, intersect, length, overlapping, union
from cc_voice.call.metrics.entry import AGENT, ANYBODY, BOTH, CUSTOMER, NO_WORDS, Evidence, Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.spoken_words import SpokenWord, counted, spoken, within
from cc_voice.call.metrics.turns import PARTIES, Party, Turn
from cc_voice.call.reasons import Metrics, Unmeasured, Value, percent
from cc_voice.call.transcript.language_track import Spoken
from cc_voice.call.transcript.word_languages import WrittenLine, choice, word_languages
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import primary
from cc_voice.config.thresholds import ThresholdSet

UNMIXED = ("language_fixed", "no_language_evidence", *NO_WORDS, "no_provider_words", "no_word_list", "no_words")

METRICS = (
    Metric(
        name="lang_switch_count",
        type="integer",
        unit="count",
        needs=BOTH,
        reasons=("language_fixed", "no_language_evidence"),
        evidence=Evidence("lang_switch"),
        formula=(
            "changes of language by either party; each side has {lang_switch_s} s of speech, {lang_switch_words} words "
            "(characters of scripts without spaces) and a confidence of {lang_switch_conf}"
        ),
        since="0.2.0",
    ),
    Metric(
        name="lang_switch_count_customer",
        type="integer",
        unit="count",
        needs=CUSTOMER,
        reasons=("language_fixed", "no_language_evidence"),
        evidence=Evidence("lang_switch", "customer"),
        label="Customer’s switches",
        meaning="Changes of language by the customer; names and borrowed words are none.",
        formula="changes of language by the customer, as `lang_switch_count`",
        since="0.2.0",
    ),
    Metric(
        name="lang_switch_count_agent",
        type="integer",
        unit="count",
        needs=AGENT,
        reasons=("language_fixed", "no_language_evidence"),
        evidence=Evidence("lang_switch", "agent"),
        label="Agent’s switches",
        meaning="Changes of language by the agent; names and borrowed words are none.",
        formula="changes of language by the agent, as `lang_switch_count`",
        since="0.2.0",
    ),
    Metric(
        name="lang_mismatch_ms",
        type="bigint",
        unit="ms",
        needs=BOTH,
        reasons=("language_fixed", "no_language_evidence"),
        evidence=Evidence("lang_mismatch"),
        label="Different languages",
        meaning="Time in which agent and customer answered each other in different languages.",
        lasts_minutes=True,
        formula="time of A in successive turns of the two parties that are in different languages, both turns included",
        since="0.2.0",
    ),
    Metric(
        name="cmi_customer",
        type="double",
        unit="0–100",
        needs=CUSTOMER,
        reasons=UNMIXED,
        no_evidence="It is a share of words, and words of all languages stand in the transcript.",
        label="Customer’s mixing",
        meaning="Share of the customer’s words that are not in the language of most: 0 is one language, 50 two in equal parts.",
        formula=(
            "Code-Mixing Index: 100 · (1 − the customer's words in the language of most ÷ the customer's words), of Zoom's "
            "words, each in its own language; numbers left out"
        ),
        since="0.2.0",
    ),
    Metric(
        name="cmi_agent",
        type="double",
        unit="0–100",
        needs=AGENT,
        reasons=UNMIXED,
        formula=(
            "Code-Mixing Index: 100 · (1 − the agent's words in the language of most ÷ the agent's words), of Zoom's "
            "words, each in its own language; numbers left out"
        ),
        since="0.2.0",
    ),
    # Where the site fixes the language nothing had to be found out: then all of the speech is in it
    Metric(
        name="unsupported_lang_ms",
        type="bigint",
        unit="ms",
        needs=("anybody",),
        reasons=("no_recogniser",),
        evidence=Evidence("unserved_language"),
        label="Language without a model",
        meaning="Speech in languages that no speech model here knows; its words are Zoom’s, if any.",
        lasts_minutes=True,
        formula="both parties' speech in languages without a speech model here; its words are Zoom's, if any",
        since="0.2.0",
    ),
    Metric(
        name="lid_conf_mean",
        type="double",
        unit="0–1",
        needs=ANYBODY,
        reasons=("language_fixed", "no_language_evidence"),
        evidence=Evidence("language"),
        label="Language confidence",
        meaning="How sure the language spoken is, weighted by speech; 1 is certain.",
        formula="how sure the language spoken is, weighted by speech",
        since="0.2.0",
    ),
    Metric(
        name="lid_undecided_pct",
        type="double",
        unit="%",
        needs=ANYBODY,
        reasons=("language_fixed", "no_language_evidence"),
        formula="share of speech whose language has a confidence below {lid_undecided_conf}",
        since="0.2.0",
    ),
)


class LanguageRun(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive speech of one party in one language."""

    span: Interval
    language: str
    conf: float | None
    """Mean posterior over its speech."""
    speech: Intervals
    words: int


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """A party changes language: from the end of its speech in one to the start of its speech in the other."""

    party: Party
    start_ms: int
    end_ms: int
    before: str
    after: str
    conf: float
    """Of the less certain of the two."""


def runs(spoken: Sequence[Spoken], words: Sequence[SpokenWord]) -> tuple[LanguageRun, ...]:
    """Join a party's speech by language; what holds no speech at all divides nothing."""
    voiced, at_ms = [one for one in spoken if one.speech], sorted(word.at_ms for word in words)
    return tuple(_run(tuple(group), at_ms) for _, group in groupby(voiced, key=lambda one: one.language))


def _run(pieces: Sequence[Spoken], words_at_ms: Sequence[int]) -> LanguageRun:
    span = (pieces[0].span[0], pieces[-1].span[1])
    return LanguageRun(
        span=span,
        language=pieces[0].language,
        conf=mean_conf(pieces),
        speech=union(*(piece.speech for piece in pieces)),
        words=bisect_left(words_at_ms, span[1]) - bisect_left(words_at_ms, span[0]),
    )


def mean_conf(pieces: Iterable[Spoken]) -> float | None:
    """Return the posterior weighted by speech; None where no speech was identified."""
    known = [(piece.conf, piece.speech_ms) for piece in pieces if piece.conf is not None and piece.speech]
    return sum(conf * ms for conf, ms in known) / sum(ms for _, ms in known) if known else None


def switches(party: Party, found: Sequence[LanguageRun], thresholds: ThresholdSet) -> tuple[Switch, ...]:
    """Return a party's changes of language.

    Only runs count that are long, worded and sure enough; a name or a borrowed word between two of one language changes nothing.
    """
    counted = [
        run
        for run in found
        if length(run.speech) >= thresholds.lang_switch_ms
        and run.words >= thresholds.lang_switch_words
        and run.conf is not None
        and run.conf >= thresholds.lang_switch_conf
    ]
    return tuple(
        Switch(
            party=party,
            start_ms=before.speech[-1][1],
            end_ms=max(before.speech[-1][1], after.speech[0][0]),
            before=before.language,
            after=after.language,
            conf=min(before.conf or 0.0, after.conf or 0.0),
        )
        for before, after in pairwise(counted)
        if before.language != after.language
    )


def by_language(spoken: Iterable[Spoken]) -> dict[str, Intervals]:
    """Return speech by language, first spoken first."""
    found: dict[str, list[Interval]] = {}
    for one in spoken:
        if one.speech:
            found.setdefault(one.language, []).extend(one.speech)
    return {language: canonical(pieces) for language, pieces in found.items()}


def mixing(scope: LegInput, party: Party) -> Value:
    """`cmi_p` = 100 · (1 − max_L(w_L) / (n − u)), 0 when n = u: the Code-Mixing Index of Gambäck and Das.

    n are the words that Zoom wrote of the party, also where the transcript has ours instead: a recogniser writes everything in its
    own language. w_L are those in language L, u those of no language: numbers and signs.
    """
    if absent := scope.no_words[party]:
        return Unmeasured(absent)
    if not scope.written[party]:
        return Unmeasured("no_provider_words")
    lines = [_line(said, scope, party) for said in scope.written[party]]
    if not any(line.words for line in lines):
        return Unmeasured("no_words")
    languages = choice(lines, scope.policy)
    if languages is None:
        return Unmeasured("no_word_list")
    counts = Counter(found for line in lines for found in word_languages(line, languages) if found is not None)
    return 100 * (1 - max(counts.values()) / counts.total()) if counts else 0.0


def _line(said: Utterance, scope: LegInput, party: Party) -> WrittenLine:
    """A line's words in analysed time, unit by unit, without fillers and what is hidden."""
    units = counted(within(spoken((said,)), scope.analysed, scope.speech[party]))
    return WrittenLine(primary(said.language), tuple(unit.text for unit in units if not unit.hidden_digits))


def mismatches(turns: Sequence[Turn], spoken: dict[Party, tuple[Spoken, ...]], analysed: Intervals) -> Intervals:
    """Return the time of A in which successive turns of the two parties are in different languages, both turns included."""
    speech = {party: by_language(pieces) for party, pieces in spoken.items()}
    tongues = [_language_of(turn, speech[turn.party]) for turn in turns]
    pairs = zip(pairwise(turns), pairwise(tongues), strict=True)
    unlike = [
        (before.start_ms, max(before.end_ms, after.end_ms))
        for (before, after), (old, new) in pairs
        if before.party != after.party and old and new and old != new
    ]
    return intersect(canonical(unlike), analysed)


def _language_of(turn: Turn, speech: dict[str, Intervals]) -> str | None:
    """The language of most of a turn's speech."""
    totals = {language: _shared_ms(theirs, (turn.start_ms, turn.end_ms)) for language, theirs in speech.items()}
    return max(totals, key=totals.__getitem__) if any(totals.values()) else None


def _shared_ms(speech: Intervals, span: Interval) -> int:
    near = overlapping(speech, span)
    return length(clip(speech[near.start : near.stop], span))


class LanguageFindings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about languages in a leg before it was counted."""

    switches: dict[Party, tuple[Switch, ...]]
    mismatches: Intervals


def find_languages(
    scope: LegInput, words: dict[Party, tuple[SpokenWord, ...]], turns: Sequence[Turn], thresholds: ThresholdSet
) -> LanguageFindings:
    """Find switches and mismatches in a leg."""
    return LanguageFindings(
        switches={party: switches(party, runs(scope.spoken[party], words[party]), thresholds) for party in PARTIES},
        mismatches=mismatches(turns, scope.spoken, scope.analysed),
    )


def language_metrics(scope: LegInput, found: LanguageFindings, thresholds: ThresholdSet) -> Metrics:
    """`lang_switch_count`, `_p`, `lang_mismatch_ms`, `cmi_p`, `lid_conf_mean`, `lid_undecided_pct`, `unsupported_lang_ms` (1.6).

    `lid_conf_mean` = posterior weighted by speech; `lid_undecided_pct` = 100 · speech with a posterior below 0.6 ÷ speech that was
    identified; `unsupported_lang_ms` = speech in a language without a model here, of both parties (overtalk counts twice, as in
    talk times).
    """
    obstacles = {party: _unidentified(scope, (party,)) for party in PARTIES}
    both = obstacles["agent"] or obstacles["customer"]
    metrics: Metrics = {
        "lang_switch_count": both or sum(len(found.switches[party]) for party in PARTIES),
        "lang_mismatch_ms": both or length(found.mismatches),
        "unsupported_lang_ms": _unsupported_ms(scope),
    }
    for party in PARTIES:
        metrics[f"lang_switch_count_{party}"] = obstacles[party] or len(found.switches[party])
        metrics[f"cmi_{party}"] = obstacles[party] or mixing(scope, party)
    return {**metrics, **_confidence(scope, thresholds)}


def _unidentified(scope: LegInput, parties: Sequence[Party]) -> Unmeasured | None:
    """Why it is not known which language the parties spoke; None when it is."""
    if not scope.identifies_language:
        return Unmeasured("language_fixed")
    pieces = [one for party in parties for one in scope.spoken[party]]
    return None if any(one.conf is not None for one in pieces) else Unmeasured("no_language_evidence")


def _confidence(scope: LegInput, thresholds: ThresholdSet) -> Metrics:
    known = [one for one in scope.spoken_by_anybody if one.conf is not None and one.speech]
    mean = mean_conf(known)
    if mean is None:
        reason = Unmeasured("no_language_evidence" if scope.identifies_language else "language_fixed")
        return {"lid_conf_mean": reason, "lid_undecided_pct": reason}
    undecided = sum(one.speech_ms for one in known if (one.conf or 0.0) < thresholds.lid_undecided_conf)
    return {"lid_conf_mean": mean, "lid_undecided_pct": percent(undecided, sum(one.speech_ms for one in known), "no_speech")}


def _unsupported_ms(scope: LegInput) -> Value:
    if scope.served is None:
        return Unmeasured("no_recogniser")
    return sum(one.speech_ms for _, one in unserved(scope))


Who = Literal["agent", "customer"] | None


def unserved(scope: LegInput) -> Iterator[tuple[Who, Spoken]]:
    """Yield what was spoken in a language without a model here, and by whom; nobody's name on a mixed channel."""
    return ((who, one) for who, spoken in _everybody(scope) for one in spoken if one.language not in (scope.served or ()))


def stretches(scope: LegInput) -> tuple[tuple[Who, Spoken], ...]:
    """Return who spoke which language when, joined by language; nobody's name on a mixed channel."""
    everybody = _everybody(scope)
    return tuple(
        (who, _stretch(tuple(group))) for who, spoken in everybody for _, group in groupby(spoken, key=lambda one: one.language)
    )


def _everybody(scope: LegInput) -> list[tuple[Who, Sequence[Spoken]]]:
    if scope.mixed:
        return [(None, scope.spoken_by_anybody)]
    return [(party, scope.spoken[party]) for party in PARTIES]


def _stretch(pieces: Sequence[Spoken]) -> Spoken:
    return Spoken(
        span=(pieces[0].span[0], pieces[-1].span[1]),
        language=pieces[0].language,
        conf=mean_conf(pieces),
        source=pieces[0].source,
        speech=union(*(piece.speech for piece in pieces)),
    )
