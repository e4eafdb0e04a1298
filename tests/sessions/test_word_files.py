"""Transcripts that come with a recording: every form says the same, and a mistake is named with its line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cc_voice.call.utterances import Word
from cc_voice.exports import transcripts
from cc_voice.sessions.word_files import ImportedLine, WordFileError, placed, read_words

LINES = [
    {"party": "agent", "start_ms": 500, "end_ms": 1500, "text": "How can I help?", "language": "en"},
    {"party": "customer", "start_ms": 2000, "end_ms": 3000, "text": "Quiero un <refund> & más", "language": "es"},
]
BOTH = {0: "agent", 1: "customer"}


def written(tmp_path: Path, text: str | bytes, name: str = "words") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path: Path, document: Any) -> tuple[ImportedLine, ...]:
    return read_words(written(tmp_path, document if isinstance(document, (str, bytes)) else json.dumps(document)))


def lens() -> dict[str, Any]:
    return {
        "Version": "1.1.0",
        "LanguageCode": "en",
        "Participants": [
            {"ParticipantId": "a1", "ParticipantRole": "AGENT"},
            {"ParticipantId": "c1", "ParticipantRole": "CUSTOMER"},
        ],
        "Transcript": [
            {
                "BeginOffsetMillis": line["start_ms"],
                "EndOffsetMillis": line["end_ms"],
                "Content": line["text"],
                "ParticipantId": f"{line['party'][0]}1",  # type: ignore[index]
                "Id": "x",
            }
            for line in LINES
        ],
    }


class _Exported:
    def __init__(self, line: dict[str, Any]) -> None:
        self.party, self.start_ms, self.end_ms = line["party"], line["start_ms"], line["end_ms"]
        self.language_code, self.text = line["language"], line["text"]


VTT = transcripts.vtt(map(_Exported, LINES))
ZOOM_VTT = (
    "WEBVTT\r\n\r\nNOTE made by a test\r\n\r\n1\r\n00:00:00.500 --> 00:00:01.500\r\nAgent: How can I help?\r\n\r\n"
    "2\r\n00:02.000 --> 00:03.000\r\nCustomer: Quiero un &lt;refund&gt; &amp;\r\nmás\r\n"
)


@pytest.mark.parametrize(
    ("document", "languages"),
    [
        ({"lines": LINES}, ["en", "es"]),
        (LINES, ["en", "es"]),
        ({"parties": [{"party": "agent", "channel_id": "x"}, {"party": "customer", "name": "Bo"}], "lines": [
            {**LINES[0], "party": "x"}, {**LINES[1], "party": "Bo"}]}, ["en", "es"]),
        ({"channels": [{"party": "agent"}, {"party": "customer"}], "lines": [{**LINES[0], "party": 0}, {**LINES[1], "party": 1}]},
         ["en", "es"]),
        ({"lines": list(reversed(LINES)), "revisions": [{"line": 2, "at_ms": 9, "text": "How can I help?"}]}, ["en", "es"]),
        ({"lines": [*LINES, {"party": "agent", "start_ms": 9, "text": "gone"}], "revisions": [{"line": 3, "at_ms": 9}]},
         ["en", "es"]),
        (VTT, ["en", "es"]),
        ("\ufeff" + VTT, ["en", "es"]),
        (ZOOM_VTT, [None, None]),
        (lens(), ["en", "en"]),
    ],
)  # fmt: skip
def test_every_form_says_the_same(tmp_path: Path, document: Any, languages: list[str | None]) -> None:
    lines = placed(read(tmp_path, document), BOTH, Path("words"))
    assert [(channel, line.start_ms, line.end_ms, line.text) for channel, line in lines] == [
        ("0", 500, 1500, "How can I help?"),
        ("1", 2000, 3000, "Quiero un <refund> & más"),
    ]
    assert [line.language for _, line in lines] == languages


def test_words_keep_their_times_and_tell_the_end(tmp_path: Path) -> None:
    line = {"party": "agent", "start_ms": 10, "text": "yes no", "words": [["yes", 10, 200], ["no", 220, 400]]}
    plain = {"party": "agent", "start_ms": 900, "text": "yes no", "words": ["yes", "no"]}
    first, second = read(tmp_path, [line, plain])
    assert (first.end_ms, first.words) == (400, (Word("yes", 10, 200), Word("no", 220, 400)))
    assert (second.end_ms, second.words) == (900 + 2 * 350, (Word("yes"), Word("no")))


def test_mixed_audio_takes_every_line_and_a_channel_its_number(tmp_path: Path) -> None:
    lines = read(tmp_path, LINES)
    assert [channel for channel, _ in placed(lines, {0: None}, Path("w"))] == ["0", "0"]
    numbered = read(tmp_path, [{**LINES[0], "party": "1"}, {**LINES[1], "party": 0}])
    assert [channel for channel, _ in placed(numbered, BOTH, Path("w"))] == ["1", "0"]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ("Hello", "neither a script's lines, WebVTT nor Contact Lens JSON"),
        ("", "neither"),
        ("[" * 100_000, "neither"),
        ({"lines": [{"text": "x"}]}, "start_ms"),
        ([{"start_ms": -1, "text": "x"}], "line 1: it begins at -1 ms"),
        ([{"start_ms": 5, "end_ms": 4, "text": "x"}], "begins at 5 ms and ends at 4"),
        ([{"start_ms": 5, "text": "x", "words": [["x", "y", 3]]}], "line 1: a word"),
        ([{"start_ms": 5, "text": "x", "words": [[]]}], "line 1: a word"),
        ({"lines": [], "revisions": [{"line": 1, "at_ms": 0}]}, "revision 1: there is no line 1"),
        (b"\xff\xfeW\x00", "not UTF-8"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, document: Any, named: str) -> None:
    with pytest.raises(WordFileError, match=re.escape(named)):
        read(tmp_path, document)


@pytest.mark.parametrize(
    ("party", "named"), [("ivr", "'ivr' is none of the parties analysed: agent, customer"), (None, "names no")]
)
def test_a_line_of_nobody_is_named(tmp_path: Path, party: str | None, named: str) -> None:
    lines = read(tmp_path, [{"start_ms": 5, "text": "x", "party": party}])
    with pytest.raises(WordFileError, match=re.escape("line 1 (at 5 ms)")) as told:
        placed(lines, BOTH, Path("w"))
    assert named in str(told.value)
