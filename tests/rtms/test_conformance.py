"""The 13 points of rtms/README.md section 14, one or more tests each, against the core. Sockets come in `test_client.py`."""

import base64
import json
from typing import Any

import pytest

from cc_voice.rtms import webhooks
from cc_voice.rtms.errors import WebhookError
from cc_voice.rtms.events import (
    Audio,
    AudioFormat,
    Ended,
    LinkDown,
    LinkUp,
    MediaRefused,
    PlatformEvent,
    StreamStateChanged,
    Transcript,
)
from cc_voice.rtms.options import ClientOptions, TimeLimits
from cc_voice.rtms.phases import Phase
from cc_voice.rtms.products import PRODUCTS
from cc_voice.rtms.signatures import handshake_signature, url_validation_answer, verify_webhook, webhook_signature
from cc_voice.rtms.stream import Stream
from cc_voice.rtms.webhooks import Started, parse_webhook
from tests.rtms.zoom import CLIENT_ID, CLIENT_SECRET, INSTANCE_ID, SIGNALING_URL, SIGNATURE, STREAM_ID, UNIX_MS, Zoom, target

SECRET = "demoSecretToken01"
BODY = (
    b'{"event":"contact_center.voice_rtms_stopped","event_ts":1790000000123,"payload":{"engagement_id":"ENGdemo_7Yw2kQ",'
    b'"rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","stop_reason":21}}'
)
SIGNED = "v0=d8110a1834badd8f8549626b852ef704b7aa1a841ff7fc17030312cc69a910a3"
NOW_S = 1_790_000_000


# 1 -------------------------------------------------------------------------------------------------------------------


def test_conformance_01_webhook_signature() -> None:
    assert webhook_signature(SECRET, "1790000000", BODY) == SIGNED
    assert verify_webhook(BODY, "1790000000", SIGNED, ["other", SECRET], NOW_S) == 1


@pytest.mark.parametrize(
    ("body", "timestamp", "signature", "secrets", "now"),
    [
        (BODY.replace(b"21", b"20"), "1790000000", SIGNED, [SECRET], NOW_S),
        (BODY, "1790000000", SIGNED, ["wrong"], NOW_S),
        (BODY, "1790000000", SIGNED, [], NOW_S),
        (BODY, "1790000000", SIGNED, [SECRET], NOW_S + 5401),
        (BODY, "1790000000", SIGNED, [SECRET], NOW_S - 301),
        (BODY, None, SIGNED, [SECRET], NOW_S),
        (BODY, "1790000000", None, [SECRET], NOW_S),
        (BODY, "179000000x", SIGNED, [SECRET], NOW_S),
        (BODY, "+1790000000", SIGNED, [SECRET], NOW_S),
        (BODY, "1790000000", "v0=é", [SECRET], NOW_S),
        (BODY, "1790000000", SIGNED.upper(), [SECRET], NOW_S),
        (json.dumps(json.loads(BODY)).encode(), "1790000000", SIGNED, [SECRET], NOW_S),
    ],
    ids=[
        *("tampered", "token", "none", "old", "future", "no-time", "no-signature"),
        *("bad-time", "signed-time", "not-ascii", "upper-case", "re-serialised"),
    ],
)
def test_conformance_01_webhooks_that_are_refused(
    body: bytes, timestamp: str | None, signature: str | None, secrets: list[str], now: float
) -> None:
    assert verify_webhook(body, timestamp, signature, secrets, now) is None


def test_conformance_01_the_window_holds_the_last_repeat_and_can_be_set() -> None:
    assert verify_webhook(BODY, "1790000000", SIGNED, [SECRET], NOW_S + 85 * 60) == 0
    assert verify_webhook(BODY, "1790000000", SIGNED, [SECRET], NOW_S + 5400) == 0
    assert verify_webhook(BODY, "1790000000", SIGNED, [SECRET], NOW_S - 300) == 0
    assert verify_webhook(BODY, "1790000000", SIGNED, [SECRET], NOW_S + 301, past_s=300) is None
    assert verify_webhook(BODY, "1790000000", SIGNED, [SECRET], NOW_S - 31, future_s=30) is None


