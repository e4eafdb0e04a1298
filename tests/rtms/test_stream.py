"""The core's decisions, one by one: refusals, recovery, failover, the end. Section 14 is in `test_conformance.py`."""

import json
from typing import Any

import pytest

from cc_voice.rtms.enums import Status, StopReason
from cc_voice.rtms.errors import MisuseError
from cc_voice.rtms.events import (
    Audio,
    AudioFormat,
    Chat,
    Ended,
    LinkDown,
    LinkUp,
    MediaRefused,
    PlatformEvent,
    SessionStateChanged,
    Share,
    StreamStateChanged,
    Video,
)
from cc_voice.rtms.links.link import LINK_TABLE, LinkState
from cc_voice.rtms.links.statuses import TREATMENTS, Treatment, treatment
from cc_voice.rtms.media import AudioParams
from cc_voice.rtms.options import ClientOptions, TimeLimits
from cc_voice.rtms.phases import PHASE_TABLE, Phase
from cc_voice.rtms.stream import Stream
from cc_voice.rtms.webhooks import OtherWebhook, Stopped
from tests.rtms.zoom import LANDLINE, SIGNALING_URL, SIGNATURE, STREAM_ID, UNIX_MS, Zoom, target

NEXT_URL = "wss://rtms-iad2.example.zoom.us/sig"


# The tables ----------------------------------------------------------------------------------------------------------


def test_every_status_has_a_treatment() -> None:
    assert set(TREATMENTS) == set(Status)
    assert treatment(77) is Treatment.BACK_OFF, "numbers of the legacy list are never branched on"


def test_every_phase_and_state_can_be_reached_and_left() -> None:
    assert {after for _, after in PHASE_TABLE.items()} == set(Phase) - {Phase.NEW}
    assert {before for before, _ in PHASE_TABLE} == set(Phase)
    assert all((phase, "end") in PHASE_TABLE for phase in Phase)
    assert not [step for before, step in PHASE_TABLE if before is Phase.ENDED and step != "end"]
    assert {after for _, after in LINK_TABLE.items()} == set(LinkState)
    assert all((state, "reset") in LINK_TABLE for state in LinkState)


# Signaling refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [2, 4])
def test_the_id_is_tried_once_under_the_old_key(status: int) -> None:
    zoom = Zoom().start().connect("signaling").answer_signaling(status)
    assert zoom.opened_at("signaling") == [0.0, 0.0]
    zoom.signaling_up()
    first, second = zoom.messages(1)
    assert (first["engagement_id"], second["meeting_uuid"]) == ("ENGdemo_7Yw2kQ", "ENGdemo_7Yw2kQ")
    assert "engagement_id" not in second
    assert first["signature"] == second["signature"]
    zoom.connect("audio")
    assert "meeting_uuid" in zoom.messages(3)[0], "what was accepted is used from there on"


@pytest.mark.parametrize("status", [1, 2, 3, 4, 7])
def test_a_refusal_that_stays_is_final(status: int) -> None:
    zoom = Zoom().start().connect("signaling").answer_signaling(status, reason="because")
    if zoom.has("signaling"):
        zoom.connect("signaling").answer_signaling(status, reason="because")
    (end,) = zoom.of(Ended)
    assert (end.kind, end.reason) == ("refused", None)
    assert "because" in end.error
    assert Status(status).name in end.error


def test_two_clean_closes_before_message_2_say_that_the_credentials_are_wrong() -> None:
    zoom = Zoom().start().connect("signaling").drop("signaling", "closed by the server", code=1000)
    assert zoom.of(Ended) == [], "one may be a server that is being shut down"
    zoom.wait(3).connect("signaling").drop("signaling", "closed by the server", code=1000)
    (end,) = zoom.of(Ended)
    assert end.kind == "refused"
    assert "client id and secret" in end.error


@pytest.mark.parametrize("code", [1001, 1006, 1011, None])
def test_other_closes_before_message_2_are_losses(code: int | None) -> None:
    zoom = Zoom().start()
    for wait_s in (3, 6, 12):
        zoom.connect("signaling").drop("signaling", code=code).wait(wait_s)
    assert zoom.of(Ended) == []
    assert zoom.has("signaling")


