"""Options of a stream: what a session asks Zoom for, the site's settings and the call's language as options of the client.

The server may grant something else; what is done with that is `audio_writer.py`, and for pictures `media/pictures.py`.
"""

from cc_voice.config.media_settings import MediaSettings
from cc_voice.config.settings import Settings
from cc_voice.rtms.enums import Codec, DataOption, SampleRate, language_number
from cc_voice.rtms.media import AudioParams, DeskshareParams, VideoParams
from cc_voice.rtms.options import ClientOptions, MediaName
from cc_voice.sessions.call_languages import asks_zoom_to_identify

_CODECS = {"l16": Codec.L16, "g711": Codec.G711, "g722": Codec.G722, "opus": Codec.OPUS}
_RATES = {rate.hz: rate for rate in SampleRate}
_VIDEO_FPS, _SHARE_FPS = 15, 5
"""For H.264, which Zoom sends of cameras above 5 fps and of screens above 1 (rtms/README.md 6.2); screens change seldom."""


def client_options(settings: Settings, language: str, resume: bool) -> ClientOptions:
    """Return how to receive a stream in which `language` (BCP-47) is expected; `resume`: an earlier session had it."""
    media = settings.media
    return ClientOptions(
        allow_insecure=settings.allow_insecure_links,
        tolerant=settings.tolerant_links,
        allowed_hosts=settings.allowed_hosts,
        resume=resume,
        media=_wanted(media),
        audio=_audio(media),
        video=_video(media),
        deskshare=DeskshareParams(codec=Codec.H264, fps=_SHARE_FPS) if media.keep_share == "video" else DeskshareParams(),
        src_language=language_number(language),
        enable_lid=asks_zoom_to_identify(settings.language, language),
    )


def _video(media: MediaSettings) -> VideoParams:
    # One participant's own stream comes only once it is subscribed to (5.10), which the session does
    chosen = DataOption.VIDEO_SINGLE_INDIVIDUAL_STREAM if media.video_of else DataOption.VIDEO_SINGLE_ACTIVE_STREAM
    if media.keep_video == "video":
        return VideoParams(codec=Codec.H264, fps=_VIDEO_FPS, data_opt=chosen)
    return VideoParams(fps=1, data_opt=chosen)


def _wanted(media: MediaSettings) -> tuple[MediaName, ...]:
    """Return the kinds of media, the most important first."""
    wanted: list[MediaName] = ["audio", "transcript"]
    if media.keep_share != "off":
        wanted.append("deskshare")
    if media.keep_video != "off":
        wanted.append("video")
    if media.keep_chat:
        wanted.append("chat")
    return tuple(wanted)


def _audio(media: MediaSettings) -> AudioParams:
    return AudioParams(
        codec=_CODECS[media.codec],
        sample_rate=_RATES[media.rate_hz],
        channel=media.channels,
        data_opt=DataOption.AUDIO_MIXED_STREAM if media.mixed else DataOption.AUDIO_MULTI_STREAMS,
        send_rate=media.send_rate_ms,
    )
