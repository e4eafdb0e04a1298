"""Verdicts about handshakes and subscriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.simulator import negotiation, wire
from cc_voice.simulator.negotiation import MediaTerms, StreamIdentity, Supply
from cc_voice.simulator.parameters import HandshakeRefusal, TranscriptTerms
from cc_voice.simulator.wire import Media, WireCodec, WireStatus

SUPPLY = Supply(Media.AUDIO | Media.TRANSCRIPT, frozenset({WireCodec.L16, WireCodec.G711}))
EVERYTHING = Supply(wire.PRODUCTS["meeting"].media, frozenset(WireCodec))
ZCC = wire.PRODUCTS["contact_center"]
IDENTITY = StreamIdentity(product=ZCC, instance_id="ENG1", stream_id="s1", signature="abc")
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
        ({"rtms_stream_id": "s2"}, WireStatus.INVALID_RTMS_STREAM_ID),
        ({"engagement_id": "ENG2"}, WireStatus.INVALID_PAYLOAD),
        ({"signature": "ABC"}, WireStatus.INVALID_SIGNATURE),
        ({"signature": None}, WireStatus.INVALID_SIGNATURE),
    ],
)
def test_identity_refused(change, status):
    refusal = negotiation.check_identity(GOOD | change, IDENTITY)
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize("params", [{}, {"media_params": None}, {"media_params": {}}, {"media_params": {"audio": None}}])
def test_absent_parameters_give_the_wire_defaults(params):
    terms = negotiation.check_media({"media_type": 32, **params}, SUPPLY)
    assert isinstance(terms, MediaTerms)
    assert terms.params == {
        "audio": {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 1, "send_rate": 20},
        "transcript": {"content_type": 5, "src_language": 9, "enable_lid": True},
    }
    assert terms.whole
    assert terms.wanted == Media.AUDIO | Media.TRANSCRIPT


ROWS = [
    *((2, 1, rate, channels, every) for rate in range(4) for channels in (1, 2) for every in (20, 100, 1000)),
    *((content, 4, 3, channels, 20) for content in (1, 2) for channels in (1, 2)),
    *((content, 2, 0, 1, 20) for content in (1, 2)),
    *((content, 3, 1, 1, 20) for content in (1, 2)),
]
"""The table of 6.2: content type, codec, sample rate, channels, send rate."""


@pytest.mark.parametrize("row", ROWS)
def test_every_documented_row_is_served_as_asked(row):
    asked = dict(zip(("content_type", "codec", "sample_rate", "channel", "send_rate"), row, strict=True)) | {"data_opt": 2}
    terms = negotiation.check_media({"media_type": 1, "media_params": {"audio": asked}}, EVERYTHING)
    assert isinstance(terms, MediaTerms)
    assert terms.params["audio"] == asked | {"content_type": 2}, "as RAW_AUDIO: the layout of RTP is not published"
    assert terms.violations == ()
    assert terms.audio is not None
    assert (terms.audio.encoding.codec, terms.audio.send_rate_ms) == (row[1], row[4])
    assert terms.audio.encoding.rate_hz == (8000, 16_000, 32_000, 48_000)[row[2]]


@pytest.mark.parametrize("codec", [3, 4])
def test_a_codec_that_cannot_be_encoded_is_refused_without_blame(codec):
    refusal = negotiation.check_media({"media_type": 1, "media_params": {"audio": {"codec": codec}}}, SUPPLY)
    assert isinstance(refusal, HandshakeRefusal)
    assert (refusal.status, refusal.violation) == (WireStatus.INVALID_MEDIA_AUDIO_CODEC, None)


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
    refusal = negotiation.check_media({"media_type": 1, "media_params": {"audio": audio}}, SUPPLY)
    assert isinstance(refusal, HandshakeRefusal)
    assert refusal.status == status
    assert refusal.violation


def test_long_packets_are_clamped_to_a_second():
    terms = negotiation.check_media({"media_type": 1, "media_params": {"audio": {"send_rate": 2000}}}, SUPPLY)
    assert isinstance(terms, MediaTerms)
    assert terms.audio is not None
    assert terms.audio.send_rate_ms == 1000


@pytest.mark.parametrize(
    ("audio", "served"),
    [
        ({"codec": 4}, {"codec": 4, "sample_rate": 3}),
        ({"codec": 2, "sample_rate": 3, "channel": 2}, {"codec": 2, "sample_rate": 0, "channel": 1}),
        ({"codec": 2, "sample_rate": 0, "send_rate": 100}, {"send_rate": 20}),
        ({"content_type": 1, "codec": 1}, {"content_type": 2, "codec": 1, "sample_rate": 1}),
    ],
)
def test_undocumented_combinations_are_named_and_served_as_the_nearest_row(audio, served):
    terms = negotiation.check_media({"media_type": 1, "media_params": {"audio": audio}}, EVERYTHING)
    assert isinstance(terms, MediaTerms)
    assert terms.violations == ("audio parameters outside the documented combinations",)
    assert terms.params["audio"].items() >= served.items()


@pytest.mark.parametrize(
    ("name", "params", "echo"),
    [
        ("video", {}, {"content_type": 3, "codec": 5, "resolution": 2, "data_opt": 3, "fps": 5}),
        ("video", {"fps": 25}, {"codec": 5, "fps": 5}),
        ("video", {"codec": 6, "fps": 1, "data_opt": 4, "resolution": 4}, {"codec": 6, "fps": 1, "data_opt": 4}),
        ("video", {"codec": 7, "fps": 30}, {"codec": 7, "fps": 30}),
        ("deskshare", {}, {"content_type": 3, "codec": 5, "resolution": 3, "fps": 1}),
        ("deskshare", {"codec": 6, "fps": 5}, {"codec": 6, "fps": 5}),
        ("deskshare", {"codec": 7, "fps": 2}, {"codec": 7, "fps": 2}),
        ("chat", {}, {"content_type": 5}),
    ],
)
def test_pictures_and_chat(name, params, echo):
    number = {"video": 2, "deskshare": 4, "chat": 16}[name]
    terms = negotiation.check_media({"media_type": number, "media_params": {name: params}}, EVERYTHING)
    assert isinstance(terms, MediaTerms)
    assert terms.params[name].items() >= echo.items()
    assert list(terms.params) == [name]


@pytest.mark.parametrize(
    ("name", "params", "status"),
    [
        ("video", [], 25),
        ("video", {"content_type": 2}, 26),
        ("video", {"codec": 1}, 27),
        ("video", {"resolution": 5}, 28),
        ("video", {"data_opt": 5}, 29),
        ("video", {"codec": 5, "fps": 6}, 30),
        ("video", {"codec": 7, "fps": 5}, 30),
        ("video", {"codec": 7, "fps": 31}, 30),
        ("deskshare", "all", 31),
        ("deskshare", {"content_type": 5}, 32),
        ("deskshare", {"codec": 0}, 33),
        ("deskshare", {"resolution": True}, 34),
        ("deskshare", {"codec": 7, "fps": 1}, 35),
        ("deskshare", {"codec": 5, "fps": 6}, 35),
        ("chat", 1, 38),
        ("chat", {"content_type": 2}, 39),
    ],
)
def test_bad_parameters_of_pictures_and_chat(name, params, status):
    number = {"video": 2, "deskshare": 4, "chat": 16}[name]
    refusal = negotiation.check_media({"media_type": number, "media_params": {name: params}}, EVERYTHING)
    assert isinstance(refusal, HandshakeRefusal)
    assert (refusal.status, bool(refusal.violation)) == (status, True)


def test_everything_means_what_there_is_scope_for():
    terms = negotiation.check_media({"media_type": 32}, EVERYTHING)
    assert isinstance(terms, MediaTerms)
    assert list(terms.params) == ["audio", "video", "deskshare", "transcript", "chat"]


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ({"msg_type": 1, "protocol_version": 1, "sequence": 0, "buffer_data": True}, []),
        ({"msg_type": 1, "sequence": None}, []),
        ({"msg_type": 1, "protocol_version": 2}, ["protocol_version is not 1"]),
        ({"msg_type": 3, "sequence": "1"}, ["sequence is not of type int"]),
        ({"msg_type": 1, "buffer_data": 1}, ["buffer_data is not of type bool"]),
        ({"msg_type": 28, "timestamp": True}, ["timestamp is not of type int"]),
    ],
)
def test_types_of_fields(message, wrong):
    assert list(negotiation.check_types(message)) == wrong


@pytest.mark.parametrize(
    ("media_type", "status"), [(2, 10), (4, 11), (16, 13), (0, 14), (64, 14), ("1", 14), (None, 14), (True, 14)]
)
def test_media_types_without_scope_or_sense(media_type, status):
    refusal = negotiation.check_media({"media_type": media_type}, SUPPLY)
    assert isinstance(refusal, HandshakeRefusal)
    assert refusal.status == status


def test_masks_of_types_leave_out_what_there_is_no_scope_for():
    terms = negotiation.check_media({"media_type": 1 | 2 | 8}, SUPPLY)
    assert isinstance(terms, MediaTerms)
    assert terms.wanted == Media.AUDIO | Media.TRANSCRIPT
    assert not terms.whole


@pytest.mark.parametrize(
    ("params", "language", "identifies"),
    [
        ({}, 9, True),
        ({"src_language": 28}, 28, True),
        ({"src_language": 28, "enable_lid": False}, 28, False),
        ({"language": 14, "enable_lid": False}, 14, False),
        ({"src_language": -1}, 9, True),
    ],
)
def test_transcript_languages(params, language, identifies):
    asked = {"transcript": {"content_type": 5, **params}}
    terms = negotiation.check_media({"media_type": 8, "media_params": asked}, SUPPLY)
    assert isinstance(terms, MediaTerms)
    assert terms.params["transcript"] == {"content_type": 5, "src_language": language, "enable_lid": identifies}
    assert terms.transcript == TranscriptTerms(language, identifies)


@pytest.mark.parametrize(
    ("params", "status"), [({"src_language": 37}, 43), ({"src_language": "en"}, 43), ({"content_type": 2}, 37), ([], 36)]
)
def test_bad_transcript_parameters(params, status):
    refusal = negotiation.check_media({"media_type": 8, "media_params": {"transcript": params}}, SUPPLY)
    assert isinstance(refusal, HandshakeRefusal)
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
    assert isinstance(negotiation.check_media(message, SUPPLY), (MediaTerms, HandshakeRefusal))
    negotiation.check_subscription(message, ZCC)
    assert negotiation.check_identity(message, IDENTITY) is not None
