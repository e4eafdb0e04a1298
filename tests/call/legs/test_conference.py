"""Conference: when somebody else was in the call: joining has no event."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.legs.conference import conferences, invitations
from cc_voice.call.legs.timeline import Timeline, merge
from tests.call.calls import channel, stream

INVITED, LEFT = EventName.CONFERENCE_PARTICIPANT_INVITED, EventName.CONFERENCE_PARTICIPANT_LEFT


def told(name: EventName, at_ms: int, channel_id: str | None = None) -> CallEvent:
    people = (Participant(channel_id=channel_id),) if channel_id else ()
    return CallEvent(at_ms=at_ms, at_unix_ms=at_ms, name=name, participants=people)


def timeline(*events: CallEvent, **first_packet_ms: int) -> Timeline:
    channels = [msgspec.structs.replace(channel(name), first_packet_ms=at) for name, at in first_packet_ms.items()]
    return merge([stream(*channels, events=events, duration_ms=60_000)])


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), ()),
        ((told(INVITED, 10_000),), ((20_000, 60_000),)),
        ((told(INVITED, 10_000), told(LEFT, 30_000)), ((20_000, 30_000),)),
        ((told(INVITED, 10_000), told(LEFT, 30_000, "b")), ((20_000, 30_000),)),
        ((told(INVITED, 10_000, "z"), told(LEFT, 50_000, "z")), ((40_000, 50_000),)),
        ((told(INVITED, 10_000), told(INVITED, 11_000), told(LEFT, 50_000)), ((20_000, 60_000),)),
        ((told(INVITED, 45_000),), ()),
        ((told(INVITED, 20_400),), ((20_400, 60_000),)),
        ((told(LEFT, 30_000),), ()),
        ((told(INVITED, 10_000), told(LEFT, 15_000)), ((20_000, 60_000),)),
    ],
)
def test_from_the_first_audio_of_a_new_channel_to_leaving(events: tuple[CallEvent, ...], expected: object) -> None:
    assert conferences(timeline(*events, a=0, c=0, b=20_000, z=40_000), ("a", "c")) == expected


def test_who_declined_was_not_there() -> None:
    names = [INVITED, EventName.CONFERENCE_PARTICIPANT_REJECTED, INVITED, EventName.CONFERENCE_PARTICIPANT_TIMEOUT, INVITED]
    assert invitations(told(name, 0) for name in names) == 1


@given(st.lists(st.tuples(st.sampled_from([INVITED, LEFT]), st.integers(-1_000, 70_000), st.sampled_from(["a", "b", "z", None]))))
def test_whatever_the_events_a_conference_lies_in_the_call(events: list[tuple[EventName, int, str | None]]) -> None:
    found = conferences(timeline(*(told(*one) for one in events), a=0, c=0, b=20_000, z=40_000), ("a", "c"))
    assert all(20_000 <= start < end <= 60_000 for start, end in found)
