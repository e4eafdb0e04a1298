"""Random calls: any intervals, any events in any order, any words. Small times, so that things coincide often."""

from hypothesis import strategies as st

from cc_voice.call.analysis import ChannelAnalysis, Echo, Interval, SecondLevel, StreamAnalysis
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.intervals import canonical
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.utterances import Utterance, Word

T0 = 1_790_000_000_000
STEP = 100
"""Times are multiples of this: enough to hit every threshold exactly."""
times = st.integers(-20, 700).map(lambda step: step * STEP)
inside = st.integers(0, 600).map(lambda step: step * STEP)
spans = st.tuples(inside, st.integers(1, 60)).map(lambda pair: (pair[0], pair[0] + pair[1] * STEP))
names = st.sampled_from(["a", "b", "c", "s"])
people = st.one_of(
    st.just(()),
    st.builds(
        lambda channel, user: (Participant(channel_id=channel, user_id=user),),
        st.one_of(st.none(), names),
        st.one_of(st.none(), st.sampled_from(["ua", "ub"])),
    ),
)
seconds = st.builds(
    SecondLevel,
    speech_ms=st.sampled_from([0, 190, 200, 1000]),
    level_cb=st.one_of(st.none(), st.sampled_from([-500, -450, -300, -200, 0])),
    clipped_us=st.sampled_from([0, 0, 5000]),
    noise_cb=st.one_of(st.none(), st.sampled_from([-900, -200])),
)
echoes = st.builds(
    Echo,
    on=names,
    delay_ms=st.sampled_from([60, 400]),
    blocks=st.lists(st.tuples(inside, st.sampled_from([0, 40, 90])), max_size=8).map(tuple),
)
vocabulary = st.sampled_from(["yeah", "okay", "um", "four", "4111", "hello", "one", "moment", "sí", "", "…"])

identified = st.sampled_from([(), (("en", 0.99), ("es", 0.01)), (("en", 0.02), ("es", 0.98)), (("en", 0.55), ("es", 0.45))])

policies = st.one_of(
    st.none(),
    st.builds(
        LanguagePolicy,
        default=st.sampled_from(["en", "es-MX"]),
        languages=st.sampled_from([(), ("en", "es")]),
        identify=st.booleans(),
    ),
)


@st.composite
def events(draw: st.DrawFn) -> CallEvent:
    at_ms = draw(times)
    name = draw(st.one_of(st.sampled_from(list(EventName)), st.just("ivr_unheard_of")))
    return CallEvent(at_ms=at_ms, at_unix_ms=T0 + at_ms, name=name, participants=draw(people))


@st.composite
def utterances(draw: st.DrawFn) -> Utterance:
    start, end = draw(spans)
    tokens = draw(st.lists(vocabulary, max_size=5))
    local = draw(st.booleans())
    step = (end - start) // max(1, len(tokens))
    words = tuple(
        Word(token, start + i * step, start + (i + 1) * step, draw(st.floats(0, 1))) if local else Word(token)
        for i, token in enumerate(tokens)
    )
    return Utterance(
        channel_id=draw(names),
        start_ms=start,
        end_ms=end,
        text=" ".join(tokens),
        words=words,
        language=(language := draw(st.sampled_from(["en", "en-US", "es", "ja"]))),
        source="local" if local else "zoom",
        tagged=None if local else draw(st.sampled_from([language, None])),
        lid=() if local else draw(identified),
    )


def channels(draw: st.DrawFn, product: str) -> tuple[ChannelAnalysis, ...]:
    parties = st.sampled_from(["agent", "customer", "supervisor", "ivr", None]) if product == "import" else st.none()
    return tuple(
        ChannelAnalysis(
            channel_id=name,
            party=draw(parties),
            speech=canonical(draw(st.lists(spans, max_size=8))),
            music=canonical(draw(st.lists(spans, max_size=2))),
            tones=canonical(draw(st.lists(spans, max_size=2))),
            levels=tuple(draw(st.lists(seconds, max_size=12))),
            echoes=tuple(draw(st.lists(echoes, max_size=1))),
        )
        for name in draw(st.lists(names, unique=True, max_size=4))
    )


@st.composite
def streams(draw: st.DrawFn, number: int = 1) -> StreamAnalysis:
    product = draw(st.sampled_from(["contact_center", "contact_center", "meeting", "import", "phone"]))
    gaps: list[Interval] = draw(st.lists(spans, max_size=2))
    return StreamAnalysis(
        call_id="call",
        stream_id=f"s{number}",
        product=product,
        instance_id="E1",
        t0_unix_ms=T0 + draw(st.integers(0, 300)) * STEP,
        duration_ms=draw(inside),
        channels=channels(draw, product),
        events=tuple(draw(st.lists(events(), max_size=8))),
        utterances=tuple(draw(st.lists(utterances(), max_size=6))),
        media_gaps=canonical(gaps),
        mixed_audio=draw(st.sampled_from([False, False, False, True])),
        asr_model=draw(st.sampled_from(["tiny", None])),
        policy=draw(policies),
        served=draw(st.sampled_from([None, (), ("en",), ("en", "es")])),
    )


@st.composite
def conversations(draw: st.DrawFn) -> StreamAnalysis:
    """A call between two parties who can be told apart, with hold: most metrics have values."""
    duration = draw(st.integers(150, 600)) * STEP
    speech = {name: canonical(draw(st.lists(spans, min_size=1, max_size=12))) for name in ("a", "c")}
    holds = draw(st.lists(st.tuples(inside, st.integers(1, 80)), max_size=2))
    hold_events = [
        CallEvent(at_ms=at, at_unix_ms=T0 + at, name=name, participants=(Participant(channel_id="a"),))
        for start, steps in holds
        for at, name in ((start, EventName.USER_HOLD), (start + steps * STEP, EventName.USER_UNHOLD))
    ]
    levels = {name: tuple(draw(st.lists(seconds, min_size=1, max_size=30))) for name in ("a", "c")}
    answered = draw(st.integers(-5, 50)) * STEP
    return StreamAnalysis(
        call_id="call",
        stream_id="s1",
        product="contact_center",
        instance_id="E1",
        t0_unix_ms=T0,
        duration_ms=duration,
        channels=tuple(
            ChannelAnalysis(channel_id=name, speech=speech[name], received_ms=duration, levels=levels[name]) for name in ("a", "c")
        ),
        events=(
            CallEvent(
                at_ms=answered,
                at_unix_ms=T0 + answered,
                name=EventName.USER_ANSWERED,
                participants=(Participant(channel_id="a", user_id="ua"),),
            ),
            CallEvent(at_ms=0, at_unix_ms=T0, name=EventName.CONSUMER_ANSWERED, participants=(Participant(channel_id="c"),)),
            *hold_events,
        ),
        utterances=tuple(draw(st.lists(utterances(), max_size=6))),
        media_gaps=canonical(draw(st.lists(spans, max_size=1))),
        asr_model="tiny",
        policy=draw(policies),
        served=draw(st.sampled_from([None, ("en",)])),
    )
