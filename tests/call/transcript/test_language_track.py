"""Language track: which language was spoken when: text against tags, hysteresis, pauses, and nothing at all."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.analysis import Interval, SegmentComparison
from cc_voice.call.intervals import Intervals, length
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.transcript.language_track import LanguageTrack, cut, retagged, track, tracks
from cc_voice.call.utterances import Utterance, Word
from tests.call.calls import channel, local
from tests.call.strategies import utterances

BOTH = LanguagePolicy(default="en", languages=("en", "es"))
TEXT = {"en": (("en", 0.999), ("es", 0.001)), "es": (("en", 0.001), ("es", 0.999)), "?": (("en", 0.55), ("es", 0.45)), "": ()}


def is_identified(found: LanguageTrack) -> bool:
    """Something told which language was spoken."""
    return found.pieces[0].source != "configured"


def line(start_s: float, text: str, tag: str | None = None, *, words: int = 6, length_s: float = 3) -> Utterance:
    """A line of Zoom's: `text` is the language its words are found to be in, `?` when they could be either."""
    said = tuple(Word("word") for _ in range(words))
    return Utterance(
        channel_id="c",
        start_ms=round(start_s * 1000),
        end_ms=round((start_s + length_s) * 1000),
        text=" ".join(word.word for word in said),
        words=said,
        language=tag or "en",
        source="zoom",
        tagged=tag,
        lid=TEXT[text],
    )


def lines(texts: str, tags: str, **how: int) -> list[Utterance]:
    """A line every five seconds; `-` is a tag that is absent."""
    names = dict(zip("es?", ("en", "es", "?"), strict=True))
    return [
        line(5 * place, names[text], None if tag == "-" else names[tag], **how)
        for place, (text, tag) in enumerate(zip(texts, tags, strict=True))
    ]


def speech_of(said: list[Utterance]) -> Intervals:
    return tuple((one.start_ms, one.end_ms) for one in said)


def shape(found: LanguageTrack) -> list[tuple[str, int]]:
    return [(stretch.language, stretch.start_ms) for stretch in found.stretches]


@pytest.mark.parametrize(
    ("texts", "tags"),
    [
        ("eeeessssss", "eeeessssss"),
        ("eeeessssss", "eeeeeessss"),
        ("eeeessssss", "eeeeeeeess"),
        ("eeeessssss", "eeeeeeeeee"),
        ("eeeessssss", "----------"),
        ("eeeessssss", "eeeesseses"),
        ("eeeessssss", "ssssssssss"),
    ],
    ids=["right", "10 s late", "20 s late", "never", "absent", "wrong once", "always wrong"],
)
@pytest.mark.parametrize("words", [3, 8])
def test_the_text_corrects_the_tags(texts: str, tags: str, words: int) -> None:
    said = lines(texts, tags, words=words)
    found = track(said, BOTH, speech=speech_of(said), duration_ms=50_000)
    assert shape(found) == [("en", 0), ("es", 20_000)]
    assert all(stretch.conf is not None and stretch.conf > 0.9 for stretch in found.stretches)
    assert {stretch.source for stretch in found.stretches} == {"text"}


def test_what_says_nothing_follows_its_neighbours() -> None:
    said = lines("ee?ess??s", "---------")
    assert shape(track(said, BOTH, speech=speech_of(said))) == [("en", 0), ("es", 20_000)]


def test_a_borrowed_word_switches_nothing_and_a_long_sentence_does() -> None:
    before, after = lines("sss", "---"), [msgspec.structs.replace(one, start_ms=one.start_ms + 20_000) for one in lines("ss", "--")]
    short = track([*before, line(15, "en", words=3), *after], BOTH)
    long = track([*before, line(15, "en", words=12), *after], BOTH)
    assert [language for language, _ in shape(short)] == ["es"]
    assert [language for language, _ in shape(long)] == ["es", "en", "es"]


def test_two_words_are_not_asked() -> None:
    assert not is_identified(track([line(0, "es", words=2)], BOTH))
    assert is_identified(track([line(0, "es", words=3)], BOTH))


