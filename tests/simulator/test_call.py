"""Calls played over real sockets to a client of our own making."""

import json
from pathlib import Path

import soundfile

from cc_voice.simulator.report import CallRequest


def channel_pcm(wav: Path, number: int) -> bytes:
    samples, _ = soundfile.read(wav, dtype="int16", always_2d=True)
    return samples[:, number].tobytes()


async def test_a_client_hears_the_bytes_of_the_file(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.join()
    await client.ended()
    status = await stage.simulator.wait(client.announced.call)
    assert status.completed, status
    assert [channel.party for channel in status.channels] == ["agent", "customer"]
    for number, channel in enumerate(status.channels):
        heard = client.audio()[channel.channel]
        assert b"".join(heard[timestamp] for timestamp in sorted(heard)) == channel_pcm(wav, number)
        assert client.sha256(channel.channel) == channel.sha256
        assert (channel.packets, channel.bytes, channel.replayed_packets) == (100, 64_000, 0)
        assert channel.first_timestamp == status.start_unix_ms == json.loads(client.announced.body)["event_ts"]
        assert channel.last_timestamp == status.start_unix_ms + 1980