def test_clean_closes_of_a_link_that_was_up_or_of_another_are_losses() -> None:
    zoom = Zoom().streaming()
    for _ in range(3):
        zoom.drop("audio", code=1000).wait(3).connect("audio").drop("audio", code=1000).wait(6)
        zoom.media_up("audio")
    zoom.drop("signaling", code=1000).wait(3)
    zoom.connect("signaling").drop("signaling", code=1000).wait(6).connect("signaling").drop("signaling", code=1000).wait(12)
    assert zoom.of(Ended) == []
    assert zoom.has("signaling")


@pytest.mark.parametrize("status", [45, 5, 60, -1, "nonsense"])
def test_other_refusals_are_tried_again(status: Any) -> None:
    zoom = Zoom().start().connect("signaling").answer_signaling(status).wait(3)
    assert zoom.opened_at("signaling") == [0.0, 3.0]
    zoom.signaling_up()
    assert zoom.of(LinkUp)


@pytest.mark.parametrize("status", [2, 3])
def test_a_stream_that_was_ours_is_not_given_up_within_the_window(status: int) -> None:
    """A successor of a dead server may not know it yet."""
    zoom = Zoom().streaming().drop("signaling")
    lost_at = zoom.now
    while zoom.stream.phase is not Phase.ENDED:
        if zoom.has("signaling"):
            zoom.connect("signaling").answer_signaling(status)
        zoom.wait(0.5)
    assert zoom.now - lost_at == pytest.approx(60, abs=1)
    assert zoom.of(Ended)[0].kind == "lost"
    assert all("meeting_uuid" not in message for message in zoom.messages(1)), "the key is known to be right"


def test_an_unanswered_handshake_is_tried_again() -> None:
    zoom = Zoom().start().wait(10)
    assert not zoom.has("signaling"), "connecting took too long"
    zoom.wait(3).connect("signaling").wait(10)
    assert not zoom.has("signaling"), "the answer took too long"
    zoom.wait(6).signaling_up()
    assert zoom.opened_at("signaling") == [0.0, 13.0, 29.0]


# Media refused -------------------------------------------------------------------------------------------------------


def test_baseline_after_a_bad_parameter() -> None:
    odd = AudioParams(sample_rate=3, channel=2, send_rate=100, data_opt=2)
    for status in (18, 19, 20, 21, 22, 24):
        zoom = Zoom(audio=odd, media=("audio",)).start().signaling_up().connect("audio").answer_media("audio", status)
        zoom.connect("audio")
        assert zoom.messages(3)[1]["media_params"]["audio"] == LANDLINE
        zoom.answer_media("audio", status)
        (end,) = zoom.of(Ended)
        assert end.kind == "refused"


def test_a_baseline_that_was_refused_is_not_sent_again() -> None:
    zoom = Zoom().start().signaling_up().connect("audio").answer_media("audio", 20)
    assert [event.status for event in zoom.of(MediaRefused)] == [20]


def test_without_parameters_after_status_17() -> None:
    zoom = Zoom().start().signaling_up().connect("audio").answer_media("audio", 17).connect("audio")
    assert "media_params" not in zoom.messages(3)[1]
    zoom.answer_media("audio", media_params=None)
    assert zoom.of(AudioFormat) == [AudioFormat(sample_rate_hz=16_000)]


def test_without_language_after_status_43() -> None:
    zoom = Zoom(src_language=28, enable_lid=False).start().signaling_up().connect("transcript")
    assert zoom.messages(3)[0]["media_params"]["transcript"] == {"content_type": 5, "src_language": 28, "enable_lid": False}
    zoom.answer_media("transcript", 43).connect("transcript")
    assert zoom.messages(3)[1]["media_params"]["transcript"] == {"content_type": 5, "enable_lid": False}


