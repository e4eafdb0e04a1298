"""Audio writer: what Zoom sends as audio, written down, decoded as the server says it is encoded, one channel per source, at one
rate.

The server's word on the encoding counts, not what was asked (rtms/README.md 6.3), and it may change with a reconnect. The recording
keeps the rate it began with – voice detection knows all of Zoom's – and what comes later at another is converted; only then do some
30 ms of audio exist nowhere but in memory. What cannot be decoded leaves a hole and is counted.
"""

from cc_voice.media.recordings import ChannelFile, Recording
from cc_voice.rtms.enums import Codec, ContentType
from cc_voice.rtms.events import AudioFormat
from cc_voice.sessions.losses import Why
from cc_voice.sessions.packet_pace import PacketShape
from cc_voice.speech.codecs import Samples, bytes_from_int16
from cc_voice.speech.errors import EncodingError, PacketError
from cc_voice.speech.packets import CodecName, PacketDecoder, PacketEncoding, packet_decoder
from cc_voice.speech.sample_rates import Resampler

_CODECS: dict[int, CodecName] = {Codec.L16: "l16", Codec.G711: "g711", Codec.G722: "g722", Codec.OPUS: "opus"}
MOST_SOURCES = 128
"""Each holds two files open. No contact center's call comes near it; a meeting with more speakers loses the last ones."""
_USUAL_MS = 20.0
"""The length of a packet whose size does not tell."""
_SAME_RUN_MS = 20
"""As in the recording: a packet less than a frame off continues its predecessor."""


class AudioWriter:
    """Writes the audio of one stream into its recording. Nothing that Zoom sends raises; a full disk does (OSError)."""

    def __init__(self, recording: Recording) -> None:
        self.refusal: str | None = None
        """Why audio cannot be used at present, a sentence for the operator."""
        self.refused = 0
        """Packets that came meanwhile."""
        self.damaged = 0
        """Packets that could not be decoded."""
        self.crowded_out = 0
        """Packets of sources beyond those that can be recorded."""
        self._recording = recording
        self._encoding = PacketEncoding(codec="l16", rate_hz=recording.header.sample_rate_hz)
        self._sources: dict[str, _SourceWriter] = {}
        self._shapes: dict[str, PacketEncoding] = {}
        """Of sources whose packets turned out to be other than told."""

    def set_shape(self, source: str, shape: PacketShape) -> None:
        """Decode what follows of a source as its packets are, whatever was told."""
        if (known := self._sources.pop(source, None)) is not None:
            known.finish()
        self._shapes[source] = PacketEncoding(codec="l16", rate_hz=shape.rate_hz, channels=shape.channels)

    def set_format(self, told: AudioFormat) -> None:
        """Decode what follows as the server says it is encoded."""
        self.finish()
        self._shapes.clear()
        try:
            encoding = _encoding(told)
            rate_hz = packet_decoder(encoding).rate_hz
        except EncodingError as error:
            self.refusal = str(error)
            return
        self.refusal, self._encoding = None, encoding
        if not self._recording.channels:
            self._recording.set_format(rate_hz)

    def write(self, source: str, at_ms: int, payload: bytes) -> int:
        """Write a packet that begins `at_ms` after the stream's start; return its length in ms, 0 when nothing could be used."""
        if self.refusal is not None:
            self.refused += 1
            return 0
        if source not in self._recording.channels and len(self._recording.channels) >= MOST_SOURCES:
            self.crowded_out += 1
            return 0
        if source not in self._sources:
            encoding = self._encoding_of(source)
            is_rough = encoding.codec in ("g722", "opus")
            self._sources[source] = _SourceWriter(self._recording, source, packet_decoder(encoding), is_rough=is_rough)
        try:
            return round(self._sources[source].write(at_ms, payload))
        except PacketError:
            self.damaged += 1
            return 0

    def clashes(self, source: str, at_ms: int, payload: bytes) -> bool:
        """Whether other audio has the time of a packet; never so of a codec that remembers: it cannot decode a packet twice."""
        file = self._recording.channels.get(source)
        encoding = self._encoding_of(source)
        plain = encoding.codec == "l16" and encoding.channels == 1
        if file is None or not plain or self.refusal is not None or encoding.rate_hz != file.rate_hz:
            return False
        return file.clashes(at_ms, payload)

    def _encoding_of(self, source: str) -> PacketEncoding:
        return self._shapes.get(source, self._encoding)

    def why_unusable(self, source: str) -> Why:
        """Return why the packet of a source that was just offered could not be written."""
        if self.refusal is not None:
            return "refused"
        return "damaged" if source in self._recording.channels or source in self._sources else "too many sources"

    def length_ms(self, source: str, payload: bytes) -> float:
        """Return how long a packet's audio is, as far as its size tells."""
        encoding = self._encoding_of(source)
        if self.refusal is not None or encoding.codec not in ("l16", "g711"):
            return _USUAL_MS
        sample_bytes = 2 if encoding.codec == "l16" else 1
        return len(payload) * 1000 / (sample_bytes * encoding.channels * encoding.rate_hz)

    def unplaced_ms(self, source: str) -> float:
        """Return how much audio of a source was written and found no place so far."""
        file = self._recording.channels.get(source)
        return 0.0 if file is None else file.lost_samples * 1000 / file.rate_hz

    def finish(self) -> None:
        """Write what decoding still holds back; the next packet begins anew."""
        for source in self._sources.values():
            source.finish()
        self._sources.clear()


