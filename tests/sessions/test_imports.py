"""Recordings of the past: every file becomes a call like any other, once, whatever is said about it."""

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.bench.degrade import echoed
from cc_voice.call.batch import CallMeasured
from cc_voice.config.settings import Settings
from cc_voice.media import playback
from cc_voice.sessions.imports import Imported, ImportOptions, take_file
from cc_voice.sessions.recognition import Recognition
from cc_voice.speech.codecs import Samples
from cc_voice.speech.errors import AudioFileError
from cc_voice.speech.sample_rates import resample
from tests.sessions.conftest import LENGTH_MS, RATE_HZ

BOTH = ImportOptions(agent_channel=0, customer_channel=1, language="en", start=datetime(2026, 9, 1, 12, tzinfo=UTC))


class Importer:
    """Imports files to one site."""

    def __init__(self, site: Settings, recognition: Recognition, voices: tuple[Samples, Samples], folder: Path) -> None:
        self.site, self._recognition, self._voices, self._folder = site, recognition, voices, folder

    def file(
        self, name: str = "call.wav", rate_hz: int = RATE_HZ, channels: tuple[int, ...] = (0, 1), subtype: str = "PCM_16"
    ) -> Path:
        path = self._folder / name
        found = [resample(self._voices[channel], RATE_HZ, rate_hz) for channel in channels]
        soundfile.write(path, np.stack(found, axis=1) / 32768, rate_hz, subtype)
        return path

    def take(self, path: Path, options: ImportOptions = BOTH) -> CallMeasured:
        return self.whole(path, options).measured

    def whole(self, path: Path, options: ImportOptions = BOTH) -> Imported:
        return take_file(path, options, self.site, self._recognition)


@pytest.fixture
def importer(site: Settings, recognition: Recognition, voices: tuple[Samples, Samples], tmp_path: Path) -> Importer:
    return Importer(site, recognition, voices, tmp_path)


def said(measured: CallMeasured) -> list[tuple[str | None, str]]:
    return [(row.party, row.text) for row in measured.call.utterances]


def test_parties_are_where_the_operator_says(importer: Importer) -> None:
    straight = importer.take(importer.file())
    crossed = importer.take(
        importer.file("crossed.wav", channels=(1, 0)), ImportOptions(agent_channel=1, customer_channel=0, language="en")
    )
    assert {party for party, _ in said(straight)} == {"agent", "customer"}
    assert said(crossed) == said(straight)
    assert straight.call.legs[0].talk_ms_agent == crossed.call.legs[0].talk_ms_agent
    assert straight.call.call.start_unix_ms == 1_788_264_000_000
    assert straight.call.call.end_unix_ms - straight.call.call.start_unix_ms == LENGTH_MS


@pytest.mark.parametrize(
    ("name", "rate_hz", "subtype"),
    [
        ("call.flac", RATE_HZ, "PCM_16"),
        ("call44.wav", 44_100, "PCM_16"),
        ("call48.flac", 48_000, "PCM_24"),
        ("call32.wav", 32_000, "FLOAT"),
    ],
)
def test_encoding_and_rate_do_not_matter(importer: Importer, name: str, rate_hz: int, subtype: str) -> None:
    expected = importer.take(importer.file())
    found = importer.take(importer.file(name, rate_hz, subtype=subtype))
    assert said(found) == said(expected)
    assert found.call.legs[0].talk_ms_agent == pytest.approx(expected.call.legs[0].talk_ms_agent, abs=100)
    audio = playback.call_audio(importer.site.recordings_dir, found.call_id)
    assert audio is not None
    assert audio.sample_rate_hz == (RATE_HZ if rate_hz == 44_100 else rate_hz)
    assert audio.length == LENGTH_MS * audio.sample_rate_hz // 1000


def test_the_recording_is_kept_sample_by_sample(importer: Importer, voices: tuple[Samples, Samples]) -> None:
    measured = importer.take(importer.file())
    audio = playback.call_audio(importer.site.recordings_dir, measured.call_id)
    assert audio is not None
    assert np.array_equal(audio.read(0, audio.length), np.stack(voices))


def test_mono_is_measured_without_parties(importer: Importer) -> None:
    measured = importer.take(importer.file(channels=(0,)), ImportOptions(language="en"))
    assert measured.call.legs[0].talk_ms_agent is None
    assert "talk_ms_agent" in {row.metric for row in measured.call.null_reasons}
    assert said(measured)
    assert {party for party, _ in said(measured)} == {None}


def test_one_party_of_two_may_be_chosen(importer: Importer) -> None:
    measured = importer.take(importer.file(), ImportOptions(customer_channel=1, language="en"))
    assert {party for party, _ in said(measured)} == {"customer"}
    assert [row.channel_id for row in measured.call.channels] == ["1"]


def test_a_file_imported_twice_is_one_call(importer: Importer) -> None:
    path = importer.file()
    first = importer.take(path)
    os.utime(path, (1, 1))
    moved = path.rename(path.with_name("moved.wav"))
    again = importer.take(moved)
    assert again.call_id == first.call_id
    assert again.call == first.call
    assert len(list(importer.site.recordings_dir.iterdir())) == 1


def test_a_file_of_which_something_else_is_said_is_another_call(importer: Importer) -> None:
    path = importer.file()
    said_of_it = [
        BOTH,
        ImportOptions(agent_channel=1, customer_channel=0, language="en"),
        ImportOptions(agent_channel=0, customer_channel=1, language="en"),
        ImportOptions(agent_channel=0, customer_channel=1, language="de"),
    ]
    assert len({importer.take(path, options).call_id for options in said_of_it}) == 4


