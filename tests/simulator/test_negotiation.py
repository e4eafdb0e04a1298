"""Verdicts about handshakes and subscriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.simulator import negotiation, wire
from cc_voice.simulator.negotiation import Identity, MediaTerms, Refusal
from cc_voice.simulator.wire import Media, Status

ZCC = wire.PRODUCTS["contact_center"]
IDENTITY = Identity(product=ZCC, instance_id="ENG1", stream_id="s1", signature="abc")
GOOD = {"engagement_id": "ENG1", "rtms_stream_id": "s1", "signature": "abc"}
KEYS = st.sampled_from(["audio", "transcript", "codec", "send_rate", "src_language", "event_type", "subscribe"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 64) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    max_leaves=8,
)


def test_identity_by_either_key():
    assert negotiation.check_identity(GOOD, IDENTITY) is None
    older = {"meeting_uuid": "ENG1", "rtms_stream_id": "s1", "signature": "abc"}
    assert negotiation.check_identity(older, IDENTITY) is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"rtms_stream_id": "s2"}, Status.INVALID_RTMS_STREAM_ID),
        ({"engagement_id": "ENG2"}, Status.INVALID_PAYLOAD),
        ({"signature": "ABC"}, Status.INVALID_SIGNATURE),
        ({"signature": None}, Status.INVALID_SIGNATURE),
    ],
)
def test_identity_refused(change, status):
    refusal = negotiation.check_identity(GOOD | change, IDENTITY)
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize("params", [{}, {"media_params": None}, {"media_params": {}}, {"media_params": {"audio": None}}])
def test_absent_parameters_give_the_wire_defaults(params):
    terms = negotiation.check_media({"media_type": 32, **params})
    assert isinstance(terms, MediaTerms)
    assert terms.params == {
        "audio": {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 1, "send_rate": 20},
        "transcript": {"content_type": 5, "src_language": 9, "enable_lid": True},
    }
    assert terms.whole
    assert terms.wanted == Media.AUDIO | Media.TRANSCRIPT


def test_the_echo_is_what_will_be_sent():
    asked = {"content_type": 2, "sample_rate": 3, "channel": 2, "codec": 4, "data_opt": 2, "send_rate": 20}
    terms = negotiation.check_media({"media_type": 1, "media_params": {"audio": asked}})
    assert isinstance(terms, MediaTerms)
    assert terms.params["audio"] == {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 2, "send_rate": 20}
    assert terms.violations == ()


@pytest.mark.parametrize(
    ("audio", "status"),
    [
        ({"content_type": 3}, 19),
        ({"sample_rate": 16000}, 20),
        ({"channel": 0}, 21),
        ({"codec": "L16"}, 22),
        ({"data_opt": 3}, 23),
        ({"send_rate": 30}, 24),
        ({"send_rate": 0}, 24),
        ({"codec": True}, 22),
        ("L16", 18),
    ],
)
def test_bad_audio_parameters(audio, status):
    refusal = negotiation.check_media({"media_type": 1, "media_params": {"audio": audio}})
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert refusal.violation


def test_long_packets_are_clamped_to_a_second():
    terms = negotiation.check_media({"media_type": 1, "media_params": {"audio": {"send_rate": 2000}}})
    assert isinstance(terms, MediaTerms)
    assert terms.audio is not None
    assert terms.audio.send_rate_ms == 1000


@pytest.mark.parametrize(
    ("audio", "named"),
    [({"codec": 4}, True), ({"codec": 4, "sample_rate": 3}, False), ({"codec": 2, "sample_rate": 0}, False)],
)
def test_undocumented_combinations_are_named_but_served(audio, named):
    terms = negotiation.check_media({"media_type": 1, "media_params": {"audio": audio}})
    assert isinstance(terms, MediaTerms)
    assert bool(terms.violations) is named


@pytest.mark.parametrize(
    ("media_type", "status"), [(2, 10), (4, 11), (16, 13), (0, 14), (64, 14), ("1", 14), (None, 14), (True, 14)]
)
def test_media_types_without_scope_or_sense(media_type, status):
    refusal = negotiation.check_media({"media_type": media_type})
    assert isinstance(refusal, Refusal)
    assert refusal.status == status


def test_masks_of_types_leave_out_what_there_is_no_scope_for():
    terms = negotiation.check_media({"media_type": 1 | 2 | 8})
    assert isinstance(terms, MediaTerms)
    assert terms.wanted == Media.AUDIO | Media.TRANSCRIPT
    assert not terms.whole


@pytest.mark.parametrize(
    ("params", "echoed", "fixed"),
    [
        ({"src_language": 28}, {"src_language": 28, "enable_lid": True}, None),
        ({"src_language": 28, "enable_lid": False}, {"src_language": 28, "enable_lid": False}, 28),
        ({"language": 14, "enable_lid": False}, {"src_language": 14, "enable_lid": False}, 14),
        ({"src_language": -1}, {"src_language": 9, "enable_lid": True}, None),
    ],
)
def test_transcript_languages(params, echoed, fixed):
    asked = {"transcript": {"content_type": 5, **params}}
    terms = negotiation.check_media({"media_type": 8, "media_params": asked})
    assert isinstance(terms, MediaTerms)
    assert terms.params["transcript"] == {"content_type": 5, **echoed}
    assert terms.transcript is not None
    assert terms.transcript.fixed_language == fixed


@pytest.mark.parametrize(
    ("params", "status"), [({"src_language": 37}, 43), ({"src_language": "en"}, 43), ({"content_type": 2}, 37), ([], 36)]
)
def test_bad_transcript_parameters(params, status):
    refusal = negotiation.check_media({"media_type": 8, "media_params": {"transcript": params}})
    assert isinstance(refusal, Refusal)
    assert refusal.status == status


def test_subscriptions():
    events = [{"event_type": number, "subscribe": True} for number in (8, 1, 7, 35, "10")]
    events += [{"event_type": 12, "subscribe": False}, 3]
    wanted, violations = negotiation.check_subscription({"events": events}, ZCC)
    assert wanted == {8: True, 12: False}
    assert sorted(violations) == [
        "bad subscription",
        "bad subscription",
        "subscribed to an automatic event",
        "subscribed to an automatic event",
        "subscribed to an unknown event",
    ]


@given(JSON, JSON, JSON)
def test_nothing_a_client_sends_raises(media_type, params, events):
    message = {"media_type": media_type, "media_params": params, "events": events}
    assert isinstance(negotiation.check_media(message), (MediaTerms, Refusal))
    negotiation.check_subscription(message, ZCC)
    assert negotiation.check_identity(message, IDENTITY) is not None