def test_conformance_01_url_challenge() -> None:
    body = b'{"event":"endpoint.url_validation","event_ts":1790000000123,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw-demo"}}'
    challenge = parse_webhook(body)
    assert isinstance(challenge, webhooks.UrlValidation)
    assert json.loads(url_validation_answer(SECRET, challenge.plain_token)) == {
        "plainToken": "qgg8vlvZRS6UYooatFL8Aw-demo",
        "encryptedToken": "b7873910ab04891c4edeeefd509465042a6c0726899da1e4d9f3e871a60dbbd8",
    }


# 2 -------------------------------------------------------------------------------------------------------------------

EVENTS = {
    "meeting": ("meeting.rtms_", "meeting_uuid"),
    "webinar": ("webinar.rtms_", "webinar_uuid"),
    "video_sdk": ("session.rtms_", "session_id"),
    "contact_center": ("contact_center.voice_rtms_", "engagement_id"),
    "phone": ("phone.rtms_", "call_id"),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("product", sorted(EVENTS))
def test_conformance_02_flat_and_nested_payloads(product: str, nested: bool) -> None:
    prefix, key = EVENTS[product]

    def webhook(what: str, **fields: Any) -> Any:
        inner = {key: "id/+=1", "rtms_stream_id": STREAM_ID} | fields
        payload = {"account_id": "acct", "object": inner} if nested else {"account_id": "acct"} | inner
        return parse_webhook(json.dumps({"event": prefix + what, "event_ts": UNIX_MS, "payload": payload}).encode())

    urls = f" https://x , {SIGNALING_URL},wss://other.zoom.us/sig"
    started = webhook("started", server_urls=urls, meeting_id=98765432101)
    assert isinstance(started, Started)
    assert (started.product, started.instance_key, started.instance_id) == (product, key, "id/+=1")
    assert (started.server_urls, started.event_ts_ms, started.account_id) == (SIGNALING_URL, UNIX_MS, "acct")
    assert started.meeting_id == "98765432101"
    assert webhook("stopped", stop_reason="6").stop_reason == 6
    assert webhook("stopped").stop_reason is None
    assert webhook("interrupted").server_urls is None
    assert webhook("interrupted", server_urls={"signaling": SIGNALING_URL}).server_urls == SIGNALING_URL
    with pytest.raises(WebhookError, match="server_urls"):
        webhook("started")


# 3 -------------------------------------------------------------------------------------------------------------------


def test_conformance_03_a_duplicate_started_opens_nothing() -> None:
    zoom = Zoom().streaming()
    sockets, opened = dict(zoom.sockets), len(zoom.opened)
    zoom.started().started()
    zoom.started(event_ts_ms=UNIX_MS + 5000)  # newer, but signaling is healthy
    zoom.started(event_ts_ms=UNIX_MS - 5000, url=SIGNALING_URL)
    assert (zoom.sockets, len(zoom.opened)) == (sockets, opened)


def test_conformance_03_a_failover_replaces_all_sockets_at_once() -> None:
    zoom = Zoom().streaming()
    before = set(zoom.sockets)
    zoom.started("wss://rtms-iad2.example.zoom.us/sig", UNIX_MS + 5000)
    assert not before & set(zoom.sockets)
    assert zoom.opened[-1] == (zoom.now, "signaling", "wss://rtms-iad2.example.zoom.us/sig")
    zoom.signaling_up().media_up().audio()
    assert zoom.stream.phase is Phase.STREAMING
    assert zoom.messages(1)[0]["signature"] == zoom.messages(1)[1]["signature"]
    assert len(zoom.messages(7)) == 2


def test_conformance_03_a_newer_started_with_signaling_down_is_a_failover() -> None:
    zoom = Zoom().streaming().drop("signaling")
    assert not zoom.has("signaling")
    zoom.started(event_ts_ms=UNIX_MS + 5000)
    assert zoom.has("signaling")


# 4 -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", sorted(EVENTS))
def test_conformance_04_handshakes_are_signed_under_the_products_key(product: Any) -> None:
    key = EVENTS[product][1]
    signature = handshake_signature(CLIENT_ID, CLIENT_SECRET, INSTANCE_ID, STREAM_ID)
    zoom = Zoom(Stream(target(product), signature, ClientOptions())).start().signaling_up()
    assert zoom.messages(1) == [
        {
            "msg_type": 1,
            "protocol_version": 1,
            "sequence": 1,
            key: INSTANCE_ID,
            "rtms_stream_id": STREAM_ID,
            "signature": "b282471420f80798ddbfc0cdcc54264fc08b2e689b123716aba4f7619e85b365",
            "buffer_data": True,
        }
    ]
    zoom.connect("audio").connect("transcript")
    audio, transcript = zoom.messages(3)
    assert audio == {
        "msg_type": 3,
        "protocol_version": 1,
        "sequence": 1,
        key: INSTANCE_ID,
        "rtms_stream_id": STREAM_ID,
        "signature": signature,
        "media_type": 1,
        "payload_encryption": False,
        "media_params": {"audio": {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 2, "send_rate": 20}},
    }
    assert (transcript["media_type"], transcript["media_params"]) == (8, {"transcript": {"content_type": 5}})
    subscribed = [entry["event_type"] for message in zoom.messages(5) for entry in message["events"]]
    assert subscribed == [number for numbers in PRODUCTS[product].subscriptions for number in numbers]
    assert not {1, 7} & set(subscribed)


def test_conformance_04_ready_goes_to_signaling_and_only_after_the_media_handshakes() -> None:
    zoom = Zoom().start().signaling_up().connect("audio").answer_media("audio")
    assert not zoom.messages(7), "transcript is still on its way"
    zoom.connect("transcript")
    assert not zoom.messages(7)
    zoom.answer_media("transcript")
    assert zoom.messages(7) == [{"msg_type": 7, "rtms_stream_id": STREAM_ID}]
    assert zoom.numbers("signaling").count(7) == 1


# 5 -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["signaling", "audio", "transcript"])
@pytest.mark.parametrize("timestamp", [1790000030000, "1790000030000", 0, None, ...])
def test_conformance_05_keep_alives_are_answered_at_once_with_the_same_timestamp(link: str, timestamp: Any) -> None:
    zoom = Zoom().streaming()
    for number in range(10):
        zoom.audio(UNIX_MS + 20 * number)
    zoom.sent.clear()
    zoom.say(link, {"msg_type": 12} | ({} if timestamp is ... else {"timestamp": timestamp}))
    answer = {"msg_type": 13} | ({} if timestamp in (None, ...) else {"timestamp": timestamp})
    assert zoom.sent == [(link, answer)]


# 6 -------------------------------------------------------------------------------------------------------------------


def test_conformance_06_status_8_then_success() -> None:
    zoom = Zoom().start().connect("signaling").answer_signaling(8).wait(1.5).signaling_up()
    assert zoom.opened_at("signaling") == [0.0, 1.5]
    assert [event.link for event in zoom.of(LinkUp)] == ["signaling"]


def test_conformance_06_duplicates_follow_their_own_steps_then_the_back_off() -> None:
    zoom = Zoom(resume=True).start()
    while zoom.stream.phase is not Phase.ENDED:
        if zoom.has("signaling"):
            zoom.connect("signaling").answer_signaling(8)
        zoom.wait(0.5)
    assert zoom.opened_at("signaling") == [0.0, 1.5, 4.5, 10.5, 13.5, 19.5, 31.5, 55.5, 60.0]
    (end,) = zoom.of(Ended)
    assert end.kind == "lost"
    assert "DUPLICATE_SIGNAL_REQUEST" in end.error


def test_conformance_06_status_3_stops() -> None:
    zoom = Zoom().start().connect("signaling").answer_signaling(3, reason="bad signature")
    (end,) = zoom.of(Ended)
    assert end.kind == "refused"
    assert "check the configuration" in end.error


def test_conformance_06_status_23_switches_data_opt() -> None:
    zoom = Zoom().start().signaling_up().connect("audio").answer_media("audio", 23).connect("audio")
    assert [message["media_params"]["audio"]["data_opt"] for message in zoom.messages(3)] == [2, 1]
    zoom.answer_media("audio", 23)  # refused again: the server is taken at its word
    assert zoom.of(MediaRefused)[0].status == 23


def test_conformance_06_status_12_keeps_audio_alive_without_transcript() -> None:
    zoom = Zoom().start().signaling_up().media_up("audio").connect("transcript").answer_media("transcript", 12)
    assert zoom.messages(7)
    zoom.audio().wait(100, alive=("signaling", "audio"))
    assert [event.link for event in zoom.of(MediaRefused)] == ["transcript"]
    assert len(zoom.of(Audio)) == 1
    assert not zoom.of(Ended)
    assert len([link for _, link, _ in zoom.opened if link == "transcript"]) == 1


# 7 -------------------------------------------------------------------------------------------------------------------


def test_conformance_07_a_media_drop_reconnects_media_only() -> None:
    zoom = Zoom().streaming().drop("audio").wait(2.9)
    assert not zoom.has("audio")
    zoom.wait(0.2)
    assert zoom.opened_at("audio") == [0.0, 3.0]
    assert zoom.opened_at("signaling") == [0.0]
    zoom.media_up("audio").audio()
    assert len(zoom.messages(7)) == 2
    assert [event.link for event in zoom.of(LinkDown)] == ["audio"]


def test_conformance_07_a_signaling_drop_reconnects_everything() -> None:
    zoom = Zoom().streaming().drop("signaling")
    assert not zoom.sockets
    zoom.wait(3).signaling_up().media_up().audio()
    assert [event.link for event in zoom.of(LinkDown)] == ["signaling", "audio", "transcript"]
    assert len(zoom.messages(7)) == 2
    assert [event.link for event in zoom.of(LinkUp)] == ["signaling", "audio", "transcript"] * 2
    assert len(zoom.messages(5)) == 4, "subscriptions do not outlive their link"


def test_conformance_07_back_off_and_its_reset() -> None:
    zoom = Zoom(limits=TimeLimits(signaling_window_s=500)).start()
    gaps = []
    for _ in range(7):
        zoom.drop("signaling")
        dropped = zoom.now
        due = zoom.stream.next_deadline()
        assert due is not None
        gaps.append(round(due - dropped, 3))
        zoom.wait(due - dropped)
    assert gaps == [3, 6, 12, 24, 30, 30, 30]
    zoom.signaling_up().media_up().drop("signaling")
    due = zoom.stream.next_deadline()
    assert due == pytest.approx(zoom.now + 3), "a success starts the count anew"


@pytest.mark.parametrize(("link", "window"), [("signaling", 60), ("audio", 65)])
def test_conformance_07_giving_up_when_the_window_ends(link: str, window: float) -> None:
    zoom = Zoom(media=("audio",)).start().signaling_up().media_up("audio").state(1).drop(link)
    dropped = zoom.now
    while zoom.stream.phase is not Phase.ENDED:
        if zoom.has(link) and zoom.socket(link) in zoom.connecting:
            zoom.drop(link)
        zoom.wait(0.25, alive=("signaling",))
        if link == "audio" and zoom.has("signaling"):
            zoom.say("signaling", {"msg_type": 12})
    assert zoom.now - dropped == pytest.approx(window, abs=1)
    (end,) = zoom.of(Ended)
    assert end.kind == "lost"
    assert "in time" in end.error


# 8 -------------------------------------------------------------------------------------------------------------------


def test_conformance_08_interrupted_and_active_again() -> None:
    zoom = Zoom().streaming().drop("audio").state(2, 14).tick()
    assert zoom.opened_at("audio") == [0.0, 0.0], "the trigger does not wait for the back-off"
    zoom.media_up("audio").state(1)
    assert zoom.stream.phase is Phase.STREAMING
    assert [(event.state, event.reason) for event in zoom.of(StreamStateChanged)] == [(1, None), (2, 14), (1, None)]


def test_conformance_08_pause_and_resume_keep_the_sockets() -> None:
    zoom = Zoom().streaming()
    sockets = dict(zoom.sockets)
    zoom.state(5)
    assert zoom.stream.phase is Phase.PAUSED
    zoom.wait(300, alive=("signaling", "audio", "transcript"))
    zoom.state(6)
    assert zoom.stream.phase is Phase.STREAMING
    assert zoom.sockets == sockets


def test_conformance_08_terminating_and_terminated() -> None:
    zoom = Zoom().streaming().drop("transcript").state(3, 21)
    assert zoom.stream.phase is Phase.STOPPING
    zoom.wait(30, alive=("signaling", "audio"))
    assert len(zoom.opened_at("transcript")) == 1, "nothing is opened any more"
    zoom.audio().state(4, 21).audio(UNIX_MS + 20)
    assert len(zoom.of(Audio)) == 2, "what is still on its way is taken"
    assert not zoom.of(Ended)
    zoom.drop("audio", None)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=21)]
    assert not zoom.sockets


