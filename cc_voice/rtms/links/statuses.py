"""Statuses: what a refused handshake makes us do (README 7.8), as data. `handshakes.py` and `rtms/stream.py` carry it out."""

from collections.abc import Mapping
from enum import Enum, auto

from ..enums import Status


class Treatment(Enum):
    """What to do about a status."""

    ACCEPT = auto()
    STOP = auto()
    """A mistake of ours or of the configuration: trying again changes nothing."""
    UNKNOWN_STREAM = auto()
    """Try the id under the fallback key, once (5.1). Then it is final – unless the stream was ours a moment ago (8.4)."""
    WRONG_SIGNATURE = auto()
    """Final; while the stream was ours a moment ago, as UNKNOWN_STREAM."""
    OTHER_KEY = auto()
    """Try the id under the fallback key, once (5.1), then stop."""
    DUPLICATE = auto()
    """The server still holds an older link: again after 1.5, 3, 6 s, then by back-off."""
    BACK_OFF = auto()
    GIVE_UP_TYPE = auto()
    """The app has no scope or licence for this media type; the others go on."""
    BASELINE = auto()
    """Once more with the audio row that every server takes."""
    OTHER_DATA_OPT = auto()
    """Once more with mixed audio instead of one stream per party, or the other way round."""
    NO_PARAMS = auto()
    """Once more without `media_params`."""
    DEFAULTS = auto()
    """Once more without the parameters of this type."""
    NO_LANGUAGE = auto()
    """Once more without `src_language`."""
    IGNORE = auto()
    """Does not answer a handshake, or needs nothing done."""


TREATMENTS: Mapping[int, Treatment] = {
    Status.OK: Treatment.ACCEPT,
    Status.INVALID_MESSAGE_TYPE: Treatment.STOP,
    Status.INVALID_RTMS_STREAM_ID: Treatment.UNKNOWN_STREAM,
    Status.INVALID_SIGNATURE: Treatment.WRONG_SIGNATURE,
    Status.INVALID_PAYLOAD: Treatment.OTHER_KEY,
    Status.INVALID_EVENTS: Treatment.IGNORE,
    Status.INVALID_EVENT_TYPE: Treatment.IGNORE,
    Status.INVALID_MEDIA_TYPE: Treatment.STOP,
    Status.DUPLICATE_SIGNAL_REQUEST: Treatment.DUPLICATE,
    Status.MEDIA_TYPE_AUDIO_NOT_SUPPORT: Treatment.GIVE_UP_TYPE,
    Status.MEDIA_TYPE_VIDEO_NOT_SUPPORT: Treatment.GIVE_UP_TYPE,
    Status.MEDIA_TYPE_DESKSHARE_NOT_SUPPORT: Treatment.GIVE_UP_TYPE,
    Status.MEDIA_TYPE_TRANSCRIPT_NOT_SUPPORT: Treatment.GIVE_UP_TYPE,
    Status.MEDIA_TYPE_CHAT_NOT_SUPPORT: Treatment.GIVE_UP_TYPE,
    Status.MEDIA_TYPE_INVALID_VALUE: Treatment.STOP,
    # A unified link of a predecessor of ours, dead but not yet missed: it goes as one of the same type does.
    Status.MEDIA_DATA_ALL_CONNECTION_EXIST: Treatment.DUPLICATE,
    Status.DUPLICATE_MEDIA_DATA_CONNECTION: Treatment.DUPLICATE,
    Status.INVALID_MEDIA_PARAMS: Treatment.NO_PARAMS,
    Status.INVALID_MEDIA_AUDIO_PARAMS: Treatment.BASELINE,
    Status.INVALID_MEDIA_AUDIO_CONTENT_TYPE: Treatment.BASELINE,
    Status.INVALID_MEDIA_AUDIO_SAMPLE_RATE: Treatment.BASELINE,
    Status.INVALID_MEDIA_AUDIO_CHANNEL: Treatment.BASELINE,
    Status.INVALID_MEDIA_AUDIO_CODEC: Treatment.BASELINE,
    Status.INVALID_MEDIA_AUDIO_DATA_OPT: Treatment.OTHER_DATA_OPT,
    Status.INVALID_MEDIA_AUDIO_SEND_RATE: Treatment.BASELINE,
    **dict.fromkeys(range(Status.INVALID_MEDIA_VIDEO_PARAMS, Status.INVALID_MEDIA_CHAT_CONTENT_TYPE + 1), Treatment.DEFAULTS),
    Status.INVALID_RTMS_SESSION_ID: Treatment.IGNORE,
    # Message 7 has no answer in any document; should this come, the handshake timer or the watchdog follows.
    Status.INVALID_CLIENT_READY_ACK: Treatment.IGNORE,
    Status.INVALID_EVENT_SUBSCRIBE: Treatment.IGNORE,
    Status.INVALID_MEDIA_TRANSCRIPT_SOURCE_LANGUAGE: Treatment.NO_LANGUAGE,
    Status.DUPLICATE_VIDEO_SUBSCRIPTION: Treatment.IGNORE,
    Status.INTERNAL_EXCEPTION: Treatment.BACK_OFF,
    Status.INVALID_MEDIA_TRANSCRIPT_TARGET_LANGUAGE: Treatment.DEFAULTS,
    Status.CHAT_SESSION_KEY_NOT_AVAILABLE: Treatment.GIVE_UP_TYPE,
}


def treatment(code: int) -> Treatment:
    """Return what to do about a handshake's status. Numbers above 47 belong to a legacy numbering: never branch on them."""
    found = TREATMENTS.get(code, Treatment.BACK_OFF)
    return Treatment.BACK_OFF if found is Treatment.IGNORE else found
