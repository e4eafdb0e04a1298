"""The network: gradients against finite differences, a toy problem learnt, and layers that hear raw features."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.mini import training
from models.mini.examples import Take
from models.mini.training import CONTEXT, SMOOTHING, SPLICES, STEP, Material, Network, Schedule
from tests.models.reading import ReadLayer, outputs

pytestmark = pytest.mark.build

INPUTS, OUTPUTS = 3, 4


def precise(network: Network) -> Network:
    """The same in double precision: single is too coarse for differences."""
    network.weights = [values.astype(np.float64) for values in network.weights]  # type: ignore[misc]
    network.biases = [values.astype(np.float64) + 0.01 for values in network.biases]  # type: ignore[misc]
    network.weights[-1] *= 10  # as large as the others: tiny last weights would hide errors below them
    return network


def smoothed_loss(network: Network, frames: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Cross entropy with smoothed labels, written down once more."""
    odds, _ = network.forward(frames)  # type: ignore[arg-type]  # double precision here
    logs = odds - np.logaddexp.reduce(odds, axis=2, keepdims=True)
    wanted = np.eye(OUTPUTS)[labels] * (1 - SMOOTHING) + SMOOTHING / OUTPUTS
    return float(-(wanted * logs).sum(axis=2).mean())


@pytest.mark.parametrize("layer", range(len(SPLICES)))
@pytest.mark.parametrize("kind", ["weights", "biases"])
def test_gradients_are_what_small_changes_say(layer: int, kind: str) -> None:
    rng = np.random.default_rng(layer)
    network = precise(Network(INPUTS, 5, OUTPUTS, seed=2))
    frames = rng.normal(size=(2, 2 * CONTEXT + STEP * 2 + 1, INPUTS))
    labels = rng.integers(0, OUTPUTS, (2, 3))
    gradients, _, _ = network.gradients(frames, labels)  # type: ignore[arg-type]  # double precision here
    parameters = getattr(network, kind)[layer]
    gradient = gradients[layer if kind == "weights" else layer + len(SPLICES)]
    assert gradient.shape == parameters.shape
    largest = np.abs(gradient).argmax()
    for place in {int(largest), *rng.integers(0, parameters.size, 12).tolist()}:
        where = np.unravel_index(place, parameters.shape)
        kept = parameters[where]
        losses = []
        for change in (1e-5, -1e-5):
            parameters[where] = kept + change
            losses.append(smoothed_loss(network, frames, labels))
        parameters[where] = kept
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(gradient[where], rel=1e-4, abs=1e-7)
    assert np.abs(gradient).max() > 1e-4


def test_one_output_sees_its_context_and_no_more() -> None:
    network = Network(INPUTS, 8, OUTPUTS, seed=1)
    frames = np.random.default_rng(1).normal(size=(1, 2 * CONTEXT + 1 + STEP, INPUTS)).astype(np.float32)
    first, second = network.forward(frames)[0][0]
    frames[0, -STEP:] += 5
    assert network.forward(frames)[0].shape == (1, 2, OUTPUTS)
    assert np.array_equal(network.forward(frames)[0][0][0], first)
    assert not np.array_equal(network.forward(frames)[0][0][1], second)


def takes(count: int = 6) -> list[Take]:
    """Three "phones" of 60 to 150 ms that features tell apart, beside noise, off centre and on different scales."""
    rng = np.random.default_rng(4)
    made = []
    for _ in range(count):
        labels = [name for name in rng.choice(["SIL", "A", "B"], 40) for _ in range(rng.integers(6, 16))]
        means = np.array([{"SIL": (0, 0), "A": (40, 0), "B": (0, 0.4)}[name] for name in labels])
        features = means + rng.normal(size=(len(labels), 2)) * (4, 0.04) + (100, -3)
        made.append(Take(features.astype(np.float32), tuple(labels)))
    return made


PDFS = ["SIL", "A", "B"]


def test_a_toy_problem_is_learnt_and_the_layers_hear_raw_features() -> None:
    said: list[str] = []
    schedule = Schedule(width=16, epochs=12, batch=4, seed=3)
    layers, priors = training.train(takes(24), PDFS.index, len(PDFS), schedule, said.append)
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said]
    assert len(losses) == 12
    assert losses[-1] < 0.5 * losses[0]
    assert priors.sum() == pytest.approx(1)
    assert (priors > 0.2).all()
    read = [ReadLayer(layer.offsets, layer.weights, layer.bias, layer.activation) for layer in layers]
    for take in takes(3):
        logs = outputs(read, take.features, STEP)
        right = logs.argmax(axis=1) == [PDFS.index(label) for label in take.labels[::STEP]]
        assert right.mean() > 0.9
        assert np.exp(logs).sum(axis=1) == pytest.approx(1)


def test_the_same_seed_trains_the_same_network() -> None:
    schedule = Schedule(width=4, epochs=1, batch=4, seed=3)
    (one, _), (two, _) = (training.train(takes(), PDFS.index, len(PDFS), schedule, lambda line: None) for _ in range(2))
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(one, two, strict=True))


def test_a_pdf_that_was_never_heard_keeps_a_prior_above_zero() -> None:
    _, priors = training.train(takes(1), PDFS.index, 4, Schedule(width=4, epochs=1, batch=4), lambda line: None)
    assert 0 < priors[3] < priors.min(where=np.arange(4) < 3, initial=1)


def test_layers_count_ten_millisecond_frames() -> None:
    layers, _ = training.train(takes(1), PDFS.index, 3, Schedule(width=4, epochs=1, batch=4), lambda line: None)
    assert [layer.offsets for layer in layers] == [
        (-3, -2, -1, 0, 1, 2, 3), (-3, 0, 3), (-3, 0, 3), (-6, 0, 6), (-6, 0, 6), (0,),
    ]  # fmt: skip
    assert sum(max(layer.offsets) for layer in layers) == CONTEXT


def test_batches_stay_within_their_takes() -> None:
    """Every take has features of its own number, so a batch that reaches into its neighbour shows."""
    numbered = [Take(np.full((length, 1), number, np.float32), ("A",) * length) for number, length in enumerate([5, 130, 400])]
    material = Material(numbered, lambda label: 1)
    rng = np.random.default_rng(0)
    starts = {int(chunk[0]) for chunk in material.chunks}
    assert starts == {0, 5, 135}
    for _ in range(50):
        frames, labels = material.batch(material.chunks, rng)
        assert frames.shape[1] - 2 * CONTEXT == STEP * (labels.shape[1] - 1) + 1
        assert (np.ptp(frames, axis=1) < 1e-5).all()


def test_a_phone_stays_as_long_as_it_was_heard() -> None:
    take = Take(np.zeros((30, 1), np.float32), ("A",) * 12 + ("B",) * 3 + ("A",) * 12 + ("C",) * 3)
    chances = training.stay_probabilities([take, take], ["A", "B", "C", "D"])
    assert chances["A"] == pytest.approx(1 - 1 / 4)
    assert chances["B"] == chances["C"] == 0.2
    assert chances["D"] == 0.5


def test_no_phone_stays_for_ever() -> None:
    take = Take(np.zeros((9000, 1), np.float32), ("SIL",) * 9000)
    assert training.stay_probabilities([take], ["SIL"]) == {"SIL": 0.97}