def test_conformance_08_a_revoked_stream_ends_at_once() -> None:
    zoom = Zoom().streaming().audio().stopped(8)
    assert zoom.events[-1] == Ended(kind="revoked", reason=8)
    zoom = Zoom().streaming().state(4, "STOP_BC_STREAM_REVOKED")
    assert zoom.events[-1] == Ended(kind="revoked", reason=8)


# 9 -------------------------------------------------------------------------------------------------------------------


def test_conformance_09_640_byte_packets_are_little_endian_samples_unchanged() -> None:
    pcm = base64.b64decode("Hw1kDacNAA4=") * 80
    zoom = Zoom().streaming().audio(data=base64.b64encode(pcm).decode(), length=640)
    (packet,) = zoom.of(Audio)
    assert packet.pcm == pcm
    assert [int.from_bytes(packet.pcm[at : at + 2], "little") for at in (0, 2, 4, 6)] == [3359, 3428, 3495, 3584]
    assert zoom.of(AudioFormat) == [AudioFormat(sample_rate_hz=16_000, data_opt=2)]
    assert zoom.events.index(zoom.of(AudioFormat)[0]) < zoom.events.index(packet)
    zoom.audio(UNIX_MS + 20, length=640)
    assert zoom.stream.counters["audio of another length than told"] == 1
    assert zoom.stream.counters["audio of another size than agreed"] == 1
    assert len(zoom.of(Audio)) == 2, "kept all the same"


