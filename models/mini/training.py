"""A small time-delay neural network: which phone is it, every 30 ms. Written out in numpy, trained with Adam.

The first layer sees seven frames of 10 ms; the others combine outputs 30 or 60 ms apart, so that everything after the
first layer runs once in 30 ms. libvosk multiplies frame numbers by 0.03 s, so this step is not a choice.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.mini.examples import Take
from models.mini.kaldi import Layer

Floats = NDArray[np.float32]

STEP = 3
"""10 ms frames in an output frame."""
SPLICES = ((-3, -2, -1, 0, 1, 2, 3), (-1, 0, 1), (-1, 0, 1), (-2, 0, 2), (-2, 0, 2), (0,))
"""Input offsets of the layers: the first counts 10 ms frames, the others output frames."""
CONTEXT = STEP * sum(max(splice) for splice in SPLICES[1:]) + max(SPLICES[0])
"""Frames of 10 ms that one output sees on either side."""
SMOOTHING = 0.05
"""What the wanted distribution gives to all phones alike, so that the network never gets entirely sure."""

_CHUNK = 40
_RATE = 2e-3
_WARM_UP_STEPS = 50
_DECAY = 1e-3
_JITTER = 0.1


def _stride(layer: int) -> int:
    return STEP if layer == 0 else 1


def _splice(frames: Floats, splice: Sequence[int], stride: int) -> Floats:
    """Put the frames at the offsets side by side, for every output that has all of them."""
    reach = splice[-1]
    count = (frames.shape[1] - 2 * reach - 1) // stride + 1
    return np.concatenate([frames[:, _slots(reach + offset, count, stride)] for offset in splice], axis=2)


def _unsplice(gradient: Floats, like: Floats, splice: Sequence[int], stride: int) -> Floats:
    """The reverse of `_splice` for gradients: what every frame contributed, summed."""
    out = np.zeros_like(like)
    count, width = gradient.shape[1], like.shape[2]
    for number, offset in enumerate(splice):
        out[:, _slots(splice[-1] + offset, count, stride)] += gradient[:, :, number * width : (number + 1) * width]
    return out


def _slots(first: int, count: int, stride: int) -> slice:
    return slice(first, first + stride * (count - 1) + 1, stride)


class Network:
    """Weights, their gradients by hand, and Adam's running means."""

    def __init__(self, inputs: int, width: int, outputs: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        sizes = [inputs, *[width] * (len(SPLICES) - 1), outputs]
        shapes = [(len(splice) * size, after) for splice, size, after in zip(SPLICES, sizes[:-1], sizes[1:], strict=True)]
        self.weights: list[Floats] = [(rng.normal(size=shape) * np.sqrt(2 / shape[0])).astype(np.float32) for shape in shapes]
        self.weights[-1] *= np.float32(0.1)
        self.biases: list[Floats] = [np.zeros(after, np.float32) for _, after in shapes]
        self._means = [np.zeros_like(values) for values in [*self.weights, *self.biases]]
        self._squares = [np.zeros_like(values) for values in [*self.weights, *self.biases]]
        self._steps = 0

    def forward(self, frames: Floats) -> tuple[Floats, list[Floats]]:
        """Log odds for batch × (outputs' frames plus CONTEXT on both sides) × inputs, and each layer's input."""
        inputs: list[Floats] = []
        values = frames
        last = len(SPLICES) - 1
        for layer, splice in enumerate(SPLICES):
            inputs.append(values)
            values = _splice(values, splice, _stride(layer)) @ self.weights[layer] + self.biases[layer]
            if layer < last:
                values = np.maximum(values, 0)
        return values, inputs

    def gradients(self, frames: Floats, labels: NDArray[np.int64]) -> tuple[list[Floats], float, float]:
        """Gradients of the weights, then of the biases; the cross entropy; the share of frames that were right.

        The gradients are those of the cross entropy with smoothed labels.
        """
        odds, inputs = self.forward(frames)
        odds -= odds.max(axis=2, keepdims=True)
        chances: Floats = np.exp(odds)
        chances /= chances.sum(axis=2, keepdims=True)
        wanted = np.full_like(chances, SMOOTHING / chances.shape[2])
        np.put_along_axis(wanted, labels[:, :, None], np.float32(1 - SMOOTHING + SMOOTHING / chances.shape[2]), axis=2)
        loss = float(-np.log(np.take_along_axis(chances, labels[:, :, None], axis=2) + 1e-9).mean())
        right = float((chances.argmax(axis=2) == labels).mean())
        error: Floats = (chances - wanted) / np.float32(labels.size)
        return self._backward(error, inputs), loss, right

    def _backward(self, gradient: Floats, inputs: Sequence[Floats]) -> list[Floats]:
        weights: list[Floats] = []
        biases: list[Floats] = []
        for layer in reversed(range(len(SPLICES))):
            spliced = _splice(inputs[layer], SPLICES[layer], _stride(layer))
            flat = gradient.reshape(-1, gradient.shape[2])
            weights.insert(0, spliced.reshape(len(flat), -1).T @ flat)
            biases.insert(0, flat.sum(axis=0))
            if layer:
                spread = (flat @ self.weights[layer].T).reshape(spliced.shape)
                gradient = _unsplice(spread, inputs[layer], SPLICES[layer], 1) * (inputs[layer] > 0)
        return [*weights, *biases]

    def learn(self, gradients: Sequence[Floats], rate: float) -> None:
        """One step of Adam, with a little decay of the weights."""
        self._steps += 1
        small, large = 1 - 0.9**self._steps, 1 - 0.999**self._steps
        for number, (values, gradient) in enumerate(zip([*self.weights, *self.biases], gradients, strict=True)):
            mean, square = self._means[number], self._squares[number]
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.001) * (gradient * gradient - square)
            values -= np.float32(rate) * (mean / np.float32(small)) / (np.sqrt(square / np.float32(large)) + np.float32(1e-8))
            if number < len(self.weights):
                values *= np.float32(1 - rate * _DECAY)