def test_tags_alone_need_company_unless_the_text_was_not_asked() -> None:
    """A tag beside text that could be either is weak evidence; where nobody looked at the text, tags are all there is."""
    assert shape(track(lines("???????", "eeeseee"), BOTH)) == [("en", 0)]
    assert [language for language, _ in shape(track(lines("???????", "eeessss"), BOTH))] == ["en", "es"]
    unasked = [msgspec.structs.replace(one, lid=()) for one in lines("???", "ees")]
    assert shape(track(unasked, BOTH)) == [("en", 0), ("es", 10_000)]


def test_a_language_nobody_expected_is_found_by_its_tag() -> None:
    said = [line(0, "en", "en"), msgspec.structs.replace(line(5, "", "de-DE"), lid=(("en", 0.1), ("es", 0.1), ("de", 0.8)))]
    assert shape(track(said, BOTH, speech=speech_of(said))) == [("en", 0), ("de", 5_000)]


def test_identification_is_not_believed_about_a_language_it_does_not_know() -> None:
    said = [line(5 * place, "en", "yue") for place in range(4)]
    assert shape(track(said, BOTH)) == [("yue", 0)]


@pytest.mark.parametrize(
    "policy", [LanguagePolicy(default="en", identify=False), LanguagePolicy(default="en-US", languages=("es",))]
)
def test_nothing_told_is_the_default_without_a_confidence(policy: LanguagePolicy) -> None:
    said = lines("ss", "ss") if not policy.identify else [local("c", (0, 900), "hola", "es")]
    found = track(said, policy, duration_ms=9_000)
    assert (found.at(4_000), is_identified(found), found.stretches[0].conf) == ("en", False, None)


def test_a_single_candidate_that_zoom_tags_is_certain() -> None:
    said = [msgspec.structs.replace(one, lid=()) for one in lines("ee", "ee")]
    found = track(said, LanguagePolicy(default="en"))
    assert [(stretch.conf, stretch.source) for stretch in found.stretches] == [(1.0, "tag")]


@pytest.mark.parametrize(
    ("speech", "at_ms"),
    [
        (((0, 2_900), (5_100, 9_000)), 5_100),
        (((0, 2_900), (3_300, 3_600), (5_100, 9_000)), 5_100),
        (((0, 6_000), (6_500, 9_000)), 6_500),
        (((0, 2_900), (40_000, 41_000)), 40_000),
        (((0, 9_000),), 5_000),
        ((), 5_000),
    ],
    ids=["between", "longest", "near", "long pause", "no pause", "no speech"],
)
def test_a_switch_is_moved_to_a_pause(speech: Intervals, at_ms: int) -> None:
    """Zoom's lines are at 0–3 s and 5–8 s."""
    assert shape(track([line(0, "en"), line(5, "es")], BOTH, speech=speech)) == [("en", 0), ("es", at_ms)]


def test_what_comes_later_decides_what_was_unsure() -> None:
    said = lines("eeesss", "eeeeee", words=3)
    assert (track(said[:4], BOTH).at(99_000), track(said[:5], BOTH).at(99_000)) == ("en", "es")
    assert track(said, BOTH).at(15_500) == "es"


def test_recognisers_are_compared_where_there_are_no_words() -> None:
    compared = [
        SegmentComparison(5_000 * place, 5_000 * place + 3_000, (("en-US", en), ("es", es)))
        for place, (en, es) in enumerate([(0.95, 0.6), (0.9, 0.5), (0.7, 0.72), (0.5, 0.95), (0.4, 0.9)])
    ]
    found = track([local("c", (0, 900), "hola", "es")], BOTH, compared=compared)
    assert [(stretch.language, stretch.source) for stretch in found.stretches] == [("en", "recognisers"), ("es", "recognisers")]


def test_a_stream_in_which_zoom_wrote_nothing_continues_one_in_which_it_did() -> None:
    """After a lost link the transcript may be missing: what the recognisers told of that stream stays true of the call."""
    compared = [SegmentComparison(5_000 * place, 5_000 * place + 3_000, (("en", 0.4), ("es", 0.9))) for place in range(4, 8)]
    found = track(lines("eee", "eee"), BOTH, compared=compared)
    assert [(stretch.language, stretch.source) for stretch in found.stretches] == [("en", "text"), ("es", "recognisers")]


