"""Damaged messages: what may be wrong with one string, and that nothing else is lost by it (rtms/README.md 13, point 7)."""

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.rtms import messages, salvage, translation
from cc_voice.rtms.events import Audio, PlatformEvent, Transcript
from cc_voice.rtms.messages import MediaAudio, decode
from cc_voice.rtms.webhooks import OtherWebhook, Started, parse_webhook
from cc_voice.sessions.call_events import DEEPEST, MAX_TEXT, call_event
from tests.rtms.zoom import URLS, Zoom

PCM = bytes(range(250)) + b"\xfb\xff\xfe"
DEEP = 100_000
DAMAGED = {
    "half a pair, first": b'"Mira \\ud83d"',
    "half a pair, second": b'"\\uDE00 Mira"',
    "pair the wrong way round": b'"\\ude00\\ud83d"',
    "half a pair before a whole one": b'"\\ud83d\\ud83d\\ude00"',
    "cut inside a letter": b'"\xc5\x81ukasz \xc5\xbb\xc3\xb3\xc5\x82\xc4"',
    "cut inside a letter of four bytes": b'"x\xf0\x9f\x98"',
    "begins inside a letter": b'"\x98\x80 x"',
    "latin-1": b'"Ren\xe9 M\xfcller"',
    "overlong quote": b'"a\xc0\xa2b"',
    "overlong NUL": b'"a\xc0\x80b"',
    "a surrogate as UTF-8": b'"\xed\xa0\xbd\xed\xb8\x80"',
    "beyond Unicode": b'"\xf5\x80\x80\x80 \xff\xfe"',
    "NUL": b'"a\\u0000b"',
    "NUL as it is": b'"a\x00b"',
    "control characters": b'"a\x01\x1b[31mb"',
    "a line break as it is": b'"a\nb\tc"',
    "cut inside an escape": b'"a\\ud8"',
    "cut after the u": b'"a\\u"',
    "no escape of JSON": b'"a\\xb"',
    "an escaped backslash before what looks like half a pair": b'"\\\\ud83d"',
    "a megabyte": b'"' + b"x" * (1 << 20) + b'"',
    "a number": b"12345",
    "a number with a fraction": b"1.5",
    "a number of 400 digits": b"9" * 400,
    "a number of 5000 digits": b"9" * 5000,
    "1e999": b"1e999",
    "no number": b"NaN",
    "true": b"true",
    "a list": b'["Mira"]',
    "an object": b'{"first": "Mira"}',
    "lists in lists": b"[" * DEEP + b"]" * DEEP,
    "objects in lists": b'[{"a":' * DEEP + b"1" + b"}]" * DEEP,
    "brackets in a string, in lists": b"[" * 80 + b'"]]}"' + b"]" * 80,
    "null": b"null",
    "twice": b'"a","user_name":"b\\ud83d"',
}
KEYS = ("user_name", "x_unknown")


def is_text(value: Any) -> bool:
    """Whether every string in a value can be written down anywhere."""
    match value:
        case str():
            value.encode()
            return "\x00" not in value
        case dict():
            return all(is_text(key) and is_text(item) for key, item in value.items())
        case list() | tuple():
            return all(map(is_text, value))
        case msgspec.Struct():
            return is_text(msgspec.to_builtins(value))
        case _:
            return True


@pytest.mark.parametrize("what", DAMAGED)
def test_audio_is_kept_whatever_a_name_is(what: str) -> None:
    for key in KEYS:
        frame = b'{"msg_type":14,"content":{"user_id":16779264,"%s":%s,"data":"%s","timestamp":1793613600000}}' % (
            key.encode(),
            DAMAGED[what],
            b64encode(PCM),
        )
        found = decode(frame)
        assert isinstance(found, MediaAudio), key
        assert (found.content.data, found.content.timestamp, found.content.user_id) == (PCM, 1793613600000, 16779264)
        assert is_text(found.content.user_name)