class Material:
    """All takes end to end, normalised, and where each one lies."""

    def __init__(self, takes: Sequence[Take], pdf: Callable[[str], int]) -> None:
        features = np.concatenate([take.features for take in takes])
        self.labels = np.array([pdf(label) for take in takes for label in take.labels], np.int64)
        self.mean, self.deviation = features.mean(axis=0), features.std(axis=0) + np.float32(1e-3)
        self._features = (features - self.mean) / self.deviation
        lengths = [len(take.features) for take in takes]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        span = STEP * _CHUNK
        self.chunks = np.array(
            [
                (start, start + length, at)
                for start, length in zip(starts, lengths, strict=True)
                for at in range(0, max(1, length - span // 3), span)
            ]
        )

    def batch(self, chunks: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        """Pieces near `chunks`, shifted at random, with the first and last frame of a take repeated beyond its ends."""
        start, end, at = chunks.T
        span = STEP * _CHUNK
        moved = start + at + rng.integers(-60, 61, len(at))
        begin = np.clip(moved, start, np.maximum(start, end - span)) + rng.integers(0, STEP, len(at))
        seen = begin[:, None] + np.arange(-CONTEXT, STEP * (_CHUNK - 1) + 1 + CONTEXT)
        judged = begin[:, None] + STEP * np.arange(_CHUNK)
        level = rng.normal(size=(len(at), 1, self._features.shape[1])).astype(np.float32) * np.float32(_JITTER)
        low, high = start[:, None], end[:, None] - 1
        return self._features[np.clip(seen, low, high)] + level, self.labels[np.clip(judged, low, high)]


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Size of the network and how long it learns."""

    width: int
    epochs: int
    batch: int
    seed: int = 1


def train(
    takes: Sequence[Take], pdf: Callable[[str], int], pdf_count: int, schedule: Schedule, say: Callable[[str], None]
) -> tuple[list[Layer], NDArray[np.float64]]:
    """The trained layers, fit for raw features, and how frequent each pdf is."""
    material = Material(takes, pdf)
    network = Network(len(material.mean), schedule.width, pdf_count, schedule.seed)
    rng = np.random.default_rng(schedule.seed)
    per_epoch = max(1, len(material.chunks) // schedule.batch)
    total = schedule.epochs * per_epoch
    for epoch in range(schedule.epochs):
        order = rng.permutation(len(material.chunks))
        losses, rights = [], []
        for number in range(per_epoch):
            chosen = material.chunks[order[number * schedule.batch : (number + 1) * schedule.batch]]
            gradients, loss, right = network.gradients(*material.batch(chosen, rng))
            network.learn(gradients, _rate(epoch * per_epoch + number, total))
            losses.append(loss)
            rights.append(right)
        say(f"epoch {epoch + 1} of {schedule.epochs}: loss {np.mean(losses):.3f}, {100 * np.mean(rights):.1f} % of frames right")
    counts = np.bincount(material.labels, minlength=pdf_count) + 1.0
    return _layers(network, material), counts / counts.sum()


def _rate(done: int, total: int) -> float:
    """Rising at first, then falling to nearly nothing."""
    return _RATE * min(1.0, done / _WARM_UP_STEPS + 0.02) * (1 - done / total) + 1e-5


def _layers(network: Network, material: Material) -> list[Layer]:
    """The network with the normalisation of the features folded into its first layer."""
    out = []
    last = len(SPLICES) - 1
    for number, splice in enumerate(SPLICES):
        weights, bias = network.weights[number], network.biases[number]
        if number == 0:
            scale = np.tile(material.deviation, len(splice))[:, None]
            weights = weights / scale
            bias = bias - np.tile(material.mean, len(splice)) @ weights
        offsets = splice if number == 0 else tuple(STEP * offset for offset in splice)
        out.append(Layer(offsets, weights.T, bias, "logsoftmax" if number == last else "relu"))
    return out


def stay_probabilities(takes: Sequence[Take], phones: Sequence[str]) -> dict[str, float]:
    """For each phone, how likely it is to last another 30 ms; 0.5 for one that was never heard."""
    frames: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    for take in takes:
        before = [None, *take.labels[:-1]]
        frames.update(take.labels)
        runs.update(label for label, previous in zip(take.labels, before, strict=True) if label != previous)
    lengths = {phone: frames[phone] / runs[phone] / STEP if runs[phone] else 2.0 for phone in phones}
    return {phone: min(0.97, max(0.2, 1 - 1 / max(length, 1.05))) for phone, length in lengths.items()}