def test_conformance_09_a_burst_a_gap_and_replayed_packets() -> None:
    zoom = Zoom().streaming()
    burst = [UNIX_MS - 60_000 + 20 * number for number in range(3000)]
    for at in burst:
        zoom.audio(at)
    zoom.drop("audio").wait(3).media_up("audio")
    for at in (*burst[-100:], UNIX_MS + 5000):
        zoom.audio(at)
    assert [event.timestamp_ms for event in zoom.of(Audio)] == [*burst, UNIX_MS + 5000]
    assert zoom.stream.counters["replayed audio"] == 100


def test_conformance_09_sources() -> None:
    zoom = Zoom().streaming()
    zoom.audio(channel_id="ch-a1").audio(channel_id=17).audio(channel_id=None, user_id=16778240, user_name="Dana Ruiz")
    zoom.audio(channel_id=None, user_id="16779264").audio(channel_id=None, user_id=0).audio(channel_id=None)
    found = zoom.of(Audio)
    assert [event.source for event in found] == ["ch-a1", "17", "16778240", "16779264", "0"]
    assert (found[1].channel_id, found[2].user_id, found[2].user_name) == ("17", "16778240", "Dana Ruiz")
    assert zoom.stream.counters["replayed audio"] == 1, "mixed audio and audio of nobody are one source"


