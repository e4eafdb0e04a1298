"""Odd audio: parties that change their names, clocks that tell seconds, packets of another size, too many people, too long a call.

For each the measured call has the right numbers, or none and a reason that a person can read. Wrong numbers are what must not be.
"""

from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

from cc_voice.call.batch import CallMeasured
from cc_voice.call.reasons import REASONS
from cc_voice.rtms import events as rtms
from cc_voice.sessions import audio_intake
from cc_voice.speech.codecs import Samples
from cc_voice.speech.sample_rates import resample
from tests.sessions.conftest import AGENT, CUSTOMER, ENDED, LENGTH_MS, OPENING, RATE_HZ, T0, Stream, audio, event, interleaved

USER = "16778240"
NUMBERS = ("talk_ms_agent", "talk_ms_customer", "overtalk_pct", "silence_pct", "interruptions_agent")


def leg(measured: CallMeasured | None) -> dict[str, object]:
    assert measured is not None
    return msgspec.structs.asdict(measured.call.legs[0])


def reasons(measured: CallMeasured | None) -> dict[str, str]:
    assert measured is not None
    found = {row.metric: row.reason for row in measured.call.null_reasons}
    assert set(found.values()) <= set(REASONS)
    return found


def assert_explained(measured: CallMeasured | None, reason: str, metrics: Iterable[str] = NUMBERS) -> None:
    """Every number that would be wrong is missing, and says why."""
    row, why = leg(measured), reasons(measured)
    assert {name: (row[name], why.get(name)) for name in metrics} == dict.fromkeys(metrics, (None, reason))
    assert row["qa_eligible"] is False


def assert_like(measured: CallMeasured | None, expected: CallMeasured, within_ms: int) -> None:
    """The same call: two parties, their talk times, the same words."""
    got, wanted = leg(measured), leg(expected)
    assert measured is not None
    assert {row.channel_id: row.party for row in measured.call.channels} == {AGENT: "agent", CUSTOMER: "customer"}
    for name in ("talk_ms_agent", "talk_ms_customer", "analysed_ms"):
        assert abs(got[name] - wanted[name]) <= within_ms, name  # type: ignore[operator]
    assert abs(measured.call.call.start_unix_ms - expected.call.call.start_unix_ms) <= within_ms


@pytest.fixture
async def plain(stream: Stream, packets: list[rtms.Audio]) -> CallMeasured:
    measured = await stream.run(*OPENING, *packets, ENDED)
    assert measured is not None
    stream.delivered.clear()
    return measured


@pytest.fixture
def other(stream: Stream, tmp_path: object) -> Stream:
    """A second stream, of which nothing is stored yet."""
    site = msgspec.structs.replace(stream.site, data_dir=stream.site.data_dir / "other")
    return Stream(site, stream.recognition)


def called(
    packets: list[rtms.Audio], switch_ms: int, *, both_ms: int = 0, user: str = USER, name: str | None = None
) -> list[rtms.Audio]:
    """The agent's packets: named by user until a moment, by both ids for a while, then by channel."""
    found = []
    for packet in packets:
        at_ms = packet.timestamp_ms - T0
        if packet.source == AGENT and at_ms < switch_ms:
            named = msgspec.structs.replace(packet, source=user, user_id=user, user_name=name)
        elif packet.source == AGENT and at_ms < switch_ms + both_ms:
            named = msgspec.structs.replace(packet, channel_id=AGENT, user_id=user, user_name=name)
        else:
            named = msgspec.structs.replace(packet, channel_id=packet.source)
        found.append(named)
    return found


# -- one party under two ids -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    [{"both_ms": 200}, {"user": "a1"}, {"name": " sam "}],
    ids=["a packet has both ids", "an event has both ids", "only one party has the name"],
)
async def test_a_party_named_by_user_and_then_by_channel_is_one(
    other: Stream, packets: list[rtms.Audio], plain: CallMeasured, how: dict[str, object]
) -> None:
    measured = await other.run(*OPENING, *called(packets, 6_000, **how), ENDED)  # type: ignore[arg-type]
    assert_like(measured, plain, 300)


async def test_a_party_goes_on_in_its_channel_when_a_packet_leaves_the_channel_out(
    other: Stream, packets: list[rtms.Audio], plain: CallMeasured
) -> None:
    late = [
        msgspec.structs.replace(one, channel_id=AGENT, user_id=USER)
        if one.timestamp_ms < T0 + 5_000
        else msgspec.structs.replace(one, source=USER, user_id=USER)
        if one.source == AGENT
        else one
        for one in packets
        if one.source == AGENT
    ]
    customer = [msgspec.structs.replace(one, channel_id=CUSTOMER) for one in packets if one.source == CUSTOMER]
    measured = await other.run(*OPENING, *interleaved(late, customer), ENDED)
    assert measured is not None
    assert measured.call == plain.call


