"""The writers of Kaldi's and OpenFst's formats: exact bytes of small objects, and what a reader of the description gets back."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.mini import kaldi
from models.mini.kaldi import Arc, Fst, Hmms, Layer
from tests.models.reading import Reader, is_sorted, read_acoustic_model, read_fst

pytestmark = pytest.mark.build

INT32 = st.integers(-(2**31), 2**31 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (kaldi.token("<Nnet3>"), b"<Nnet3> "),
        (kaldi.int32(3), b"\x04\x03\0\0\0"),
        (kaldi.int32(-1), b"\x04\xff\xff\xff\xff"),
        (kaldi.float32(0.5), b"\x04\0\0\0\x3f"),
        (kaldi.float64(0.0), b"\x08" + bytes(8)),
        (kaldi.int_vector([1, 258]), b"\x04\x02\0\0\0\x01\0\0\0\x02\x01\0\0"),
        (kaldi.int_vector([]), b"\x04\0\0\0\0"),
        (kaldi.vector([1.0]), b"FV \x04\x01\0\0\0\0\0\x80\x3f"),
        (kaldi.matrix([[1.0, 0.5]]), b"FM \x04\x01\0\0\0\x04\x02\0\0\0\0\0\x80\x3f\0\0\0\x3f"),
    ],
)
def test_primitives_to_the_byte(written: bytes, expected: bytes) -> None:
    assert written == expected


@given(st.lists(INT32), st.lists(FLOAT32), INT32)
def test_primitives_are_read_back(whole: list[int], real: list[float], last: int) -> None:
    reader = Reader(kaldi.int_vector(whole) + kaldi.vector(real) + kaldi.int32(last))
    assert reader.int_vector() == whole
    assert reader.vector().tolist() == real
    assert reader.int32() == last
    assert reader.finished


@given(arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=FLOAT32), st.booleans())
def test_a_matrix_is_written_by_row_however_it_lies_in_memory(values: np.ndarray, transposed: bool) -> None:
    given_matrix = values.T if transposed else values
    assert np.array_equal(Reader(kaldi.matrix(given_matrix)).matrix(), given_matrix)


def test_a_model_of_one_phone_to_the_byte() -> None:
    def number(value: int) -> bytes:
        return b"\x04" + struct.pack("<i", value)

    half = b"\x04\0\0\0\x3f"
    state_0 = number(0) + number(2) + number(0) + half + number(1) + half
    topology = b"\x04\x01\0\0\0\x01\0\0\0" + b"\x04\x02\0\0\0\xff\xff\xff\xff\0\0\0\0" + number(1) + number(2) + state_0
    logs = struct.pack("<fff", 0.0, np.log(0.5), np.log(0.5))
    assert kaldi.transition_model(Hmms(pdfs=(0,), stay=(0.5,))) == (
        b"<TransitionModel> <Topology> " + topology + number(-1) + number(0) + b"</Topology> "
        b"<Triples> " + number(1) + number(1) + number(0) + number(0) + b"</Triples> "
        b"<LogProbs> FV " + number(3) + logs + b"</LogProbs> </TransitionModel> "
    )  # fmt: skip


@pytest.mark.parametrize(("phone", "stay", "leave"), [(1, 1, 2), (2, 3, 4), (157, 313, 314)])
def test_transition_ids_follow_the_phones(phone: int, stay: int, leave: int) -> None:
    hmms = Hmms((), ())
    assert (hmms.stay_id(phone), hmms.leave_id(phone)) == (stay, leave)


def layer(offsets: tuple[int, ...], inputs: int, outputs: int, activation: str) -> Layer:
    rng = np.random.default_rng(outputs)
    weights = rng.normal(size=(outputs, inputs * len(offsets))).astype(np.float32)
    return Layer(offsets, weights, rng.normal(size=outputs).astype(np.float32), activation)  # type: ignore[arg-type]


def test_an_acoustic_model_is_read_back() -> None:
    hmms = Hmms(pdfs=(0, 1, 1), stay=(0.25, 0.5, 0.75))
    layers = [layer((-2, 0, 1), 3, 4, "relu"), layer((-3, 3), 4, 5, "relu"), layer((0,), 5, 2, "logsoftmax")]
    read = read_acoustic_model(kaldi.acoustic_model(hmms, layers, 3, [0.25, 0.75]))
    assert (read.phones, read.pdfs) == ((1, 2, 3), (0, 1, 1))
    assert np.exp(read.log_probabilities) == pytest.approx([1, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25])
    assert read.input_dimension == 3
    assert [one.offsets for one in read.layers] == [(-2, 0, 1), (-3, 3), (0,)]
    assert [one.activation for one in read.layers] == ["RectifiedLinearComponent"] * 2 + ["LogSoftmaxComponent"]
    assert all(np.array_equal(one.weights, two.weights) for one, two in zip(read.layers, layers, strict=True))
    assert all(np.array_equal(one.bias, two.bias) for one, two in zip(read.layers, layers, strict=True))
    assert (read.left_context, read.right_context) == (5, 4)
    assert read.priors.tolist() == [0.25, 0.75]


def test_the_networks_text_ends_with_an_empty_line() -> None:
    head = kaldi.nnet3([layer((-1, 0), 2, 2, "logsoftmax")], 2).partition(b"<NumComponents> ")[0]
    assert head == (
        b"<Nnet3> \n"
        b"input-node name=input dim=2\n"
        b"component-node name=L0.affine component=L0.affine input=Append(Offset(input, -1), input)\n"
        b"component-node name=L0.logsoftmax component=L0.logsoftmax input=L0.affine\n"
        b"output-node name=output input=L0.logsoftmax objective=linear\n"
        b"\n"
    )


def small() -> Fst:
    graph = Fst()
    start, end = graph.add_state(), graph.add_state()
    graph.final_costs[end] = 0.25
    graph.add_arc(start, Arc(2, 1, 0.5, end))
    graph.add_arc(start, Arc(1, 2, 1.0, end))
    return graph


def test_a_transducer_of_two_arcs_to_the_byte() -> None:
    def text(value: bytes) -> bytes:
        return struct.pack("<i", len(value)) + value

    head = struct.pack("<i", 2125659606) + text(b"vector") + text(b"standard")
    sizes = struct.pack("<qqq", 0, 2, 2)
    start = b"\0\0\x80\x7f" + struct.pack("<q", 2)
    end = struct.pack("<fq", 0.25, 0)
    first, second = struct.pack("<iifi", 1, 2, 1.0, 1), struct.pack("<iifi", 2, 1, 0.5, 1)
    by_input = struct.pack("<iiQ", 2, 0, 0x10000003)
    by_output = struct.pack("<iiQ", 2, 0, 0x40000003)
    assert kaldi.fst(small(), "input") == head + by_input + sizes + start + first + second + end
    assert kaldi.fst(small(), "output") == head + by_output + sizes + start + second + first + end


@st.composite
def transducers(draw: st.DrawFn) -> Fst:
    graph = Fst()
    count = draw(st.integers(1, 5))
    for _ in range(count):
        graph.add_state()
    states, label = st.integers(0, count - 1), st.integers(0, 4)
    cost = st.floats(0, 50, width=32)
    graph.final_costs = draw(st.dictionaries(states, cost))
    for source, arc in draw(st.lists(st.tuples(states, st.builds(Arc, label, label, cost, states)))):
        graph.add_arc(source, arc)
    return graph


@given(transducers(), st.sampled_from(["input", "output"]))
def test_a_transducer_is_read_back_sorted(graph: Fst, side: kaldi.Side) -> None:
    read = read_fst(kaldi.fst(graph, side))
    assert [sorted(arcs) for arcs in read.arcs] == [sorted(arcs) for arcs in graph.arcs]
    assert {state: cost for state, cost in enumerate(read.final_costs) if cost != float("inf")} == graph.final_costs
    assert read.start == 0
    assert is_sorted(read, side)
