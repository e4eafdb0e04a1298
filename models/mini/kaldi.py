"""Writers for the few Kaldi and OpenFst file formats a Vosk model needs; README.md describes them field by field.

Everything is little endian. Only numpy is needed: no Kaldi or OpenFst tool takes part.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

BINARY = b"\0B"
"""First two bytes of a binary file; without them Kaldi reads text."""

# ---- primitives


def token(name: str) -> bytes:
    """A word and one space."""
    return name.encode("ascii") + b" "


def int32(value: int) -> bytes:
    """A size byte, then the value."""
    return b"\x04" + struct.pack("<i", value)


def float32(value: float) -> bytes:
    """A size byte, then the value."""
    return b"\x04" + struct.pack("<f", value)


def float64(value: float) -> bytes:
    """A size byte, then the value."""
    return b"\x08" + struct.pack("<d", value)


def int_vector(values: Iterable[int]) -> bytes:
    """The size byte of an element, a count that has no size byte of its own, the elements."""
    array = np.fromiter(values, "<i4")
    return b"\x04" + struct.pack("<i", len(array)) + array.tobytes()


def vector(values: ArrayLike) -> bytes:
    """A vector of float32."""
    array = np.asarray(values, "<f4").ravel()
    return token("FV") + int32(len(array)) + array.tobytes()


def matrix(values: ArrayLike) -> bytes:
    """A matrix of float32, row by row."""
    array = np.ascontiguousarray(values, "<f4")
    return token("FM") + int32(array.shape[0]) + int32(array.shape[1]) + array.tobytes()


# ---- acoustic model


class Hmms(msgspec.Struct, frozen=True):
    """One-state hidden Markov models: for phone id n, at n − 1, its pdf and the probability of staying.

    Transition ids follow from the order: phone n owns 2n − 1 (stay) and 2n (leave).
    """

    pdfs: tuple[int, ...]
    stay: tuple[float, ...]

    def stay_id(self, phone: int) -> int:
        """Transition id of the self-loop."""
        return 2 * phone - 1

    def leave_id(self, phone: int) -> int:
        """Transition id of the way out."""
        return 2 * phone


class Layer(msgspec.Struct, frozen=True):
    """An affine layer over spliced inputs. `weights` is output × (offsets · input); offsets count 10 ms frames."""

    offsets: tuple[int, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: Literal["relu", "logsoftmax"]


def transition_model(hmms: Hmms) -> bytes:
    """The TransitionModel: topology, (phone, state, pdf) triples, log probabilities.

    The decoder never reads the probabilities; the graph's weights carry them.
    """
    phones = range(1, len(hmms.pdfs) + 1)
    emitting = int32(0) + int32(2) + int32(0) + float32(0.5) + int32(1) + float32(0.5)
    final = int32(-1) + int32(0)
    topology = int_vector(phones) + int_vector([-1] + [0] * len(phones)) + int32(1) + int32(2) + emitting + final
    triples = b"".join(int32(phone) + int32(0) + int32(pdf) for phone, pdf in zip(phones, hmms.pdfs, strict=True))
    logs = [0.0, *(float(value) for stay in hmms.stay for value in (np.log(stay), np.log1p(-stay)))]
    return b"".join(
        [
            token("<TransitionModel>") + token("<Topology>") + topology + token("</Topology>"),
            token("<Triples>") + int32(len(phones)) + triples + token("</Triples>"),
            token("<LogProbs>") + vector(logs) + token("</LogProbs>") + token("</TransitionModel>"),
        ]
    )


def nnet3(layers: Sequence[Layer], input_dimension: int) -> bytes:
    """The network: a text description of its nodes, an empty line, the components."""
    nodes = [f"input-node name=input dim={input_dimension}"]
    components = []
    source = "input"
    for number, layer in enumerate(layers):
        affine, activation = f"L{number}.affine", f"L{number}.{layer.activation}"
        nodes.append(f"component-node name={affine} component={affine} input={_spliced(source, layer.offsets)}")
        nodes.append(f"component-node name={activation} component={activation} input={affine}")
        components += [_affine(affine, layer), _activation(activation, layer)]
        source = activation
    nodes.append(f"output-node name=output input={source} objective=linear")
    description = "\n".join(nodes).encode() + b"\n\n"
    return (
        token("<Nnet3>") + b"\n" + description
        + token("<NumComponents>") + int32(len(components)) + b"".join(components) + token("</Nnet3>")
    )  # fmt: skip


def _spliced(source: str, offsets: Sequence[int]) -> str:
    parts = [f"Offset({source}, {offset})" if offset else source for offset in offsets]
    return parts[0] if len(parts) == 1 else f"Append({', '.join(parts)})"


def _affine(name: str, layer: Layer) -> bytes:
    parameters = token("<LinearParams>") + matrix(layer.weights) + token("<BiasParams>") + vector(layer.bias)
    return _component(name, "FixedAffineComponent", parameters)


def _activation(name: str, layer: Layer) -> bytes:
    kind = {"relu": "RectifiedLinearComponent", "logsoftmax": "LogSoftmaxComponent"}[layer.activation]
    no_statistics = token("<ValueAvg>") + vector([]) + token("<DerivAvg>") + vector([]) + token("<Count>") + float64(0.0)
    return _component(name, kind, token("<Dim>") + int32(len(layer.bias)) + no_statistics)


def _component(name: str, kind: str, content: bytes) -> bytes:
    return token("<ComponentName>") + token(name) + token(f"<{kind}>") + content + token(f"</{kind}>")


def acoustic_model(hmms: Hmms, layers: Sequence[Layer], input_dimension: int, priors: ArrayLike) -> bytes:
    """am/final.mdl. `priors` are linear probabilities of the pdfs; their log is subtracted from the network's output."""
    left = -sum(min(layer.offsets) for layer in layers)
    right = sum(max(layer.offsets) for layer in layers)
    context = token("<LeftContext>") + int32(left) + token("<RightContext>") + int32(right)
    return BINARY + transition_model(hmms) + nnet3(layers, input_dimension) + context + token("<Priors>") + vector(priors)


