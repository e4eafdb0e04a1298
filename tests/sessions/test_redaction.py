"""Redaction of a stream: words, sound and journal, what is measured in spite of it, and what happens when it fails."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.call.batch import CallMeasured
from cc_voice.call.rows import LegRow
from cc_voice.config.redaction_settings import RedactionSettings
from cc_voice.config.settings import Settings
from cc_voice.media import playback, recordings, redaction_state, silenced_sound
from cc_voice.media.playback import SoundWithheld
from cc_voice.media.recompute_runs import RunPlan
from cc_voice.quality.redaction import redacted_analysis
from cc_voice.sessions import recomputation, redaction_audit, redaction_history
from cc_voice.sessions.channel_recognition import recognise_channel
from cc_voice.sessions.imports import ImportOptions, take_file
from cc_voice.sessions.recognition import Recognition
from tests.speech.conftest import SCENARIOS

CARD = SCENARIOS / "card-number.flac"
CARD_SPOKEN = (b"four one one one", b"one one one one", b"4111", b"1111")
OPTIONS = ImportOptions(agent_channel=0, customer_channel=1, language="en", start=datetime(2026, 9, 1, 12, tzinfo=UTC))
OFF = RedactionSettings(policy=("off",))
LINES = [
    {
        "party": "customer",
        "start_ms": 25_000,
        "end_ms": 31_000,
        "text": "Card number 4111 1111 1111 1111, right?",
        "language": "en",
    },
    {"party": "agent", "start_ms": 34_000, "end_ms": 35_000, "text": "Okay. Can you repeat that please?", "language": "en"},
]


class Card:
    """The scenario in which a card is read aloud twice, imported to a site of its own."""

    def __init__(self, site: Settings, folder: Path, recognition: Recognition) -> None:
        self.site = msgspec.structs.replace(site, data_dir=folder)
        self.recognition = recognition
        words = folder / "words.json"
        folder.mkdir(parents=True, exist_ok=True)
        words.write_text(json.dumps({"lines": LINES}))
        self.options = msgspec.structs.replace(OPTIONS, words=words)
        self.measured = take_file(CARD, self.options, self.site, recognition).measured
        words.unlink()

    @property
    def folder(self) -> Path:
        (folder,) = (path.parent for path in self.site.recordings_dir.glob("*/*/stream.json"))
        return folder

    def again(self, what: recomputation.What) -> CallMeasured:
        call_id = self.measured.call_id
        plan: RunPlan = recomputation.plan(self.site, what=what)
        if what == "recognition":
            (result,) = recomputation.decode_again([call_id], self.site, plan, self.recognition, 1)
        else:
            result = recomputation._measure_one(call_id, self.site, None)
        assert result.measured is not None, result.problem
        return result.measured


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory, recognition: Recognition) -> tuple[Card, Card]:
    """Under `pci`, and with policy `off`."""
    folder = tmp_path_factory.mktemp("cards")
    site = Settings(data_dir=folder)
    off = msgspec.structs.replace(site, redaction=OFF)
    return Card(site, folder / "pci", recognition), Card(off, folder / "off", recognition)


def found_in(folder: Path, digits: tuple[bytes, ...] = CARD_SPOKEN) -> list[str]:
    """Files that have digits of the card, in figures or in words."""
    return [path.name for path in folder.rglob("*") if path.is_file() and any(each in path.read_bytes().lower() for each in digits)]


def test_no_file_has_a_digit_of_the_card_left(cards: tuple[Card, Card]) -> None:
    hidden, shown = cards
    assert sorted(found_in(shown.site.recordings_dir)) == ["analysis.msgpack", "journal.jsonl"]
    assert found_in(hidden.site.data_dir) == []
    texts = [row.text for row in (*hidden.measured.call.utterances, *hidden.measured.call.unused_utterances)]
    assert sum("[CARD_NUMBER]" in text for text in texts) >= 3
    assert not any("four one" in text or "4111" in text for text in texts)
    assert any(text.endswith("[CARD_NUMBER]?") or "right?" in text for text in texts), "a question stays one"
    chips = [word for word in hidden.measured.call.words if word.is_redacted]
    assert chips
    assert {(word.word, word.entity_type, word.conf) for word in chips} == {("[CARD_NUMBER]", "CARD_NUMBER", None)}
    assert {row.redaction_count for row in hidden.measured.call.utterances} >= {0, 1}
    assert {row.redaction_count for row in shown.measured.call.utterances} == {None}
    rows = [row for row in hidden.measured.call.intervals if row.kind == "redaction"]
    assert {(row.subkind, row.party, row.outcome) for row in rows} == {("CARD_NUMBER", "customer", "silenced")}


def test_what_is_measured_does_not_depend_on_the_policy(cards: tuple[Card, Card]) -> None:
    hidden, shown = (card.measured.call for card in cards)
    (ours,), (theirs,) = hidden.legs, shown.legs
    assert [name for name in differing(ours, theirs) if not any(part in name for part in OF_WORDS_TOLD_APART)] == []
    for row, other in zip(hidden.leg_languages, shown.leg_languages, strict=True):
        assert (row.word_count, row.speech_ms, row.wpm is None) == (other.word_count, other.speech_ms, other.wpm is None)
        assert row.wpm is None or row.wpm == pytest.approx(other.wpm, rel=0.05)
    assert [row for row in hidden.intervals if row.kind in OF_TIME] == [row for row in shown.intervals if row.kind in OF_TIME]
    for name in ("word_count_agent", "word_count_customer", "question_count_agent"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert [row.word_count for row in hidden.utterances] == [row.word_count for row in shown.utterances]


OF_TIME = ("speech", "silence", "overtalk", "turn", "latency", "long_silence", "hold", "agent_only", "customer_only", "question")
OF_WORDS_TOLD_APART = ("conf", "compared", "differing", "disagreement", "wpm_customer")
"""What confidence and disagreement say skips what is hidden; words of a number stand evenly in its time."""


def differing(one: LegRow, other: LegRow) -> set[str]:
    return {name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)}


@pytest.mark.parametrize("what", ["metrics", "recognition"])
def test_measuring_again_changes_nothing(cards: tuple[Card, Card], what: recomputation.What) -> None:
    assert cards[0].again(what).call == cards[0].measured.call


def test_nobody_hears_the_card_in_the_sound(cards: tuple[Card, Card]) -> None:
    """The tiny model hears it in the sound that was kept as it was, so that it would hear it."""
    heard = []
    for card in cards:
        recording = recordings.open_recording(card.folder)
        assert recording is not None
        make = card.recognition.pipelines("en").make
        said = [said.text for file in recording.channels.values() for said in recognise_channel(file, make).utterances]
        heard.append(sum(text.split().count(digit) for text in said for digit in ("four", "one")))
    assert heard[1] >= 32
    assert heard[0] <= 2, "of the date of birth, which `pci` leaves"
    assert playback.call_audio(cards[0].site.recordings_dir, cards[0].measured.call_id) is not None


def test_every_sample_of_every_span_is_zero_and_all_others_are_as_they_were(cards: tuple[Card, Card]) -> None:
    (analysis,) = recordings.load_analyses(cards[0].site.recordings_dir, cards[0].measured.call_id)
    assert analysis.redacted is not None
    spans = dict(analysis.redacted.spans)
    assert set(spans) == {"0", "1"}
    ours, theirs = (playback.call_audio(card.site.recordings_dir, card.measured.call_id) for card in cards)
    assert ours is not None
    assert theirs is not None
    a, b = ours.read(0, ours.length), theirs.read(0, theirs.length)
    for row, name in enumerate(ours.channel_ids):
        silent = np.zeros(ours.length, dtype=bool)
        for start, end in spans[name]:
            silent[start * ours.sample_rate_hz // 1000 : -(-end * ours.sample_rate_hz // 1000)] = True
        assert not a[row][silent].any()
        assert np.array_equal(a[row][~silent], b[row][~silent])


def test_a_finder_that_fails_hides_every_number_and_the_sound(
    site: Settings, recognition: Recognition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("four one one one")

    monkeypatch.setattr(redacted_analysis, "find", broken)
    card = Card(site, tmp_path / "site", recognition)
    texts = " ".join(row.text for row in (*card.measured.call.utterances, *card.measured.call.unused_utterances))
    assert "[NUMBER]" in texts
    assert not {"one", "four", "seven"} & set(texts.split())
    assert found_in(card.folder, (*CARD_SPOKEN, b"one one")) == []
    state = redaction_state.read(card.folder)
    assert state is not None
    assert (state.state, state.failure) == ("withheld", "the finder failed: ValueError")
    with pytest.raises(SoundWithheld):
        playback.call_audio(card.site.recordings_dir, card.measured.call_id)


def test_a_recording_that_cannot_be_silenced_is_withheld_until_it_can(
    site: Settings, recognition: Recognition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recordings, "compress", full)
    card = Card(site, tmp_path / "site", recognition)
    monkeypatch.undo()
    assert card.measured.call.call.redaction == "withheld"
    assert not playback.is_released(card.site.recordings_dir, card.measured.call_id)
    assert list(card.folder.glob("*.rec")), "nothing is lost of what was received"
    assert not {"one", "four", "seven"} & {word.word for word in card.measured.call.words}
    assert b"three zero" not in (card.folder / "journal.jsonl").read_bytes()
    (done,) = redaction_history.redact_calls(card.site, None)
    assert (done.outcome, done.problem) == ("redacted", None)
    assert playback.is_released(card.site.recordings_dir, card.measured.call_id)
    assert list(card.folder.glob("*.rec")) == []


def test_a_file_that_is_read_back_otherwise_than_it_was_written_is_none(
    site: Settings, recognition: Recognition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records stay, and nobody hears it."""
    monkeypatch.setattr(silenced_sound, "read_sound", lambda path, start, count: np.ones(count, dtype=np.int16))
    card = Card(site, tmp_path / "site", recognition)
    assert card.measured.call.call.redaction == "withheld"
    assert list(card.folder.glob("*.flac")) == []
    assert len(list(card.folder.glob("*.rec"))) == 2