class _SourceWriter:
    """The audio of one source on its way into its channel."""

    def __init__(self, recording: Recording, name: str, decoder: PacketDecoder, is_rough: bool) -> None:
        self._recording = recording
        self._is_rough = is_rough
        self._name = name
        self._decoder = decoder
        self._resampler: Resampler | None = None
        self._next_in_ms = 0.0
        self._next_out_ms = 0.0

    @property
    def _file(self) -> ChannelFile:
        """The channel; asked for once there is a sound, so that packets which hold none make no channel."""
        return self._recording.channel(self._name)

    def write(self, at_ms: float, payload: bytes) -> float:
        """Return the packet's length in ms. Raises PacketError."""
        samples = self._decoder.decode(payload)
        length_ms = len(samples) * 1000 / self._decoder.rate_hz
        spoken_ms = at_ms - self._decoder.delay_ms
        if self._decoder.rate_hz == self._file.rate_hz:
            self._file.write(spoken_ms, bytes_from_int16(samples), is_rough=self._is_rough)
        else:
            self._write_resampled(spoken_ms, samples, length_ms)
        return length_ms

    def _write_resampled(self, at_ms: float, samples: Samples, length_ms: float) -> None:
        """A run of packets without a hole goes through one resampler; where the next one begins, it gives back what it held."""
        if abs(at_ms - self._next_in_ms) >= min(length_ms, _SAME_RUN_MS):
            self.finish()
        if self._resampler is None:
            self._resampler = Resampler(self._decoder.rate_hz, self._file.rate_hz)
            self._next_in_ms = self._next_out_ms = at_ms
        self._next_in_ms += length_ms
        self._put(self._resampler.feed(samples))

    def finish(self) -> None:
        if self._resampler is not None:
            self._put(self._resampler.finish())
            self._resampler = None

    def _put(self, samples: Samples) -> None:
        self._file.write(self._next_out_ms, bytes_from_int16(samples), is_rough=True)
        self._next_out_ms += len(samples) * 1000 / self._file.rate_hz


def _encoding(told: AudioFormat) -> PacketEncoding:
    """Return the server's word as an encoding. Raises EncodingError for what nobody has described."""
    if told.content_type == ContentType.RTP:
        raise EncodingError("Zoom sends audio in RTP packets, whose layout it has not published; let the app ask for raw audio")
    if told.codec not in _CODECS:
        raise EncodingError(f"Zoom sends audio in codec {told.codec}, which is not known; let the app ask for L16")
    return PacketEncoding(codec=_CODECS[told.codec], rate_hz=told.sample_rate_hz, channels=told.channels)
