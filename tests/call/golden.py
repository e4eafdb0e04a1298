"""The golden example of the metric dictionary (1.10) as input: own data, times in ms."""

import msgspec

from cc_voice.call.analysis import ChannelAnalysis, Interval, RedactedSound, StreamAnalysis
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.utterances import Utterance, Word
from cc_voice.config.thresholds import ThresholdSet

T0 = 1_790_000_000_000
THRESHOLDS = ThresholdSet(cust_speech_on_hold=True)
AGENT: tuple[Interval, ...] = ((2500, 6000), (10200, 14000), (16500, 17000), (19000, 29500), (41000, 45000), (55000, 58000))
CUSTOMER: tuple[Interval, ...] = ((6500, 10000), (13200, 18500), (22000, 22600), (33000, 34500), (45300, 48000), (52500, 54400))
AGENT_WORDS = (10, 11, 1, 28, 9, 7)
CUSTOMER_WORDS = (12, 15, 1, 4, 9, 8)
"""Words per piece of speech: 66, and 45 that are not on hold."""
SHORT = {(16500, 17000): "okay", (22000, 22600): "yeah"}


def say(channel_id: str, span: Interval, count: int, *, text: str = "word", language: str = "en") -> Utterance:
    """An utterance of `count` words that fill `span` evenly."""
    start, length = span[0], span[1] - span[0]
    words = tuple(Word(text, start + length * i // count, start + length * (i + 1) // count, 0.9) for i in range(count))
    return Utterance(
        channel_id=channel_id,
        start_ms=span[0],
        end_ms=span[1],
        text=" ".join([text] * count),
        words=words,
        language=language,
        source="local",
        asr_model="tiny",
    )


def event(at_ms: int, name: EventName, channel_id: str | None, *, user_id: str | None = None, t0: int = T0) -> CallEvent:
    """A platform event about one participant."""
    person = Participant(channel_id=channel_id, user_id=user_id, display_name=user_id)
    return CallEvent(at_ms=at_ms, at_unix_ms=t0 + at_ms, name=name, participants=(person,))


def golden_stream() -> StreamAnalysis:
    """Recording 0–60 s; leg from 1 s; hold 30–40 s."""
    said = [("a", span, count) for span, count in zip(AGENT, AGENT_WORDS, strict=True)]
    said += [("c", span, count) for span, count in zip(CUSTOMER, CUSTOMER_WORDS, strict=True)]
    return StreamAnalysis(
        call_id="golden",
        stream_id="s1",
        product="contact_center",
        instance_id="E1",
        t0_unix_ms=T0,
        duration_ms=60_000,
        channels=(
            ChannelAnalysis(channel_id="c", speech=CUSTOMER, received_ms=60_000),
            ChannelAnalysis(channel_id="a", speech=AGENT, received_ms=60_000),
        ),
        events=(
            event(0, EventName.CONSUMER_ANSWERED, "c", user_id="contact"),
            event(1000, EventName.USER_ANSWERED, "a", user_id="ana"),
            event(30_000, EventName.USER_HOLD, "a", user_id="ana"),
            event(40_000, EventName.USER_UNHOLD, "a", user_id="ana"),
            event(60_000, EventName.USER_END, "a", user_id="ana"),
        ),
        utterances=tuple(say(name, span, count, text=SHORT.get(span, "word")) for name, span, count in said),
        asr_model="tiny",
        redactions=(),
        redacted=RedactedSound(policy=("pci",), outcome="silenced"),
    )


ZOOMS_LINES: tuple[tuple[str, Interval, str], ...] = (
    ("a", (2_300, 6_200), "Word " * 8 + "another, word."),
    ("c", (13_000, 15_900), "Word, " * 7),
    ("c", (15_900, 18_800), "word " * 4 + "wart."),
    ("a", (41_000, 45_000), "word " * 9),
    ("c", (33_000, 34_500), "word " * 4),
    ("c", (45_300, 48_000), "word " * 9),
    ("c", (52_500, 54_400), "palabra " * 8),
)
"""What Zoom's transcript makes of six pieces of speech: a word differs; three are missing and one differs, in two lines; three
times all is the same, once on hold; and all is in another language."""


def golden_stream_heard_twice() -> StreamAnalysis:
    """The golden call with a transcript of Zoom's beside our words: of 47 words that both heard 5 differ, of the agent's 19 one."""
    lines = tuple(
        Utterance(
            channel_id=name,
            start_ms=span[0],
            end_ms=span[1],
            text=text.strip(),
            words=tuple(map(Word, text.split())),
            language="es" if "palabra" in text else "en",
            source="zoom",
        )
        for name, span, text in ZOOMS_LINES
    )
    stream = golden_stream()
    return msgspec.structs.replace(stream, utterances=stream.utterances + lines)