@pytest.mark.parametrize("status", [36, 37, 46])
def test_defaults_after_bad_transcript_parameters(status: int) -> None:
    zoom = Zoom().start().signaling_up().connect("transcript").answer_media("transcript", status).connect("transcript")
    assert "media_params" not in zoom.messages(3)[1]


def test_a_unified_link_goes_on_without_the_type_that_is_refused() -> None:
    zoom = Zoom(unified=True).start().signaling_up().connect("all")
    assert set(zoom.messages(3)[0]["media_params"]) == {"audio", "transcript"}
    assert zoom.messages(3)[0]["media_type"] == 32
    zoom.answer_media("all", 12).connect("all").answer_media("all")
    assert set(zoom.messages(3)[1]["media_params"]) == {"audio"}
    assert zoom.messages(7)


def test_message_2_on_a_media_link_answers_its_handshake() -> None:
    zoom = Zoom().start().signaling_up().connect("audio").connect("transcript")
    zoom.say("transcript", {"msg_type": 2, "status_code": 12}).say("audio", {"msg_type": 2, "status": 0})
    assert [event.link for event in zoom.of(MediaRefused)] == ["transcript"]
    assert zoom.messages(7)


def test_the_servers_format_counts() -> None:
    zoom = Zoom().start().signaling_up().connect("audio")
    zoom.answer_media("audio", media_params={"audio": LANDLINE | {"sample_rate": 3, "channel": 2, "codec": 4}})
    assert zoom.of(AudioFormat) == [AudioFormat(sample_rate_hz=48_000, channels=2, codec=4)]
    zoom.drop("audio").wait(3).connect("audio").answer_media("audio")
    assert zoom.of(AudioFormat)[1] == AudioFormat(sample_rate_hz=16_000), "told again when it changes"
    zoom.drop("audio").wait(3).connect("audio").answer_media("audio")
    assert len(zoom.of(AudioFormat)) == 2


def test_urls_by_type_then_all_then_any() -> None:
    zoom = Zoom().start().connect("signaling").answer_signaling(urls={"all": "wss://x.zoom.us/", "audio": "wss://a.zoom.us/"})
    assert [url for _, _, url in zoom.opened[1:]] == ["wss://a.zoom.us/", "wss://x.zoom.us/"]
    zoom = Zoom().start().connect("signaling").answer_signaling(urls="wss://x.zoom.us/")
    assert [url for _, _, url in zoom.opened[1:]] == ["wss://x.zoom.us/"] * 2


def test_no_media_server_is_the_end() -> None:
    zoom = Zoom().start().connect("signaling").answer_signaling(urls={})
    (end,) = zoom.of(Ended)
    assert (end.kind, "scopes" in end.error) == ("refused", True)


def test_a_media_server_elsewhere_is_not_opened() -> None:
    urls = {"audio": "wss://a.zoom.us/", "transcript": "wss://evil.com/"}
    zoom = Zoom().start().connect("signaling").answer_signaling(urls=urls)
    assert [event.link for event in zoom.of(MediaRefused)] == ["transcript"]
    zoom.media_up("audio")
    assert zoom.messages(7)


def test_early_media_is_counted_and_in_tolerant_mode_accepted() -> None:
    zoom = Zoom().start().signaling_up().connect("audio").audio()
    assert not zoom.of(Audio)
    assert zoom.stream.counters["media before the handshake's answer"] == 1
    zoom = Zoom(tolerant=True).start().signaling_up().connect("audio").connect("transcript").audio()
    assert [type(event) for event in zoom.events[1:]] == [LinkUp, AudioFormat, Audio]
    zoom.wait(2)
    assert zoom.messages(7), "the transcript's answer is not waited for either"
    zoom.answer_media("audio")
    assert zoom.stream.counters["unexpected MediaResponse"] == 1


def test_a_slow_transcript_does_not_hold_audio_back_when_it_comes_again() -> None:
    zoom = Zoom().streaming().drop("audio").drop("transcript").wait(3)
    zoom.connect("transcript").connect("audio").answer_media("audio")
    assert len(zoom.messages(7)) == 2


