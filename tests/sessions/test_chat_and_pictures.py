"""Chat, shared screens and cameras: kept where the site says so, nowhere else, and gone with the call."""

import json
from pathlib import Path

import msgspec
import pytest

from cc_voice.call.batch import Oddity, StreamNotes
from cc_voice.config.media_settings import MediaSettings
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.media.pictures import read_pictures
from cc_voice.rtms import events as rtms
from cc_voice.rtms.events import ParticipantInfo, PlatformEvent
from cc_voice.sessions import journal
from cc_voice.sessions.chat_and_pictures import ChatAndPictures
from cc_voice.sessions.clock import MediaClock
from cc_voice.sessions.recognition import Recognition
from tests.media.test_pictures import JPG, moving, played
from tests.sessions.conftest import AGENT, ENDED, OPENING, T0, Stream, audio, tone
from tests.speech.coding import needs_codecs

CHAT = rtms.Chat(
    source=AGENT,
    text="the answer is 42",
    timestamp_ms=T0 + 500,
    message_id="m-1",
    operation=1,
    raw=b'{"data":"the answer is 42","sender":{"phone_number":"+4930123456"}}',
)
EVERYTHING = MediaSettings(keep_chat=True, keep_share="video", keep_video="images")


def share(at_ms: int, data: bytes) -> rtms.Share:
    return rtms.Share(source=AGENT, timestamp_ms=T0 + at_ms, data=data)


def folder_of(stream: Stream) -> Path:
    return recordings.stream_folder(stream.site.recordings_dir, "call", "stream/1=")


def journal_of(stream: Stream) -> list[journal.Note]:
    recording = recordings.open_recording(folder_of(stream))
    assert recording is not None
    return list(recording.journal(msgspec.json.Decoder(journal.Note)))


@pytest.fixture
def keeping(site: Settings, recognition: Recognition) -> Stream:
    return Stream(msgspec.structs.replace(site, media=EVERYTHING), recognition)


async def test_by_default_nothing_is_kept_of_what_comes_unasked(stream: Stream) -> None:
    seen = rtms.Video(source=AGENT, timestamp_ms=T0, data=JPG)
    await stream.run(*OPENING, CHAT, share(0, JPG), seen, *audio(AGENT, tone(500)), ENDED)
    assert not any(path.is_dir() for path in folder_of(stream).iterdir())
    assert not any(isinstance(note, journal.ChatNote) for note in journal_of(stream))
    assert b"42" not in (folder_of(stream) / "journal.jsonl").read_bytes()


async def test_chat_is_kept_whole_in_the_journal_with_phone_numbers_masked(keeping: Stream) -> None:
    measured = await keeping.run(*OPENING, CHAT, *audio(AGENT, tone(500)), ENDED)
    (kept,) = [note for note in journal_of(keeping) if isinstance(note, journal.ChatNote)]
    assert (kept.source, kept.at_unix_ms, kept.message_id, kept.operation) == (AGENT, T0 + 500, "m-1", 1)
    assert json.loads(kept.content) == {"data": "the answer is 42", "sender": {"phone_number": "+********56"}}
    assert measured is not None
    assert not any("42" in str(row) for row in measured.call.events)


async def test_pictures_are_kept_and_what_is_none_is_not(keeping: Stream) -> None:
    seen = [
        rtms.Video(source=AGENT, timestamp_ms=T0 + at_ms, data=data) for at_ms, data in ((0, JPG), (1000, b"nonsense"), (2000, JPG))
    ]
    await keeping.run(*OPENING, *seen, *audio(AGENT, tone(500)), ENDED)
    assert [p.at_unix_ms - T0 for p in read_pictures(folder_of(keeping) / "video")] == [0, 2000]
    (notes,) = [batch for batch in keeping.delivered if isinstance(batch, StreamNotes)]
    assert notes.oddities == (Oddity("picture unreadable", 1),)


@needs_codecs
async def test_a_shared_screen_is_a_film_when_the_call_is_measured(keeping: Stream) -> None:
    screen = [share(number * 200, piece) for number, piece in enumerate(moving(10))]
    await keeping.run(*OPENING, *audio(AGENT, tone(500)), *screen, ENDED)
    assert keeping.measured is not None
    assert [at_ms for at_ms, _ in played(folder_of(keeping) / "share" / "0.mp4")] == [number * 200 for number in range(10)]
    assert not (folder_of(keeping) / "share" / "0.h264").exists()


@needs_codecs
async def test_a_damaged_time_does_not_stretch_a_film(keeping: Stream) -> None:
    screen = [share(number * 200 if number != 4 else 2**50 - T0, piece) for number, piece in enumerate(moving(10))]
    await keeping.run(*OPENING, *audio(AGENT, tone(500)), *screen, ENDED)
    times = [at_ms for at_ms, _ in played(folder_of(keeping) / "share" / "0.mp4")]
    assert (len(times), times[-1]) == (10, 1800)


async def test_a_film_that_cannot_be_made_costs_no_result(keeping: Stream) -> None:
    await keeping.run(*OPENING, *audio(AGENT, tone(500)), share(0, b"\0\0\0\1nonsense"), ENDED)
    assert keeping.measured is not None
    assert (folder_of(keeping) / "share" / "0.h264").exists()


async def test_what_is_revoked_is_deleted_with_everything(keeping: Stream) -> None:
    await keeping.run(*OPENING, CHAT, share(0, JPG), *audio(AGENT, tone(500)), rtms.Ended(kind="revoked", reason=8))
    assert list(keeping.site.recordings_dir.iterdir()) == []


def test_the_camera_of_one_participant_is_asked_for_when_it_is_switched_on(tmp_path: Path) -> None:
    chosen = MediaSettings(keep_video="video", video_of="dana  RUIZ")
    keeps = ChatAndPictures(tmp_path, chosen, MediaClock(0.0))

    def told(name: str, *people: ParticipantInfo) -> int | None:
        return keeps.camera_to_subscribe(PlatformEvent(name=name, event_type=8, at_unix_ms=T0, participants=people))

    dana, lee = ParticipantInfo(user_id="16778240"), ParticipantInfo(user_id="16779264")
    assert told("participant_video_on", dana) is None, "nobody said yet who that is"
    assert told("participant_join", msgspec.structs.replace(dana, display_name="Dana Ruiz")) is None
    assert told("participant_video_on", lee, dana) == 16778240
    assert told("participant_video_off", dana) is None
    by_id = ChatAndPictures(tmp_path, msgspec.structs.replace(chosen, video_of="16779264"), MediaClock(0.0))
    on = PlatformEvent(name="participant_video_on", event_type=8, at_unix_ms=T0, participants=(dana, lee))
    assert by_id.camera_to_subscribe(on) == 16779264
    nothing = ChatAndPictures(tmp_path, MediaSettings(video_of="16779264"), MediaClock(0.0))
    assert nothing.camera_to_subscribe(on) is None
