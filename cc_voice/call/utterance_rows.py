"""The transcript as rows: every utterance with its leg, party and place in the call; its words; languages per leg and party."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cc_voice.call.ids import utterance_id
from cc_voice.call.intervals import contains, length, overlapping
from cc_voice.call.legs.assignment import Handling
from cc_voice.call.metrics.languages import by_language, mean_conf
from cc_voice.call.metrics.leg_input import LegInput, middle
from cc_voice.call.metrics.leg_metrics import MeasuredLeg
from cc_voice.call.metrics.questions import is_question
from cc_voice.call.metrics.talk_speed import talk_speed, words_in
from cc_voice.call.metrics.turns import PARTIES, Party, TurnTaking
from cc_voice.call.reasons import Unmeasured
from cc_voice.call.rows import LegLanguageRow, UtteranceRow, WordRow
from cc_voice.call.utterances import Utterance, Word, mean_confidence, word_count
from cc_voice.config.languages import primary

Key = tuple[str, int]
"""(channel_id, start_ms): names an utterance within a call."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an utterance belongs."""

    leg: int
    """Index of the leg."""
    party: Party | None
    on_hold: bool
    backchannel: bool | None


def utterance_rows(
    utterances: Sequence[Utterance], legs: Sequence[MeasuredLeg], handling: Handling, call_id: str, *, is_redacted: bool = False
) -> tuple[UtteranceRow, ...]:
    """Return the call's transcript in order. What a monitoring supervisor whispers is not in it (1.7).

    `is_redacted`: what should be hidden was looked for.
    """
    places = _places(legs)
    heard = [words for words in utterances if not _is_whispered(words, places, handling)]
    mixed = any(leg.scope.mixed for leg in legs)
    return tuple(
        UtteranceRow(
            utterance_id=utterance_id(call_id, words.channel_id, words.start_ms),
            call_id=call_id,
            leg_id=legs[place.leg].leg_id if place else None,
            channel_id=words.channel_id,
            seq=seq,
            party=(place.party if place else None) or role_outside_legs(words, handling, mixed),
            source=words.source,
            start_ms=words.start_ms,
            end_ms=words.end_ms,
            language_code=words.language,
            lid_conf=words.lid_conf,
            text=words.text,
            word_count=word_count(words.words),
            asr_conf=mean_confidence(words.words),
            is_question=is_question(words),
            is_backchannel=place.backchannel if place else None,
            on_hold=place.on_hold if place else None,
            asr_model=words.asr_model,
            redaction_count=sum(word.hidden is not None for word in words.words) if is_redacted else None,
        )
        for seq, words in enumerate(heard, start=1)
        for place in (places.get((words.channel_id, words.start_ms)),)
    )


def _is_whispered(words: Utterance, places: dict[Key, Place], handling: Handling) -> bool:
    place = places.get((words.channel_id, words.start_ms))
    return words.channel_id in handling.supervisors and (place is None or place.party is None)


def role_outside_legs(words: Utterance, handling: Handling, mixed: bool) -> str | None:
    """The role of somebody who speaks outside every leg of theirs; None when unknown or on a mixed channel."""
    role = handling.roles.get(words.channel_id)
    return None if role == "other" or mixed else role


def _places(legs: Sequence[MeasuredLeg]) -> dict[Key, Place]:
    """The place of every utterance in a leg. Of several: one of its party, not on hold, the earliest."""
    found: dict[Key, Place] = {}
    for index, leg in enumerate(legs):
        for words, place in _places_in(index, leg.scope, leg.found.taking):
            known = found.get((words.channel_id, words.start_ms))
            if known is None or _rank(place) < _rank(known):
                found[words.channel_id, words.start_ms] = place
    return found


def _rank(place: Place) -> tuple[bool, bool, int]:
    return (place.party is None, place.on_hold, place.leg)


def _places_in(index: int, scope: LegInput, taking: TurnTaking) -> Iterator[tuple[Utterance, Place]]:
    leg = scope.leg
    for words in scope.everything_said:
        if leg.start_ms <= middle(words) < leg.end_ms:
            yield words, Place(leg=index, party=None, on_hold=contains(scope.hold, middle(words)), backchannel=None)
    for party in PARTIES:
        units = [ipu for ipu in taking.ipus if ipu.party == party]
        for words in scope.utterances[party]:
            if not leg.start_ms <= middle(words) < leg.end_ms:
                continue
            touched = [units[at].backchannel for at in overlapping(scope.speech[party], (words.start_ms, words.end_ms))]
            yield (
                words,
                Place(
                    leg=index,
                    party=party,
                    on_hold=contains(scope.hold, middle(words)),
                    backchannel=bool(touched) and all(touched),
                ),
            )


def word_rows(utterances: Sequence[UtteranceRow], spoken: Sequence[Utterance]) -> tuple[WordRow, ...]:
    """Return the words of the utterances that are in the transcript; 1-based within an utterance."""
    words = {(said.channel_id, said.start_ms): said.words for said in spoken}
    return tuple(
        word
        for row in utterances
        for word in words_as_rows(row.utterance_id, row.language_code, words[row.channel_id, row.start_ms])
    )


def words_as_rows(utterance: str, language: str, words: Iterable[Word]) -> Iterator[WordRow]:
    """Yield the words of an utterance, 1-based."""
    for place, word in enumerate(words, start=1):
        yield WordRow(
            utterance_id=utterance,
            word_seq=place,
            start_ms=word.start_ms,
            end_ms=word.end_ms,
            word=word.word,
            conf=word.conf,
            language_code=language,
            is_redacted=word.hidden is not None,
            entity_type=word.word.strip("[]") if word.hidden is not None else None,
        )


def language_rows(leg: MeasuredLeg) -> tuple[LegLanguageRow, ...]:
    """Return leg × party × language (1.6): `speech_ms` in L, `share_pct` of the party's speech, talk speed, how sure L is."""
    rows: list[LegLanguageRow] = []
    for party in PARTIES:
        tagged = by_language(leg.scope.spoken[party])
        total = sum(length(speech) for speech in tagged.values())
        for language, speech in tagged.items():
            words, within = words_in(leg.scope, leg.found.words, party, language)
            speed = talk_speed(words, within, leg.thresholds)
            rows.append(
                LegLanguageRow(
                    leg_id=leg.leg_id,
                    party=party,
                    language_code=language,
                    speech_ms=length(speech),
                    share_pct=100 * length(speech) / total if total else 0.0,
                    word_count=len(words),
                    wpm=None if isinstance(speed, Unmeasured) else float(speed),
                    lid_conf_mean=mean_conf(one for one in leg.scope.spoken[party] if one.language == language),
                    asr_conf_mean=mean_confidence(Word(word.text, word.start_ms, word.end_ms, word.conf) for word in words),
                )
            )
    return tuple(rows)


def primary_language(scopes: Sequence[LegInput], configured: str) -> str:
    """Return the language with the largest share of the customer's speech, the first on a tie (1.6).

    Where the customer cannot be told apart or said nothing, of anybody's speech; where nobody spoke, the configured one.
    """
    for said in ([scope.spoken["customer"] for scope in scopes], [scope.spoken_by_anybody for scope in scopes]):
        totals: Counter[str] = Counter()
        for spoken in said:
            for language, speech in by_language(spoken).items():
                totals[language] += length(speech)
        if totals:
            return max(totals, key=totals.__getitem__)
    return primary(configured)
