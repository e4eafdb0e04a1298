"""Live words: a call replayed word by word; what was readable for a moment, what stays hidden and what is shown again."""

import random

import msgspec
import pytest

from cc_voice.bench.spoken_numbers.card_calls import CardCall, generated_call
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.finder import SpokenLine, find
from cc_voice.quality.redaction.live_words import LiveLine, LivePass
from cc_voice.quality.redaction.redaction_policy import OFF, RedactionPolicy
from tests.quality.spoken import said, shown

CARD = "four one one one one one one one one one one one one one one one"


class Replay:
    """What the readers of a running call have seen: for each word of each line whether it is readable now, and ever was."""

    def __init__(self, policy: RedactionPolicy, languages: tuple[str, ...] = ()) -> None:
        self.live = LivePass(policy, languages)
        self.readable: dict[str, set[int]] = {}
        self.seen: dict[str, set[int]] = {}
        self.shown_again: list[str] = []
        self.text: dict[str, str] = {}

    def take(self, line: SpokenLine, *, is_final: bool) -> None:
        self.show(self.live.take(line, is_final=is_final))
        for changed in self.live.changes(line.end_ms):
            self.show(changed)

    def wait(self, now_ms: int) -> None:
        for changed in self.live.changes(now_ms):
            self.show(changed)

    def finish(self) -> None:
        for last in self.live.finish():
            self.show(last)

    def show(self, live: LiveLine) -> None:
        hidden = {word for each in live.stretches for word in range(each.first_word, each.last_word + 1)}
        now = set(range(len(live.line.words))) - hidden
        before = self.readable.get(live.line.key)
        if before is not None and not live.is_resolved and live.is_final:
            again = now - before
            self.shown_again += [live.line.words[word].word for word in again if word in self.known.get(live.line.key, set())]
        self.known.setdefault(live.line.key, set()).update(range(len(live.line.words)))
        self.readable[live.line.key] = now
        self.seen.setdefault(live.line.key, set()).update(now)
        self.text[live.line.key] = live.text

    @property
    def known(self) -> dict[str, set[int]]:
        return self.__dict__.setdefault("_known", {})


def by_words(replay: Replay, line: SpokenLine) -> None:
    """Partial words without times, as a recogniser shows them, then the line."""
    for count in range(1, len(line.words) + 1):
        end = line.words[count - 1].end_ms or line.start_ms + 300 * count
        part = tuple(Word(word.word) for word in line.words[:count])
        replay.take(msgspec.structs.replace(line, words=part, end_ms=end), is_final=False)
    replay.take(line, is_final=True)


def replayed(call: CardCall, policy: RedactionPolicy) -> Replay:
    replay = Replay(policy)
    for line in call.lines:
        by_words(replay, line)
    replay.finish()
    return replay


@pytest.mark.parametrize("language", ["en", "es", "de", "fr"])
def test_of_a_card_hardly_a_word_is_readable_for_a_moment(language: str) -> None:
    moments = calls = 0
    for seed in range(500, 508):
        call = generated_call(seed, language)
        replay = replayed(call, RedactionPolicy())
        cards = [(call.lines[line].key, word) for line, word, secret in call.secrets if secret == "card"]
        assert [word for key, word in cards if word in replay.readable[key]] == [], seed
        assert replay.shown_again == [], seed
        moments += sum(word in replay.seen[key] for key, word in cards)
        calls += 1
    assert moments / calls <= 1


def test_what_is_written_at_the_end_is_what_the_finder_hides() -> None:
    for seed in range(20):
        call = generated_call(seed, random.Random(seed).choice(["en", "es", "de", "fr"]))
        replay = replayed(call, RedactionPolicy())
        assert list(replay.text.values()) == shown(call.lines, find(call.lines, RedactionPolicy())), seed


