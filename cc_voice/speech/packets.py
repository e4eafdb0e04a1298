"""Packets of a live stream, turned into mono PCM: L16 and G.711 here, G.722 and Opus by PyAV (the optional extra `codecs`).

A decoder serves one source, because G.722 and Opus carry state from packet to packet. Whoever speaks is one voice, so the two
sides of a stereo packet are averaged. Keeping them apart lost: the sides of one party would count as two people talking at once.

PyAV is imported when a stream needs it and by nobody else. Of FFmpeg's two Opus decoders libopus is used: after a damaged packet
the other one once returned more samples than the packet lasts.
"""

import importlib.util
from typing import Any, Literal, Protocol, cast

import msgspec
import numpy as np

from cc_voice.speech.codecs import WIRE_SAMPLES, Samples, decode_alaw
from cc_voice.speech.errors import EncodingError, PacketError

CodecName = Literal["l16", "g711", "g722", "opus"]

_G722_HZ, _OPUS_HZ = 16_000, 48_000
"""What these decoders give, whatever rate a stream claims."""
_G722_DELAY_SAMPLES = 22
"""Of the two filter banks, coder and decoder together (measured)."""
_OPUS_DELAY_SAMPLES = 312
"""6.5 ms at 48 kHz: the coder's look-ahead, which in files is the pre-skip (RFC 7845, section 4.2; measured with libopus)."""
_LONGEST_OPUS_BYTES = 48 * 1277
"""120 ms as 48 frames (RFC 6716, section 3.2.1): more than this is no packet."""


class PacketEncoding(msgspec.Struct, frozen=True, kw_only=True):
    """How packets are encoded. G.711 is A-law. `rate_hz` means something to L16 and G.711 only."""

    codec: CodecName
    rate_hz: int = 16_000
    channels: int = 1


class PacketDecoder(Protocol):
    """Decodes one source's packets, in the order in which they came."""

    rate_hz: int
    delay_ms: float
    """How much later a sound is in the PCM than in the packets' time."""

    def decode(self, packet: bytes) -> Samples:
        """Return a packet as mono PCM. Raises PacketError; the next packet may be whole."""
        ...


def is_codec_library_installed() -> bool:
    """Whether G.722 and Opus can be decoded here."""
    return importlib.util.find_spec("av") is not None


def packet_decoder(encoding: PacketEncoding) -> PacketDecoder:
    """Return a decoder for one source. Raises EncodingError when this installation cannot decode it."""
    if encoding.channels not in (1, 2):
        raise EncodingError(f"audio of {encoding.channels} channels in one packet cannot be decoded; ask for 1 or 2")
    match encoding.codec:
        case "l16":
            return _Linear(encoding)
        case "g711":
            return _ALaw(encoding)
        case "g722":
            return _Compressed("g722", _G722_HZ, 1, _G722_DELAY_SAMPLES)
        case "opus":
            return _Compressed("libopus", _OPUS_HZ, encoding.channels, _OPUS_DELAY_SAMPLES)


class _Linear:
    """L16: signed 16-bit little-endian, interleaved. A torn sample at the end is left out, what is before it is kept."""

    delay_ms = 0.0

    def __init__(self, encoding: PacketEncoding) -> None:
        self.rate_hz = encoding.rate_hz
        self._channels = encoding.channels

    def decode(self, packet: bytes) -> Samples:
        whole = len(packet) // (2 * self._channels) * self._channels
        if not whole:
            raise PacketError("an L16 packet holds no sample")
        return _mono(np.frombuffer(packet, dtype=WIRE_SAMPLES, count=whole).reshape(-1, self._channels))


class _ALaw:
    """G.711 A-law: one byte a sample."""

    delay_ms = 0.0

    def __init__(self, encoding: PacketEncoding) -> None:
        self.rate_hz = encoding.rate_hz
        self._channels = encoding.channels

    def decode(self, packet: bytes) -> Samples:
        whole = len(packet) // self._channels * self._channels
        if not whole:
            raise PacketError("a G.711 packet holds no sample")
        return _mono(decode_alaw(packet[:whole]).reshape(-1, self._channels))


class _Compressed:
    """A codec with state, in FFmpeg's hands."""

    def __init__(self, codec: str, rate_hz: int, channels: int, delay_samples: int) -> None:
        if not is_codec_library_installed():
            raise EncodingError(f"{codec} audio needs PyAV; install cc-voice with the extra `codecs`, or ask Zoom for L16")
        import av

        self.rate_hz = rate_hz
        self.delay_ms = delay_samples * 1000 / rate_hz
        self._av = av
        self._context = cast(av.AudioCodecContext, av.CodecContext.create(codec, "r"))
        # Both before the first packet: avcodec_open2 takes them only then
        self._context.sample_rate = rate_hz
        self._context.layout = "mono" if channels == 1 else "stereo"

    def decode(self, packet: bytes) -> Samples:
        # To FFmpeg an empty packet means the end, and every packet after it would fail
        if not 0 < len(packet) <= _LONGEST_OPUS_BYTES:
            raise PacketError(f"a packet of {len(packet)} bytes cannot be decoded")
        try:
            frames = self._context.decode(self._av.Packet(packet))
        except self._av.FFmpegError as error:
            raise PacketError(f"a packet of {len(packet)} bytes cannot be decoded: {error}") from error
        if not frames:
            raise PacketError(f"a packet of {len(packet)} bytes holds no sound")
        return np.concatenate([_of_frame(frame) for frame in frames])


def _of_frame(frame: Any) -> Samples:
    """Return a frame of interleaved int16 as mono."""
    interleaved: Samples = frame.to_ndarray()
    return _mono(interleaved.reshape(-1, frame.layout.nb_channels))


def _mono(interleaved: Samples) -> Samples:
    """Average the channels; columns are channels."""
    channels = interleaved.shape[1]
    mean: Samples = interleaved[:, 0] if channels == 1 else interleaved.sum(axis=1, dtype=np.int32) // channels
    return mean.astype(np.int16, copy=False)
