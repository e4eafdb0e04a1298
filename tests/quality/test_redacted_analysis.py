"""Redacted analysis: which words are chips, which sound goes with them, and what measuring makes of both."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import ChannelAnalysis, Interval, StreamAnalysis
from cc_voice.call.measure import measure
from cc_voice.call.utterances import Utterance, Word, word_count
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.quality.redaction import redacted_analysis
from cc_voice.quality.redaction.redacted_analysis import put_back, redacted
from cc_voice.quality.redaction.redaction_policy import OFF, RedactionPolicy
from tests.call.golden import golden_stream
from tests.conftest import examples

PCI = RedactionPolicy()
CARD = ["four", "one", "one", "one", "one", "one", "one", "one", "one", "one", "one", "one", "one", "one", "one", "one"]
FILES = (("0", "a"), ("1", "c"))
SPEECH: tuple[Interval, ...] = ((10_000, 13_000), (13_500, 17_000), (20_000, 21_000))


def said(tokens: list[str], start_ms: int = 10_500, each_ms: int = 300, *, source: str = "local", channel: str = "c") -> Utterance:
    """Words one after the other, timed where they are ours."""
    words = tuple(
        Word(token, start_ms + each_ms * at, start_ms + each_ms * (at + 1), 0.9) if source == "local" else Word(token)
        for at, token in enumerate(tokens)
    )
    end_ms = start_ms + each_ms * len(tokens)
    return Utterance(
        channel_id=channel,
        start_ms=start_ms,
        end_ms=end_ms,
        text=" ".join(tokens),
        words=words,
        language="en",
        source=source,
    )


def stream(*utterances: Utterance, **changes: Any) -> StreamAnalysis:
    values: dict[str, Any] = {
        "call_id": "c",
        "stream_id": "s",
        "product": "import",
        "instance_id": "i",
        "t0_unix_ms": 0,
        "duration_ms": 60_000,
        "channels": (
            ChannelAnalysis(channel_id="a", party="agent", speech=((2_000, 5_000),)),
            ChannelAnalysis(channel_id="c", party="customer", speech=SPEECH),
        ),
        "utterances": utterances,
        "asr_model": "tiny",
    }
    return StreamAnalysis(**values | changes)


def spans(found: StreamAnalysis, name: str = "1") -> tuple[Interval, ...]:
    assert found.redacted is not None
    return dict(found.redacted.spans).get(name, ())


def test_a_card_becomes_one_chip_that_knows_what_it_counts_for() -> None:
    found = redacted(stream(said(["it", "is", *CARD, "okay"])), PCI, FILES)
    (line,) = found.utterances
    assert line.text == "it is [CARD_NUMBER] okay"
    (chip,) = (word for word in line.words if word.hidden is not None)
    assert (chip.word, chip.start_ms, chip.end_ms, chip.conf) == ("[CARD_NUMBER]", 11_100, 15_900, None)
    assert chip.hidden is not None
    assert (chip.hidden.words, chip.hidden.units, chip.hidden.digits) == (16, 16, 16)
    assert word_count(line.words) == 19
    assert found.redacted is not None
    assert (found.redacted.outcome, found.redacted.policy) == ("silenced", ("pci",))
    (one,) = found.redactions or ()
    assert (one.entity, one.channel_id, one.digits, one.words_local, one.words_zoom) == ("CARD_NUMBER", "c", 16, 16, 0)


def test_sound_goes_from_before_the_first_word_to_the_edge_of_speech_that_is_near() -> None:
    """Both channels: echo carries digits."""
    found = redacted(stream(said(["it", "is", *CARD])), PCI, FILES)
    assert spans(found) == ((10_900, 16_200),)
    assert spans(found, "0") == spans(found)
    close = redacted(stream(said(["it", "is", *CARD], each_ms=325)), PCI, FILES)
    assert spans(close) == ((10_950, 17_000),), "16,650 is less than half a second from the end of speech"
    alone = redacted(stream(said(CARD)), msgspec.structs.replace(PCI, both_channels=False), FILES)
    assert spans(alone, "0") == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda word: Word(word.word),
        lambda word: Word(word.word, word.start_ms, word.start_ms + 3_000),
        lambda word: Word(word.word, word.start_ms, word.start_ms + 10),
        lambda word: Word(word.word, word.start_ms - 9_000, word.end_ms - 9_000),
        lambda word: Word(word.word, word.start_ms + 9_000, word.end_ms + 9_000),
    ],
)
def test_words_whose_times_cannot_be_trusted_take_their_whole_line_and_its_speech(change: Any) -> None:
    line = said(["it", "is", *CARD])
    odd = msgspec.structs.replace(line, words=tuple(change(word) if at == 7 else word for at, word in enumerate(line.words)))
    found = spans(redacted(stream(odd), PCI, FILES))
    assert any(start <= 10_000 and end >= 17_000 for start, end in found)


def test_zooms_words_have_no_times_and_take_their_whole_line() -> None:
    found = redacted(stream(said(["it", "is", *CARD], source="zoom")), PCI, FILES)
    assert spans(found) == ((10_000, 17_000),)
    (line,) = found.utterances
    assert [word.start_ms for word in line.words] == [None] * 3


def test_a_pause_between_the_groups_of_a_number_is_silenced_and_the_question_stays_one() -> None:
    first, second = said([*CARD[:8]], 10_500), said([*CARD[8:15], "one?"], 14_000)
    found = redacted(stream(first, second), PCI, FILES)
    assert [line.text for line in found.utterances] == ["[CARD_NUMBER]", "[CARD_NUMBER]?"]
    assert spans(found)[0][0] <= 10_300
    assert spans(found)[0][1] >= 16_700


def test_keyed_tones_are_silenced_in_a_row_or_near_a_number() -> None:
    row = tuple((30_000 + 1_000 * at, 30_100 + 1_000 * at) for at in range(4))
    channels = (
        ChannelAnalysis(channel_id="a"),
        ChannelAnalysis(channel_id="c", speech=SPEECH, tones=((2_000, 2_100), *row, (55_000, 55_100))),
    )
    alone = redacted(stream(channels=channels), PCI, FILES)
    assert [span for span in spans(alone) if span[0] >= 29_000] == [(start - 200, end + 200) for start, end in row]
    assert not any(start < 2_100 or end > 55_000 for start, end in spans(alone))
    beside = redacted(stream(said(CARD), channels=channels), PCI, FILES)
    assert any(start <= 2_000 < end for start, end in spans(beside))


def test_sound_may_be_kept_and_nothing_hidden_at_all() -> None:
    kept = redacted(stream(said(CARD)), msgspec.structs.replace(PCI, audio="keep"), FILES)
    assert kept.redacted is not None
    assert (kept.redacted.outcome, kept.redacted.spans) == ("text_only", ())
    raw = stream(said(CARD))
    assert redacted(raw, OFF, FILES) is raw


def test_a_finder_that_raises_hides_every_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("seven")

    monkeypatch.setattr(redacted_analysis, "across", broken)
    found = redacted(stream(said(["at", "seven", "please"])), PCI, FILES)
    assert found.redacted is not None
    assert (found.redacted.outcome, found.redacted.failure) == ("withheld", "the finder failed: RuntimeError")
    assert found.utterances[0].text == "at [NUMBER] please"


WORDS = st.sampled_from(["please", "okay", "um", "four", "one", "seven", "card", "is", "thanks"])
TALK = st.lists(st.one_of(st.lists(WORDS, min_size=1, max_size=6), st.just(CARD)), min_size=1, max_size=5)
OF_TIME = ("ms", "pct", "count")
SKIPPED = ("conf", "compared", "differing", "disagreement")


@given(TALK, st.booleans())
@settings(max_examples=examples(40), deadline=None)
def test_numbers_of_a_call_do_not_depend_on_what_is_hidden(talk: list[list[str]], is_zoom: bool) -> None:
    at, lines, speech = 3_000, [], []
    for tokens in talk:
        lines.append(said(tokens, at, source="zoom" if is_zoom else "local"))
        speech.append((at, at + 300 * len(tokens)))
        at += 300 * len(tokens) + 1_500
    channels = (
        ChannelAnalysis(channel_id="a", party="agent", speech=((500, 2_500),), received_ms=60_000),
        ChannelAnalysis(channel_id="c", party="customer", speech=tuple(speech), received_ms=60_000),
    )
    raw = stream(*lines, channels=channels)
    hidden = redacted(raw, PCI, FILES)
    ours, theirs = (measure([one], ThresholdSet()) for one in (hidden, raw))
    for name in ours.legs[0].__struct_fields__:
        is_of_time = name.split("_")[-1] in OF_TIME or any(f"_{part}_" in name for part in OF_TIME)
        if is_of_time and not any(part in name for part in SKIPPED):
            assert getattr(ours.legs[0], name) == getattr(theirs.legs[0], name), name
    assert [row.word_count for row in ours.utterances] == [row.word_count for row in theirs.utterances]
    kinds = {row.kind for row in theirs.intervals} - {"talk_speed", "disagreement", "doubtful_words", "language"}
    assert [row for row in ours.intervals if row.kind in kinds] == [row for row in theirs.intervals if row.kind in kinds]


def test_what_was_hidden_is_put_back_where_nobody_can_recognise_it_any_more() -> None:
    stored = redacted(stream(said(["it", "is", *CARD]), said(["thanks"], 40_000)), PCI, FILES)
    silent = stream(
        said(["it", "is"], 10_500),
        said(["thanks"], 40_000),
        channels=(ChannelAnalysis(channel_id="a"), ChannelAnalysis(channel_id="c", speech=((10_500, 11_000),))),
    )
    again = put_back(silent, stored)
    assert again.utterances == stored.utterances
    assert [channel.speech for channel in again.channels] == [channel.speech for channel in stored.channels]
    assert again.redactions == stored.redactions
    assert redacted(again, PCI, FILES, rewritten=True).utterances == stored.utterances


def test_the_golden_call_has_nothing_to_hide() -> None:
    stream = golden_stream()
    files = tuple((channel.channel_id, channel.channel_id) for channel in stream.channels)
    assert redacted(stream, PCI, files).utterances == stream.utterances
