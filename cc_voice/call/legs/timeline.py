"""All streams of one call on one clock: 0 is the earliest stream's first packet.

A call has several streams when Zoom starts a second one after a lost link that could not be resumed, or when the appliance was
down. Time that no stream heard is a media gap, whether inside a stream or between two.
"""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.analysis import ChannelAnalysis, Echo, LostAudio, SegmentComparison, StreamAnalysis
from cc_voice.call.events import CallEvent
from cc_voice.call.intervals import Intervals, canonical, complement, shift, subtract, union
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.levels import combine, is_same_sound, place
from cc_voice.call.redactions import Redaction
from cc_voice.call.utterances import Utterance, moved


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A call before anybody has a role: what was heard, said and announced, on the call's clock."""

    call_id: str
    product: str
    instance_id: str
    t0_unix_ms: int
    duration_ms: int
    channels: tuple[ChannelAnalysis, ...]
    events: tuple[CallEvent, ...]
    utterances: tuple[Utterance, ...]
    heard: Intervals
    """Time in which at least one stream's media link was up."""
    lost: tuple[LostAudio, ...]
    """Audio that arrived and is not in the recordings."""
    language: str
    mixed_audio: bool
    same_audio: bool
    """The channels carry the same sound; then the audio is mixed, too."""
    detector: str
    asr_model: str | None
    stop_reason: int | None
    host_id: str | None
    policy: LanguagePolicy
    served: tuple[str, ...] | None
    """Languages met that have a local model; None: not known."""
    redactions: tuple[Redaction, ...] | None
    """What was hidden; None where nobody looked into all of it."""
    redaction_outcome: str | None
    """What became of the sound; None: nothing was looked for."""

    @property
    def gaps(self) -> Intervals:
        """Media gaps: time of the call that nobody heard."""
        return complement(self.heard, (0, self.duration_ms))


def merge(streams: Sequence[StreamAnalysis]) -> Timeline:
    """Lay the streams of one call on the clock of the earliest. Raises ValueError when there is none."""
    if not streams:
        raise ValueError("a call without a stream cannot be measured")
    ordered = [_once(stream) for stream in sorted(streams, key=lambda stream: (stream.t0_unix_ms, stream.stream_id))]
    first, last = ordered[0], ordered[-1]
    placed = [_placed(stream, stream.t0_unix_ms - first.t0_unix_ms) for stream in ordered]
    spans = [canonical(((offset, offset + stream.duration_ms),)) for stream, offset in placed]
    return Timeline(
        call_id=first.call_id,
        product=first.product,
        instance_id=first.instance_id,
        t0_unix_ms=first.t0_unix_ms,
        duration_ms=max(offset + stream.duration_ms for stream, offset in placed),
        channels=_channels(stream for stream, _ in placed),
        events=_events(stream for stream, _ in placed),
        utterances=_utterances(stream for stream, _ in placed),
        heard=union(*(subtract(span, stream.media_gaps) for span, (stream, _) in zip(spans, placed, strict=True))),
        lost=tuple(one for stream, _ in placed for one in stream.lost),
        language=first.language,
        mixed_audio=any(_is_mixed(stream) for stream in ordered),
        same_audio=any(stream.same_audio for stream in ordered),
        detector=last.detector,
        asr_model=next((stream.asr_model for stream in reversed(ordered) if stream.asr_model), None),
        stop_reason=last.stop_reason,
        host_id=next((stream.host_id for stream in ordered if stream.host_id), None),
        policy=next((stream.policy for stream in ordered if stream.policy), LanguagePolicy(default=first.language)),
        served=_served(ordered),
        redactions=_redactions(stream for stream, _ in placed),
        redaction_outcome=_outcome(ordered),
    )


def _redactions(streams: Iterable[StreamAnalysis]) -> tuple[Redaction, ...] | None:
    found = [stream.redactions for stream in streams]
    looked = [one for one in found if one is not None]
    return tuple(one for of_stream in looked for one in of_stream) if len(looked) == len(found) else None


def _outcome(streams: Iterable[StreamAnalysis]) -> str | None:
    """Return the worst: of a call that is withheld in part, nothing is played."""
    outcomes = {stream.redacted.outcome for stream in streams if stream.redacted is not None}
    return next((one for one in ("withheld", "text_only", "silenced") if one in outcomes), None)


def _served(streams: Iterable[StreamAnalysis]) -> tuple[str, ...] | None:
    known = [stream.served for stream in streams if stream.served is not None]
    return tuple(sorted({language for served in known for language in served})) if known else None


def _is_mixed(stream: StreamAnalysis) -> bool:
    """An imported file of one channel that nobody gave a party is as mixed as one that says so."""
    unknown_mono = stream.product == "import" and len(stream.channels) == 1 and stream.channels[0].party is None
    return stream.mixed_audio or unknown_mono


def _once(stream: StreamAnalysis) -> StreamAnalysis:
    """What is on several channels alike was said once. Analyses of earlier versions do not tell; their levels do."""
    if not (stream.same_audio or is_same_sound(stream.channels)):
        return stream
    first = next((channel.channel_id for channel in stream.channels if channel.speech), None)
    said = tuple(one for one in stream.utterances if one.source == "zoom" or one.channel_id == first)
    return msgspec.structs.replace(stream, same_audio=True, mixed_audio=True, utterances=said)