def test_the_earlier_call_of_a_file_is_named(importer: Importer) -> None:
    path = importer.file()
    first = importer.whole(path)
    again = importer.whole(path)
    corrected = importer.whole(path, ImportOptions(agent_channel=1, customer_channel=0, language="en", start=BOTH.start))
    assert (first.earlier, again.earlier) == ((), ())
    assert corrected.earlier == (first.measured.call_id,)


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.5])
def test_one_sound_on_both_channels_is_measured_as_mixed(
    importer: Importer, voices: tuple[Samples, Samples], factor: float
) -> None:
    both = (voices[0].astype(np.int32) + voices[1]).clip(-32768, 32767) / 32768
    path = importer.file()
    soundfile.write(path, np.stack([both, both * factor], axis=1), RATE_HZ)
    found = importer.whole(path)
    assert "are the same sound" in found.notes[0]
    assert found.measured.call.legs[0].talk_ms_agent is None
    assert {row.reason for row in found.measured.call.null_reasons if row.metric == "talk_ms_agent"} == {"mixed_audio"}
    assert importer.whole(importer.file("two.wav")).notes == ()


@pytest.mark.parametrize("level_db", [-25, -35])
def test_an_echo_is_nobodys_speech_and_says_no_word(importer: Importer, voices: tuple[Samples, Samples], level_db: float) -> None:
    clean = importer.take(importer.file())
    agent, customer = (voice / 32768.0 for voice in voices)
    path = importer.file("echo.wav")
    returned = echoed(customer, agent, RATE_HZ, level_db, 130)
    soundfile.write(path, np.stack([agent, returned], axis=1), RATE_HZ)
    found = importer.take(path)
    (before,), (after,) = clean.call.legs, found.call.legs
    assert before.talk_ms_customer is not None
    assert after.talk_ms_customer == pytest.approx(before.talk_ms_customer, rel=0.1)
    assert (after.interruptions_agent, after.interruptions_customer) == (before.interruptions_agent, before.interruptions_customer)
    assert said(found) == said(clean)


def test_an_import_over_what_a_killed_one_left_is_the_same_call(importer: Importer, voices: tuple[Samples, Samples]) -> None:
    path = importer.file()
    folder = importer.site.recordings_dir
    measured = importer.take(path)
    for flac in folder.glob("*/*/*.flac"):
        samples, _ = soundfile.read(flac, dtype="int16")
        flac.with_suffix(".pcm").write_bytes(samples[: len(samples) // 3].astype("<i2").tobytes())
        flac.unlink()
    for index in folder.glob("*/*/*.idx"):
        index.unlink()
    assert importer.take(path).call == measured.call
    audio = playback.call_audio(folder, measured.call_id)
    assert audio is not None
    assert np.array_equal(audio.read(0, audio.length), np.stack(voices))


def test_without_a_start_the_call_ended_when_the_file_was_written(importer: Importer) -> None:
    path = importer.file()
    os.utime(path, (1_788_264_000, 1_788_264_000))
    measured = importer.take(path, ImportOptions(agent_channel=0, customer_channel=1, language="en"))
    assert measured.call.call.end_unix_ms == 1_788_264_000_000


def test_a_start_in_another_zone_is_the_same_time(importer: Importer) -> None:
    start = datetime(2026, 9, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    measured = importer.take(importer.file(), ImportOptions(agent_channel=0, customer_channel=1, language="en", start=start))
    assert measured.call.call.start_unix_ms == 1_788_264_000_000
    same = ImportOptions(agent_channel=0, customer_channel=1, language="en", start=start.astimezone(UTC))
    assert importer.take(importer.file(), same).call_id == measured.call_id


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, r"has 2 channels; say who is on which with --agent-channel N --customer-channel M"),
        ({"agent_channel": 2}, r"has 2 channel\(s\), numbered from 0; --agent-channel 2 is not one of them"),
        ({"customer_channel": -1}, r"--customer-channel -1 is not one of them"),
        ({"agent_channel": 1, "customer_channel": 1}, r"agent and customer cannot both be channel 1"),
    ],
)
def test_options_that_do_not_fit_are_explained_and_nothing_is_kept(
    importer: Importer, options: dict[str, int], reason: str
) -> None:
    with pytest.raises(AudioFileError, match=reason):
        importer.take(importer.file(), ImportOptions(language="en", **options))
    assert not importer.site.recordings_dir.exists()


def test_a_language_without_a_model_is_measured_without_words(importer: Importer) -> None:
    measured = importer.take(importer.file(), ImportOptions(agent_channel=0, customer_channel=1, language="tlh"))
    assert measured.call.utterances == ()
    assert (measured.call.legs[0].talk_ms_agent or 0) > 0


def test_a_transcript_that_comes_along_stands_where_zooms_does(importer: Importer, tmp_path: Path) -> None:
    words = tmp_path / "words.json"
    lines = [
        {"party": "agent", "start_ms": 500, "end_ms": 1500, "text": "quite something else", "language": "en"},
        {"party": "customer", "start_ms": 2000, "end_ms": 3000, "text": "of another kind", "language": "en"},
    ]
    words.write_text(json.dumps({"lines": lines}))
    measured = importer.take(importer.file(), msgspec.structs.replace(BOTH, words=words))
    zoom = {(row.party, row.text) for row in (*measured.call.utterances, *measured.call.unused_utterances) if row.source == "zoom"}
    assert zoom == {("agent", "quite something else"), ("customer", "of another kind")}
