"""Handshakes: what ours say, and how a refusal changes what the next one says (README 5.1, 6.1, 6.2, 7.8).

Every change is tried once: a server that refuses the changed request as well is taken at its word.
"""

from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec import UNSET

from ..errors import MisuseError
from ..events import LinkName
from ..media import (
    BASELINE,
    MEDIA_KINDS,
    ChatParams,
    MediaKind,
    MediaParams,
    TranscriptParams,
)
from ..messages import MediaRequest, SignalingRequest
from ..options import ClientOptions, StreamTarget
from ..products import FALLBACK_KEY
from .statuses import Treatment


class HandshakeIdentity:
    """Who we say we are. The key of the id is settled by the first handshake that succeeds."""

    def __init__(self, target: StreamTarget, signature: str) -> None:
        self.stream_id = target.stream_id
        self._instance_id = target.instance_id
        self._signature = signature
        self._key = target.instance_key
        self._settled = False

    def signaling_request(self, buffer_data: bool) -> SignalingRequest:
        """Message 1."""
        plain = SignalingRequest(rtms_stream_id=self.stream_id, signature=self._signature, buffer_data=buffer_data)
        request: SignalingRequest = plain.under(self._key, self._instance_id)
        return request

    def media_request(self, media_type: int, params: MediaParams | None) -> MediaRequest:
        """Message 3."""
        plain = MediaRequest(
            rtms_stream_id=self.stream_id,
            signature=self._signature,
            media_type=media_type,
            media_params=UNSET if params is None else params,
        )
        request: MediaRequest = plain.under(self._key, self._instance_id)
        return request

    def settle(self) -> None:
        """The key was accepted."""
        self._settled = True

    def change_key(self) -> bool:
        """Use the fallback key from now on; False when that was tried, or the key is known to be right."""
        if self._settled or self._key == FALLBACK_KEY:
            return False
        self._key = FALLBACK_KEY
        return True


class MediaOffer:
    """What one media link asks for."""

    def __init__(self, kind: MediaKind, options: ClientOptions) -> None:
        self.kind = kind
        self._params: MediaParams | None = _wanted(kind, options)
        self._tried: set[Treatment] = set()

    @property
    def params(self) -> MediaParams | None:
        """`media_params` of the next request; None: leave them to the server."""
        return self._params

    @property
    def carries_audio(self) -> bool:
        return self.kind.name in ("audio", "all")

    def adapt(self, change: Treatment) -> bool:
        """Change the request as a refusal demands; False when it was changed so before, or there is nothing to change."""
        if change in self._tried:
            return False
        self._tried.add(change)
        before = self._params
        match change:
            case Treatment.NO_PARAMS:
                self._params = None
            case Treatment.DEFAULTS:
                self._params = self._without_rest()
            case Treatment.GIVE_UP_TYPE if self.kind.name == "all":
                self._params = self._without_rest()  # one type without scope must not take the others with it
            case Treatment.BASELINE:
                self._params = self._with_audio(data_opt=None)
            case Treatment.OTHER_DATA_OPT:
                self._params = self._with_audio(data_opt=self._other_data_opt())
            case Treatment.NO_LANGUAGE:
                self._params = self._without_language()
            case (
                Treatment.GIVE_UP_TYPE
                | Treatment.ACCEPT
                | Treatment.STOP
                | Treatment.UNKNOWN_STREAM
                | Treatment.WRONG_SIGNATURE
                | Treatment.OTHER_KEY
                | Treatment.DUPLICATE
                | Treatment.BACK_OFF
                | Treatment.IGNORE
            ):
                return False
            case _ as never:
                assert_never(never)
        return self._params != before

    def _other_data_opt(self) -> int:
        audio = self._params.audio if self._params is not None else UNSET
        return 3 - audio.data_opt if audio is not UNSET and audio.data_opt in (1, 2) else 1

    def _with_audio(self, data_opt: int | None) -> MediaParams | None:
        params = self._params
        if params is None or params.audio is UNSET:
            return params
        if data_opt is None:
            audio = msgspec.structs.replace(BASELINE, data_opt=params.audio.data_opt)
        else:
            audio = msgspec.structs.replace(params.audio, data_opt=data_opt)
        return msgspec.structs.replace(params, audio=audio)

    def _without_language(self) -> MediaParams | None:
        params = self._params
        if params is None or params.transcript is UNSET:
            return params
        return msgspec.structs.replace(params, transcript=msgspec.structs.replace(params.transcript, src_language=UNSET))

    def _without_rest(self) -> MediaParams | None:
        """Keep audio, whose format we must choose, and leave all other types to the server."""
        params = self._params
        return MediaParams(audio=params.audio) if params is not None and params.audio is not UNSET else None


def check_media(names: Sequence[str]) -> None:
    """Raise MisuseError unless the names are media, each once, and at least one."""
    known = set(MEDIA_KINDS) - {"all"}
    if not names or len(set(names)) < len(names) or not known.issuperset(names):
        raise MisuseError(f"ClientOptions.media must name at least one of {', '.join(sorted(known))}, each once; not {names!r}")


def offers(options: ClientOptions) -> tuple[MediaOffer, ...]:
    """Return one offer per media link to open, in order of importance."""
    names: tuple[LinkName, ...] = ("all",) if options.unified else options.media
    return tuple(MediaOffer(MEDIA_KINDS[name], options) for name in names)


def _wanted(kind: MediaKind, options: ClientOptions) -> MediaParams:
    names = options.media if kind.name == "all" else (kind.name,)
    language = UNSET if options.src_language is None else options.src_language
    detect = UNSET if options.enable_lid is None else options.enable_lid
    return MediaParams(
        audio=options.audio if "audio" in names else UNSET,
        video=options.video if "video" in names else UNSET,
        deskshare=options.deskshare if "deskshare" in names else UNSET,
        transcript=TranscriptParams(src_language=language, enable_lid=detect) if "transcript" in names else UNSET,
        chat=ChatParams() if "chat" in names else UNSET,
    )