def test_digits_are_hidden_from_the_fourth_on_and_shown_again_when_they_were_harmless() -> None:
    replay = Replay(RedactionPolicy())
    first, after = said("customer: my order is one two three", "20000> customer: thank you very much goodbye then")
    by_words(replay, first)
    assert replay.text["0"] == "my order is one two three"
    (more,) = said("customer: one two three four five")
    more = msgspec.structs.replace(more, key="more", start_ms=first.end_ms + 500, end_ms=first.end_ms + 2000)
    by_words(replay, more)
    assert replay.text == {"0": "my order is [DIGITS]", "more": "[DIGITS]"}
    replay.wait(more.end_ms + 14_000)
    assert replay.text["more"] == "[DIGITS]"
    replay.wait(more.end_ms + 16_000)
    assert replay.text == {"0": "my order is one two three", "more": "one two three four five"}
    replay.take(after, is_final=True)
    assert replay.text["1"] == "thank you very much goodbye then"


def test_the_first_digit_is_hidden_where_a_card_was_asked_for() -> None:
    replay = Replay(RedactionPolicy())
    ask, answer = said("agent: may i have the card number", f"customer: {CARD}")
    by_words(replay, ask)
    by_words(replay, answer)
    assert replay.seen["1"] == set()
    assert replay.text["1"] == "[DIGITS]"
    replay.wait(answer.end_ms + 15_001)
    assert replay.text["1"] == "[CARD_NUMBER]"


def test_a_card_read_over_minutes_is_not_shown_again_by_its_halves() -> None:
    replay = Replay(RedactionPolicy())
    lines = said(
        *(f"{14_000}> customer: {digit} one" for digit in ("four", "two", "three", "five", "six", "seven", "eight", "nine"))
    )
    for line in lines:
        by_words(replay, line)
    assert set(replay.text.values()) == {"[DIGITS]"}
    replay.finish()
    assert set(replay.text.values()) == {"[NUMBER]"}


def test_a_window_hides_every_digit_until_thirty_seconds_passed_without_one() -> None:
    replay = Replay(RedactionPolicy())
    replay.live.open_window(0)
    one, two, late = said("customer: it is one", "25000> customer: and two", "31000> customer: see you at one")
    for line in (one, two):
        replay.take(line, is_final=True)
    assert list(replay.text.values()) == ["it is [DIGITS]", "and [DIGITS]"]
    replay.take(late, is_final=True)
    assert list(replay.text.values()) == ["it is one", "and two", "see you at one"]


def test_a_revision_brings_nothing_back() -> None:
    replay = Replay(RedactionPolicy())
    (line,) = said(f"customer: my card {CARD}")
    replay.take(line, is_final=True)
    replay.wait(line.end_ms + 60_000)
    assert replay.text["0"] == "my card [CARD_NUMBER]"
    for number, text in enumerate(["my card four one one one", "my card 4111 thanks"]):
        revised = msgspec.structs.replace(line, words=tuple(map(Word, text.split())))
        replay.take(revised, is_final=True)
        replay.wait(line.end_ms + 90_000 + number)
        assert not replay.readable["0"] & set(range(2, 3 if number else 6))


def test_words_of_zoom_that_come_long_after_ours_are_hidden_too() -> None:
    replay = Replay(RedactionPolicy())
    (ours,) = said(f"customer: my card {CARD}", is_timed=True)
    replay.take(ours, is_final=True)
    replay.wait(ours.end_ms + 60_000)
    zoom = msgspec.structs.replace(ours, key="zoom", source="zoom", words=tuple(map(Word, ["my", "card", "4111", "1111", "1"])))
    replay.take(zoom, is_final=True)
    assert replay.text["zoom"] == "my [CARD_NUMBER]"


def test_lines_that_are_done_are_forgotten_and_harmless_ones_resolved_at_once() -> None:
    live = LivePass(RedactionPolicy())
    for number in range(200):
        (line,) = said("customer: nothing to see here at all my friend")
        told = live.take(
            msgspec.structs.replace(line, key=str(number), start_ms=number * 3000, end_ms=number * 3000 + 2000), is_final=True
        )
        assert told.is_resolved
    assert len(live._lines) < 20
    assert LivePass(OFF).take(said(f"customer: {CARD}")[0], is_final=True).text == CARD
