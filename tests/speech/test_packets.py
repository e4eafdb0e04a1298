"""Packets of every encoding that Zoom sends decode to the sound that went in, at the time it had; damaged ones are told."""

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech import packets
from cc_voice.speech.codecs import Samples, bytes_from_int16
from cc_voice.speech.errors import EncodingError, PacketError
from cc_voice.speech.packets import PacketEncoding, packet_decoder
from tests.speech.coding import alaw, cut, encoded, needs_codecs


def noise(rate_hz: int, length_ms: int = 1000) -> Samples:
    """Noise without the highest tones, which codecs drop: nothing else shows a delay as sharply."""
    rough = np.random.default_rng(3).normal(0, 9000, rate_hz * length_ms // 1000)
    return np.convolve(rough, np.hanning(rate_hz // 800) / (rate_hz // 1600), "same").clip(-32000, 32000).astype(np.int16)


def decoded(encoding: PacketEncoding, wire: list[bytes]) -> Samples:
    decoder = packet_decoder(encoding)
    return np.concatenate([decoder.decode(packet) for packet in wire])


def likeness(one: Samples, other: Samples) -> float:
    """Correlation of two sounds, 1 for equal ones."""
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length].astype(float), other[:length].astype(float))[0, 1])


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 32_000, 48_000])
@pytest.mark.parametrize("packet_ms", [20, 100, 1000])
def test_l16_is_the_sound_itself_at_every_rate_and_size(rate_hz: int, packet_ms: int) -> None:
    sound = noise(rate_hz)
    wire = cut(bytes_from_int16(sound), rate_hz * packet_ms // 1000 * 2)
    decoder = packet_decoder(PacketEncoding(codec="l16", rate_hz=rate_hz))
    assert (decoder.rate_hz, decoder.delay_ms) == (rate_hz, 0)
    assert np.array_equal(np.concatenate([decoder.decode(packet) for packet in wire]), sound)


def test_the_sides_of_a_stereo_packet_are_averaged() -> None:
    sides = np.array([[100, 300], [-32768, -32768], [32767, 32767], [7, -7]], dtype=np.int16)
    decoder = packet_decoder(PacketEncoding(codec="l16", channels=2))
    assert decoder.decode(bytes_from_int16(sides.reshape(-1))).tolist() == [200, -32768, 32767, 0]


def test_zooms_published_bytes_are_the_published_samples() -> None:
    assert packet_decoder(PacketEncoding(codec="l16")).decode(base64.b64decode("Hw1kDacNAA4=")).tolist() == [3359, 3428, 3495, 3584]


def test_a_torn_sample_is_left_out_and_the_rest_is_kept() -> None:
    assert packet_decoder(PacketEncoding(codec="l16")).decode(b"\x01\x00\x02\x00\x03").tolist() == [1, 2]
    assert packet_decoder(PacketEncoding(codec="l16", channels=2)).decode(b"\x01\x00\x03\x00\x09\x00").tolist() == [2]


def test_alaw_keeps_the_sound() -> None:
    sound = noise(8000)
    heard = decoded(PacketEncoding(codec="g711", rate_hz=8000), cut(alaw(sound), 160))
    assert len(heard) == len(sound)
    assert likeness(heard, sound) > 0.999


@needs_codecs
def test_g722_keeps_the_sound_and_tells_its_delay() -> None:
    sound = noise(16_000)
    decoder = packet_decoder(PacketEncoding(codec="g722", rate_hz=8000))
    wire = encoded("g722", sound, 16_000)
    assert {len(packet) for packet in wire} == {160}
    heard = np.concatenate([decoder.decode(packet) for packet in wire])
    assert decoder.rate_hz == 16_000
    assert len(heard) == len(sound)
    assert likeness(heard[round(decoder.delay_ms * 16) :], sound) > 0.99


@needs_codecs
@pytest.mark.parametrize("packet_ms", [20, 60])
@pytest.mark.parametrize("channels", [1, 2])
def test_opus_keeps_the_sound_and_tells_its_delay(packet_ms: int, channels: int) -> None:
    sound = noise(48_000, 1200)
    decoder = packet_decoder(PacketEncoding(codec="opus", rate_hz=16_000, channels=channels))
    parts = [decoder.decode(packet) for packet in encoded("libopus", sound, 48_000, packet_ms, channels)]
    assert {len(part) for part in parts} == {48 * packet_ms}
    assert decoder.rate_hz == 48_000
    assert likeness(np.concatenate(parts)[round(decoder.delay_ms * 48) :], sound) > 0.95


@needs_codecs
def test_a_damaged_opus_packet_costs_itself_only() -> None:
    sound = noise(48_000)
    wire = encoded("libopus", sound, 48_000)
    decoder = packet_decoder(PacketEncoding(codec="opus"))
    whole = np.concatenate([decoder.decode(packet) for packet in wire])
    for packet in wire[:10]:
        decoder.decode(packet)
    for damaged in (b"", b"\xff", b"\x03\xff\xff\xff", bytes(100_000)):
        with pytest.raises(PacketError):
            decoder.decode(damaged)
    after = [decoder.decode(packet) for packet in wire[11:]]
    assert {len(part) for part in after} == {960}
    assert likeness(np.concatenate(after[5:]), whole[16 * 960 :]) > 0.95


@needs_codecs
def test_sources_do_not_disturb_each_other() -> None:
    first, second = noise(16_000), noise(16_000)[::-1].copy()
    wires = encoded("g722", first, 16_000), encoded("g722", second, 16_000)
    decoders = [packet_decoder(PacketEncoding(codec="g722")) for _ in wires]
    heard: list[list[Samples]] = [[], []]
    for pair in zip(*wires, strict=True):
        for into, decoder, packet in zip(heard, decoders, pair, strict=True):
            into.append(decoder.decode(packet))
    for into, wire in zip(heard, wires, strict=True):
        assert np.array_equal(np.concatenate(into), decoded(PacketEncoding(codec="g722"), wire))


def _codecs() -> list[str]:
    return ["l16", "g711", *(["g722", "opus"] if packets.is_codec_library_installed() else [])]


@given(
    codec=st.sampled_from(_codecs()),
    channels=st.sampled_from([1, 2]),
    wire=st.lists(st.binary(max_size=700), min_size=1, max_size=8),
)
def test_no_bytes_raise_anything_but_packet_errors(codec: Any, channels: int, wire: list[bytes]) -> None:
    decoder = packet_decoder(PacketEncoding(codec=codec, channels=channels))
    for packet in wire:
        try:
            samples = decoder.decode(packet)
        except PacketError:
            continue
        assert samples.dtype == np.int16
        assert samples.ndim == 1
        assert 0 < len(samples) <= 48 * 120 * 2


def test_more_than_two_channels_are_refused() -> None:
    with pytest.raises(EncodingError, match="6 channels"):
        packet_decoder(PacketEncoding(codec="l16", channels=6))


@pytest.mark.parametrize("codec", ["g722", "opus"])
def test_without_the_library_the_operator_is_told_what_to_install(codec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "is_codec_library_installed", lambda: False)
    with pytest.raises(EncodingError, match="extra `codecs`"):
        packet_decoder(PacketEncoding(codec=codec))
