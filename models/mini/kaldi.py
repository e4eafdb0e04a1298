"""Writers for the few Kaldi and OpenFst file formats a Vosk model needs; README.md describes them field by field.

Everything is little endian. Only numpy is needed: no Kaldi or OpenFst tool takes part.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
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
_TABLE_MAGIC = 2125658996
_ADD_ON_MAGIC = 446681434
_BOTH_SYMBOLS = 3
_FST_VERSION = 2
_EXPANDED, _MUTABLE = 0x1, 0x2
_SORTED = {"input": 0x10000000, "output": 0x40000000}


def fst(transducer: Fst, sorted_by: Side, words: Mapping[str, int] | None = None) -> bytes:
    """OpenFst's binary "vector" transducer with "standard" arcs, sorted on one side's labels as composition requires.

    With `words` the file holds them as input and output symbols.
    """
    arc_count = sum(map(len, transducer.arcs))
    properties = _EXPANDED | _MUTABLE | _SORTED[sorted_by]
    flags = _BOTH_SYMBOLS if words else 0
    head = struct.pack("<iiQqqq", _FST_VERSION, flags, properties, 0, len(transducer.arcs), arc_count)
    out = [struct.pack("<i", _FST_MAGIC), _text("vector"), _text("standard"), head]
    out += [symbols(words)] * 2 if words else []
    for state, arcs in enumerate(transducer.arcs):
        out.append(struct.pack("<fq", transducer.final_costs.get(state, float("inf")), len(arcs)))
        out += [struct.pack("<iifi", *arc) for arc in _ordered(arcs, sorted_by)]
    return b"".join(out)


def symbols(words: Mapping[str, int]) -> bytes:
    """OpenFst's table of words and their numbers."""
    head = struct.pack("<i", _TABLE_MAGIC) + _text("words") + struct.pack("<qq", max(words.values()) + 1, len(words))
    return head + b"".join(_text(word) + struct.pack("<q", number) for word, number in words.items())


def look_ahead_fst(transducer: Fst) -> bytes:
    """OpenFst's "olabel_lookahead" transducer, as Vosk's makers store HCLr: a "const" one, sorted by output, and for each state the
    labels that can be written next from there, so that composition takes no path on which G has nothing to follow.

    Their tool renumbers the words so that each such set is one interval. Here numbers stay, and a set is as many as it takes.
    """
    head = struct.pack("<i", _FST_MAGIC) + _text("olabel_lookahead") + _text("standard")
    head += struct.pack("<iiQqqqi", 1, 0, _EXPANDED | _SORTED["output"], -1, 0, 0, _ADD_ON_MAGIC)
    return head + const_fst(transducer) + reachable(*labels_ahead(transducer))


def const_fst(transducer: Fst) -> bytes:
    """OpenFst's "const" transducer, sorted by output: all states, each with the place of its first arc, then all arcs."""
    leaving = [_ordered(arcs, "output") for arcs in transducer.arcs]
    numbers = (_FST_VERSION, 0, _EXPANDED | _SORTED["output"], 0, len(leaving), sum(map(len, leaving)))
    out = [struct.pack("<i", _FST_MAGIC), _text("const"), _text("standard"), struct.pack("<iiQqqq", *numbers)]
    first = 0
    for state, arcs in enumerate(leaving):
        silent = sum(not arc.input for arc in arcs), sum(not arc.output for arc in arcs)
        out.append(struct.pack("<fIIII", transducer.final_costs.get(state, float("inf")), first, len(arcs), *silent))
        first += len(arcs)
    return b"".join(out) + b"".join(struct.pack("<iifi", *arc) for arcs in leaving for arc in arcs)


def labels_ahead(transducer: Fst) -> tuple[list[int], int]:
    """Of each state the labels that its paths write first, as bits; and the number behind the last label, for the end."""
    end = 1 + max(arc.output for arcs in transducer.arcs for arc in arcs)
    sets = [sum({1 << arc.output for arc in arcs if arc.output}) for arcs in transducer.arcs]
    for state in transducer.final_costs:
        sets[state] |= 1 << end
    before: list[int] = []
    while before != sets:
        before = list(sets)
        for state in reversed(range(len(sets))):
            for arc in transducer.arcs[state]:
                sets[state] |= 0 if arc.output else sets[arc.target]
    return sets, end


def reachable(sets: Sequence[int], end: int) -> bytes:
    """What OpenFst keeps behind a look-ahead graph: of each state its labels, as intervals."""
    out = [struct.pack("<????", True, False, True, False)]  # it is there; none of inputs; one of outputs; which it says itself
    out.append(struct.pack("<?iq", False, end, len(sets)))  # no table of renumbered labels
    for labels in sets:
        runs = spans(labels)
        out.append(struct.pack("<q", len(runs)) + b"".join(struct.pack("<ii", *run) for run in runs))
        out.append(struct.pack("<i", labels.bit_count()))
    return b"".join(out)


def spans(bits: int) -> list[tuple[int, int]]:
    """The runs of ones, each as [first, behind)."""
    found, at = [], 0
    while rest := bits >> at:
        first = at + (rest & -rest).bit_length() - 1
        run = bits >> first
        at = first + (~run & (run + 1)).bit_length() - 1
        found.append((first, at))
    return found


def _ordered(arcs: Iterable[Arc], side: Side) -> list[Arc]:
    return sorted(arcs, key=lambda arc: (arc.output, arc.input) if side == "output" else (arc.input, arc.output))


def _text(value: str) -> bytes:
    return struct.pack("<i", len(value)) + value.encode()