@pytest.mark.parametrize("what", DAMAGED)
def test_a_stream_goes_on_with_audio_words_and_events(what: str) -> None:
    zoom = Zoom().streaming()
    bad = DAMAGED[what]
    at = b'"timestamp":1790000003240'
    for link, frame in (
        ("audio", b'{"msg_type":14,"content":{"channel_id":"a","user_name":%s,"data":"AAAA",%s}}' % (bad, at)),
        ("transcript", b'{"msg_type":17,"content":{"channel_id":"a","user_name":%s,"data":"good day",%s}}' % (bad, at)),
        (
            "signaling",
            b'{"msg_type":6,"event":{"event_type":10,%s,"participant_info":{"channel_id":"a","display_name":%s,"user_id":"u"}}}'
            % (at, bad),
        ),
        ("signaling", b'{"msg_type":8,"state":1,"reason":%s,%s}' % (bad, at)),
        ("signaling", b'{"msg_type":9,"state":2,"rtms_session_id":%s,%s}' % (bad, at)),
    ):
        zoom.say(link, frame)
    audio = [event for event in zoom.events if isinstance(event, Audio)]
    words = [event for event in zoom.events if isinstance(event, Transcript)]
    told = [event for event in zoom.events if isinstance(event, PlatformEvent)]
    assert [packet.pcm for packet in audio] == [b"\0\0\0"]
    assert [piece.text for piece in words] == ["good day"]
    assert [(event.name, event.participants[0].channel_id, event.participants[0].user_id) for event in told] == [
        ("user_answered", "a", "u")
    ]
    assert zoom.stream.counters["garbage"] == 0
    assert all(is_text(event) for event in zoom.events if not isinstance(event, Audio))
    assert len(told[0].participants[0].display_name or "") <= 256


@pytest.mark.parametrize("what", DAMAGED)
def test_the_time_line_can_be_written_down(what: str) -> None:
    zoom = Zoom().streaming()
    frame = b'{"msg_type":6,"event":{"event_type":18,"event_ts":1790000003240,"participant_info":{"channel_id":"a"},"note":%s}}'
    zoom.say("signaling", frame % DAMAGED[what])
    (event,) = [event for event in zoom.events if isinstance(event, PlatformEvent)]
    kept = call_event(event, "salt")
    assert is_text(json.loads(kept.payload))
    assert json.loads(kept.payload)["participant_info"] == {"channel_id": "a"}
    assert len(kept.payload) < MAX_TEXT + 4000 + DEEPEST * 2


@pytest.mark.parametrize("what", DAMAGED)
def test_a_webhook_announces_its_call_whatever_a_topic_is(what: str) -> None:
    body = (
        b'{"event":"meeting.rtms_started","event_ts":1793613600000,"payload":{"meeting_uuid":"u==","operator_id":"x",'
        b'"rtms_stream_id":"s1","server_urls":"wss://rtms.zoom.us","topic":%s}}' % DAMAGED[what]
    )
    found = parse_webhook(body)
    assert isinstance(found, Started)
    assert (found.stream_id, found.instance_id, found.server_urls) == ("s1", "u==", "wss://rtms.zoom.us")
    odd = parse_webhook(body.replace(b'"operator_id":"x"', b'"operator_id":' + DAMAGED[what]))
    assert isinstance(odd, Started)
    assert is_text(odd)
    assert isinstance(parse_webhook(b'{"event":"x.y","payload":{"a":' + DAMAGED[what] + b"}}"), OtherWebhook)


def test_a_byte_order_mark_and_bytes_behind_are_no_damage() -> None:
    frame = b'{"msg_type":14,"content":{"user_id":1,"data":"AAAA","timestamp":1793613600000}}'
    for written in (b"\xef\xbb\xbf" + frame, frame + b"\x00", frame + b"\r\n", b" " + frame):
        assert isinstance(decode(written), MediaAudio), written


