"""The tiny models in the layout of the makers' small ones: through our checks, and heard by libvosk as those they are from."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cc_voice.speech.codecs import read_audio
from cc_voice.speech.errors import ModelError
from cc_voice.speech.models.inventory import ModelInfo, check, installed, vocabulary
from cc_voice.speech.phrase_boosting import OnlyPhrases
from cc_voice.speech.vosk import VoskFactory
from models.mini import kaldi, makers
from tests.conftest import TOP

CALL = TOP / "cc_voice" / "simulator" / "scenarios" / "good-call.flac"
MODEL = TOP / "models" / "mini" / "model"
HEAR = """
import sys, pathlib
from cc_voice.speech import codecs, vosk
from cc_voice.speech.models import inventory
audio = codecs.read_audio(pathlib.Path(sys.argv[2]))
info = inventory.ModelInfo(name="copy", language="en", path=pathlib.Path(sys.argv[1]), sample_rate_hz=8000)
recogniser = vosk.VoskFactory(info).create(audio.sample_rate_hz)
recogniser.accept(audio.channels[1][: 12 * audio.sample_rate_hz].tobytes())
print(recogniser.finish().text)
"""


@pytest.fixture
def sibling(tmp_path: Path) -> ModelInfo:
    makers.write(MODEL, tmp_path / "models" / "our-en")
    (info,) = [one for one in installed(tmp_path / "models") if one.name == "our-en"]
    return info


@pytest.fixture(scope="module")
def customer() -> tuple[bytes, int]:
    """Twenty-five seconds of our own speech, with digits, and the rate."""
    audio = read_audio(CALL)
    return audio.channels[1][: 25 * audio.sample_rate_hz].tobytes(), audio.sample_rate_hz


def original() -> ModelInfo:
    return ModelInfo(name="mini", language="en", path=MODEL, sample_rate_hz=8000, takes_grammars=True)


def test_it_is_the_makers_layout(sibling: ModelInfo) -> None:
    names = {str(path.relative_to(sibling.path)) for path in (sibling.path / "graph").rglob("*") if path.is_file()}
    wanted = {"HCLr.fst", "Gr.fst", "disambig_tid.int", "phones.txt", "phones/word_boundary.int"}
    assert names == {f"graph/{name}" for name in wanted}
    assert b"olabel_lookahead" in (sibling.path / "graph" / "HCLr.fst").read_bytes()[:40]


def test_the_same_words_are_known_and_heard(sibling: ModelInfo, customer: tuple[bytes, int]) -> None:
    check(sibling)
    assert vocabulary(sibling) == vocabulary(original())
    heard = []
    for info in (original(), sibling):
        recogniser = VoskFactory(info).create(customer[1])
        recogniser.accept(customer[0])
        heard.append((recogniser.partial(), recogniser.finish()))
    assert "my account number is two nine four six one eight" in heard[1][1].text
    assert heard[1][0] == heard[0][0]
    pairs = list(zip(heard[0][1].words, heard[1][1].words, strict=True))
    assert all(one.word == other.word for one, other in pairs)
    assert all(abs((one.end_ms or 0) - (other.end_ms or 0)) <= 300 for one, other in pairs), "pruning differs, so a pause may"
    assert all(word.conf and word.conf > 0.5 for word in heard[1][1].words)


def test_it_is_confined_to_phrases(sibling: ModelInfo, customer: tuple[bytes, int]) -> None:
    recogniser = OnlyPhrases(VoskFactory(sibling), ["two nine four six one eight", "xylophone"]).create(customer[1])
    recogniser.accept(customer[0])
    assert recogniser.finish().text == "two nine four six one eight"


def test_libvosk_looks_ahead_by_what_we_write(sibling: ModelInfo) -> None:
    """Were the sets skipped, nothing would change where no state has a label ahead. In a child: libvosk may not survive it."""
    graph = makers.read((MODEL / "graph" / "HCLr.fst").read_bytes())
    heard = {}
    for name, sets in (("whole", kaldi.labels_ahead(graph)[0]), ("blind", [0] * len(graph.arcs))):
        end = kaldi.labels_ahead(graph)[1]
        whole = kaldi.look_ahead_fst(graph)
        behind = len(whole) - len(kaldi.reachable(*kaldi.labels_ahead(graph)))
        (sibling.path / "graph" / "HCLr.fst").write_bytes(whole[:behind] + kaldi.reachable(sets, end))
        command = [sys.executable, "-c", HEAR, str(sibling.path), str(CALL)]
        heard[name] = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TOP)
    assert "calling about my bill" in heard["whole"].stdout
    assert heard["blind"].stdout.strip() == ""
    assert "no surviving tokens" in heard["blind"].stderr


def test_the_reachable_labels_are_those_of_the_paths() -> None:
    """Start writes 3 or goes on in silence to a state that writes 1 or 2, or ends."""
    graph = kaldi.Fst()
    start, middle, end = (graph.add_state() for _ in range(3))
    graph.add_arc(start, kaldi.Arc(5, 3, 0.0, end))
    graph.add_arc(start, kaldi.Arc(6, 0, 0.0, middle))
    graph.add_arc(middle, kaldi.Arc(7, 1, 0.0, end))
    graph.add_arc(middle, kaldi.Arc(7, 2, 0.0, start))
    graph.add_arc(middle, kaldi.Arc(8, 0, 0.0, middle))
    graph.final_costs[middle] = 0.0
    sets, last = kaldi.labels_ahead(graph)
    assert (sets, last) == ([0b11110, 0b10110, 0], 4)
    assert [kaldi.spans(one) for one in (*sets, 0b1000101)] == [[(1, 5)], [(1, 3), (4, 5)], [], [(0, 1), (2, 3), (6, 7)]]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (
            lambda graph: (graph / "Gr.fst").write_bytes((graph / "Gr.fst").read_bytes()[:-100]),
            r"damaged Gr\.fst: it has \d+ bytes",
        ),
        (lambda graph: (graph / "Gr.fst").write_bytes((graph / "Gr.fst").read_bytes()[:2000]), r"damaged Gr\.fst"),
        (lambda graph: (graph / "HCLr.fst").write_bytes((graph / "HCLr.fst").read_bytes()[:50_000]), r"damaged HCLr\.fst"),
        (
            lambda graph: (graph / "Gr.fst").write_bytes((MODEL / "graph" / "Gr.fst").read_bytes()),
            r"its graph holds none.*words\.txt",
        ),
        (lambda graph: (graph / "disambig_tid.int").unlink(), r"lacks graph/disambig_tid\.int"),
        (lambda graph: (graph / "disambig_tid.int").write_text("315\n31"), r"damaged disambig_tid\.int"),
        (lambda graph: (graph / "disambig_tid.int").write_text("315\n#1\n"), r"damaged disambig_tid\.int"),
    ],
)
def test_damage_is_found_before_vosk_sees_it(sibling: ModelInfo, damage: Callable[[Path], object], says: str) -> None:
    damage(sibling.path / "graph")
    with pytest.raises(ModelError, match=says):
        check(sibling)


def test_a_list_of_another_graph_beside_it_is_not_read(sibling: ModelInfo) -> None:
    (sibling.path / "graph" / "words.txt").write_text("of 0\nanother 1\ngraph 2\n")
    check(sibling)
    assert vocabulary(sibling) == vocabulary(original())


def test_with_everything_at_the_top_it_is_an_old_model(sibling: ModelInfo, tmp_path: Path, customer: tuple[bytes, int]) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("am/final.mdl", "conf/mfcc.conf", "graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int"):
        (sibling.path / name).rename(old / Path(name).name)
    (sibling.path / "graph" / "phones" / "word_boundary.int").rename(old / "word_boundary.int")
    info = ModelInfo(name="old", language="en", path=old, sample_rate_hz=8000, takes_grammars=True)
    check(info)
    recogniser = VoskFactory(info).create(customer[1])
    recogniser.accept(customer[0])
    assert "account number" in recogniser.finish().text
    (old / "word_boundary.int").write_text("1 nonword\n")
    with pytest.raises(ModelError, match=r"word_boundary\.int of another model"):
        check(info)