def test_one_recogniser_compares_nothing() -> None:
    assert not is_identified(track([], BOTH, compared=[SegmentComparison(0, 1_000, (("en", 0.9),))]))


def test_every_channel_has_a_track() -> None:
    found = tracks([channel("a", (0, 900)), channel("c")], [line(0, "es", "es"), local("x", (0, 9), "so")], BOTH, 9_000)
    assert {name: one.at(0) for name, one in found.items()} == {"a": "en", "c": "es", "x": "en"}


def test_zooms_lines_get_the_language_spoken_and_local_ones_keep_theirs() -> None:
    said = [line(0, "en", "en-GB"), line(5, "es", "en-GB"), line(10, "es", "es-MX"), local("c", (5_000, 8_000), "hole a", "en")]
    found = retagged(said, {"c": track(said, BOTH)})
    assert [(one.language, one.lid_conf is not None) for one in found] == [
        ("en-GB", True),
        ("es", True),
        ("es-MX", True),
        ("en", False),
    ]
    assert [one.tagged for one in found] == ["en-GB", "en-GB", "es-MX", None]


def test_a_leg_is_cut_out_of_a_track() -> None:
    said = [line(0, "en"), line(5, "es")]
    found = cut(
        track(said, BOTH, speech=((0, 3_000), (5_000, 8_000)), duration_ms=8_000), ((0, 3_000), (5_000, 8_000)), (-500, 9_000)
    )
    assert [(one.span, one.language, one.speech) for one in found] == [
        ((-500, 5_000), "en", ((0, 3_000),)),
        ((5_000, 9_000), "es", ((5_000, 8_000),)),
    ]
    assert [one.span for one in cut(track(said, BOTH), (), (6_000, 7_000))] == [(6_000, 7_000)]


evidence = st.tuples(st.sampled_from(["en", "es", "?"]), st.sampled_from(["en", "es", "fr", None]), st.integers(1, 12))
spans = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), max_size=8)


@given(st.lists(evidence, max_size=12), spans, st.integers(0, 90_000))
def test_a_track_covers_the_call_and_sums_to_its_speech(
    told: list[tuple[str, str | None, int]], spans: list[tuple[int, int]], duration_ms: int
) -> None:
    said = [line(4 * place, text, tag, words=words) for place, (text, tag, words) in enumerate(told)]
    speech: list[Interval] = []
    at = 0
    for gap, size in spans:
        speech.append((at + gap * 100 + 1, at := at + gap * 100 + 1 + size * 100))
    found = track(said, BOTH, speech=tuple(speech), duration_ms=duration_ms)
    starts = [piece.start_ms for piece in found.pieces]
    assert starts == sorted(starts)
    assert [piece.end_ms for piece in found.pieces[:-1]] == starts[1:]
    assert found.pieces[-1].end_ms >= duration_ms
    assert all(piece.conf is None or 0 < piece.conf <= 1 for piece in found.pieces)
    assert all(one.language != other.language for one, other in zip(found.stretches, found.stretches[1:], strict=False))
    parts = cut(found, tuple(speech), (0, 10**7))
    assert sum(one.speech_ms for one in parts) == length(tuple(speech))


@given(st.lists(st.booleans(), min_size=1, max_size=5), st.data())
def test_splitting_a_line_changes_no_language(blocks: list[bool], data: st.DataObject) -> None:
    """Evidence is in words: two lines of four weigh as much as one of eight."""
    whole, pieces = [], []
    for place in range(4 * len(blocks)):
        text = "es" if blocks[place // 4] else "en"
        whole.append(line(8 * place, text, words=8, length_s=4))
        halves = [line(8 * place, text, words=4, length_s=2), line(8 * place + 2, text, words=4, length_s=2)]
        pieces += halves if data.draw(st.booleans()) else whole[-1:]
    speech = speech_of(whole)
    assert shape(track(whole, BOTH, speech=speech)) == shape(track(pieces, BOTH, speech=speech))


@given(st.lists(utterances(), max_size=8))
def test_local_words_are_no_evidence(said: list[Utterance]) -> None:
    ours = [one for one in said if one.source == "local"]
    assert not is_identified(track(ours, BOTH))
    assert track(said, BOTH) == track([one for one in said if one.source == "zoom"], BOTH)
