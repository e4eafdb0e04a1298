"""The wire: golden examples, quirks, and that no bytes raise anything but FrameError."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.rtms import conversation_events, messages
from cc_voice.rtms.enums import MessageType, Status, StopReason
from cc_voice.rtms.errors import FrameError
from cc_voice.rtms.media import AudioParams, DeskshareParams, VideoParams, is_valid_audio, is_valid_deskshare, is_valid_video
from cc_voice.rtms.messages import UnknownMessage, decode, encode
from tests.rtms.golden import MESSAGES, USER_AUDIO


def message(**fields: Any) -> Any:
    return decode(json.dumps(fields).encode())


@pytest.mark.parametrize("section", MESSAGES)
def test_golden_messages_decode_and_lose_nothing(section: str) -> None:
    document = json.loads(MESSAGES[section])
    found = decode(MESSAGES[section].encode())
    assert not isinstance(found, UnknownMessage)
    assert found.__struct_config__.tag == document["msg_type"]
    again = json.loads(encode(found))
    assert {name: again[name] for name in document} == document
    assert messages.unknown_fields(MESSAGES[section].encode(), found) == ()


def test_what_we_send_is_exact() -> None:
    """No field more than the document shows."""
    for section in ("5.1", "5.3", "5.6", "5.7 request", "5.8 request", "5.9 request", "5.10 request", "6.1", "8.1 response"):
        document = json.loads(MESSAGES[section])
        assert json.loads(encode(decode(MESSAGES[section].encode()))) == document  # type: ignore[arg-type]


def test_golden_audio_by_user() -> None:
    found = decode(USER_AUDIO.replace("…", "Hw1kDacNAA4=").encode())
    assert isinstance(found, messages.MediaAudio)
    assert (found.content.user_id, found.content.user_name, found.content.length) == (16778240, "Dana Ruiz", 640)
    with pytest.raises(FrameError):
        decode(USER_AUDIO.encode())


def test_every_number_has_a_message() -> None:
    known = {kind.__struct_config__.tag for kind in messages.Message.__args__}
    assert known == {number.value for number in MessageType if number}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status_code": 0}, 0),
        ({"status": 0}, 0),
        ({"status": "STATUS_OK"}, 0),
        ({"status_code": "16"}, 16),
        ({"status_code": "DUPLICATE_MEDIA_DATA_CONNECTION"}, 16),
        ({"status_code": 8, "status": 0}, 8),
        ({"status_code": None, "status": 0}, 0),
        ({"status_code": "what"}, messages.NO_STATUS),
        ({}, messages.NO_STATUS),
    ],
)
def test_either_status_key(fields: dict[str, Any], code: int) -> None:
    assert message(msg_type=2, **fields).code == code
    assert message(msg_type=4, **fields).code == code


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reason": 13}, 13),
        ({"stop_reason": 13}, 13),
        ({"reason": "STOP_BC_STREAM_REVOKED"}, 8),
        ({"reason": "stream_revoked"}, 8),
        ({"reason": 0, "stop_reason": 21}, 21),
        ({"reason": 21, "stop_reason": 0}, 21),
        ({"reason": 0}, None),
        ({"reason": ""}, None),
        ({"reason": "something new"}, None),
        ({"reason": 77}, 77),
        ({}, None),
    ],
)
def test_either_reason_key(fields: dict[str, Any], reason: int | None) -> None:
    assert message(msg_type=8, state=4, **fields).why == reason
    assert message(msg_type=9, state=5, session_id="s", **fields).why == reason


def test_names_for_numbers_and_seconds_for_milliseconds() -> None:
    update = message(msg_type=8, state="TERMINATED", timestamp=1790000002)
    assert (update.number, update.at_unix_ms) == (4, 1790000002000)
    assert message(msg_type=9, session_id=55, state="STARTED").session == "55"
    assert message(msg_type=8, state="2").number == 2


@pytest.mark.parametrize(
    ("given_urls", "found"),
    [
        ({"media_server": {"server_urls": {"audio": "wss://a", "video": "", "n": 5}}}, {"audio": "wss://a"}),
        ({"media_server": {"server_urls": "wss://a"}}, {"all": "wss://a"}),
        ({"media_server": "wss://a"}, {"all": "wss://a"}),
        ({"media_server_url": "wss://a"}, {"all": "wss://a"}),
        ({"media_server": {"server_urls": {}}, "media_server_url": "wss://a"}, {}),
        ({"media_server": []}, {}),
        ({}, {}),
    ],
)
def test_media_urls_in_every_shape(given_urls: dict[str, Any], found: dict[str, str]) -> None:
    assert message(msg_type=2, status_code=0, **given_urls).media_urls == found


def test_numbers_in_quotes_and_nulls() -> None:
    packet = message(msg_type="14", content={"data": "AAA=", "timestamp": "1790000003240", "user_id": None, "length": None})
    assert isinstance(packet, messages.MediaAudio)
    assert packet.content.timestamp == 1790000003240
    assert message(msg_type=17, content={"data": "hi", "language": "28", "timestamp": 1.79e12}).content.language == 28


def test_either_spelling_of_encryption() -> None:
    assert message(msg_type=4, payload_encrypted=True).encrypted
    assert message(msg_type=4, payload_encryption=True).encrypted
    assert not message(msg_type=4).encrypted


@pytest.mark.parametrize("params", [{"audio": 7}, [], "x", None, {"audio": {"sample_rate": "fast"}}])
def test_senseless_parameters_do_not_spoil_the_handshake(params: Any) -> None:
    answer = message(msg_type=4, status_code=0, media_params=params)
    assert (answer.code, messages.params_of(answer)) == (0, None)


def test_echoed_parameters() -> None:
    params = messages.params_of(message(msg_type=4, media_params={"audio": {"sample_rate": "3", "channel": 2, "new": 1}}))
    assert params is not None
    assert params.audio == AudioParams(sample_rate=3, channel=2)
    assert params.audio.sample_rate_hz == 48_000


def test_chat_in_chat() -> None:
    inner = json.dumps({"data": "hello", "sender": {"user_id": 7, "user_name": "Lee"}, "message_id": "m-2"})
    chat = message(msg_type=18, content={"data": inner, "timestamp": 1790000020000, "user_id": 1}).chat
    assert (chat.data, chat.sender.user_id, chat.message_id, chat.timestamp) == ("hello", 7, "m-2", 1790000020000)
    plain = message(msg_type=18, content={"data": "{not json", "timestamp": 1}).chat
    assert plain.data == "{not json"
    with pytest.raises(FrameError):
        _ = message(msg_type=18, content=[]).chat


def test_an_event_whose_people_are_malformed_still_happened() -> None:
    frame = json.dumps({"msg_type": 6, "event": {"event_type": 10, "event_ts": 1790000003210, "participant_info": 5}}).encode()
    update = decode(frame)
    assert isinstance(update, messages.EventUpdate)
    head, raw = conversation_events.event_of(update, frame)
    assert (head.number, head.at_unix_ms) == (10, 1790000003210)
    assert json.loads(raw)["participant_info"] == 5


def test_the_correct_spelling_wins() -> None:
    frame = b'{"msg_type":6,"event":{"event_type":10,"participant_info":{"channel_id":1},"paticipant_info":{"channel_id":2}}}'
    head, _ = conversation_events.event_of(decode(frame), frame)  # type: ignore[arg-type]
    assert isinstance(head, conversation_events.EventBody)
    assert head.people[0].channel_id == 1


def test_unknown_fields_are_named() -> None:
    frame = b'{"msg_type":8,"state":1,"colour":"red"}'
    assert messages.unknown_fields(frame, decode(frame)) == ("colour",)  # type: ignore[arg-type]


def test_metadata_is_known_but_opaque() -> None:
    for number in range(23, 28):
        assert not isinstance(message(msg_type=number, content={"language": 1}), UnknownMessage)
    assert isinstance(message(msg_type=30), UnknownMessage)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_message_or_a_frame_error(frame: bytes) -> None:
    with contextlib.suppress(FrameError):
        decode(frame)


@given(
    st.dictionaries(st.text(max_size=5) | st.sampled_from(["msg_type", "content", "state"]), st.integers() | st.text(max_size=3))
)
def test_any_object_is_a_message_or_a_frame_error(document: dict[str, Any]) -> None:
    with contextlib.suppress(FrameError):
        decode(json.dumps(document).encode())


@given(st.sampled_from(Status), st.sampled_from(StopReason))
def test_names_and_numbers_agree(status: Status, reason: StopReason) -> None:
    assert messages.number_of(Status, f"STATUS_{status.name}", "STATUS_") == status
    assert messages.number_of(StopReason, f"STOP_BC_{reason.name}", "STOP_BC_") == reason


@pytest.mark.parametrize(
    ("params", "valid"),
    [
        (AudioParams(), True),
        (AudioParams(sample_rate=3, channel=2, send_rate=1000), True),
        (AudioParams(send_rate=30), False),
        (AudioParams(send_rate=1020), False),
        (AudioParams(codec=4, sample_rate=3, channel=2), True),
        (AudioParams(codec=4, sample_rate=1), False),
        (AudioParams(codec=4, sample_rate=3, send_rate=40), False),
        (AudioParams(codec=2, sample_rate=0), True),
        (AudioParams(codec=2, sample_rate=0, channel=2), False),
        (AudioParams(codec=3, sample_rate=1), True),
        (AudioParams(content_type=1), False),
        (AudioParams(content_type=1, codec=3, sample_rate=1), True),
        (AudioParams(data_opt=3), False),
    ],
)
def test_the_audio_matrix(params: AudioParams, valid: bool) -> None:
    assert is_valid_audio(params) is valid


def test_the_picture_matrices() -> None:
    assert is_valid_video(VideoParams())
    assert is_valid_video(VideoParams(codec=7, fps=30, data_opt=4))
    assert not is_valid_video(VideoParams(fps=6))
    assert not is_valid_video(VideoParams(codec=7, fps=5))
    assert not is_valid_video(VideoParams(data_opt=1))
    assert is_valid_deskshare(DeskshareParams())
    assert is_valid_deskshare(DeskshareParams(codec=7, fps=2))
    assert not is_valid_deskshare(DeskshareParams(fps=2))