# 10 ------------------------------------------------------------------------------------------------------------------


def test_conformance_10_transcripts() -> None:
    zoom = Zoom().streaming()
    said = {"channel_id": "ch-b2", "start_time": 1790000010100, "end_time": 1790000012350, "timestamp": 1790000010100}
    zoom.say("transcript", {"msg_type": 17, "content": said | {"language": 28, "attribute": 1, "data": "Buenos días"}})
    zoom.say("transcript", {"msg_type": 17, "content": said | {"language": 9, "data": "Good morning"}})
    zoom.say("transcript", {"msg_type": 17, "content": {"user_id": 5, "timestamp": 1790000010, "language": 99, "data": "x"}})
    spanish, english, unknown = zoom.of(Transcript)
    assert (spanish.source, spanish.text, spanish.language, spanish.attribute) == ("ch-b2", "Buenos días", "es", 1)
    assert (spanish.start_ms, spanish.end_ms) == (1790000010100, 1790000012350)
    assert (english.language, english.attribute) == ("en", None)
    assert (unknown.source, unknown.language, unknown.timestamp_ms, unknown.start_ms) == ("5", None, 1790000010000, None)
    assert zoom.stream.counters["unknown language 99"] == 1


# 11 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["participant_info", "paticipant_info"])
def test_conformance_11_both_spellings(spelling: str) -> None:
    info = {"channel_id": "ch-b2", "participant_mode": "callee", "queue_id": "Q_demo_01", "queue_name": "Support EN"}
    event = {"event_type": 10, "event_ts": 1790000003210, spelling: info | {"user_id": "usr_42", "display_name": "Sam Ode"}}
    zoom = Zoom().streaming().say("signaling", {"msg_type": 6, "event": event})
    (told,) = zoom.of(PlatformEvent)
    (who,) = told.participants
    assert (told.name, told.event_type, told.at_unix_ms) == ("user_answered", 10, 1790000003210)
    assert (who.channel_id, who.user_id, who.display_name, who.queue_name) == ("ch-b2", "usr_42", "Sam Ode", "Support EN")
    assert json.loads(told.raw) == event


