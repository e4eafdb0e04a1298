"""Readers of what `models/mini/kaldi.py` writes, from the formats in models/mini/README.md and not from the writers.

They accept exactly those formats: anything else is an AssertionError, so a reader that finishes is a test already.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

NOTHING = 0
"""The label that reads or writes nothing."""


class Reader:
    """Walks through bytes and refuses what is not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def finished(self) -> bool:
        return self._at == len(self._data)

    def take(self, count: int) -> bytes:
        out = self._data[self._at : self._at + count]
        assert len(out) == count, f"ends within {count} bytes at {self._at}"
        self._at += count
        return out

    def unpack(self, form: str) -> tuple[float | int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def expect(self, *tokens: str) -> None:
        for token in tokens:
            assert self.take(len(token) + 1) == token.encode() + b" ", f"no {token} at {self._at}"

    def word(self) -> str:
        end = self._data.index(b" ", self._at)
        out = self.take(end - self._at).decode()
        self.take(1)
        return out

    def int32(self) -> int:
        size, value = self.unpack("bi")
        assert size == 4
        return int(value)

    def float32(self) -> float:
        size, value = self.unpack("bf")
        assert size == 4
        return value

    def float64(self) -> float:
        size, value = self.unpack("bd")
        assert size == 8
        return value

    def int_vector(self) -> list[int]:
        size, count = self.unpack("bi")
        assert size == 4
        return [int(value) for value in self.unpack(f"{count}i")]

    def vector(self) -> NDArray[np.float32]:
        self.expect("FV")
        return np.frombuffer(self.take(4 * self.int32()), "<f4")

    def matrix(self) -> NDArray[np.float32]:
        self.expect("FM")
        rows, columns = self.int32(), self.int32()
        return np.frombuffer(self.take(4 * rows * columns), "<f4").reshape(rows, columns)

    def lines(self) -> list[str]:
        """Text lines up to and including an empty one."""
        end = self._data.index(b"\n\n", self._at)
        out = self.take(end - self._at).decode().split("\n")
        self.take(2)
        return out


class ReadLayer(msgspec.Struct, frozen=True):
    """An affine component, the frames it sees, and the component after it."""

    offsets: tuple[int, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: str


class AcousticModel(msgspec.Struct, frozen=True):
    """am/final.mdl. `pdfs[n]` belongs to `phones[n]`."""

    phones: tuple[int, ...]
    pdfs: tuple[int, ...]
    log_probabilities: NDArray[np.float32]
    input_dimension: int
    layers: tuple[ReadLayer, ...]
    left_context: int
    right_context: int
    priors: NDArray[np.float32]


def read_acoustic_model(data: bytes) -> AcousticModel:
    reader = Reader(data)
    assert reader.take(2) == b"\0B"
    phones, pdfs, logs = _transition_model(reader)
    dimension, layers = _network(reader)
    reader.expect("<LeftContext>")
    left = reader.int32()
    reader.expect("<RightContext>")
    right = reader.int32()
    reader.expect("<Priors>")
    priors = reader.vector()
    assert reader.finished
    return AcousticModel(phones, pdfs, logs, dimension, layers, left, right, priors)


def _transition_model(reader: Reader) -> tuple[tuple[int, ...], tuple[int, ...], NDArray[np.float32]]:
    reader.expect("<TransitionModel>", "<Topology>")
    phones = reader.int_vector()
    assert reader.int_vector() == [-1] + [0] * len(phones)
    assert [reader.int32(), reader.int32()] == [1, 2]
    assert [reader.int32(), reader.int32()] == [0, 2]
    assert [(reader.int32(), reader.float32()) for _ in range(2)] == [(0, 0.5), (1, 0.5)]
    assert [reader.int32(), reader.int32()] == [-1, 0]
    reader.expect("</Topology>", "<Triples>")
    triples = [(reader.int32(), reader.int32(), reader.int32()) for _ in range(reader.int32())]
    assert triples == sorted(triples)
    assert [(phone, state) for phone, state, _ in triples] == [(phone, 0) for phone in phones]
    reader.expect("</Triples>", "<LogProbs>")
    logs = reader.vector()
    assert len(logs) == 2 * len(phones) + 1
    reader.expect("</LogProbs>", "</TransitionModel>")
    return tuple(phones), tuple(pdf for _, _, pdf in triples), logs


def _network(reader: Reader) -> tuple[int, tuple[ReadLayer, ...]]:
    reader.expect("<Nnet3>")
    assert reader.take(1) == b"\n"
    first, *nodes, last = [dict(part.partition("=")[::2] for part in _fields(line)) for line in reader.lines()]
    reader.expect("<NumComponents>")
    components = dict(_component(reader) for _ in range(reader.int32()))
    reader.expect("</Nnet3>")
    layers = []
    source = "input"
    for affine, activation in zip(nodes[::2], nodes[1::2], strict=True):
        assert activation["input"] == affine["name"]
        weights, bias = components[affine["component"]]
        kind, dimension = components[activation["component"]]
        assert dimension == len(bias) == len(weights)
        layers.append(ReadLayer(_offsets(affine["input"], source), weights, bias, kind))
        source = activation["name"]
    assert last["input"] == source
    return int(first["dim"]), tuple(layers)


def _fields(line: str) -> list[str]:
    """`key=value` parts of a node's line; a value may hold spaces inside parentheses."""
    kind, _, rest = line.partition(" ")
    parts: list[str] = []
    for word in rest.split(" "):
        if parts and parts[-1].count("(") > parts[-1].count(")"):
            parts[-1] += " " + word
        else:
            parts.append(word)
    return [f"kind={kind}", *parts]


def _offsets(value: str, source: str) -> tuple[int, ...]:
    inside = value.removeprefix("Append(").removesuffix(")") if value.startswith("Append(") else value
    parts = inside.replace(f"Offset({source}, ", "@").replace(")", "").split(", ")
    assert all(part == source or part.startswith("@") for part in parts), value
    return tuple(int(part[1:]) if part.startswith("@") else 0 for part in parts)


def _component(reader: Reader) -> tuple[str, tuple[object, object]]:
    reader.expect("<ComponentName>")
    name, kind = reader.word(), reader.word().strip("<>")
    content: tuple[object, object]
    if kind == "FixedAffineComponent":
        reader.expect("<LinearParams>")
        weights = reader.matrix()
        reader.expect("<BiasParams>")
        content = weights, reader.vector()
    else:
        assert kind in ("RectifiedLinearComponent", "LogSoftmaxComponent")
        reader.expect("<Dim>")
        content = kind, reader.int32()
        for statistic in ("<ValueAvg>", "<DerivAvg>"):
            reader.expect(statistic)
            assert len(reader.vector()) == 0
        reader.expect("<Count>")
        assert reader.float64() == 0.0
    reader.expect(f"</{kind}>")
    return name, content


def outputs(layers: Sequence[ReadLayer], features: NDArray[np.float32], step: int) -> NDArray[np.float64]:
    """What nnet3 would compute at every `step`-th frame, the first and the last frame repeated beyond the ends."""
    reach = sum(max(layer.offsets) for layer in layers)
    wanted = np.arange(0, len(features), step)
    at = np.arange(-reach, len(features) + reach)
    values = features[np.clip(at, 0, len(features) - 1)].astype(np.float64)
    for layer in layers:
        left, right = -min(layer.offsets), max(layer.offsets)
        middles = np.arange(left, len(values) - right)
        spliced = np.concatenate([values[middles + offset] for offset in layer.offsets], axis=1)
        values = spliced @ layer.weights.T + layer.bias
        if layer.activation in ("relu", "RectifiedLinearComponent"):
            values = np.maximum(values, 0)
        else:
            values = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return values[wanted]


class ReadArc(NamedTuple):
    input: int
    output: int
    cost: float
    target: int


class ReadFst(msgspec.Struct, frozen=True):
    """An OpenFst transducer whose start is `start`."""

    properties: int
    start: int
    final_costs: tuple[float, ...]
    arcs: tuple[tuple[ReadArc, ...], ...]

    def cheapest(self, labels: Iterable[int]) -> tuple[float, list[int]] | None:
        """Least cost of reading `labels`, with what is written on the way; None when they are not accepted."""
        reached: dict[int, tuple[float, tuple[int, ...]]] = self._closed({self.start: (0.0, ())})
        for label in labels:
            reached = self._closed(self._step(reached, lambda arc, label=label: arc.input == label))
        ends = [(cost + self.final_costs[state], written) for state, (cost, written) in reached.items()]
        best = min(ends, default=(float("inf"), ()))
        return None if best[0] == float("inf") else (best[0], list(best[1]))

    def _step(
        self, reached: dict[int, tuple[float, tuple[int, ...]]], fits: Callable[[ReadArc], bool]
    ) -> dict[int, tuple[float, tuple[int, ...]]]:
        out: dict[int, tuple[float, tuple[int, ...]]] = {}
        for state, (cost, written) in reached.items():
            for arc in filter(fits, self.arcs[state]):
                new = cost + arc.cost, (*written, arc.output) if arc.output else written
                if arc.target not in out or new < out[arc.target]:
                    out[arc.target] = new
        return out

    def _closed(self, reached: dict[int, tuple[float, tuple[int, ...]]]) -> dict[int, tuple[float, tuple[int, ...]]]:
        """Also the states that are reached by reading nothing more."""
        out, edge = dict(reached), reached
        while edge:
            further = self._step(edge, lambda arc: arc.input == NOTHING)
            edge = {state: new for state, new in further.items() if state not in out or new[0] < out[state][0]}
            out |= edge
        return out

    def every_arc(self) -> Iterator[tuple[int, ReadArc]]:
        return ((state, arc) for state, arcs in enumerate(self.arcs) for arc in arcs)


def read_fst(data: bytes) -> ReadFst:
    reader = Reader(data)
    assert reader.unpack("i") == (2125659606,)
    assert [reader.take(int(reader.unpack("i")[0])) for _ in range(2)] == [b"vector", b"standard"]
    version, flags, properties, start, states, arc_count = (int(value) for value in reader.unpack("iiQqqq"))
    assert (version, flags) == (2, 0)
    finals, arcs = [], []
    for _ in range(states):
        final, count = reader.unpack("fq")
        finals.append(final)
        arcs.append(tuple(ReadArc._make(reader.unpack("iifi")) for _ in range(int(count))))
    assert reader.finished
    assert sum(map(len, arcs)) == arc_count
    assert all(0 <= arc.target < states for leaving in arcs for arc in leaving)
    return ReadFst(properties, start, tuple(finals), tuple(arcs))


def is_sorted(transducer: ReadFst, side: str) -> bool:
    """Whether every state's arcs stand in the order of their labels on one side."""
    labels = [[getattr(arc, side) for arc in arcs] for arcs in transducer.arcs]
    return all(before <= after for state in labels for before, after in pairwise(state))
