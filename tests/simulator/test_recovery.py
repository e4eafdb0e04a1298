"""Lost links, late clients, dead servers: what is buffered and sent again, what is told, when the stream is given up."""

import pytest

from cc_voice.simulator.report import CallRequest


async def heard(client, packets: int, link: str = "audio") -> None:
    """Wait until so many audio packets have come."""
    await client.expect(link, lambda message: message["msg_type"] == 14 and len(client.kinds(14, link)) >= packets)


async def rejoin_media(client, **changes) -> None:
    await client.media(media_params={"audio": {"data_opt": 2}}, **changes)
    await client.ready()


@pytest.mark.parametrize("speed", ["max", 4.0])
async def test_media_lost_and_back(stage, wav, speed):
    client = await stage.call(CallRequest(file=str(wav), speed=speed))
    await client.join()
    await heard(client, 10)
    stage.simulator.drop(client.announced.call, "media")
    told = await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 7)
    assert told["event"]["timestamp"] > 1.6e12
    await client.expect("signaling", lambda message: message["msg_type"] == 8 and (message["state"], message["reason"]) == (2, 14))
    assert stage.simulator.call(client.announced.call).state == "interrupted"
    await rejoin_media(client)
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed, status
    assert (status.interruptions, status.sockets_opened) == (1, 3)
    assert [message["state"] for message in client.kinds(8)] == [1, 2, 1, 3, 4]
    for channel in status.channels:
        assert channel.bytes == 64_000
        assert client.sha256(channel.channel) == channel.sha256, "nothing is missing; replays agree with the original"


@pytest.mark.parametrize("speed", ["max", 4.0])
async def test_signaling_lost_takes_media_with_it(stage, wav, speed):
    client = await stage.call(CallRequest(file=str(wav), speed=speed))
    await client.join()
    await heard(client, 10)
    stage.simulator.drop(client.announced.call, "signaling")
    await client.ended()  # both sockets are gone
    status = stage.simulator.call(client.announced.call)
    assert (status.state, status.stop_reason) == ("interrupted", None)
    await client.join()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed, status
    assert [channel.sha256 for channel in status.channels] == [client.sha256(channel.channel) for channel in status.channels]
    answered = [event["event_type"] for event in client.events() if event["event_type"] in (8, 10)]
    assert answered == [10, 8], "told again after the new subscription"


async def test_a_client_that_closes_without_a_word_can_come_back(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=4.0))
    await client.join()
    await heard(client, 10)
    await client.close()
    successor = stage.another(client)
    await successor.join()
    await successor.ended()
    status = await stage.simulator.wait(client.announced.call)
    assert status.completed
    for channel in status.channels:
        packets = client.audio()[channel.channel] | successor.audio()[channel.channel]
        assert len(packets) == 100
        replayed = set(client.audio()[channel.channel]) & set(successor.audio()[channel.channel])
        assert len(replayed) <= channel.replayed_packets


async def test_what_was_sent_last_is_sent_again(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.join()
    await heard(client, 20)
    stage.simulator.drop(client.announced.call, "media")
    await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 7)
    before = {channel.channel: channel for channel in stage.simulator.call(client.announced.call).channels}
    client.messages["audio"].clear()
    await rejoin_media(client)
    await client.ended()
    after = stage.simulator.call(client.announced.call).channels
    assert all(channel.replayed_packets == before[channel.channel].packets for channel in after), "no keep-alive was answered yet"
    assert len(client.kinds(14, "audio")) == 200


async def test_other_packets_after_a_reconnect(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=4.0))
    await client.join()
    await heard(client, 10)
    stage.simulator.drop(client.announced.call, "media")
    await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 7)
    first = client.audio()
    client.messages["audio"].clear()
    await client.media(media_params={"audio": {"data_opt": 2, "send_rate": 100}})
    await client.ready()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed
    for channel in status.channels:
        sound = {}
        for packets in (first, client.audio()):
            for timestamp, payload in packets[channel.channel].items():
                sound |= {timestamp + offset // 32: payload[offset : offset + 640] for offset in range(0, len(payload), 640)}
        assert len(sound) == 100


@pytest.mark.stage(media_window_s=0.15)
async def test_media_that_does_not_come_back_ends_the_stream(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.join()
    await heard(client, 2)
    stage.simulator.drop(client.announced.call, "audio")
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert (status.stop_reason, status.completed) == (19, False)
    assert client.kinds(8)[-1]["reason"] == 19


@pytest.mark.stage(signaling_window_s=0.15)
@pytest.mark.parametrize("speed", ["max", 1.0])
async def test_a_client_that_does_not_come_back_ends_the_stream(stage, wav, speed):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.join()
    await heard(client, 2)
    await client.close()
    status = await stage.simulator.wait(client.announced.call)
    assert status.stop_reason == 19


async def test_the_end_waits_for_a_lost_client(stage, wav):
    """The script is over long before the client is back: its audio is still there."""
    client = await stage.call(CallRequest(file=str(wav), speed=100.0))
    await client.join()
    await heard(client, 2)
    stage.simulator.drop(client.announced.call, "all")
    await client.ended()
    await client.join()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed
    assert client.sha256("ch-agent-0") == status.channels[0].sha256


async def test_media_that_comes_just_after_signaling_was_lost_is_refused_without_blame(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.signal()
    stage.simulator.drop(client.announced.call, "signaling")
    await client.links["signaling"].wait_closed()
    assert (await client.media())["status_code"] == 4
    assert not stage.simulator.call(client.announced.call).violations


@pytest.mark.stage(linger_s=0.3)
async def test_a_link_lost_after_the_last_packet_and_back_at_once_hears_the_end(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.join()
    await heard(client, 200)
    stage.simulator.drop(client.announced.call, "media")
    await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 7)
    client.messages["audio"].clear()
    await rejoin_media(client)
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed
    assert client.sha256("ch-agent-0") == status.channels[0].sha256, "all of it was in the dead link's buffers, for all we know"


@pytest.mark.stage(buffer_s=0.1)
async def test_a_full_buffer_drops_the_oldest(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.signal()
    await client.expect("signaling", lambda message: message["msg_type"] == 12 and message["sequence"] == 2)
    await rejoin_media(client)
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert 200 < status.channels[0].dropped_ms < 1500
    assert client.sha256("ch-agent-0") == status.channels[0].sha256
    assert min(client.audio()["ch-agent-0"]) == status.start_unix_ms + status.channels[0].dropped_ms


async def test_a_dead_server_announces_the_stream_at_its_successor(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=2.0))
    await client.join()
    await heard(client, 10)
    again = stage.simulator.fail_over(client.announced)
    await client.ended()
    assert again.stream_id == client.stream_id
    assert again.server_urls != client.announced.server_urls
    client.payload["server_urls"] = again.server_urls
    await client.join()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed
    assert client.sha256("ch-agent-0") == status.channels[0].sha256