# ---- finite-state transducers


class Arc(NamedTuple):
    """From a state to `target`, reading `input` and writing `output` (0 = nothing) at a cost (−ln probability)."""

    input: int
    output: int
    cost: float
    target: int


class Fst:
    """A weighted transducer over the tropical semiring. Its start state is 0."""

    def __init__(self) -> None:
        self.arcs: list[list[Arc]] = []
        self.final_costs: dict[int, float] = {}

    def add_state(self) -> int:
        """A new state's number."""
        self.arcs.append([])
        return len(self.arcs) - 1

    def add_arc(self, source: int, arc: Arc) -> None:
        """An arc that leaves `source`."""
        self.arcs[source].append(arc)


Side = Literal["input", "output"]

_FST_MAGIC = 2125659606
_FST_VERSION = 2
_EXPANDED, _MUTABLE = 0x1, 0x2
_SORTED = {"input": 0x10000000, "output": 0x40000000}


def fst(transducer: Fst, sorted_by: Side) -> bytes:
    """OpenFst's binary "vector" transducer with "standard" arcs, sorted on one side's labels as composition requires."""
    arc_count = sum(map(len, transducer.arcs))
    properties = _EXPANDED | _MUTABLE | _SORTED[sorted_by]
    out = [
        struct.pack("<i", _FST_MAGIC) + _text("vector") + _text("standard"),
        struct.pack("<iiQqqq", _FST_VERSION, 0, properties, 0, len(transducer.arcs), arc_count),
    ]
    for state, arcs in enumerate(transducer.arcs):
        out.append(struct.pack("<fq", transducer.final_costs.get(state, float("inf")), len(arcs)))
        ordered = sorted(arcs, key=lambda arc: (arc.output, arc.input) if sorted_by == "output" else (arc.input, arc.output))
        out += [struct.pack("<iifi", *arc) for arc in ordered]
    return b"".join(out)


def _text(value: str) -> bytes:
    return struct.pack("<i", len(value)) + value.encode()
