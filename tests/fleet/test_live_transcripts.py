"""Live transcripts: what is being said: shown while it is, replaced by what is final, gone with its stream, kept nowhere."""

import asyncio
from typing import Any

import msgspec
import pytest

from cc_voice.call.batch import LiveWords, StreamProgress
from cc_voice.call.utterances import Utterance
from cc_voice.fleet import live_transcripts as module
from cc_voice.fleet.live_transcripts import LiveTranscripts
from tests.fleet.conftest import spec


def words(text: str, **changes: Any) -> LiveWords:
    values: dict[str, Any] = {
        "call_id": "call-s1",
        "stream_id": "s1",
        "epoch": 1,
        "channel_id": "a",
        "start_ms": 1000,
        "end_ms": 2000,
        "text": text,
        "language": "en",
        "is_final": False,
        "left_unix_ms": 0,
    }
    return LiveWords(**values | changes)


def stored(*starts: int) -> StreamProgress:
    said = (
        Utterance(channel_id="a", start_ms=at, end_ms=at + 1, text="x", words=(), language="en", source="local") for at in starts
    )
    return StreamProgress(call_id="call-s1", stream_id="s1", epoch=1, product="phone", utterances=tuple(said))


@pytest.fixture
def board() -> LiveTranscripts:
    made = LiveTranscripts()
    made.open(spec())
    return made


def texts(board: LiveTranscripts) -> list[str]:
    return [one.text for one in board.of_call("call-s1")]


def test_words_replace_the_channels_last_ones(board: LiveTranscripts) -> None:
    board.take(words("good"))
    board.take(words("hello", channel_id="b", start_ms=500))
    board.take(words("good morning", end_ms=2500))
    assert texts(board) == ["hello", "good morning"]
    assert [one.text for one in board.of_stream("s1")] == ["good morning", "hello"]
    board.take(words(""))
    assert texts(board) == ["hello"]


def test_final_words_stay_until_they_are_stored(board: LiveTranscripts) -> None:
    board.take(words("good"))
    board.take(words("good morning", start_ms=1100, is_final=True))
    board.take(words("how", start_ms=3000))
    assert texts(board) == ["good morning", "how"]
    assert [one.text for one in board.of_stream("s1")] == ["how"]
    board.stored(stored(7))
    assert texts(board) == ["good morning", "how"]
    board.stored(stored(1100))
    assert texts(board) == ["how"]


def test_nothing_late_brings_back_a_stream_that_is_gone(board: LiveTranscripts) -> None:
    board.take(words("card number"))
    board.close("s1")
    board.take(words("card number four"))
    assert board.of_call("call-s1") == ()
    assert board.of_stream("s1") == ()
    board.stored(stored(1000))


def test_only_the_newest_session_of_a_stream_is_heard(board: LiveTranscripts) -> None:
    board.take(words("old"))
    board.open(spec(epoch=2))
    assert texts(board) == []
    board.take(words("old again"))
    board.take(words("new", epoch=2))
    assert texts(board) == ["new"]


async def test_a_watch_gets_words_as_they_come_until_it_is_left(board: LiveTranscripts) -> None:
    with board.watch() as watch:
        waiting = asyncio.create_task(watch.take())
        await asyncio.sleep(0)
        board.take(words("good"))
        assert [one.text for one in await waiting] == ["good"]
        board.take(words("good mor"))
        board.take(words("good morning"))
        board.take(words("Good morning", is_final=True))
        board.take(words("how", start_ms=3000))
        assert [one.text for one in await watch.take()] == ["Good morning", "how"]
    board.take(words("gone"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch.take(), 0.01)


async def test_a_watcher_that_does_not_read_costs_bounded_memory(board: LiveTranscripts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    with board.watch() as watch:
        for at in range(100):
            board.take(words("x", start_ms=at, is_final=True))
        assert [one.start_ms for one in await watch.take()] == list(range(90, 100))


def test_words_have_the_size_of_a_message() -> None:
    """Hundreds leave the workers every second."""
    assert len(msgspec.msgpack.encode(words("good morning", call_id="c" * 24, stream_id="s" * 32))) < 400
