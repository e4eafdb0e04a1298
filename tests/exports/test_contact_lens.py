"""The shape of Contact Lens: names of theirs, numbers of ours, and nothing that we do not know."""

import json
from typing import Any

import msgspec

from cc_voice.exports.contact_lens import contact_lens
from cc_voice.store.calls import StoredCall, load_call
from tests.stored_calls import call, golden_call, leg, new_store, say, write


def stored(measured: Any, call_id: str) -> StoredCall:
    with new_store() as con:
        write(con, measured)
        found = load_call(con, call_id)
    assert found is not None
    return found


def test_the_golden_call_in_their_words() -> None:
    found = stored(golden_call(), "golden")
    [leg_one] = found.legs
    told = json.loads(contact_lens(found, leg_one, "Berlin"))
    assert list(told)[:3] == ["Version", "Channel", "JobStatus"]
    assert told["CustomerMetadata"] == {"ContactId": "golden-1", "InstanceId": "Berlin"}
    assert {each["ParticipantRole"] for each in told["Participants"]} == {"AGENT", "CUSTOMER"}
    numbers, metrics = told["ConversationCharacteristics"], leg_one.metrics
    assert numbers["TotalConversationDurationMillis"] == metrics["conversation_ms"]
    assert numbers["TalkTime"]["TotalTimeMillis"] == metrics["talk_ms_any"]
    assert numbers["TalkTime"]["DetailsByParticipant"]["AGENT"] == {"TotalTimeMillis": metrics["talk_ms_agent"]}
    assert numbers["NonTalkTime"]["TotalTimeMillis"] == metrics["non_talk_ms"]
    assert sum(each["DurationMillis"] for each in numbers["NonTalkTime"]["Instances"]) == metrics["non_talk_ms"]
    cut = numbers["Interruptions"]
    assert cut["TotalCount"] == metrics["interruptions_agent"] + metrics["interruptions_customer"]
    assert cut["TotalCount"] == sum(len(each) for each in cut["InterruptionsByInterrupter"].values())
    assert cut["TotalTimeMillis"] == sum(
        each["DurationMillis"] for instances in cut["InterruptionsByInterrupter"].values() for each in instances
    )
    assert [turn["Content"] for turn in told["Transcript"]] == [line.text for line in found.utterances if line.leg_id == "golden-1"]


def test_offsets_count_from_the_leg() -> None:
    said = (say("b", "customer", 1_000, "first"), say("b", "agent", 61_000, "second", number=2))
    found = stored(call("b", leg("b"), leg("b", 2), said=said), "b")
    [turn] = json.loads(contact_lens(found, found.legs[1], "Berlin"))["Transcript"]
    assert (turn["Content"], turn["BeginOffsetMillis"], turn["EndOffsetMillis"]) == ("second", 1_000, 2_000)


def test_what_is_hidden_is_told_as_a_time() -> None:
    """Of a line whose words are not timed all of it is."""
    timed = say("b", "customer", 1_000, "it is [CARD_NUMBER] yes")
    measured = call("b", leg("b"), said=(timed, say("b", "agent", 3_000, "thank you")))
    found = stored(measured, "b")
    first, second = json.loads(contact_lens(found, found.legs[0], "Berlin"))["Transcript"]
    assert first["Redaction"] == {"RedactedTimestamps": [{"BeginOffsetMillis": 1_000, "EndOffsetMillis": 2_000}]}
    assert "Redaction" not in second


def test_what_is_not_known_is_left_out() -> None:
    found = stored(call("b", leg("b"), primary_language=None), "b")
    told = json.loads(contact_lens(found, found.legs[0], "Berlin"))
    assert told["ConversationCharacteristics"] == {}
    assert "LanguageCode" not in told
    metrics = found.legs[0].metrics | {"talk_speed_unit": "cpm", "wpm_agent": 200.0}
    characters = msgspec.structs.replace(found.legs[0], metrics=metrics)
    assert "TalkSpeed" not in json.loads(contact_lens(found, characters, "Berlin"))["ConversationCharacteristics"]
    text = contact_lens(stored(golden_call(), "golden"), stored(golden_call(), "golden").legs[0], "Berlin").decode()
    for name in ("Sentiment", "Categories", "LoudnessScore", "IssuesDetected", "null"):
        assert name not in text
