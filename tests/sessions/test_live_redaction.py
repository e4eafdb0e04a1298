"""Redaction of a call in progress: nothing of a card is shown, stored or written at any moment, whatever comes and is revised."""

import asyncio
import json
import re
from pathlib import Path

import msgspec
import pytest

from cc_voice.config.redaction_settings import QueueRedaction, RedactionSettings
from cc_voice.config.settings import Settings
from cc_voice.media import playback, recordings, redaction_state
from cc_voice.media.playback import SoundWithheld
from cc_voice.rtms import events as rtms
from cc_voice.rtms.enums import Attribute
from cc_voice.sessions import live_redaction
from cc_voice.sessions.recognition import Recognition
from cc_voice.speech.codecs import read_audio
from cc_voice.speech.sample_rates import resample
from tests.sessions.conftest import AGENT, CUSTOMER, ENDED, OPENING, RATE_HZ, T0, Stream, Zoom, audio, event, interleaved, until
from tests.sessions.test_chat_and_pictures import EVERYTHING
from tests.speech.conftest import SCENARIOS

SPOKEN = re.compile(r"(?:(?:four|one)\W+){3,}|4111|1111", re.IGNORECASE)
LINES = (
    (23_000, 29_700, "My card number is four one one one. One one one one. One one one one. One one one one."),
    (33_000, 39_000, "My card number is 4111 1111 1111 1111."),
)


@pytest.fixture
def card(site: Settings, recognition: Recognition) -> Stream:
    return Stream(msgspec.structs.replace(site, media=EVERYTHING), recognition)


def packets(seconds: tuple[int, int]) -> list[rtms.Audio]:
    found = read_audio(SCENARIOS / "card-number.flac")
    first, last = (RATE_HZ * each for each in seconds)
    agent, customer = (resample(one, found.sample_rate_hz, RATE_HZ)[first:last] for one in found.channels)
    return interleaved(audio(AGENT, agent, seconds[0] * 1000), audio(CUSTOMER, customer, seconds[0] * 1000))


def words(line: tuple[int, int, str], attribute: int | None = None, text: str | None = None) -> rtms.Transcript:
    start, end, said = line
    return rtms.Transcript(
        source=CUSTOMER,
        text=said if text is None else text,
        timestamp_ms=T0 + end,
        start_ms=T0 + start,
        end_ms=T0 + end,
        language="en-US",
        attribute=attribute,
    )


def chat(text: str) -> rtms.Chat:
    raw = json.dumps({"data": text, "message_id": "m-1", "sender": {"user_id": 16778240}}).encode()
    return rtms.Chat(source=CUSTOMER, text=text, timestamp_ms=T0 + 40_000, message_id="m-1", operation=1, raw=raw)


def files_with_digits(folder: Path) -> list[str]:
    """Files, sound left out, in which a digit of the card can be read."""
    read = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix not in (".rec", ".flac")}
    return [path.name for path, data in read.items() if SPOKEN.search(data.decode(errors="replace"))]


async def test_no_digit_of_a_card_leaves_the_worker(card: Stream) -> None:
    zoom = Zoom(*OPENING, *packets((22, 30)))
    session = card.session(zoom)
    serving = asyncio.create_task(session.run())
    zoom.say(words(LINES[0], text="My card number is four one"), words(LINES[0], Attribute.UPDATE))
    await until(lambda: any(said.source == "zoom" for batch in card.progress for said in batch.utterances))
    assert files_with_digits(card.site.data_dir) == [], "a revision is masked again"
    folder = recordings.stream_folder(card.site.recordings_dir, "call", "stream/1=")
    with pytest.raises(SoundWithheld):
        playback.call_audio(card.site.recordings_dir, "call")
    zoom.say(*packets((30, 42)), words(LINES[1]), chat("it is 4111-1111-1111-1111"), ENDED)
    await serving
    assert card.measured is not None
    shown = [*(words.text for words in card.shown), *(said.text for batch in card.progress for said in batch.utterances)]
    assert [text for text in shown if SPOKEN.search(text)] == []
    assert any("[" in text for text in shown)
    assert all(words.is_redacted for words in card.shown)
    assert all(batch.is_redacted for batch in card.progress)
    assert files_with_digits(card.site.data_dir) == []
    assert b"[CARD_NUMBER]" in (folder / "journal.jsonl").read_bytes()
    assert sum(b'"chat"' in line for line in (folder / "journal.jsonl").read_bytes().splitlines()) == 1
    state = redaction_state.read(folder)
    assert state is not None
    assert state.state == "silenced"
    texts = [row.text for row in (*card.measured.call.utterances, *card.measured.call.unused_utterances)]
    assert [text for text in texts if SPOKEN.search(text)] == []
    assert {row.source for row in (*card.measured.call.utterances, *card.measured.call.unused_utterances) if "[" in row.text} == {
        "local",
        "zoom",
    }


async def test_what_a_killed_session_held_back_is_hidden_in_what_its_successor_makes(card: Stream) -> None:
    """The first session is left in the middle of the number; Zoom's words of before are in the journal as they were masked."""
    zoom = Zoom(*OPENING, *packets((22, 28)), words(LINES[0]))
    session = card.session(zoom)
    serving = asyncio.create_task(session.run())
    await until(lambda: card.shown)
    session.abandon()
    await serving
    assert files_with_digits(card.site.data_dir) == []
    await card.run(*packets((28, 42)), words(LINES[1]), ENDED, epoch=2, resumed=True)
    assert card.measured is not None
    assert files_with_digits(card.site.data_dir) == []
    assert [row.text for row in card.measured.call.utterances if SPOKEN.search(row.text)] == []


async def test_a_live_pass_that_fails_hides_every_number(card: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(live_redaction.LivePass):
        def take(self, *_: object, **__: object) -> live_redaction.LiveLine:
            raise ValueError("four one one one")

    monkeypatch.setattr(live_redaction, "LivePass", Broken)
    zoom = Zoom(*OPENING, *packets((15, 30)), words(LINES[0]))
    serving = asyncio.create_task(card.session(zoom).run())
    await until(lambda: any("[NUMBER]" in words.text for words in card.shown))
    zoom.say(ENDED)
    await serving
    shown = [*(words.text for words in card.shown), *(said.text for batch in card.progress for said in batch.utterances)]
    assert any("[NUMBER]" in text for text in shown)
    assert not any({"one", "four", "seven"} & set(text.lower().split()) for text in shown)


async def test_a_queue_that_hides_nothing_keeps_its_words_and_sound(card: Stream) -> None:
    """As soon as an event names it; until then the strictest policy holds. Zoom's words are in the journal as they were said."""
    rule = QueueRedaction(queues=("Q1",), policy=("off",))
    card.site = msgspec.structs.replace(card.site, redaction=RedactionSettings(queues=(rule,)))
    joins = event("user_answered", 200, AGENT, user_id="a1", display_name="Sam", queue_id="Q1")
    await card.run(*OPENING[:3], joins, *packets((22, 30)), words(LINES[0]), ENDED)
    assert card.measured is not None
    assert any(SPOKEN.search(row.text) for row in (*card.measured.call.utterances, *card.measured.call.unused_utterances))
    assert {row.redaction_count for row in card.measured.call.utterances} == {None}
    assert card.measured.call.call.redaction is None
    folder = recordings.stream_folder(card.site.recordings_dir, "call", "stream/1=")
    assert SPOKEN.search((folder / "journal.jsonl").read_text())
    assert playback.is_released(card.site.recordings_dir, "call")
