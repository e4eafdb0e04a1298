"""OpenFst's files: whole ones of every kind that Vosk reads, and what is said of others. The files are made here, by the format."""

import contextlib
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.errors import ModelError
from cc_voice.speech.models import openfst

WORDS = {"<eps>": 0, "둘": 2, "하나": 1, "<s>": 3, "</s>": 3}


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<i", len(raw)) + raw


def head(kind: str, *, flags: int = 0, states: int = 0, arcs: int = 0, arcs_kind: str = "standard", version: int = 2) -> bytes:
    numbers = struct.pack("<iiQqqq", version, flags, 1, 0, states, arcs)
    return struct.pack("<i", 2125659606) + text(kind) + text(arcs_kind) + numbers


def table(words: dict[str, int] = WORDS, count: int | None = None) -> bytes:
    numbers = struct.pack("<qq", 4, len(words) if count is None else count)
    records = (text(word) + struct.pack("<q", number) for word, number in words.items())
    return struct.pack("<i", 2125658996) + text("words.txt") + numbers + b"".join(records)


NGRAM = struct.pack("<QQQ", 3, 5, 2) + bytes(8 * 3 + 4 * (4 + 5) + 4 * (4 + 2 + 6))
CONST = head("const", states=2, arcs=3) + bytes(2 * 20 + 3 * 16)
WHOLE = {
    "vector": head("vector", states=2, arcs=1) + bytes(2 * 12 + 16),
    "const": CONST,
    "ngram": head("ngram", flags=3, states=3) + table({"<eps>": 0}) + table() + NGRAM,
    "olabel_lookahead": head("olabel_lookahead", version=1) + struct.pack("<i", 446681434) + CONST + bytes(9),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "Gr.fst"


@pytest.mark.parametrize("kind", WHOLE)
def test_every_kind_that_real_models_have_is_whole(place: Path, kind: str) -> None:
    place.write_bytes(WHOLE[kind])
    found = openfst.check(place)
    assert found == openfst.output_symbols(place)
    assert found == (openfst.Symbols(tuple(WORDS), tuple(WORDS.values())) if kind == "ngram" else None)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_graph_cut_anywhere_is_refused(place: Path, kind: str) -> None:
    behind = 9 if kind == "olabel_lookahead" else 0
    for length in range(len(WHOLE[kind]) - behind):
        place.write_bytes(WHOLE[kind][:length])
        with pytest.raises(ModelError):
            openfst.check(place)


def test_input_symbols_are_not_taken_for_the_words(place: Path) -> None:
    place.write_bytes(head("vector", flags=1) + table({"p1": 1}))
    assert openfst.output_symbols(place) is None
    place.write_bytes(head("vector", flags=2) + table())
    assert openfst.output_symbols(place) is not None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04 an archive", "does not begin as OpenFst's files do"),
        (head("vector", arcs_kind="log"), "'log' arcs"),
        (head("compact_string"), "'compact_string'"),
        (head("vector", flags=2) + bytes(40), "list of words does not begin"),
        (head("vector", flags=2) + table(count=-1), "claims -1 words"),
        (head("vector", flags=2) + table(count=1 << 60), "claims 1152921504606846976 words"),
        (head("vector", flags=2) + table({"": 0}), "words that are none"),
        (head("vector", flags=2) + table({"a\nb": 0}), "words that are none"),
        (head("vector", flags=2) + table({"a": -4}), "below 0"),
        (head("vector", flags=2) + table({"a" * 5000: 0}), "no sensible length"),
        (head("ngram", states=1) + struct.pack("<QQQ", 1 << 63, 1 << 63, 1 << 63), "bytes of at least"),
        (head("olabel_lookahead") + struct.pack("<i", 446681434) + WHOLE["olabel_lookahead"], "no graph follows"),
    ],
)
def test_what_is_wrong_is_said(place: Path, data: bytes, says: str) -> None:
    place.write_bytes(data)
    with pytest.raises(ModelError, match=says):
        openfst.check(place)


@given(st.binary(max_size=200), st.sampled_from(sorted(WHOLE)), st.integers(0, 300))
def test_garbage_is_a_model_error_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, kind: str, at: int
) -> None:
    place = tmp_path_factory.getbasetemp() / "garbage.fst"
    whole = WHOLE[kind]
    for data in (junk, whole[:at] + junk, whole[:at] + junk + whole[at + len(junk) :]):
        place.write_bytes(data)
        for read in (openfst.check, openfst.output_symbols):
            with contextlib.suppress(ModelError):
                read(place)


def test_bytes_that_are_no_utf8_are_words_still(place: Path) -> None:
    place.write_bytes(head("vector", flags=2) + table({"a": 0}).replace(text("a"), text(b"\xff")))
    assert openfst.output_symbols(place) == openfst.Symbols(("\ufffd",), (0,))


def test_a_table_across_many_blocks_is_read_in_time_that_grows_with_it(place: Path) -> None:
    """Half a million words in about half a second; here a fifth of it, with two orders of magnitude to spare on a busy machine."""
    words = {f"word-{number}-{'x' * (number % 90)}": number for number in range(100_000)}
    place.write_bytes(head("vector", flags=3) + table(words) + table(words))
    began = time.process_time()
    found = openfst.output_symbols(place)
    assert time.process_time() - began < 20
    assert found == openfst.Symbols(tuple(words), tuple(words.values()))
