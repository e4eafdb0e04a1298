"""Every JSON example of the protocol document that Zoom sends, made by our own builders; vectors of its section 14."""

import json

import pytest

from cc_voice.simulator import wire

STREAM = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ZCC = wire.PRODUCTS["contact_center"]


def test_handshake_signature_vectors():
    for instance_id, signature in (
        ("8b1cQ2mTSeOq7Zx0abcd12==", "1ffa7fd432985424f446bf5bf2165cb7c86c0f14f4f8e410a9339d2b1a83493a"),
        ("ENGdemo_7Yw2kQ", "b282471420f80798ddbfc0cdcc54264fc08b2e689b123716aba4f7619e85b365"),
    ):
        assert wire.handshake_signature("demoClientId01", "demoClientSecret01", instance_id, STREAM) == signature


def test_webhook_signature_vector():
    body = wire.stopped(ZCC, "ENGdemo_7Yw2kQ", STREAM, 21, 1790000000123)
    assert body.decode() == (
        '{"event":"contact_center.voice_rtms_stopped","event_ts":1790000000123,"payload":{"engagement_id":"ENGdemo_7Yw2kQ",'
        '"rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","stop_reason":21}}'
    )
    headers = wire.webhook_headers("demoSecretToken01", body, 1790000000)
    assert headers["x-zm-request-timestamp"] == "1790000000"
    assert headers["x-zm-signature"] == "v0=d8110a1834badd8f8549626b852ef704b7aa1a841ff7fc17030312cc69a910a3"


def test_started_of_contact_center_is_flat():
    made = wire.started(ZCC, "ENGdemo_7Yw2kQ", STREAM, "wss://rtms-sjc1.example.zoom.us/sig", 1790000000123)
    assert json.loads(made) == json.loads(
        '{"event":"contact_center.voice_rtms_started","event_ts":1790000000123,"payload":{'
        '"engagement_id":"ENGdemo_7Yw2kQ","rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0",'
        '"server_urls":"wss://rtms-sjc1.example.zoom.us/sig"}}'
    )


def test_interrupted_of_contact_center():
    assert json.loads(wire.interrupted(ZCC, "ENGdemo_7Yw2kQ", STREAM, 1790000050000)) == json.loads(
        '{"event":"contact_center.voice_rtms_interrupted","event_ts":1790000050000,"payload":{'
        '"engagement_id":"ENGdemo_7Yw2kQ","rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}}'
    )


@pytest.mark.parametrize(
    ("product", "event", "key"),
    [
        ("meeting", "meeting.rtms_started", "meeting_uuid"),
        ("webinar", "webinar.rtms_started", "webinar_uuid"),
        ("video_sdk", "session.rtms_started", "session_id"),
        ("contact_center", "contact_center.voice_rtms_started", "engagement_id"),
        ("phone", "phone.rtms_started", "call_id"),
    ],
)
def test_each_product_names_its_event_and_instance(product, event, key):
    made = json.loads(wire.started(wire.PRODUCTS[product], "X==", STREAM, "ws://h/s", 1))
    assert made["event"] == event
    assert made["payload"][key] == "X=="


