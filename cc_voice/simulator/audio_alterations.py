"""Audio alterations: packets that say otherwise than agreed whose they are, when they were said, or how much they hold."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cc_voice.simulator.scenario import RATE_HZ
from cc_voice.simulator.wire import Message, Msg

USER_PACKETS = 100
"""So many packets of a source come under its user's id."""


class UserFirst:
    """Names who speaks by user in the first packets and lines of each source, and by channel from then on: two names, one party."""

    def __init__(self) -> None:
        self._counts: dict[Any, int] = {}

    def __call__(self, message: Message) -> list[Message]:
        content = message.get("content", {})
        if message["msg_type"] not in (Msg.AUDIO, Msg.TRANSCRIPT) or "channel_id" not in content:
            return [message]
        channel = content["channel_id"]
        if message["msg_type"] == Msg.AUDIO:
            self._counts[channel] = self._counts.get(channel, 0) + 1
        is_first = self._counts.get(channel, 0) <= USER_PACKETS
        return [
            message
            | {"content": {key: value for key, value in content.items() if key != ("channel_id" if is_first else "user_id")}}
        ]

    def held(self) -> list[Message]:
        return []


class Halved:
    """Sends each audio packet in two."""

    def __call__(self, message: Message) -> list[Message]:
        samples = _samples(message)
        if samples is None or len(samples) < 2:
            return [message]
        half = len(samples) // 2
        lasts_ms = half * 1000 // RATE_HZ
        at = message["content"]["timestamp"]
        return [_with_samples(message, samples[:half], at), _with_samples(message, samples[half:], at + lasts_ms)]

    def held(self) -> list[Message]:
        return []


def at_half_the_rate(message: Message) -> Message:
    """Audio at 8 kHz where 16 were agreed on: half as many bytes for the same time."""
    samples = _samples(message)
    if samples is None:
        return message
    # Each two are one: a resampler would begin anew with each packet, and leave marks where they meet
    pairs = samples[: len(samples) // 2 * 2].reshape(-1, 2).astype(np.int32)
    return _with_samples(message, (pairs.sum(axis=1) // 2).astype(np.int16), message["content"]["timestamp"])


def audio_in_seconds(message: Message) -> Message:
    """Audio timed in seconds where milliseconds are due: a call of 1970, fifty packets of a party at the same time."""
    if message["msg_type"] != Msg.AUDIO:
        return message
    return message | {"content": message["content"] | {"timestamp": message["content"]["timestamp"] // 1000}}


def _samples(message: Message) -> NDArray[np.int16] | None:
    """The samples of an audio packet, taken for L16 at the usual rate; None for what is no audio."""
    if message["msg_type"] != Msg.AUDIO:
        return None
    payload = base64.b64decode(message["content"]["data"])
    return np.frombuffer(payload, dtype="<i2", count=len(payload) // 2)


def _with_samples(message: Message, samples: NDArray[np.int16], at: int) -> Message:
    payload = samples.astype("<i2").tobytes()
    data = base64.b64encode(payload).decode()
    changed = message["content"] | {"data": data, "timestamp": at}
    return message | {"content": changed | ({"length": len(payload)} if "length" in changed else {})}