def _placed(stream: StreamAnalysis, offset: int) -> tuple[StreamAnalysis, int]:
    """Move everything in a stream that has a time by `offset` ms; negative and reversed intervals do not survive."""
    if offset == 0:
        return msgspec.structs.replace(stream, media_gaps=canonical(stream.media_gaps)), 0
    moved = msgspec.structs.replace(
        stream,
        channels=tuple(
            msgspec.structs.replace(
                channel,
                speech=shift(canonical(channel.speech), offset),
                music=shift(canonical(channel.music), offset),
                tones=shift(canonical(channel.tones), offset),
                levels=place(channel.levels, offset),
                echoes=tuple(_later(echo, offset) for echo in channel.echoes),
                first_packet_ms=None if channel.first_packet_ms is None else channel.first_packet_ms + offset,
                compared=tuple(
                    SegmentComparison(one.start_ms + offset, one.end_ms + offset, one.confs) for one in channel.compared
                ),
            )
            for channel in stream.channels
        ),
        events=tuple(msgspec.structs.replace(event, at_ms=event.at_ms + offset) for event in stream.events),
        utterances=tuple(_moved(utterance, offset) for utterance in stream.utterances),
        media_gaps=shift(canonical(stream.media_gaps), offset),
        lost=tuple(msgspec.structs.replace(one, start_ms=one.start_ms + offset, end_ms=one.end_ms + offset) for one in stream.lost),
        redactions=None
        if stream.redactions is None
        else tuple(
            msgspec.structs.replace(one, start_ms=one.start_ms + offset, end_ms=one.end_ms + offset) for one in stream.redactions
        ),
    )
    return moved, offset


def _later(echo: Echo, offset: int) -> Echo:
    return msgspec.structs.replace(echo, blocks=tuple((start + offset, pct) for start, pct in echo.blocks))


def _moved(utterance: Utterance, offset: int) -> Utterance:
    return msgspec.structs.replace(
        utterance,
        start_ms=utterance.start_ms + offset,
        end_ms=utterance.end_ms + offset,
        words=tuple(moved(word, offset) for word in utterance.words),
    )


def _channels(streams: Iterable[StreamAnalysis]) -> tuple[ChannelAnalysis, ...]:
    """One entry per channel id, in order of first appearance; a later stream, or a party's audio under another id, adds to it."""
    found: dict[str, ChannelAnalysis] = {}
    for channel in (channel for stream in streams for channel in stream.channels):
        known = found.get(channel.channel_id)
        if known is None:
            sets = {"speech": canonical(channel.speech), "music": canonical(channel.music), "tones": canonical(channel.tones)}
            found[channel.channel_id] = msgspec.structs.replace(channel, **sets)
            continue
        found[channel.channel_id] = msgspec.structs.replace(
            known,
            party=known.party or channel.party,
            name=known.name or channel.name,
            user_id=known.user_id or channel.user_id,
            speech=union(known.speech, canonical(channel.speech)),
            music=union(known.music, canonical(channel.music)),
            tones=union(known.tones, canonical(channel.tones)),
            levels=combine(known.levels, channel.levels),
            doubt=known.doubt or channel.doubt,
            compared=(*known.compared, *channel.compared),
            echoes=known.echoes + channel.echoes,
            received_ms=known.received_ms + channel.received_ms,
            first_packet_ms=_earlier(known.first_packet_ms, channel.first_packet_ms),
        )
    return tuple(found.values())


def _earlier(a: int | None, b: int | None) -> int | None:
    return min((at_ms for at_ms in (a, b) if at_ms is not None), default=None)


def _events(streams: Iterable[StreamAnalysis]) -> tuple[CallEvent, ...]:
    """Events of all streams in order; one that a second stream repeats (same name, instant and participants) counts once.

    Zoom repeats "consumer answered" at the start of every stream with the time at which it really happened. Equal times keep the
    order of arrival, which carries meaning in transfers.
    """
    seen: dict[tuple[object, ...], CallEvent] = {}
    for event in (event for stream in streams for event in stream.events):
        seen.setdefault((event.name, event.at_unix_ms, event.at_ms, event.participants), event)
    return tuple(sorted(seen.values(), key=lambda event: event.at_ms))


def _utterances(streams: Iterable[StreamAnalysis]) -> tuple[Utterance, ...]:
    everything = [utterance for stream in streams for utterance in _tagged(stream)]
    return tuple(sorted(everything, key=lambda utterance: (utterance.start_ms, utterance.channel_id, utterance.source)))


def _tagged(stream: StreamAnalysis) -> Iterable[Utterance]:
    """Analyses of earlier versions, which have no policy, kept Zoom's tag as the language of Zoom's words only."""
    if stream.policy is not None:
        return stream.utterances
    return (msgspec.structs.replace(said, tagged=said.language) if said.source == "zoom" else said for said in stream.utterances)
