"""Stream options: what a site's settings make of the handshakes: every row of Zoom's table, and no link that nobody asked for."""

import itertools
from typing import Any

import pytest

from cc_voice.config.languages import LanguageSettings
from cc_voice.config.media_settings import MediaSettings
from cc_voice.config.settings import Settings, SettingsError, load
from cc_voice.rtms.media import is_valid_audio, is_valid_deskshare, is_valid_video
from cc_voice.rtms.stream import Stream
from cc_voice.sessions.stream_options import client_options
from tests.rtms.zoom import SIGNATURE, URLS, Zoom, target
from tests.speech.coding import needs_codecs

ROWS = [
    *itertools.product(["l16"], [8000, 16_000, 32_000, 48_000], [1, 2], range(20, 1001, 20)),
    ("g711", 8000, 1, 20),
    ("g722", 16_000, 1, 20),
    ("opus", 48_000, 1, 20),
    ("opus", 48_000, 2, 20),
]


def requests(media: MediaSettings, tag: str = "en", identify: bool = True) -> dict[str, Any]:
    """Return `media_params` of the links that are opened, by link."""
    options = client_options(Settings(media=media, language=LanguageSettings(identify=identify)), tag, resume=False)
    zoom = Zoom(Stream(target(), SIGNATURE, options)).start()
    zoom.connect("signaling").answer_signaling(
        urls=URLS | dict.fromkeys(("video", "deskshare", "chat"), "wss://m1.example.zoom.us/o")
    )
    for link in [link for _, link, _ in zoom.opened if link != "signaling"]:
        zoom.connect(link)
    return {link: message["media_params"] for link, message in zoom.sent if message["msg_type"] == 3}


def test_by_default_there_are_two_links_and_the_portable_audio() -> None:
    assert requests(MediaSettings()) == {
        "audio": {"audio": {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 2, "send_rate": 20}},
        "transcript": {"transcript": {"content_type": 5, "src_language": 9, "enable_lid": True}},
    }


@needs_codecs
@pytest.mark.parametrize("mixed", [False, True])
def test_every_row_of_the_table_can_be_asked_for(mixed: bool) -> None:
    for codec, rate_hz, channels, send_rate_ms in ROWS:
        chosen = {"codec": codec, "sample_rate_hz": rate_hz, "channels": channels, "send_rate_ms": send_rate_ms, "mixed": mixed}
        site = load(environ={}, overrides={"media": chosen})
        asked = client_options(site, "en", resume=False).audio
        assert is_valid_audio(asked), chosen
        assert (asked.sample_rate_hz, asked.channel, asked.send_rate) == (rate_hz, channels, send_rate_ms)
        assert asked.data_opt == (1 if mixed else 2)


def test_nothing_else_can_be_asked_for() -> None:
    for codec, rate_hz, channels, send_rate_ms in itertools.product(
        ["l16", "g711", "g722", "opus"], [8000, 11_025, 16_000, 32_000, 48_000], [0, 1, 2, 3], [0, 10, 20, 30, 40, 1000, 1020]
    ):
        if (codec, rate_hz, channels, send_rate_ms) not in ROWS:
            chosen = {"codec": codec, "sample_rate_hz": rate_hz, "channels": channels, "send_rate_ms": send_rate_ms}
            with pytest.raises(SettingsError, match=r"media\."):
                load(environ={}, overrides={"media": chosen})


@pytest.mark.parametrize(("kept", "codec", "share_fps", "video_fps"), [("images", 5, 1, 1), ("video", 7, 5, 15)])
def test_what_is_to_be_kept_gets_a_link_of_its_own(kept: Any, codec: int, share_fps: int, video_fps: int) -> None:
    asked = requests(MediaSettings(keep_chat=True, keep_share=kept, keep_video=kept))
    assert list(asked) == ["audio", "transcript", "deskshare", "video", "chat"]
    share, video = asked["deskshare"]["deskshare"], asked["video"]["video"]
    assert (share["codec"], share["fps"], video["codec"], video["fps"]) == (codec, share_fps, codec, video_fps)
    options = client_options(Settings(media=MediaSettings(keep_share=kept, keep_video=kept)), "en", resume=False)
    assert is_valid_deskshare(options.deskshare)
    assert is_valid_video(options.video)


@pytest.mark.parametrize(
    ("tag", "identify", "asked"),
    [
        ("es", True, {"src_language": 28, "enable_lid": True}),
        ("es-MX", False, {"src_language": 28, "enable_lid": False}),
        ("tlh", True, {"enable_lid": True}),
    ],
)
def test_the_transcript_is_asked_for_in_the_calls_language(tag: str, identify: bool, asked: dict[str, Any]) -> None:
    found = requests(MediaSettings(), tag, identify)["transcript"]["transcript"]
    assert found == {"content_type": 5} | asked


def test_a_language_that_zoom_refuses_is_left_out() -> None:
    zoom = Zoom(Stream(target(), SIGNATURE, client_options(Settings(), "es", resume=False))).start().signaling_up()
    zoom.connect("transcript").answer_media("transcript", 43).connect("transcript")
    assert ["src_language" in message["media_params"]["transcript"] for message in zoom.messages(3)] == [True, False]


def test_how_a_stream_is_received_follows_the_site() -> None:
    site = Settings(allow_insecure_links=True, tolerant_links=True, allowed_hosts=("example.com",))
    options = client_options(site, "en", resume=True)
    assert options.tolerant
    assert not client_options(Settings(), "en", resume=False).tolerant
    assert (options.allow_insecure, options.allowed_hosts, options.resume) == (True, ("example.com",), True)


def test_one_participants_camera_is_asked_for_as_such() -> None:
    asked = requests(MediaSettings(keep_video="video", video_of="Dana Ruiz"))["video"]["video"]
    assert asked["data_opt"] == 4
    assert requests(MediaSettings(keep_video="images"))["video"]["video"]["data_opt"] == 3