def test_audio_does_not_wait_for_a_transcript_that_failed() -> None:
    zoom = Zoom().start().signaling_up().media_up("audio").drop("transcript")
    assert len(zoom.messages(7)) == 1
    zoom.wait(3).media_up("transcript")
    assert len(zoom.messages(7)) == 2


# Losses and triggers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["signaling", "audio"])
def test_the_watchdog(link: str) -> None:
    others = tuple({"signaling", "audio", "transcript"} - {link})
    zoom = Zoom().streaming().wait(64, alive=others)
    assert zoom.has(link)
    zoom.wait(2, alive=others)
    assert not zoom.has(link)
    assert LinkDown(link=link, error="nothing came for too long") in zoom.events  # type: ignore[arg-type]


def test_any_frame_feeds_the_watchdog() -> None:
    zoom = Zoom().streaming()
    for _ in range(5):
        zoom.wait(60, alive=("transcript", "signaling")).say("audio", b"garbage")
    assert zoom.has("audio")


def test_an_interruption_told_before_the_close_makes_up_the_waiting() -> None:
    zoom = Zoom().streaming().interrupted().drop("signaling")
    assert zoom.has("signaling")
    zoom = Zoom().streaming()
    zoom.say("signaling", {"msg_type": 6, "event": {"event_type": 7, "timestamp": UNIX_MS}}).drop("audio")
    assert zoom.has("audio")
    assert len(zoom.of(PlatformEvent)) == 1


def test_an_interruption_told_after_the_close_ends_the_waiting() -> None:
    zoom = Zoom().streaming().drop("signaling").wait(1).interrupted().tick()
    assert zoom.opened_at("signaling") == [0.0, 1.0]


def test_a_late_interruption_does_not_hurt_a_healthy_link() -> None:
    zoom = Zoom().streaming().interrupted().state(2, 14).wait(60, alive=("signaling", "audio", "transcript"))
    assert len(zoom.opened) == 3


def test_a_link_that_zoom_lost_and_we_did_not_notice() -> None:
    zoom = Zoom().streaming().state(2, 14).wait(12, alive=("signaling", "transcript"))
    assert not zoom.has("audio")
    assert zoom.has("transcript")


def test_an_interruption_with_another_url_is_followed() -> None:
    zoom = Zoom().streaming().interrupted(NEXT_URL)
    assert zoom.opened[-1][1:] == ("signaling", NEXT_URL)


def test_signaling_interrupted_by_message_8() -> None:
    zoom = Zoom().streaming().state(2, 13)
    assert not zoom.sockets
    zoom.wait(3)
    assert zoom.has("signaling")


def test_a_link_that_opens_and_breaks_is_still_given_up() -> None:
    """Each attempt gets as far as signaling, none as far as media: the window must not begin anew each time."""
    zoom = Zoom().streaming().drop("signaling")
    lost_at = zoom.now
    while zoom.stream.phase is not Phase.ENDED:
        if zoom.has("signaling") and zoom.socket("signaling") in zoom.connecting:
            zoom.signaling_up().drop("signaling")
        zoom.wait(0.5)
    assert zoom.now - lost_at < 70


def test_jitter_is_added_to_the_back_off() -> None:
    zoom = Zoom(Stream(target(), SIGNATURE, ClientOptions(), jitter=lambda: 0.4)).start().drop("signaling")
    assert zoom.stream.next_deadline() == pytest.approx(zoom.now + 3.4)


def test_frames_of_superseded_sockets_are_ignored() -> None:
    zoom = Zoom().streaming()
    old = zoom.socket("audio")
    zoom.drop("audio").wait(3).media_up("audio")
    zoom.stream.received(old, json.dumps({"msg_type": 8, "state": 4}).encode(), zoom.now)
    zoom.stream.closed(old, zoom.now)
    zoom.stream.opened(old, zoom.now)
    zoom.take()
    assert zoom.stream.phase is Phase.STREAMING
    assert zoom.has("audio")
    assert zoom.stream.counters["frame of a superseded socket"] == 1


