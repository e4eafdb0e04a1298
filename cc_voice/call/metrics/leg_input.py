"""Leg input: what of a call one leg is measured on, its analysed time, each party's speech and words in it, and what stands in the
way."""

from collections.abc import Iterable, Iterator

import msgspec

from cc_voice.call.analysis import Echo, LostAudio
from cc_voice.call.intervals import Intervals, canonical, clip, complement, intersect, length, subtract, union
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.legs.assignment import MEETING_LIKE, Handling, Leg
from cc_voice.call.legs.timeline import Timeline
from cc_voice.call.levels import Levels, combine
from cc_voice.call.metrics.turns import PARTIES, Party, other
from cc_voice.call.transcript.disagreement import Compared
from cc_voice.call.transcript.language_track import LanguageTrack, Spoken, cut
from cc_voice.call.transcript.transcript_selection import ZOOM, TranscriptSelection
from cc_voice.call.utterances import Utterance

_NOTICED_MS = 1_000
"""Less than this of lost audio changes no number that anybody reads."""
_LOST_PART = 10
"""Where more than the tenth part of a leg is lost of a party, its numbers are not those of what was said."""


class OtherSound(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard in the leg and is no speech, hold included. `party` is None on a channel that is neither party's."""

    kind: str
    """`music` or `tone`."""
    party: Party | None
    spans: Intervals


class LegInput(msgspec.Struct, frozen=True, kw_only=True):
    """One leg, cut out of the call. H, X, A, V and S are the sets of the metric dictionary 1.0."""

    leg: Leg
    hold: Intervals
    """H: hold in the leg, whoever pressed the button."""
    gaps: Intervals
    """X: media gaps in the leg. (Secure pauses will join them when there is an event for them.)"""
    lost: tuple[LostAudio, ...]
    """Audio that arrived in the leg and is not in the recording, of whichever party."""
    analysed: Intervals
    """A = leg − H − X, from the first packet to the end of the last stream."""
    voice: dict[Party, Intervals]
    """V: all speech of the party's channels, anywhere in the call."""
    speech: dict[Party, Intervals]
    """S = V ∩ A."""
    anybody: Intervals
    """Speech in A of both parties, or of everybody on a mixed channel."""
    others: Intervals
    """Speech in A of further humans: other agents in their own legs, conference participants."""
    speakers: int
    """Humans heard in A."""
    sounds: tuple[OtherSound, ...]
    """Music and tones, of every channel."""
    levels: dict[Party, Levels | None]
    """How loud every second of the call is on the party's channels; None where that was not measured."""
    echoes: dict[Party, tuple[Echo, ...]]
    """Where the party's voice may come back on the other's channels."""
    utterances: dict[Party, tuple[Utterance, ...]]
    """The parties' utterances that touch the leg, hold included; one across a transfer touches two, its words are in one each."""
    written: dict[Party, tuple[Utterance, ...]]
    """Zoom's lines of the parties that touch the leg, whether or not the transcript has them."""
    everything_said: tuple[Utterance, ...]
    """All utterances that touch the leg: on a mixed channel nobody knows whose."""
    compared: dict[Party, tuple[Compared, ...]]
    """What both recognisers heard of the parties; a piece of speech is in the leg in which its middle lies, hold included."""
    everything_compared: tuple[Compared, ...]
    """The same of every channel where the parties are mixed, else of both parties."""
    uncompared: dict[Party, str]
    """Why nothing of the party was compared, if so."""
    obstacles: dict[Party, str | None]
    """Why the party cannot be measured, None when it can."""
    unsure: str | None
    """Why what is measured of everybody together would be wrong; None where nothing speaks against it."""
    no_words: dict[Party, str | None]
    """Why the party has no words at all, None when there was a source of words."""
    no_handling: str | None
    """Why hold, monitoring and transfer are not known."""
    mixed: bool
    same_audio: bool
    """Mixed, because the channels carry the same sound."""
    language: str
    """The configured one."""
    spoken: dict[Party, tuple[Spoken, ...]]
    """S_p by language: pieces in order, of all the party's channels."""
    spoken_by_anybody: tuple[Spoken, ...]
    """The same of both parties, or of the mixed channel."""
    policy: LanguagePolicy
    """Which languages the call may be in."""
    served: tuple[str, ...] | None
    """Languages that have a model here; None: not known."""

    @property
    def identifies_language(self) -> bool:
        """False where the policy fixes the language."""
        return self.policy.identify

    @property
    def analysed_ms(self) -> int:
        """`analysed_ms` = len(A)."""
        return length(self.analysed)

    @property
    def waiting(self) -> Intervals:
        """The silence in which nobody else speaks either: a conferenced colleague's words are no pause of the call."""
        return subtract(self.silence, self.others)

    @property
    def silence(self) -> Intervals:
        """All of A in which neither party speaks (1.1)."""
        return subtract(self.analysed, self.anybody)

    @property
    def two_party_obstacle(self) -> str | None:
        """Why metrics of both parties together cannot be measured."""
        return self.obstacles["agent"] or self.obstacles["customer"]


def leg_input(
    leg: Leg, timeline: Timeline, handling: Handling, transcript: TranscriptSelection, languages: dict[str, LanguageTrack]
) -> LegInput:
    """Cut one leg out of the call."""
    # Up to the leg's own end, which events tell: audio may have ended before it, and then the rest is time that nobody heard.
    hold, gaps = clip(handling.holds, leg.span), complement(clip(timeline.heard, leg.span), leg.span)
    analysed = subtract(clip(timeline.heard, leg.span), hold)
    channels = party_channels(leg, handling, timeline)
    spoken = {channel.channel_id: channel.speech for channel in timeline.channels}
    voice = {party: union(*(spoken[name] for name in channels[party])) for party in PARTIES}
    speech = {party: intersect(voice[party], analysed) for party in PARTIES}
    others = [intersect(theirs, analysed) for theirs in _other_humans(leg, handling, timeline, channels)]
    everybody = union(*spoken.values()) if timeline.mixed_audio else union(*voice.values())
    in_leg = tuple(words for words in transcript.utterances if _touches(words, leg))
    tongues = {party: _spoken(channels[party], leg, spoken, analysed, languages) for party in PARTIES}
    both_heard = tuple(piece for piece in transcript.compared if leg.start_ms <= piece.middle_ms < leg.end_ms)
    compared = {party: tuple(piece for piece in both_heard if piece.channel_id in channels[party]) for party in PARTIES}
    lost = tuple(_lost(leg, timeline))
    unsure = {party: None if timeline.mixed_audio else _unsure(channels[party], lost, leg, timeline) for party in PARTIES}
    mine = {party: tuple(words for words in in_leg if words.channel_id in channels[party]) for party in PARTIES}
    zooms = [*in_leg, *(line.utterance for line in transcript.unused if _touches(line.utterance, leg))]
    return LegInput(
        leg=leg,
        hold=hold,
        gaps=gaps,
        lost=lost,
        analysed=analysed,
        voice=voice,
        speech=speech,
        anybody=intersect(everybody, analysed),
        others=union(*others),
        speakers=sum(1 for theirs in [*others, *(intersect(spoken[n], analysed) for p in PARTIES for n in channels[p])] if theirs),
        sounds=tuple(_sounds(leg, timeline, channels)),
        levels={party: _levels(channels[party], timeline) for party in PARTIES},
        echoes={party: _echoes(channels[party], channels[other(party)], timeline) for party in PARTIES},
        utterances=mine,
        written={party: tuple(_written(zooms, channels[party])) for party in PARTIES},
        everything_said=in_leg,
        compared=compared,
        everything_compared=both_heard if timeline.mixed_audio else (*compared["agent"], *compared["customer"]),
        uncompared={party: _uncompared(channels[party], leg, timeline, transcript) for party in PARTIES},
        obstacles={party: unsure[party] or _obstacle(party, channels, voice, leg, handling, timeline) for party in PARTIES},
        unsure=_unsure(tuple(spoken), lost, leg, timeline) if timeline.mixed_audio else unsure["agent"] or unsure["customer"],
        no_words={party: _no_words(channels[party], timeline, transcript) for party in PARTIES},
        no_handling=_no_handling(leg, handling, timeline),
        mixed=timeline.mixed_audio,
        same_audio=timeline.same_audio,
        language=timeline.language,
        spoken=tongues,
        spoken_by_anybody=(
            _spoken(tuple(spoken), leg, spoken, analysed, languages)
            if timeline.mixed_audio
            else tuple(one for party in PARTIES for one in tongues[party])
        ),
        policy=timeline.policy,
        served=timeline.served,
    )


def _written(lines: Iterable[Utterance], channels: tuple[str, ...]) -> Iterable[Utterance]:
    found = (line for line in lines if line.source == ZOOM and line.channel_id in channels)
    return sorted(found, key=lambda line: (line.start_ms, line.end_ms))


def _lost(leg: Leg, timeline: Timeline) -> Iterator[LostAudio]:
    """A loss belongs to the leg in which it begins; what says that it is of no time of the call, to the first or last moment."""
    for one in timeline.lost:
        at = min(max(one.start_ms, 0), timeline.duration_ms - 1)
        if leg.start_ms <= at < leg.end_ms:
            yield msgspec.structs.replace(one, start_ms=at, end_ms=max(at + 1, min(one.end_ms, leg.end_ms)))


def _spoken(
    names: tuple[str, ...], leg: Leg, speech: dict[str, Intervals], analysed: Intervals, languages: dict[str, LanguageTrack]
) -> tuple[Spoken, ...]:
    found = (one for name in names for one in cut(languages[name], intersect(speech[name], analysed), leg.span))
    return tuple(sorted(found, key=lambda one: one.span))


def _touches(utterance: Utterance, leg: Leg) -> bool:
    return utterance.start_ms < leg.end_ms and max(utterance.end_ms, utterance.start_ms + 1) > leg.start_ms


def middle(utterance: Utterance) -> int:
    """The instant that decides to which leg, and to hold or not, a row of the transcript belongs."""
    return (utterance.start_ms + utterance.end_ms) // 2


def party_channels(leg: Leg, handling: Handling, timeline: Timeline) -> dict[Party, tuple[str, ...]]:
    """Channels of each party in the leg. The agent's is the leg's own: a colleague in a conference has a leg too. None if mixed."""
    if timeline.mixed_audio:
        return {"agent": (), "customer": ()}
    names = [channel.channel_id for channel in timeline.channels]
    customers = tuple(name for name in names if handling.roles.get(name) == "customer" and name != leg.channel_id)
    return {"agent": tuple(name for name in names if name == leg.channel_id), "customer": customers}


def _other_humans(leg: Leg, handling: Handling, timeline: Timeline, channels: dict[Party, tuple[str, ...]]) -> Iterable[Intervals]:
    """Speech of further humans, one set per channel. A channel nobody announced is a conference participant's if there was an
    invitation (Zoom has no event for joining, 1.7), else it may be an IVR or music; in a meeting all are people. Supervisors count
    in legs of their own only."""
    if timeline.mixed_audio:
        return
    for channel in timeline.channels:
        name = channel.channel_id
        if name in channels["agent"] or name in channels["customer"]:
            continue
        if handling.roles.get(name) == "agent":
            spans = canonical(theirs.span for theirs in handling.legs if theirs.channel_id == name)
            yield intersect(channel.speech, spans) if handling.by_events else channel.speech
        elif handling.roles.get(name) == "other" and (handling.conference_count or timeline.product in MEETING_LIKE):
            yield channel.speech


def _sounds(leg: Leg, timeline: Timeline, channels: dict[Party, tuple[str, ...]]) -> Iterable[OtherSound]:
    for channel in timeline.channels:
        party = next((party for party in PARTIES if channel.channel_id in channels[party]), None)
        yield OtherSound(kind="music", party=party, spans=clip(channel.music, leg.span))
        yield OtherSound(kind="tone", party=party, spans=clip(channel.tones, leg.span))


def _levels(names: tuple[str, ...], timeline: Timeline) -> Levels | None:
    """Levels of the party's channels as one. Channels with speech and no levels were heard by an earlier version."""
    mine = [channel for channel in timeline.channels if channel.channel_id in names]
    if any(channel.speech and not channel.levels for channel in mine):
        return None
    found: Levels = ()
    for channel in mine:
        found = combine(found, channel.levels)
    return found


def _echoes(mine: tuple[str, ...], others: tuple[str, ...], timeline: Timeline) -> tuple[Echo, ...]:
    sources = [channel for channel in timeline.channels if channel.channel_id in mine]
    return tuple(echo for channel in sources for echo in channel.echoes if echo.on in others)


def _obstacle(
    party: Party,
    channels: dict[Party, tuple[str, ...]],
    voice: dict[Party, Intervals],
    leg: Leg,
    handling: Handling,
    timeline: Timeline,
) -> str | None:
    if timeline.mixed_audio:
        return "same_audio" if timeline.same_audio else "mixed_audio"
    if channels[party]:
        return "one_way_audio" if voice[other(party)] and not voice[party] else None
    if party == "agent" and handling.by_events and not leg.answered and leg.channel_id is None:
        return "no_agent_answered"
    unknown = [channel for channel in timeline.channels if handling.roles.get(channel.channel_id) == "other" and channel.speech]
    if unknown:
        return "roles_unknown"
    return "one_way_audio" if channels[other(party)] else "no_audio"


def _unsure(mine: tuple[str, ...], lost: tuple[LostAudio, ...], leg: Leg, timeline: Timeline) -> str | None:
    """Return why a party's numbers would be wrong though it can be heard.

    Whose audio is nobody's could be anybody's. So is that of people beyond those who can be recorded, where the party is many.
    """
    doubts = [channel.doubt for channel in timeline.channels if channel.doubt and channel.channel_id in mine]
    strangers = [one.doubt for one in timeline.channels if one.doubt == "party_not_joined" and clip(one.speech, leg.span)]
    if doubts or strangers:
        return (strangers or doubts)[0]
    for why, reason in (("too many sources", "too_many_parties"), ("past the longest", "call_too_long")):
        if sum(one.lost_ms for one in lost if one.why == why) >= _NOTICED_MS:
            return reason
    own_ms = sum(one.lost_ms for one in lost if one.channel_id in mine)
    return "audio_lost" if own_ms >= _NOTICED_MS and _LOST_PART * own_ms > leg.end_ms - leg.start_ms else None


def _no_words(channels: tuple[str, ...], timeline: Timeline, transcript: TranscriptSelection) -> str | None:
    if any(words.channel_id in channels for words in transcript.utterances):
        return None
    if transcript.discarded_channels.intersection(channels):
        return "language_without_model"
    has_source = timeline.asr_model is not None or any(words.source == ZOOM for words in transcript.utterances)
    return None if has_source else "no_word_source"


def _uncompared(channels: tuple[str, ...], leg: Leg, timeline: Timeline, transcript: TranscriptSelection) -> str:
    lines = [*transcript.utterances, *(line.utterance for line in transcript.unused)]
    sources = {line.source for line in lines if _touches(line, leg) and (timeline.mixed_audio or line.channel_id in channels)}
    if not sources:
        return _no_words(channels, timeline, transcript) or "no_words"
    return "one_recogniser" if len(sources) == 1 else "nothing_compared"


def _no_handling(leg: Leg, handling: Handling, timeline: Timeline) -> str | None:
    if not handling.by_events:
        return "no_hold_in_product" if timeline.product in MEETING_LIKE else "no_events"
    if leg.answered:
        return None
    return "no_answer_time" if leg.channel_id is not None else "no_agent_answered"
