"""The agent of a meeting: every step of the rule, what it cannot know, and what becomes of the numbers then."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import ChannelAnalysis, Interval, StreamAnalysis
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.legs.assignment import Handling, handle
from cc_voice.call.legs.meeting_roles import AgentRule, agents
from cc_voice.call.legs.timeline import Timeline, merge
from cc_voice.call.measure import measure
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import reasons_of, stream
from tests.call.golden import T0
from tests.call.strategies import events
from tests.conftest import examples

SECOND = 1_000


def joined(at_ms: int, user_id: str, name: str | None = None) -> CallEvent:
    person = Participant(channel_id=user_id, user_id=user_id, display_name=name)
    return CallEvent(at_ms=at_ms, at_unix_ms=T0 + at_ms, name=EventName.PARTICIPANT_JOIN, participants=(person,))


def voice(user_id: str, *speech: Interval, name: str | None = None, first_ms: int | None = 0) -> ChannelAnalysis:
    return ChannelAnalysis(channel_id=user_id, user_id=user_id, name=name, speech=speech, first_packet_ms=first_ms)


LEE, DANA, ANA = (
    voice("1", (1 * SECOND, 3 * SECOND)),
    voice("2", (4 * SECOND, 9 * SECOND)),
    voice("3", (10 * SECOND, 12 * SECOND)),
)
JOINED = (joined(0, "1", "Lee Park"), joined(10, "2", "Dana Ruiz"), joined(20, "3", "ana@example.com"))


def meeting(
    *channels: ChannelAnalysis, told: tuple[CallEvent, ...] = JOINED, host_id: str | None = None, product: str = "meeting"
) -> StreamAnalysis:
    call = stream(*(channels or (LEE, DANA, ANA)), events=told, product=product)
    return msgspec.structs.replace(call, host_id=host_id)


def timeline(*channels: ChannelAnalysis, told: tuple[CallEvent, ...] = JOINED, host_id: str | None = None) -> Timeline:
    return merge([meeting(*channels, told=told, host_id=host_id)])


def handled(rule: AgentRule, host_id: str | None = None) -> Handling:
    return handle(timeline(host_id=host_id), rule)


# -- the steps ---------------------------------------------------------------------------------------------------------


def test_the_first_to_join_is_the_default() -> None:
    assert handle(timeline()) == handled(("first",))
    assert handled(("first",)).roles == {"1": "agent", "2": "customer", "3": "customer"}


def test_without_joining_the_first_to_be_heard() -> None:
    early, late, never = voice("x", first_ms=100), voice("y", first_ms=500), voice("z", first_ms=None)
    assert agents(timeline(never, late, early, told=()), ("first",)) == ("x",)
    assert agents(timeline(never, told=()), ("first",)) == ("z",)
    nameless = CallEvent(at_ms=0, at_unix_ms=T0, name=EventName.PARTICIPANT_JOIN, participants=(Participant(),))
    assert agents(timeline(late, told=(nameless,)), ("first",)) == ("y",)


@pytest.mark.parametrize(
    "written", ["Dana Ruiz", "dana ruiz", "  DANA   RUIZ ", "2", "Ｄana Ruiz"], ids=["as shown", "case", "space", "id", "width"]
)
def test_a_name_or_an_id_finds_a_participant(written: str) -> None:
    handling = handled((written,))
    assert (handling.legs[0].channel_id, handling.roles) == ("2", {"1": "customer", "2": "agent", "3": "customer"})


def test_an_address_finds_who_is_called_so() -> None:
    assert agents(timeline(), ("ANA@example.com",)) == ("3",)


def test_letters_composed_otherwise_are_the_same() -> None:
    assert agents(timeline(told=(joined(0, "1", "Jose\u0301"),)), ("Jos\u00e9",)) == ("1",)


@pytest.mark.parametrize("part", ["Dana", "Ruiz", "dana ruiz 2", ""])
def test_parts_of_a_name_find_nobody(part: str) -> None:
    assert agents(timeline(), (part,)) == ()


def test_a_name_that_only_the_audio_gave() -> None:
    assert agents(timeline(voice("9", name="Kim"), told=()), ("kim",)) == ("9",)


def test_somebody_who_came_back_under_another_id_is_the_same_agent() -> None:
    again = (*JOINED, joined(5_000, "7", "Dana Ruiz"))
    handling = handle(timeline(LEE, DANA, voice("7"), told=again), ("Dana Ruiz",))
    assert handling.legs[0].channel_id == "2"
    assert handling.roles == {"1": "customer", "2": "agent", "7": "agent"}


def test_the_leg_is_the_first_of_the_list_and_colleagues_are_no_customers() -> None:
    handling = handled(("ana@example.com", "nobody", "Lee Park"))
    assert handling.legs[0].channel_id == "3"
    assert handling.roles == {"1": "agent", "2": "customer", "3": "agent"}


# -- the host ----------------------------------------------------------------------------------------------------------


def test_the_host_is_found_where_zoom_uses_one_id() -> None:
    assert handled(("host", "first"), host_id="3").legs[0].channel_id == "3"


@pytest.mark.parametrize("host_id", [None, "usr_Demo77"])
def test_a_host_who_cannot_be_known_is_left_to_the_next_step(host_id: str | None) -> None:
    assert handled(("host", "first"), host_id).legs[0].channel_id == "1"
    assert agents(timeline(host_id=host_id), ("host",)) == ()


def test_steps_after_a_find_add_names_only() -> None:
    assert agents(timeline(host_id="3"), ("Dana Ruiz", "host", "first", "Lee Park")) == ("2", "1")


def test_a_later_stream_may_be_the_one_that_names_the_host() -> None:
    first = meeting()
    second = msgspec.structs.replace(first, stream_id="s2", t0_unix_ms=T0 + 60_000, host_id="2")
    assert handle(merge([first, second]), ("host",)).legs[0].channel_id == "2"


# -- nobody ------------------------------------------------------------------------------------------------------------


def test_without_an_agent_there_is_no_customer_and_a_reason() -> None:
    call = measure([meeting()], ThresholdSet(), ("nobody",))
    assert {channel.party for channel in call.channels} == {"other"}
    (leg,) = call.legs
    assert (leg.agent_name, leg.agent_user_id, leg.talk_ms_agent, leg.talk_ms_customer) == (None, None, None, None)
    reasons = reasons_of(call)
    assert reasons["talk_ms_agent"] == reasons["talk_ms_customer"] == "roles_unknown"
    assert leg.multi_party, "three people were heard all the same"


def test_with_an_agent_the_numbers_are_theirs() -> None:
    (leg,) = measure([meeting()], ThresholdSet(), ("Dana Ruiz",)).legs
    assert (leg.agent_user_id, leg.talk_ms_agent, leg.talk_ms_customer) == ("2", 5 * SECOND, 4 * SECOND)
    (leg,) = measure([meeting()], ThresholdSet(), ("Dana Ruiz", "Lee Park")).legs
    assert (leg.talk_ms_agent, leg.talk_ms_customer) == (5 * SECOND, 2 * SECOND), "a colleague's words are not the customer's"


@pytest.mark.parametrize("product", ["webinar", "video_sdk"])
def test_webinars_and_sessions_go_by_the_same_rule(product: str) -> None:
    assert handle(merge([meeting(product=product)]), ("Dana Ruiz",)).legs[0].channel_id == "2"


def test_other_products_have_events_of_their_own_for_it() -> None:
    call = merge([meeting(product="contact_center")])
    assert handle(call, ("Dana Ruiz",)) == handle(call)


MEETING_EVENTS = events().filter(lambda told: told.name not in (EventName.USER_ANSWERED, EventName.TAKEOVER_STARTED))
RULES = st.lists(st.sampled_from(["first", "host", "a", "b", "c", "", "x"]) | st.text(max_size=4), max_size=4).map(tuple)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(MEETING_EVENTS, max_size=8), RULES, st.none() | st.sampled_from("abcx"))
def test_no_rule_raises_and_first_always_finds_somebody(told: list[CallEvent], rule: AgentRule, host_id: str | None) -> None:
    call = merge([meeting(voice("a"), voice("b"), told=tuple(told), host_id=host_id)])
    found = agents(call, rule)
    assert len(set(found)) == len(found)
    assert agents(call, (*rule, "first"))
    handling = handle(call, rule)
    assert {name for name, role in handling.roles.items() if role == "agent"} == set(found)
    assert handling.legs[0].channel_id == (found[0] if found else None)


def test_a_phone_call_has_an_agent_where_the_site_says_who() -> None:
    two = stream(voice("ch-1", first_ms=200), voice("ch-2"), product="phone", events=())
    assert handle(merge([two]), ()).roles == {"ch-1": "other", "ch-2": "other"}
    assert handle(merge([two]), ("first",)).roles == {"ch-1": "customer", "ch-2": "agent"}
    assert handle(merge([two]), ("ch-1",)).roles == {"ch-1": "agent", "ch-2": "customer"}
    assert handle(merge([two]), ("nobody",)).roles == {"ch-1": "other", "ch-2": "other"}