def test_calls_of_the_past_are_redacted_and_then_left_as_they_are(site: Settings, recognition: Recognition, tmp_path: Path) -> None:
    card = Card(msgspec.structs.replace(site, redaction=OFF), tmp_path / "old", recognition)
    today = msgspec.structs.replace(card.site, redaction=RedactionSettings())
    before = card.measured.call
    assert found_in(card.folder)
    assert any(found.kind == "never redacted" for found in redaction_audit.files(today))
    (done,) = redaction_history.redact_calls(today, None)
    assert (done.outcome, done.problem) == ("redacted", None)
    assert done.hidden["CARD_NUMBER"] >= 2
    assert done.measured is not None
    assert found_in(card.folder) == []
    assert [row for row in done.measured.call.intervals if row.kind in OF_TIME] == [
        row for row in before.intervals if row.kind in OF_TIME
    ]
    assert [found for found in redaction_audit.files(today) if found.place.startswith("recordings")] == []
    assert list(redaction_audit.listened(today, recognition, 1)) == []
    (again,) = redaction_history.redact_calls(today, None)
    assert (again.outcome, again.measured) == ("as it is", None)


def test_the_audit_tells_where_sound_is_left_and_never_digits(site: Settings, recognition: Recognition, tmp_path: Path) -> None:
    card = Card(site, tmp_path / "site", recognition)
    (flac, *_) = sorted(card.folder.glob("*.flac"))
    samples, rate_hz = soundfile.read(flac, dtype="int16")
    samples[:] = 1
    soundfile.write(flac, samples, rate_hz)
    found = [one for one in redaction_audit.files(card.site) if one.kind == "not silent"]
    assert found
    assert {one.call_id for one in found} == {card.measured.call_id}
    flac.write_bytes(b"no sound at all")
    assert "unreadable" in {one.kind for one in redaction_audit.files(card.site)}
