"""Legs, roles and hold: what each event does, and what remains right when events are lost, repeated or odd."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import ChannelAnalysis, StreamAnalysis
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.legs.assignment import Handling, Leg, handle
from cc_voice.call.legs.timeline import merge
from tests.call.calls import channel, stream
from tests.call.golden import T0, event
from tests.call.strategies import events
from tests.conftest import examples

ANSWER, END = EventName.USER_ANSWERED, EventName.USER_END
HOLD, UNHOLD = EventName.USER_HOLD, EventName.USER_UNHOLD
CONSUMER, HANGUP = EventName.CONSUMER_ANSWERED, EventName.CONSUMER_END
CHANNELS = (channel("c"), channel("a"), channel("b"))

Said = tuple[int, EventName, str | None]


def handled(*said: Said, channels: tuple[ChannelAnalysis, ...] = CHANNELS, duration_ms: int = 60_000) -> Handling:
    told = [event(at_ms, name, who) for at_ms, name, who in said]
    return handle(merge([stream(*channels, events=told, duration_ms=duration_ms)]))


def outline(handling: Handling) -> list[tuple[str | None, int, int, str]]:
    return [(leg.channel_id, leg.start_ms, leg.end_ms, leg.ended) for leg in handling.legs]


def test_a_leg_lasts_from_answer_to_end() -> None:
    handling = handled((0, CONSUMER, "c"), (1_000, ANSWER, "a"), (50_000, END, "a"))
    assert outline(handling) == [("a", 1_000, 50_000, "user_end")]
    assert handling.legs[0].answered
    assert handling.roles == {"c": "customer", "a": "agent", "b": "other"}


def test_an_answer_before_media_and_a_call_that_was_cut_off() -> None:
    assert outline(handled((-2_000, ANSWER, "a"))) == [("a", -2_000, 60_000, "stream_end")]


def test_an_answer_after_the_end_makes_an_empty_leg() -> None:
    assert outline(handled((61_000, ANSWER, "a"))) == [("a", 61_000, 61_000, "stream_end")]


def test_a_repeated_answer_and_a_repeated_end_change_nothing() -> None:
    once = handled((0, CONSUMER, "c"), (1_000, ANSWER, "a"), (50_000, END, "a"))
    often = handled((0, CONSUMER, "c"), (1_000, ANSWER, "a"), (2_000, ANSWER, "a"), (50_000, END, "a"), (55_000, END, "a"))
    assert often == once


def test_an_agent_who_comes_back_has_a_second_leg() -> None:
    handling = handled((0, ANSWER, "a"), (10_000, END, "a"), (20_000, ANSWER, "a"))
    assert outline(handling) == [("a", 0, 10_000, "user_end"), ("a", 20_000, 60_000, "stream_end")]
    assert [leg.number for leg in handling.legs] == [1, 2]


TRANSFER: tuple[Said, ...] = (
    (0, CONSUMER, "c"),
    (1_000, ANSWER, "a"),
    (20_000, EventName.TRANSFER_INITIATED, "a"),
    (20_500, HOLD, "a"),
    (22_000, EventName.TRANSFER_ACCEPTED, "b"),
    (23_000, ANSWER, "b"),
    (25_000, EventName.TRANSFER_COMPLETED, "a"),
    (25_100, END, "a"),
    (55_000, HANGUP, "c"),
)


def test_transfer_in_zooms_order() -> None:
    handling = handled(*TRANSFER)
    assert outline(handling) == [("a", 1_000, 25_000, "transfer"), ("b", 23_000, 60_000, "stream_end")]
    assert handling.holds == ((20_500, 25_000),)
    assert (handling.transfer_count, handling.ended_by) == (1, "customer")


def without(lost: EventName) -> tuple[Said, ...]:
    return tuple(said for said in TRANSFER if said[1] != lost)


@pytest.mark.parametrize("lost", [EventName.TRANSFER_INITIATED, EventName.TRANSFER_ACCEPTED, HANGUP, CONSUMER])
def test_transfer_survives_the_loss_of(lost: EventName) -> None:
    whole, rest = handled(*TRANSFER), handled(*without(lost))
    assert outline(rest) == outline(whole)
    assert rest.holds == whole.holds


def test_transfer_without_its_completion_ends_with_the_old_agent() -> None:
    handling = handled(*without(EventName.TRANSFER_COMPLETED))
    assert outline(handling) == [("a", 1_000, 25_100, "user_end"), ("b", 23_000, 60_000, "stream_end")]
    assert handling.holds == ((20_500, 25_100),)


def in_order(*names: tuple[EventName, str]) -> Handling:
    return handled(
        (0, CONSUMER, "c"), (1_000, ANSWER, "a"), *((20_000 + 1_000 * n, name, who) for n, (name, who) in enumerate(names))
    )


def test_of_two_agents_the_one_who_initiated_gives_the_call_away() -> None:
    handling = in_order((ANSWER, "b"), (EventName.TRANSFER_INITIATED, "b"), (EventName.TRANSFER_COMPLETED, "x"))
    assert outline(handling) == [("a", 1_000, 60_000, "stream_end"), ("b", 20_000, 22_000, "transfer")]


def test_the_old_leg_ends_at_the_first_of_its_end_and_completion() -> None:
    handling = in_order((EventName.TRANSFER_INITIATED, "a"), (ANSWER, "b"), (END, "a"), (EventName.TRANSFER_COMPLETED, "a"))
    assert outline(handling) == [("a", 1_000, 22_000, "transfer"), ("b", 21_000, 60_000, "stream_end")]


def test_a_completion_after_the_giver_left_does_not_close_the_new_leg() -> None:
    """Also when "initiated" was lost: the completion names who gave the call away."""
    handling = in_order((ANSWER, "b"), (END, "a"), (EventName.TRANSFER_COMPLETED, "a"))
    assert outline(handling) == [("a", 1_000, 21_000, "transfer"), ("b", 20_000, 60_000, "stream_end")]


def test_a_repeated_completion_does_not_close_the_new_leg() -> None:
    done = (EventName.TRANSFER_COMPLETED, "a")
    handling = in_order((EventName.TRANSFER_INITIATED, "a"), (ANSWER, "b"), done, done)
    assert outline(handling) == [("a", 1_000, 22_000, "transfer"), ("b", 21_000, 60_000, "stream_end")]


def test_blind_transfer_completes_before_the_new_agent_answers() -> None:
    handling = in_order((EventName.TRANSFER_INITIATED, "a"), (EventName.TRANSFER_COMPLETED, "a"), (ANSWER, "b"))
    assert outline(handling) == [("a", 1_000, 21_000, "transfer"), ("b", 22_000, 60_000, "stream_end")]


@pytest.mark.parametrize("how", [EventName.TRANSFER_REJECTED, EventName.TRANSFER_TIMEOUT, EventName.TRANSFER_CANCELED])
def test_a_transfer_that_failed_is_forgotten(how: EventName) -> None:
    handling = in_order((EventName.TRANSFER_INITIATED, "a"), (HOLD, "a"), (how, "b"), (UNHOLD, "a"), (END, "a"))
    assert outline(handling) == [("a", 1_000, 24_000, "user_end")]
    assert handling.transfer_count == 0
    assert handling.holds == ((21_000, 23_000),)


def test_who_initiated_is_no_longer_the_giver_after_a_rejection() -> None:
    handling = in_order(
        (EventName.TRANSFER_INITIATED, "a"),
        (EventName.TRANSFER_REJECTED, "b"),
        (ANSWER, "b"),
        (EventName.TRANSFER_COMPLETED, "b"),
    )
    assert outline(handling) == [("a", 1_000, 60_000, "stream_end"), ("b", 22_000, 23_000, "transfer")]


def test_an_unclosed_hold_ends_with_the_leg() -> None:
    assert handled((0, ANSWER, "a"), (10_000, HOLD, "a"), (30_000, END, "a")).holds == ((10_000, 30_000),)
    assert handled((0, ANSWER, "a"), (10_000, HOLD, "a")).holds == ((10_000, 60_000),)


def test_nested_holds_of_two_agents_are_a_union() -> None:
    handling = handled(
        (0, ANSWER, "a"), (0, ANSWER, "b"), (10_000, HOLD, "a"), (15_000, HOLD, "b"), (20_000, UNHOLD, "a"), (25_000, UNHOLD, "b")
    )
    assert handling.holds == ((10_000, 25_000),)


def test_repeated_hold_and_unhold_change_nothing() -> None:
    held = handled(
        (0, ANSWER, "a"),
        (10_000, HOLD, "a"),
        (12_000, HOLD, "a"),
        (20_000, UNHOLD, "a"),
        (22_000, UNHOLD, "a"),
        (30_000, HOLD, "a"),
    )
    assert held.holds == ((10_000, 20_000), (30_000, 60_000))


def test_unhold_without_hold_is_nothing() -> None:
    assert handled((0, ANSWER, "a"), (10_000, UNHOLD, "a")).holds == ()


def test_an_unhold_by_somebody_who_holds_nothing_ends_every_hold() -> None:
    assert handled((0, ANSWER, "a"), (10_000, HOLD, "a"), (20_000, UNHOLD, "b")).holds == ((10_000, 20_000),)


def test_a_hold_that_names_nobody_is_the_only_agents() -> None:
    handling = handled((0, ANSWER, "a"), (10_000, HOLD, None), (20_000, END, "a"), (20_000, ANSWER, "b"))
    assert handling.holds == ((10_000, 20_000),)


def test_the_hold_of_an_agent_whose_answer_was_lost_ends_with_them() -> None:
    handling = handled((0, ANSWER, "a"), (10_000, HOLD, "b"), (20_000, END, "b"))
    assert handling.holds == ((10_000, 20_000),)
    assert outline(handling) == [("a", 0, 60_000, "stream_end")]


def test_an_end_that_names_nobody_ends_the_only_leg_and_none_of_two() -> None:
    assert outline(handled((0, ANSWER, "a"), (30_000, END, None))) == [("a", 0, 30_000, "user_end")]
    two = handled((0, ANSWER, "a"), (0, ANSWER, "b"), (30_000, END, None))
    assert [leg.ended for leg in two.legs] == ["stream_end", "stream_end"]


def test_a_conference_has_a_leg_per_agent_and_counts_invitations_not_declined() -> None:
    invited, rejected = EventName.CONFERENCE_PARTICIPANT_INVITED, EventName.CONFERENCE_PARTICIPANT_REJECTED
    handling = handled(
        (0, ANSWER, "a"),
        (5_000, invited, "b"),
        (6_000, rejected, "b"),
        (7_000, invited, "b"),
        (9_000, ANSWER, "b"),
        (30_000, END, "b"),
    )
    assert outline(handling) == [("a", 0, 60_000, "stream_end"), ("b", 9_000, 30_000, "user_end")]
    assert (handling.conference_count, handling.transfer_count) == (1, 0)


def test_more_declined_than_invited_is_no_conference() -> None:
    assert handled((0, ANSWER, "a"), (5_000, EventName.CONFERENCE_CANCELED, "b")).conference_count == 0


@pytest.mark.parametrize("named", ["s", "a", None])
def test_takeover_closes_the_agents_leg_and_opens_the_supervisors(named: str | None) -> None:
    handling = handled(
        (0, ANSWER, "a"),
        (10_000, EventName.MONITOR_STARTED, "s"),
        (15_000, HOLD, "a"),
        (20_000, EventName.TAKEOVER_STARTED, named),
        channels=(channel("c"), channel("a"), channel("s")),
    )
    assert outline(handling) == [("a", 0, 20_000, "takeover"), ("s", 20_000, 60_000, "stream_end")]
    assert (handling.monitored, handling.holds) == (((10_000, 20_000),), ((15_000, 20_000),))
    assert (handling.roles["s"], handling.supervisors) == ("agent", {"s"})


def test_takeover_without_an_answer_still_makes_a_leg() -> None:
    assert outline(handled((20_000, EventName.TAKEOVER_STARTED, "b"))) == [("b", 20_000, 60_000, "stream_end")]


def test_monitoring_lasts_until_it_ends_or_the_call_does() -> None:
    begun, changed = (10_000, EventName.MONITOR_STARTED, "s"), (15_000, EventName.MONITOR_TRANSITIONED, "s")
    ended = (30_000, EventName.MONITOR_ENDED, "s")
    assert handled((0, ANSWER, "a"), begun, changed, ended, ended).monitored == ((10_000, 30_000),)
    assert handled((0, ANSWER, "a"), begun).monitored == ((10_000, 60_000),)
    assert handled((0, ANSWER, "a"), changed, ended).monitored == ((15_000, 30_000),)
    assert handled((0, ANSWER, "a"), ended).monitored == ()


def test_a_supervisor_who_barges_in_is_somebody_else_in_the_call() -> None:
    """RTMS says from when to when, an ordinary webhook says how."""
    begun, ended = (10_000, EventName.MONITOR_STARTED, "s"), (40_000, EventName.MONITOR_ENDED, "s")
    barge, whisper = (20_000, EventName.WEBHOOK_BARGE, "s"), (30_000, EventName.WEBHOOK_WHISPER, "s")
    assert handled((0, ANSWER, "a"), begun, barge, whisper, ended).conferences == ((20_000, 30_000),)
    assert handled((0, ANSWER, "a"), begun, barge, ended).conferences == ((20_000, 40_000),)
    assert handled((0, ANSWER, "a"), begun, whisper, ended).conferences == ()
    assert handled((0, ANSWER, "a"), barge).conferences == (), "nobody knows for how long"


def test_an_agent_named_by_a_monitor_event_remains_an_agent() -> None:
    handling = handled((0, ANSWER, "a"), (10_000, EventName.MONITOR_STARTED, "a"))
    assert (handling.roles["a"], handling.supervisors) == ("agent", frozenset())


@pytest.mark.parametrize(
    ("ends", "side"),
    [
        ([(50_000, HANGUP, "c"), (50_100, END, "a")], "customer"),
        ([(50_000, END, "a"), (50_100, HANGUP, "c")], "agent"),
        ([(50_000, END, "a")], "agent"),
        ([(50_000, END, "a"), (50_000, HANGUP, "c")], "customer"),
        ([(50_000, HANGUP, "c")], "customer"),
        ([(50_000, HANGUP, "c"), (50_100, END, "a"), (50_200, HANGUP, "c")], "customer"),
        ([], None),
        ([(40_000, EventName.TRANSFER_COMPLETED, "a")], None),
    ],
)
def test_hang_up_side_is_the_first_to_end(ends: list[Said], side: str | None) -> None:
    assert handled((0, CONSUMER, "c"), (0, ANSWER, "a"), *ends).ended_by == side


def test_who_leaves_a_conference_hangs_up_nothing() -> None:
    assert handled((0, ANSWER, "a"), (1_000, ANSWER, "b"), (30_000, END, "a"), (50_000, HANGUP, "c")).ended_by == "customer"


def test_a_call_that_no_agent_answered_is_one_leg_of_nobody() -> None:
    handling = handled((0, CONSUMER, "c"), (30_000, HANGUP, "c"), channels=(channel("c"),))
    assert handling.legs == (Leg(number=1, start_ms=0, end_ms=60_000),)
    assert (handling.by_events, handling.ended_by, handling.roles) == (True, "customer", {"c": "customer"})


@pytest.mark.parametrize("proof", [HOLD, END])
def test_whoever_holds_or_ends_is_an_agent_though_the_answer_was_lost(proof: EventName) -> None:
    handling = handled((0, CONSUMER, "c"), (10_000, proof, "a"), (20_000, UNHOLD, "a"))
    (leg,) = handling.legs
    assert (leg.channel_id, leg.answered) == ("a", False)
    assert handling.roles["a"] == "agent"
    assert handling.holds == (((10_000, 20_000),) if proof == HOLD else ())


def test_one_unknown_channel_beside_an_agent_is_the_customer_and_two_are_not() -> None:
    assert handled((0, ANSWER, "a"), channels=(channel("a"), channel("x"))).roles == {"a": "agent", "x": "customer"}
    assert handled((0, ANSWER, "a"), channels=(channel("a"), channel("x"), channel("y"))).roles["x"] == "other"
    announced = handled((0, ANSWER, "a"), (0, CONSUMER, "c"), channels=(channel("a"), channel("c"), channel("ivr")))
    assert announced.roles["ivr"] == "other"


def test_an_event_without_a_channel_names_its_agent_by_user() -> None:
    events = [
        event(0, ANSWER, "a", user_id="ana"),
        event(10_000, HOLD, None, user_id="ana"),
        event(20_000, END, None, user_id="ana"),
    ]
    handling = handle(merge([stream(*CHANNELS, events=events)]))
    assert outline(handling) == [("a", 0, 20_000, "user_end")]
    assert (handling.legs[0].user_id, handling.holds) == ("ana", ((10_000, 20_000),))


def test_of_two_agents_the_user_names_the_one_who_holds_and_leaves() -> None:
    events = [
        event(0, ANSWER, "a", user_id="ana"),
        event(0, ANSWER, "b", user_id="bob"),
        event(10_000, HOLD, None, user_id="bob"),
        event(20_000, END, None, user_id="bob"),
    ]
    handling = handle(merge([stream(*CHANNELS, events=events)]))
    assert outline(handling) == [("a", 0, 60_000, "stream_end"), ("b", 0, 20_000, "user_end")]
    assert handling.holds == ((10_000, 20_000),)


def test_the_leg_knows_its_queue_and_the_call_its_customer() -> None:
    agent = Participant(channel_id="a", user_id="ana", display_name="Ana", queue_id="q", queue_name="Billing")
    customer = Participant(channel_id="c", customer_key="hash")
    told = [
        CallEvent(at_ms=0, at_unix_ms=T0, name=name, participants=(person,))
        for name, person in ((ANSWER, agent), (CONSUMER, customer))
    ]
    handling = handle(merge([stream(*CHANNELS, events=told)]))
    (leg,) = handling.legs
    assert (leg.user_id, leg.name, leg.queue_id, leg.queue_name, handling.customer_key) == ("ana", "Ana", "q", "Billing", "hash")


def meeting(*channels: ChannelAnalysis, joined: tuple[str, ...] = ()) -> Handling:
    events = [event(at, EventName.PARTICIPANT_JOIN, who) for at, who in enumerate(joined)]
    return handle(merge([stream(*channels, events=events, product="meeting")]))


def heard(name: str, at_ms: int | None, party: str | None = None) -> ChannelAnalysis:
    return ChannelAnalysis(channel_id=name, first_packet_ms=at_ms, party=party)


def test_the_agent_of_a_meeting_is_the_first_to_join() -> None:
    handling = meeting(heard("x", 0), heard("y", 0), heard("z", 0), joined=("y", "x", "z"))
    assert handling.roles == {"x": "customer", "y": "agent", "z": "customer"}
    assert (handling.legs[0].channel_id, handling.legs[0].answered, handling.by_events) == ("y", False, False)


def test_without_joining_it_is_the_first_to_be_heard_and_options_go_first() -> None:
    assert meeting(heard("x", 500), heard("y", 100)).legs[0].channel_id == "y"
    assert meeting(heard("x", None), heard("y", None)).legs[0].channel_id == "x"
    given_agent = meeting(heard("x", 500, "agent"), heard("y", 100), joined=("y", "x"))
    assert given_agent.roles == {"x": "agent", "y": "customer"}
    assert meeting().legs == (Leg(number=1, start_ms=0, end_ms=60_000),)


def test_the_agent_of_a_meeting_keeps_the_name_of_the_channel() -> None:
    host = ChannelAnalysis(channel_id="x", user_id="ana", name="Ana", first_packet_ms=0)
    (leg,) = meeting(host, heard("y", 100), joined=("x", "y")).legs
    assert (leg.channel_id, leg.user_id, leg.name) == ("x", "ana", "Ana")


def test_the_host_of_a_meeting_who_never_spoke_has_the_leg_all_the_same() -> None:
    handling = meeting(heard("x", 0), joined=("host", "x"))
    assert (handling.legs[0].channel_id, handling.roles["x"]) == ("host", "customer")


def test_an_import_is_one_leg_with_the_roles_given() -> None:
    call = stream(channel("0", party="agent"), channel("1", party="customer"), events=(), product="import")
    handling = handle(merge([call]))
    assert handling.legs == (Leg(number=1, start_ms=0, end_ms=60_000, channel_id="0"),)
    assert (handling.roles, handling.by_events, handling.holds) == ({"0": "agent", "1": "customer"}, False, ())


def two_streams(*second: Said) -> StreamAnalysis:
    return stream(*CHANNELS, events=[event(at, name, who, t0=T0 + 70_000) for at, name, who in second], later_ms=70_000)


def test_a_call_of_two_streams_is_one_leg_and_repeats_no_answer() -> None:
    """Zoom tells a later stream again what happened before it: those times are negative there."""
    first = stream(*CHANNELS, events=[event(0, CONSUMER, "c"), event(1_000, ANSWER, "a")])
    handling = handle(merge([two_streams((-70_000, CONSUMER, "c"), (-69_000, ANSWER, "a"), (50_000, END, "a")), first]))
    assert outline(handling) == [("a", 1_000, 120_000, "user_end")]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(events(), max_size=12), st.sampled_from(["contact_center", "meeting", "phone", "import"]))
def test_no_sequence_of_events_raises_and_legs_are_sound(told: list[CallEvent], product: str) -> None:
    timeline = merge([stream(*CHANNELS, events=told, product=product)])
    handling = handle(timeline)
    assert [leg.number for leg in handling.legs] == list(range(1, len(handling.legs) + 1))
    assert handling.legs
    for leg in handling.legs:
        assert leg.start_ms <= leg.end_ms
        assert leg.ended in {"user_end", "transfer", "takeover", "stream_end"}
    assert set(handling.roles.values()) <= {"agent", "customer", "supervisor", "ivr", "other"}
    assert {channel.channel_id for channel in timeline.channels} <= set(handling.roles)
    assert handling.ended_by in {None, "agent", "customer"}
    assert handling.conference_count >= 0
    for one in handling.legs:
        same = [leg for leg in handling.legs if leg.channel_id == one.channel_id is not None and leg.number > one.number]
        assert all(one.end_ms <= leg.start_ms for leg in same)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(events(), max_size=10))
def test_a_redelivered_event_changes_nothing(told: list[CallEvent]) -> None:
    once, twice = (handle(merge([stream(*CHANNELS, events=many)])) for many in (told, [*told, *told]))
    assert once == twice