def test_a_stale_announcement_is_tried_once() -> None:
    old = target(event_ts_ms=UNIX_MS - 601_000)
    zoom = Zoom(Stream(old, SIGNATURE)).start().drop("signaling")
    assert zoom.of(Ended)[0].kind == "lost"
    assert len(zoom.opened) == 1
    zoom = Zoom(Stream(old, SIGNATURE)).start().signaling_up().media_up().drop("signaling").wait(3)
    assert zoom.has("signaling"), "once it works it is a stream like any other"


# Failover and repeats ------------------------------------------------------------------------------------------------


def test_a_failover_during_the_first_handshake() -> None:
    zoom = Zoom().start().connect("signaling").started(NEXT_URL, UNIX_MS + 1)
    assert zoom.opened[-1][1:] == ("signaling", NEXT_URL)
    zoom.started(NEXT_URL, UNIX_MS + 2).started(NEXT_URL, UNIX_MS + 2)
    assert len(zoom.opened) == 2, "the attempt under way is the right one"
    zoom.started(SIGNALING_URL, UNIX_MS)
    assert len(zoom.opened) == 2, "a late repeat of the first announcement leads back to a dead server"


def test_a_newer_started_for_a_link_that_seems_healthy_makes_it_suspect() -> None:
    zoom = Zoom().streaming()
    zoom.started(event_ts_ms=UNIX_MS + 1)
    opened = len(zoom.opened)
    zoom.wait(11)
    assert len(zoom.opened) == opened, "a frame may still come"
    zoom.wait(1 + 3)
    assert zoom.opened[opened] == (pytest.approx(1000 + 12 + 3), "signaling", SIGNALING_URL)


def test_a_suspect_link_that_shows_life_stays() -> None:
    zoom = Zoom().streaming()
    zoom.started(event_ts_ms=UNIX_MS + 1)
    opened = len(zoom.opened)
    zoom.wait(40, alive=("signaling", "audio", "transcript"))
    assert len(zoom.opened) == opened
    assert zoom.stream.counters["started again for a link that seems healthy"] == 1


def test_a_failover_resets_the_back_off() -> None:
    zoom = Zoom().streaming().drop("signaling").wait(3).drop("signaling").wait(6).drop("signaling").started(NEXT_URL, None)
    assert zoom.has("signaling")
    zoom.drop("signaling")
    assert zoom.stream.next_deadline() == pytest.approx(zoom.now + 3)


def test_webhooks_of_others_are_refused_and_those_without_meaning_ignored() -> None:
    zoom = Zoom().streaming()
    with pytest.raises(MisuseError, match="another stream"):
        zoom.stream.notify(Stopped(product="meeting", stream_id="other"), zoom.now)
    zoom.stream.notify(OtherWebhook(event="meeting.ended", raw=b""), zoom.now)
    assert zoom.stream.phase is Phase.STREAMING


# The end -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [*range(27), None, 99])
def test_stop_reasons_by_class(reason: int | None) -> None:
    zoom = Zoom().start().stopped(reason)
    (end,) = zoom.of(Ended)
    faults = {*range(10, 20), 24}
    assert end.kind == ("revoked" if reason == 8 else "fault" if reason in faults else "normal")
    assert end.reason == reason
    assert bool(end.error) is (reason in faults)
    if reason in faults:
        assert StopReason(reason).name in end.error


def test_what_comes_after_the_end_is_taken_until_it_is_quiet() -> None:
    zoom = Zoom().streaming().stopped(21)
    for number in range(60):
        zoom.audio(UNIX_MS + 20 * number).wait(2.9)
        assert not zoom.of(Ended), "a minute of backlog takes a slow host longer than that"
    zoom.wait(3.4)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=21)]
    assert len(zoom.of(Audio)) == 60


def test_a_server_that_never_stops_does_not_keep_a_stream_for_ever() -> None:
    zoom = Zoom().streaming().stopped(21)
    began = zoom.now
    for number in range(100):
        if zoom.of(Ended):
            break
        zoom.audio(UNIX_MS + 20 * number).wait(2)
    assert zoom.now - began == pytest.approx(TimeLimits().drain_most_s, abs=2)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=21)]


