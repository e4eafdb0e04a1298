"""Small calls to measure: two channels, `a` the agent's and `c` the customer's, unless a test says otherwise."""

from collections.abc import Iterable

from cc_voice.call.analysis import ChannelAnalysis, Interval, SecondLevel, StreamAnalysis
from cc_voice.call.events import CallEvent, EventName
from cc_voice.call.intervals import canonical, clip, length
from cc_voice.call.legs.assignment import handle
from cc_voice.call.legs.timeline import merge
from cc_voice.call.levels import Levels
from cc_voice.call.measure import measure
from cc_voice.call.metrics.evidence import IntervalRow
from cc_voice.call.metrics.leg_input import LegInput, leg_input
from cc_voice.call.rows import LegRow, MeasuredCall
from cc_voice.call.transcript.language_track import in_force, retagged, tracks
from cc_voice.call.transcript.transcript_selection import InForce, TranscriptSelection, select
from cc_voice.call.utterances import Utterance, Word
from cc_voice.config.thresholds import ThresholdSet
from tests.call.golden import T0, event

DEFAULTS = ThresholdSet()
ANSWERED = (event(0, EventName.CONSUMER_ANSWERED, "c"), event(0, EventName.USER_ANSWERED, "a"))


def channel(channel_id: str, *speech: Interval, party: str | None = None) -> ChannelAnalysis:
    """One party's audio, all of one loudness."""
    return ChannelAnalysis(channel_id=channel_id, party=party, speech=speech, levels=levels_of(*speech))


def levels_of(*speech: Interval, level_cb: int = -250, noise_cb: int = -600) -> Levels:
    """The seconds from 0 to the end of speech: speech of one level, and noise where nobody speaks."""
    spoken = [
        length(clip(canonical(speech), (1000 * second, 1000 * second + 1000)))
        for second in range(-(-max((end for _, end in speech), default=0) // 1000))
    ]
    return tuple(SecondLevel(ms, level_cb, 0, None) if ms else SecondLevel(noise_cb=noise_cb) for ms in spoken)


def stream(
    *channels: ChannelAnalysis,
    events: Iterable[CallEvent] = ANSWERED,
    duration_ms: int = 60_000,
    product: str = "contact_center",
    utterances: Iterable[Utterance] = (),
    media_gaps: tuple[Interval, ...] = (),
    later_ms: int = 0,
    mixed_audio: bool = False,
    asr_model: str | None = "tiny",
    language: str = "en",
) -> StreamAnalysis:
    """A stream that begins `later_ms` after the first stream of the call."""
    return StreamAnalysis(
        call_id="call",
        stream_id=f"s{later_ms}",
        product=product,
        instance_id="E1",
        t0_unix_ms=T0 + later_ms,
        duration_ms=duration_ms,
        channels=channels,
        events=tuple(events),
        utterances=tuple(utterances),
        media_gaps=media_gaps,
        mixed_audio=mixed_audio,
        asr_model=asr_model,
        language=language,
    )


def between_two(
    agent: Iterable[Interval], customer: Iterable[Interval], *more: CallEvent, utterances: Iterable[Utterance] = ()
) -> StreamAnalysis:
    """A minute's call, answered at 0."""
    return stream(channel("a", *agent), channel("c", *customer), events=(*ANSWERED, *more), utterances=utterances)


def scopes_of(*streams: StreamAnalysis) -> list[LegInput]:
    """The legs of a call, cut out."""
    timeline = merge(streams)
    handling = handle(timeline)
    languages = tracks(timeline.channels, timeline.utterances, timeline.policy, timeline.duration_ms)
    transcript = select(retagged(timeline.utterances, languages), in_force(languages), DEFAULTS)
    return [leg_input(leg, timeline, handling, transcript, languages) for leg in handling.legs]


def chosen_from(said: Iterable[Utterance], configured: str = "en", thresholds: ThresholdSet = DEFAULTS) -> TranscriptSelection:
    """The transcript of what was said, every line of Zoom's in the language that it is tagged with."""
    said = tuple(said)
    return select(said, tagged(said, configured), thresholds)


def tagged(said: Iterable[Utterance], configured: str) -> InForce:
    """Believe Zoom's tags: a local line is in that of the latest line of Zoom's to have begun on its channel by its middle."""
    tags = sorted((one for one in said if one.source == "zoom"), key=lambda one: one.start_ms)

    def in_force_there(line: Utterance) -> str:
        at_ms = (line.start_ms + line.end_ms) // 2
        begun = [one.language for one in tags if one.channel_id == line.channel_id and one.start_ms <= at_ms]
        return line.language if line.source == "zoom" else (begun or [configured])[-1]

    return in_force_there


def measured(*streams: StreamAnalysis, thresholds: ThresholdSet = DEFAULTS) -> tuple[MeasuredCall, LegRow]:
    """A call of one leg, measured."""
    call = measure(streams, thresholds)
    (leg,) = call.legs
    return call, leg


def of_kind(call: MeasuredCall, kind: str) -> list[IntervalRow]:
    """The evidence of one kind."""
    return [row for row in call.intervals if row.kind == kind]


def reasons_of(call: MeasuredCall) -> dict[str, str]:
    """Metric → why it is NULL, of a call of one leg."""
    return {row.metric: row.reason for row in call.null_reasons}


def zoom(channel_id: str, span: Interval, text: str, language: str = "en") -> Utterance:
    """A line of Zoom's transcript: words without times or confidences."""
    words = tuple(Word(token) for token in text.split())
    return Utterance(
        channel_id=channel_id,
        start_ms=span[0],
        end_ms=span[1],
        text=text,
        words=words,
        language=language,
        source="zoom",
        tagged=language,
    )


def local(channel_id: str, span: Interval, text: str, language: str = "en", conf: float | None = 0.9) -> Utterance:
    """What our recogniser wrote: words that fill the span evenly."""
    tokens = text.split()
    length = span[1] - span[0]
    words = tuple(
        Word(token, span[0] + length * i // len(tokens), span[0] + length * (i + 1) // len(tokens), conf)
        for i, token in enumerate(tokens)
    )
    return Utterance(
        channel_id=channel_id,
        start_ms=span[0],
        end_ms=span[1],
        text=text,
        words=words,
        language=language,
        source="local",
        asr_model="tiny",
    )