def test_conformance_11_unnamed_events_are_kept_whole() -> None:
    zoom = Zoom().streaming()
    for number in range(30, 36):
        zoom.say("signaling", {"msg_type": 6, "event": {"event_type": number, "event_ts": UNIX_MS, "digits": "123"}})
    assert [event.name for event in zoom.of(PlatformEvent)] == [f"event_{number}" for number in range(30, 36)]
    assert json.loads(zoom.of(PlatformEvent)[0].raw)["digits"] == "123"
    assert zoom.stream.counters["unknown event 34"] == 1


def test_conformance_11_audio_may_come_before_its_channels_event() -> None:
    zoom = Zoom().streaming().audio(channel_id="ch-new")
    for number in (18, 12, 20, 10, 21, 11):
        event = {"event_type": number, "event_ts": UNIX_MS, "participant_info": {"channel_id": "ch-new"}}
        zoom.say("signaling", {"msg_type": 6, "event": event})
    zoom.audio(UNIX_MS + 20, channel_id="ch-newer")
    names = [event.name for event in zoom.of(PlatformEvent)]
    assert names == ["transfer_initiated", "user_hold", "transfer_accepted", "user_answered", "transfer_completed", "user_end"]
    assert [event.source for event in zoom.of(Audio)] == ["ch-new", "ch-newer"]


def test_conformance_11_the_same_number_means_another_thing_in_a_meeting() -> None:
    zoom = Zoom(Stream(target("meeting"), SIGNATURE)).streaming()
    people = [{"user_id": 16778240, "user_name": "Dana Ruiz"}, {"user_id": "16779264"}]
    zoom.say("signaling", {"msg_type": 6, "event": {"event_type": 8, "timestamp": 1790000001500, "participants": people}})
    zoom.say("signaling", {"msg_type": 6, "event_type": 2, "timestamp": 1790000002, "user_id": 16778240, "user_name": "Dana Ruiz"})
    video, speaker = zoom.of(PlatformEvent)
    assert (video.name, [who.user_id for who in video.participants]) == ("participant_video_on", ["16778240", "16779264"])
    assert (speaker.name, speaker.at_unix_ms) == ("active_speaker_change", 1790000002000)
    assert speaker.participants[0].display_name == "Dana Ruiz"