@pytest.mark.parametrize("busy_s", [3.31, 3.5, 20])
def test_a_caller_that_was_busy_reads_before_silence_ends_the_stream(busy_s: float) -> None:
    """Its timers are served first, and then the frames that lay in its sockets meanwhile."""
    zoom = Zoom().streaming().stopped(21)
    zoom.now += busy_s
    zoom.tick()
    assert not zoom.of(Ended)
    zoom.audio()
    assert len(zoom.of(Audio)) == 1
    zoom.now += 0.1
    zoom.wait(3.4)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=21)]


def test_terminating_without_an_end_does_not_cut_media_that_flows() -> None:
    zoom = Zoom().streaming().state(3, 6)
    for number in range(33):
        zoom.audio(UNIX_MS + 20 * number).wait(2.4, alive=("signaling", "audio"))
    assert not zoom.of(Ended)
    zoom.wait(3.4)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=6)]


def test_zoom_says_terminating_and_nothing_more() -> None:
    zoom = Zoom().streaming().state(3, 6).wait(30, alive=("signaling",)).drop("signaling").wait(3.4)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=6)]
    zoom = Zoom().streaming().state(3, 6).wait(66, alive=("signaling", "audio"))
    assert zoom.of(Ended) == [Ended(kind="normal", reason=6)]


def test_the_webhook_completes_the_reason() -> None:
    zoom = Zoom().streaming().state(4, 0).stopped(21).wait(3.4)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=21)]
    zoom = Zoom().streaming().state(4, 21).stopped(None).wait(3.4)
    assert zoom.of(Ended) == [Ended(kind="normal", reason=21)]


def test_a_session_that_stops_does_not_end_the_stream() -> None:
    zoom = Zoom().streaming()
    zoom.say("signaling", {"msg_type": 9, "rtms_session_id": "s-55", "state": 5, "stop_reason": 2, "timestamp": 1790000900})
    assert zoom.of(SessionStateChanged) == [SessionStateChanged(session_id="s-55", state=5, reason=2, at_unix_ms=1790000900000)]
    assert zoom.stream.phase is Phase.STREAMING


def test_closing_without_signaling_is_immediate() -> None:
    for zoom in (Zoom().start(), Zoom().streaming().drop("signaling")):
        zoom.stream.close(zoom.now)
        zoom.take()
        assert zoom.of(Ended)[0].kind == "closed"
        assert not zoom.messages(21)


def test_a_refused_close_closes_all_the_same() -> None:
    zoom = Zoom().streaming()
    zoom.stream.close(zoom.now)
    zoom.stream.close(zoom.now)
    zoom.take().say("signaling", {"msg_type": 22, "status_code": 2})
    assert zoom.of(Ended)[0].kind == "closed"
    assert len(zoom.messages(21)) == 1


def test_sockets_are_closed_media_first() -> None:
    zoom = Zoom().streaming()
    order = [zoom.socket(link) for link in ("audio", "transcript", "signaling")]
    zoom.stream.abandon()
    assert [action.socket for action in zoom.stream.actions()] == order


# Other media, other messages -----------------------------------------------------------------------------------------