def test_whole_pairs_and_what_only_looks_damaged_stays() -> None:
    for text in ("😀", "\\ud83d", "Łukasz Żółć", "a\\\\b", "\n\t\"'", "\ufffd"):
        for ascii_only in (True, False):
            frame = json.dumps({"msg_type": 17, "content": {"data": text, "timestamp": 1}}, ensure_ascii=ascii_only).encode()
            assert salvage.sound(frame) == frame
            assert decode(frame).content.data == text  # type: ignore[union-attr]
            damaged = frame[:-2] + b',"user_name":"\\ud83d"}}'
            assert decode(damaged).content.data == text  # type: ignore[union-attr]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 640])
def test_base64_as_others_write_it(length: int) -> None:
    pcm = (PCM * 3)[:length]
    padded, url_safe = b64encode(pcm).decode(), urlsafe_b64encode(pcm).decode()
    lines = "\n".join(padded[at : at + 76] for at in range(0, len(padded), 76))
    for written in (padded, padded.rstrip("="), url_safe, url_safe.rstrip("="), f" {padded} ", lines, lines.replace("\n", "\r\n")):
        frame = json.dumps({"msg_type": 14, "content": {"user_id": 1, "data": written, "timestamp": 1793613600000}})
        found = decode(frame.encode())
        assert isinstance(found, MediaAudio)
        assert found.content.data == pcm, written


@pytest.mark.parametrize("written", ["A", "AAAAA", "AA*A", "AAAA====AAAA", "Ünsinn=="])
def test_what_is_no_base64_is_no_audio(written: str) -> None:
    with pytest.raises(messages.FrameError):
        decode(json.dumps({"msg_type": 14, "content": {"user_id": 1, "data": written, "timestamp": 1793613600000}}).encode())


@given(st.binary(max_size=80), st.integers(0, 60))
def test_any_bytes_in_a_string_cost_nothing_but_the_string(damage: bytes, cut: int) -> None:
    damage = damage.replace(b'"', b"").rstrip(b"\\")[: 60 - cut]
    if damage.endswith(b"\\"):
        damage += b"n"
    found = decode(b'{"msg_type":17,"content":{"channel_id":7,"user_name":"%s","data":"yes","timestamp":5}}' % damage)
    assert found.content.data == "yes"  # type: ignore[union-attr]
    assert is_text(found.content.user_name)  # type: ignore[union-attr]


@given(st.binary(max_size=200))
def test_sound_bytes_are_text(data: bytes) -> None:
    repaired = salvage.sound(data)
    repaired.decode()
    assert salvage.sound(repaired) == repaired


def test_urls_of_a_damaged_answer_are_read() -> None:
    frame = b'{"msg_type":2,"status_code":0,"reason":"\xc4","media_server":{"name":"\\ud83d","server_urls":%s}}'
    found = decode(frame % json.dumps(URLS).encode())
    assert isinstance(found, messages.SignalingResponse)
    assert (found.code, found.media_urls) == (0, URLS)


@pytest.mark.parametrize(
    ("written", "at_ms", "whole_seconds"),
    [
        ("1790000003240", 1_790_000_003_240, False),
        ("1790000003", 1_790_000_003_000, True),
        ('"1790000003"', 1_790_000_003_000, True),
        ("1790000003.24", 1_790_000_003_240, False),
        ('"1790000003.240"', 1_790_000_003_240, False),
        ("1790000003240.7", 1_790_000_003_240, False),
        ("1790000003240000", 1_790_000_003_240, False),
        ("1790000003240000000", 1_790_000_003_240, False),
        ("3240", 3_240, False),
    ],
)
def test_a_time_of_audio_in_any_unit(written: str, at_ms: int, whole_seconds: bool) -> None:
    """Milliseconds are due; seconds, µs, ns and fractions are turned into them, and what counts from elsewhere is left."""
    frame = b'{"msg_type":14,"content":{"channel_id":"c","data":"AAAAAA==","timestamp":%s}}' % written.encode()
    message = messages.decode(frame)
    assert isinstance(message, messages.MediaAudio)
    packet = translation.audio(message.content)
    assert packet is not None
    assert (packet.timestamp_ms, packet.whole_seconds) == (at_ms, whole_seconds)