EXAMPLES = {
    "5.2 signaling response": (
        wire.signaling_response(1, 0, "", {kind: f"wss://m1.example.zoom.us/{kind[0]}" for kind in ("audio", "transcript")}),
        """{"msg_type":2,"protocol_version":1,"sequence":1,"status_code":0,"reason":"",
            "media_server":{"server_urls":{"audio":"wss://m1.example.zoom.us/a","transcript":"wss://m1.example.zoom.us/t"}}}""",
    ),
    "5.4 participants join": (
        wire.event_update(
            wire.plain_event(3, 1790000001500, participants=wire.participants([(16778240, "Dana Ruiz"), (16779264, "Lee Park")]))
        ),
        """{"msg_type":6,"event":{"event_type":3,"timestamp":1790000001500,
            "participants":[{"user_id":16778240,"user_name":"Dana Ruiz"},{"user_id":16779264,"user_name":"Lee Park"}]}}""",
    ),
    "5.5 user answered": (
        wire.event_update(wire.zcc_event(10, 1790000003210, {"channel_id": "ch-b2", "participant_mode": "callee"})),
        """{"msg_type":6,"event":{"event_type":10,"event_ts":1790000003210,
            "participant_info":{"channel_id":"ch-b2","participant_mode":"callee"}}}""",
    ),
    "5.7 stream state": (
        wire.stream_state(1, 0, 1790000002000),
        '{"msg_type":8,"state":1,"reason":0,"timestamp":1790000002000}',
    ),
    "5.7 stream state response": (
        wire.stream_state_response("0f1e…", 1, 1790000002500),
        '{"msg_type":20,"rtms_stream_id":"0f1e…","state":1,"timestamp":1790000002500}',
    ),
    "5.8 session started": (
        wire.session_state("s-55", 2, 1790000001000),
        '{"msg_type":9,"rtms_session_id":"s-55","state":2,"timestamp":1790000001000}',
    ),
    "5.8 session stopped": (
        wire.session_state("s-55", 5, 1790000900000, 2),
        '{"msg_type":9,"rtms_session_id":"s-55","state":5,"stop_reason":2,"timestamp":1790000900000}',
    ),
    "5.8 session state response": (
        wire.session_state_response("s-55", 2, 1790000001200),
        '{"msg_type":11,"rtms_session_id":"s-55","state":2,"timestamp":1790000001200}',
    ),
    "5.9 close response": (
        wire.close_response("0f1e…", 0, "OK", 1790000999000),
        '{"msg_type":22,"rtms_stream_id":"0f1e…","status_code":0,"reason":"OK","timestamp":1790000999000}',
    ),
    "5.10 video response": (
        wire.video_response(16778240, 0, "OK", 1790000005040),
        '{"msg_type":29,"user_id":16778240,"status_code":0,"reason":"OK","timestamp":1790000005040}',
    ),
    "6.3 media response": (
        wire.media_response(
            1,
            0,
            "",
            {
                "audio": {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 2, "send_rate": 20},
                "transcript": {"content_type": 5, "src_language": 9, "enable_lid": True},
            },
        ),
        """{"msg_type":4,"protocol_version":1,"sequence":1,"status_code":0,"reason":"","payload_encrypted":false,
            "media_params":{"audio":{"content_type":2,"sample_rate":1,"channel":1,"codec":1,"data_opt":2,"send_rate":20},
                            "transcript":{"content_type":5,"src_language":9,"enable_lid":true}}}""",
    ),
    "6.4 audio by channel": (
        wire.audio({"channel_id": "ch-a1"}, bytes.fromhex("1f0d640da70d000e2c0e430e"), 1790000003240),
        '{"msg_type":14,"content":{"channel_id":"ch-a1","data":"Hw1kDacNAA4sDkMO","length":12,"timestamp":1790000003240}}',
    ),
    "6.4 transcript": (
        wire.transcript({"channel_id": "ch-b2"}, "Buenos días, ¿en qué puedo ayudarle?", 1790000010100, 1790000012350, 28),
        """{"msg_type":17,"content":{"channel_id":"ch-b2","start_time":1790000010100,"end_time":1790000012350,
            "timestamp":1790000010100,"language":28,"attribute":1,"data":"Buenos días, ¿en qué puedo ayudarle?"}}""",
    ),
    "8.1 keep-alive": (wire.keep_alive(1790000030000, 3), '{"msg_type":12,"timestamp":1790000030000}'),
}
# What we add to the published example on purpose, because clients of the field look for it.
ADDED = {"5.7 stream state": {"stop_reason": 0}, "8.1 keep-alive": {"sequence": 3}}


@pytest.mark.parametrize("example", EXAMPLES)
def test_published_examples(example):
    made, published = EXAMPLES[example]
    assert json.loads(wire.encode(made)) == json.loads(published) | ADDED.get(example, {})


def test_language_numbers():
    numbers = {"en": 9, "es": 28, "zh-Hans": 4, "fr-FR": 13, "vi": 36, "ar": 0}
    assert {tag: wire.language_number(tag) for tag in numbers} == numbers
    assert wire.language_number("en-US") == 9, "by primary subtag"
    assert wire.language_number("fr") == 12, "the first that shares the primary subtag"
    assert wire.language_number("tlh") == -1
    assert len(wire.LANGUAGES) == 37