def test_video_share_and_chat() -> None:
    media = ("audio", "video", "deskshare", "chat")
    stream = Stream(target("meeting"), SIGNATURE, ClientOptions(media=media))
    zoom = Zoom(stream).start().signaling_up()
    assert [entry["event_type"] for message in zoom.messages(5) for entry in message["events"]] == [
        *(2, 3, 4),
        *(5, 6),
        *(8, 9),
        *(10, 11, 12, 13, 14),
    ]
    zoom.media_up("audio")
    for link in media[1:]:
        zoom.connect(link).say(link, {"msg_type": 4, "status_code": 0})
    assert [message["media_type"] for message in zoom.messages(3)] == [1, 2, 4, 16]
    picture = {"user_id": 7, "user_name": "Lee", "data": "AAA=", "timestamp": UNIX_MS}
    zoom.say("video", {"msg_type": 15, "content": picture}).say("deskshare", {"msg_type": 16, "content": picture})
    zoom.say("chat", {"msg_type": 18, "content": {"data": "hi", "sender": {"user_id": 7, "user_name": "Lee"}}})
    assert zoom.of(Video) == [Video(source="7", timestamp_ms=UNIX_MS, data=b"\0\0", user_name="Lee")]
    assert zoom.of(Share) == [Share(source="7", timestamp_ms=UNIX_MS, data=b"\0\0", user_name="Lee")]
    (chat,) = zoom.of(Chat)
    assert (chat.source, chat.text, chat.user_name, chat.timestamp_ms) == ("7", "hi", "Lee", UNIX_MS)
    stream.subscribe_video(7, True, UNIX_MS)
    zoom.take().say("signaling", {"msg_type": 29, "user_id": 7, "status_code": 44})
    assert zoom.messages(28) == [{"msg_type": 28, "user_id": 7, "subscribe": True, "timestamp": UNIX_MS}]


def test_asking_for_the_state() -> None:
    zoom = Zoom().streaming()
    zoom.stream.ask_state()
    zoom.take().say("signaling", {"msg_type": 20, "rtms_stream_id": STREAM_ID, "state": 1, "timestamp": 1790000002})
    assert zoom.messages(19) == [{"msg_type": 19, "rtms_stream_id": STREAM_ID}]
    assert zoom.of(StreamStateChanged)[-1].at_unix_ms == 1790000002000
    with pytest.raises(MisuseError):
        Zoom().start().stream.ask_state()


def test_events_without_a_time_happened_now_but_the_first_packet_is_not_guessed() -> None:
    zoom = Zoom().streaming().wait(2)
    zoom.say("signaling", {"msg_type": 6, "event": {"event_type": 12}})
    zoom.say("signaling", {"msg_type": 6, "event": {"event_type": 1}}).say("signaling", {"msg_type": 6})
    assert [(event.name, event.at_unix_ms) for event in zoom.of(PlatformEvent)] == [("user_hold", UNIX_MS + 2000)]
    assert zoom.stream.counters["garbage"] == 2


def test_phones_own_codes_are_not_read_as_meeting_events() -> None:
    zoom = Zoom(Stream(target("phone"), SIGNATURE)).streaming()
    zoom.say("signaling", {"msg_type": 6, "event": {"event_code": 7, "timestamp": UNIX_MS}})
    zoom.say("signaling", {"msg_type": 6, "event": {"event_type": 1, "timestamp": UNIX_MS}})
    assert [event.name for event in zoom.of(PlatformEvent)] == ["event_7", "first_packet_timestamp"]


def test_unknown_fields_and_misplaced_messages_are_counted() -> None:
    zoom = Zoom().streaming().say("signaling", {"msg_type": 8, "state": 1, "colour": 1})
    zoom.audio(link="signaling").say("signaling", {"msg_type": 7, "rtms_stream_id": "x"}).answer_signaling(3)
    counts = zoom.stream.counters.snapshot()
    assert counts["unknown field StreamStateUpdate.colour"] == 1
    assert counts["media on signaling"] == 1
    assert counts["unexpected ClientReady"] == 1
    assert counts["unexpected SignalingResponse"] == 1
    for number in range(1000):
        zoom.say("signaling", {"msg_type": 8, "state": 1, f"field{number}": 1})
    assert len(zoom.stream.counters.snapshot()) <= 257


def test_media_whose_time_is_none_is_counted() -> None:
    zoom = Zoom().streaming().audio(0).audio(-5).audio(2**60)
    assert not zoom.of(Audio)
    assert zoom.stream.counters["media without a time"] == 3


def test_what_cannot_be_done() -> None:
    stream = Stream(target(), SIGNATURE, ClientOptions(limits=TimeLimits(connect_s=1)))
    stream.start(0.0, UNIX_MS)
    assert stream.next_deadline() == 1.0
    with pytest.raises(MisuseError, match="once"):
        stream.start(0.0, UNIX_MS)