# 12 ------------------------------------------------------------------------------------------------------------------


def test_conformance_12_strange_frames_hurt_nothing() -> None:
    zoom = Zoom().streaming()
    for frame in (b"", b"not json", b"\xff\xfe\x00", b"null", b"[]", b"[" * 100_000, b'{"msg_type":{}}', b'{"msg_type":14}'):
        zoom.say("audio", frame)
    assert zoom.stream.counters["garbage"] == 8
    zoom.say("signaling", {"msg_type": 99, "x": 1}).say("signaling", {"msg_type": 0})
    assert zoom.stream.counters["unknown message 99"] == 1
    zoom.audio(data=base64.b64encode(bytes(5 << 20)).decode())
    assert len(zoom.of(Audio)[0].pcm) == 5 << 20
    assert zoom.stream.phase is Phase.STREAMING


# 13 ------------------------------------------------------------------------------------------------------------------


def test_conformance_13_graceful_close() -> None:
    zoom = Zoom().streaming()
    zoom.stream.close(zoom.now)
    zoom.take()
    assert zoom.messages(21) == [{"msg_type": 21, "rtms_stream_id": STREAM_ID}]
    zoom.audio()
    zoom.say("signaling", {"msg_type": 22, "rtms_stream_id": STREAM_ID, "status_code": 0, "reason": "OK"})
    zoom.audio(UNIX_MS + 20).state(4, 20)
    assert len(zoom.of(Audio)) == 2
    zoom.wait(3.4)
    assert zoom.of(Ended) == [Ended(kind="closed", reason=20)]
    zoom.stopped(20)
    assert len(zoom.of(Ended)) == 1


def test_conformance_13_a_close_that_nobody_answers() -> None:
    zoom = Zoom().streaming()
    zoom.stream.close(zoom.now)
    zoom.take().wait(4.9)
    assert not zoom.of(Ended)
    zoom.wait(0.2)
    assert zoom.of(Ended)[0].kind == "closed"
    assert not zoom.sockets


def test_conformance_13_a_close_that_nobody_answers_while_media_flows() -> None:
    zoom = Zoom().streaming()
    zoom.stream.close(zoom.now)
    zoom.take()
    for number in range(4):
        zoom.wait(1.2).audio(UNIX_MS + 20 * number)
    assert not zoom.of(Ended)
    zoom.wait(0.3)
    assert zoom.of(Ended) == [Ended(kind="closed", reason=20)]
    assert len(zoom.of(Audio)) == 4


def test_conformance_13_a_restarted_process_takes_the_stream_up() -> None:
    first = Zoom().streaming()
    first.stream.abandon()
    first.take()
    assert not first.sockets
    assert not first.of(Ended)
    assert 21 not in [message["msg_type"] for _, message in first.sent]
    second = Zoom(resume=True).start().connect("signaling").answer_signaling(8).wait(1.5)
    second.signaling_up().connect("audio").answer_media("audio", 16).media_up("transcript").wait(1.5)
    second.media_up("audio").audio()
    assert second.stream.phase is Phase.STREAMING
    assert second.opened_at("signaling") == [0.0, 1.5]
    assert second.opened_at("audio") == [0.0, 1.5]


@pytest.mark.parametrize("status", [2, 3])
def test_conformance_13_a_stream_that_ended_meanwhile(status: int) -> None:
    zoom = Zoom(resume=True).start().connect("signaling").answer_signaling(status)
    if status == 2:
        zoom.connect("signaling").answer_signaling(status)
        assert "meeting_uuid" in zoom.messages(1)[1], "the id may stand under the other key"
    (end,) = zoom.of(Ended)
    assert end.kind == "lost"
    assert "ended while we were away" in end.error


def test_conformance_13_stopped_is_idempotent() -> None:
    zoom = Zoom().streaming().stopped(21)
    zoom.wait(3.4).stopped(21).stopped(8)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=21)]