async def test_a_party_that_nothing_joins_leaves_no_numbers(other: Stream, packets: list[rtms.Audio]) -> None:
    measured = await other.run(*OPENING, *called(packets, 6_000), ENDED)
    assert_explained(measured, "party_not_joined")


async def test_a_name_that_two_have_joins_nobody(other: Stream, packets: list[rtms.Audio]) -> None:
    twice = event("user_answered", 200, "42", user_id="a2", display_name="Sam")
    everybody = [
        *called(packets, 6_000, name="Sam"),
        *(msgspec.structs.replace(one, channel_id="42") for one in audio("42", tone_ms(500), 7_000)),
    ]
    measured = await other.run(*OPENING, twice, *interleaved(everybody), ENDED)
    assert_explained(measured, "party_not_joined", ["talk_ms_agent", "talk_ms_customer"])


def tone_ms(length_ms: int) -> Samples:
    return (8000 * np.sin(np.arange(RATE_HZ * length_ms // 1000) / 7)).astype("<i2")


# -- mixed audio -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["0", "ch-mixed"])
async def test_parties_that_turn_into_one_within_a_call_are_mixed(
    other: Stream, voices: tuple[Samples, Samples], channel: str
) -> None:
    """The server says nothing of it, and may give the mix a channel of its own."""
    turn_ms = 7_000
    cut = RATE_HZ * turn_ms // 1000
    mixed = (voices[0] // 2 + voices[1] // 2).astype("<i2")
    parts = interleaved(audio(AGENT, voices[0][:cut]), audio(CUSTOMER, voices[1][:cut]), audio(channel, mixed[cut:], turn_ms))
    measured = await other.run(*OPENING, *parts, ENDED)
    assert_explained(measured, "mixed_audio", ["talk_ms_agent", "talk_ms_customer", "overtalk_pct", "interruptions_agent"])
    assert leg(measured)["mixed_audio"] is True


async def test_a_channel_that_begins_while_others_go_on_is_no_mix(other: Stream, voices: tuple[Samples, Samples]) -> None:
    third = audio("ivr", voices[0][: RATE_HZ * 2], 7_000)
    measured = await other.run(*OPENING, *interleaved(audio(AGENT, voices[0]), audio(CUSTOMER, voices[1]), third), ENDED)
    assert leg(measured)["mixed_audio"] is False


# -- packets of another size -------------------------------------------------------------------------------------------


async def test_packets_cut_in_half_are_the_same_call(other: Stream, packets: list[rtms.Audio], plain: CallMeasured) -> None:
    halves = [
        msgspec.structs.replace(one, timestamp_ms=one.timestamp_ms + at_ms, pcm=one.pcm[part])
        for one in packets
        for at_ms, part in ((0, slice(320)), (10, slice(320, None)))
    ]
    measured = await other.run(*OPENING, *halves, ENDED)
    assert measured is not None
    assert measured.call == plain.call


@pytest.mark.parametrize("rate_hz", [8_000, 32_000])
async def test_packets_of_another_rate_than_told_are_heard_at_their_own(
    other: Stream, voices: tuple[Samples, Samples], plain: CallMeasured, rate_hz: int
) -> None:
    """Half or twice the bytes for the same 20 ms."""
    found = []
    for source, voice in ((AGENT, voices[0]), (CUSTOMER, voices[1])):
        sound, size = resample(voice, RATE_HZ, rate_hz), rate_hz // 50
        found.append(
            [
                rtms.Audio(source=source, timestamp_ms=T0 + at // size * 20, pcm=sound[at : at + size].tobytes())
                for at in range(0, len(sound), size)
            ]
        )
    measured = await other.run(*OPENING, *interleaved(*found), ENDED)
    assert_like(measured, plain, 400)
    assert leg(measured)["media_lost_ms"] == 0


async def test_stereo_nobody_announced_is_one_voice(other: Stream, packets: list[rtms.Audio], plain: CallMeasured) -> None:
    both = [msgspec.structs.replace(one, pcm=np.frombuffer(one.pcm, dtype="<i2").repeat(2).tobytes()) for one in packets]
    measured = await other.run(*OPENING, *both, ENDED)
    assert_like(measured, plain, 0)


@pytest.mark.parametrize("size", [320, 640], ids=["of half the size", "of the agreed size"])
async def test_packets_that_hold_half_of_their_time_leave_no_numbers(
    other: Stream, voices: tuple[Samples, Samples], size: int
) -> None:
    """Every second 10 or 20 ms never come: nothing makes words and pauses of what is left."""
    step = size // 2
    found = [
        [
            rtms.Audio(source=source, timestamp_ms=T0 + at * 1000 // RATE_HZ, pcm=voice[at : at + step].tobytes())
            for at in range(0, len(voice) - step, 2 * step)
        ]
        for source, voice in ((AGENT, voices[0]), (CUSTOMER, voices[1]))
    ]
    measured = await other.run(*OPENING, *interleaved(*found), ENDED)
    assert_explained(measured, "packets_odd")


# -- clocks ------------------------------------------------------------------------------------------------------------


def in_seconds(packets: list[rtms.Audio], ahead_ms: int) -> list[rtms.Audio]:
    """As the translator tells a clock of seconds: the same time for all packets of a second."""
    return [
        msgspec.structs.replace(one, timestamp_ms=(one.timestamp_ms + ahead_ms) // 1000 * 1000, whole_seconds=True)
        for one in packets
    ]


async def test_a_clock_in_seconds_is_the_same_call_where_nobody_pauses(
    other: Stream, packets: list[rtms.Audio], plain: CallMeasured
) -> None:
    """The call begins at 740 ms of a second."""
    measured = await other.run(*OPENING[:2], OPENING[3], *in_seconds(packets, 740), ENDED)
    assert measured is not None
    assert abs(measured.call.call.start_unix_ms - (T0 + 740)) <= 20
    got, wanted = leg(measured), leg(plain)
    for name in ("talk_ms_agent", "talk_ms_customer", "overtalk_ms"):
        assert abs(got[name] - wanted[name]) <= 100, name  # type: ignore[operator]


async def test_a_clock_in_seconds_with_pauses_leaves_no_numbers(other: Stream, packets: list[rtms.Audio]) -> None:
    muted = [one for one in packets if one.source == CUSTOMER or not 3_300 <= one.timestamp_ms - T0 < 3_700]
    measured = await other.run(*OPENING, *in_seconds(muted, 0), ENDED)
    assert_explained(measured, "clock_in_seconds", ["talk_ms_agent", "overtalk_pct", "silence_pct"])


@pytest.mark.parametrize("begin_ms", [20, 3_600_000])
async def test_a_clock_that_counts_from_the_stream_s_beginning_makes_no_call_of_1970(
    other: Stream, packets: list[rtms.Audio], plain: CallMeasured, begin_ms: int
) -> None:
    counted = [msgspec.structs.replace(one, timestamp_ms=one.timestamp_ms - T0 + begin_ms) for one in packets]
    measured = await other.run(*OPENING[:2], OPENING[3], *counted, ENDED, started_event_ms=T0)
    assert measured is not None
    assert measured.call.call.start_unix_ms == T0
    assert leg(measured)["talk_ms_agent"] == leg(plain)["talk_ms_agent"]


# -- too long, too many, too much lost ---------------------------------------------------------------------------------


async def test_what_is_said_after_a_day_leaves_no_numbers(
    other: Stream, packets: list[rtms.Audio], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_intake, "LONGEST_STREAM_MS", 10_000)
    measured = await other.run(*OPENING, *packets, ENDED)
    assert_explained(measured, "call_too_long")
    assert leg(measured)["media_lost_ms"] == 2 * (LENGTH_MS - 10_000 - 20)


async def test_people_beyond_those_who_can_be_recorded_leave_no_numbers(other: Stream) -> None:
    """Two hundred in a meeting, each heard for half a second."""
    people = [audio(f"{number}", tone_ms(500), 100 * (number - 1)) for number in range(1, 201)]
    opening = (rtms.AudioFormat(sample_rate_hz=RATE_HZ), event("first_packet_timestamp", 0))
    measured = await other.run(*opening, *interleaved(*people), ENDED, product="meeting")
    assert_explained(measured, "too_many_parties", ["talk_ms_customer", "overtalk_pct", "silence_pct"])
    assert leg(measured)["media_lost_ms"] == 72 * 500


async def test_a_party_of_which_much_is_lost_leaves_no_numbers(other: Stream, packets: list[rtms.Audio]) -> None:
    """Two seconds of the agent's come at times that cannot be, and that no clock agrees on."""
    agent = [one for one in packets if one.source == AGENT]
    far = [msgspec.structs.replace(one, timestamp_ms=T0 + 10**9 * (at + 1)) for at, one in enumerate(agent[:100])]
    measured = await other.run(*OPENING, *packets, *far, ENDED)
    assert_explained(measured, "audio_lost", ["talk_ms_agent", "overtalk_pct"])
    assert leg(measured)["talk_ms_customer"] is not None
