"""Messages: what the service and its workers say to each other arrives as it was sent."""

import msgspec
import pytest

from cc_voice.call.batch import StreamProgress
from cc_voice.call.utterances import Utterance, Word
from cc_voice.fleet.messages import TO_OWNER, TO_WORKER, Announce, Closed, Drain, OpenStream, Progress, Ready, Spooled
from tests.fleet.conftest import spec

SAID = Utterance(
    channel_id="a", start_ms=-5, end_ms=20, text="naïve ☕", words=(Word("naïve", -5, 10, 0.5),), language="en", source="local"
)
PROGRESS = StreamProgress(call_id="c", stream_id="s/+=", epoch=3, product="meeting", t0_unix_ms=1, utterances=(SAID,))


@pytest.mark.parametrize("message", [OpenStream(spec("s/+=", resumed=True)), Announce("s", b'{"\xff": 1}'), Drain()], ids=repr)
def test_what_workers_are_told(message: OpenStream | Announce | Drain) -> None:
    assert TO_WORKER.decode(msgspec.msgpack.encode(message)) == message


@pytest.mark.parametrize(
    "message", [Ready(7), Progress(PROGRESS), Spooled("1-2"), Closed("s", 2), Closed("s", 2, "disk full")], ids=repr
)
def test_what_workers_tell(message: Ready | Progress | Spooled | Closed) -> None:
    assert TO_OWNER.decode(msgspec.msgpack.encode(message)) == message
