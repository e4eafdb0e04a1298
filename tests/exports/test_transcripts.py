"""Transcripts as files: what players read back is what was said, by whom and when."""

import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.exports.transcripts import plain, srt, vtt


class Said(msgspec.Struct, frozen=True):
    party: str | None
    start_ms: int
    end_ms: int
    language_code: str
    text: str


LINES = [
    Said("agent", 0, 1_500, "en", "good morning"),
    Said("customer", 1_500, 3_661_002, "es", "<b>hola</b> & adiós --> now"),
    Said(None, 3_661_002, 3_661_002, "es", "two\n\nlines"),
]


def test_webvtt_names_speaker_and_language() -> None:
    assert vtt(LINES) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:01.500\n<v Agent><lang en>good morning</lang></v>\n\n"
        "00:00:01.500 --> 01:01:01.002\n<v Customer><lang es>&lt;b&gt;hola&lt;/b&gt; &amp; adiós --&gt; now</lang></v>\n\n"
        "01:01:01.002 --> 01:01:01.003\n<v Unknown><lang es>two lines</lang></v>\n"
    )


def test_subrip_numbers_its_cues_and_tells_a_change_of_language() -> None:
    assert srt(LINES) == (
        "1\n00:00:00,000 --> 00:00:01,500\nAgent (en): good morning\n\n"
        "2\n00:00:01,500 --> 01:01:01,002\nCustomer (es): (b)hola(/b) & adiós --) now\n\n"
        "3\n01:01:01,002 --> 01:01:01,003\nUnknown: two lines\n"
    )


def test_text_has_a_line_for_each_utterance() -> None:
    assert plain(LINES) == (
        "[00:00:00.000] Agent (en): good morning\n"
        "[00:00:01.500] Customer (es): <b>hola</b> & adiós --> now\n"
        "[01:01:01.002] Unknown: two lines\n"
    )


def test_a_call_without_words_is_an_empty_transcript() -> None:
    assert (vtt([]), srt([]), plain([])) == ("WEBVTT\n", "", "")


SAID = st.builds(
    Said,
    st.sampled_from(["agent", "customer", "ivr", None]),
    st.integers(-5_000, 10**8),
    st.integers(-5_000, 10**8),
    st.just("en"),
    st.text(st.characters(codec="utf-8")),
)


@given(st.lists(SAID, max_size=5))
def test_no_text_breaks_out_of_its_cue(lines: list[Said]) -> None:
    cues = vtt(lines).split("\n\n")[1:]
    assert len(cues) == len(lines)
    for cue, line in zip(cues, lines, strict=True):
        times, payload = cue.rstrip("\n").split("\n")
        assert re.fullmatch(r"\d\d+:\d\d:\d\d\.\d{3} --> \d\d+:\d\d:\d\d\.\d{3}", times)
        start, end = times.split(" --> ")
        assert start < end
        assert "-->" not in payload
        text = re.fullmatch(r"<v \w+><lang en>(.*)</lang></v>", payload)
        assert text is not None
        back = text[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
        assert back == re.sub(r"\s+", " ", line.text).strip()
    assert len(re.findall(r"^\d+$\n^\S+ --> ", srt(lines), re.MULTILINE)) == len(lines)
