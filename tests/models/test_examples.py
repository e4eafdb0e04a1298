"""Training examples: disturbances that stay within bounds, labels that fit the frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.mini import examples, tts
from models.mini.english import ENGLISH
from models.mini.features import RATE_HZ

pytestmark = pytest.mark.build


def speechlike() -> tts.Samples:
    seconds = np.arange(4000) / RATE_HZ
    harmonics = np.sum([np.sin(2 * np.pi * 220 * n * seconds) / n for n in range(1, 15)], axis=0)
    return 5000 * harmonics * np.sin(2 * np.pi * 3 * seconds)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_disturbed_recording_is_sound_of_a_telephone(seed: int) -> None:
    clean = speechlike()
    out, lead_s = examples.disturb(clean, np.random.default_rng(seed))
    assert 0 <= lead_s <= 0.6
    assert round(lead_s * RATE_HZ) + len(clean) <= len(out) <= round((lead_s + 0.6) * RATE_HZ) + len(clean) + 1
    assert np.array_equal(out, np.round(out))
    assert np.abs(out).max() <= 32768
    assert np.abs(out).max() > 200


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_noise_stays_below_speech(seed: int) -> None:
    out, lead_s = examples.disturb(speechlike(), np.random.default_rng(seed))
    lead = round(lead_s * RATE_HZ)
    pause, speech = out[: max(0, lead - 80)], out[lead : lead + 4000]
    if len(pause) > 400:
        assert np.sqrt(np.mean(pause**2)) < 0.7 * np.sqrt(np.mean(speech**2))


def test_a_seed_decides_and_seeds_differ() -> None:
    one, again, other = (examples.disturb(speechlike(), np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one[:4000], other[:4000])


@given(st.integers(-32768, 32767))
def test_mu_law_is_close_odd_and_settles(value: int) -> None:
    once = examples.mu_law(np.array([float(value), float(-value)]))
    assert once[0] == pytest.approx(-once[1], abs=1e-6 if abs(value) < 32768 else 300)
    assert abs(once[0] - value) <= 3 + 0.025 * abs(value)
    assert examples.mu_law(once) == pytest.approx(once, abs=1e-6)


def test_mu_law_has_no_more_than_255_levels() -> None:
    levels = {round(float(level), 3) for level in examples.mu_law(np.arange(-32768.0, 32768.0))}
    assert 200 < len(levels) <= 255


def test_labels_fit_the_frames(engines: None) -> None:
    (example,) = examples.make(ENGLISH, ["yes please"], seed=3, copies=3, workers=1)
    assert example.text == "yes please"
    assert len(example.takes) == 3
    for take in example.takes:
        assert len(take.labels) == len(take.features)
        assert np.isfinite(take.features).all()
        runs = [label for label, before in zip(take.labels, (None, *take.labels), strict=False) if label != before]
        heard = [label for label in runs if label != tts.SILENCE]
        said = [phone for phone in example.phones if phone != tts.SILENCE]
        assert [phone for phone in said if phone in heard] == heard
        assert {"Y", "S", "P", "L", "IY", "Z"} <= set(heard)
    assert not np.array_equal(example.takes[0].features[:20], example.takes[1].features[:20])


def test_labels_begin_and_end_where_the_sound_does(engines: None) -> None:
    """Loudness tells pause from speech; labels that forget the pause in front, or the change of tempo, are off by 150 ms."""
    text = "please transfer me to technical support this call may be recorded"
    made = examples.make(ENGLISH, [text] * 24, seed=9, copies=6, workers=1)
    off = []
    for take in (take for example in made for take in example.takes):
        speech = np.array([label != tts.SILENCE for label in take.labels])
        loudness = take.features[:, 0]
        loud = loudness > (np.median(loudness[speech]) + np.median(loudness[~speech])) / 2
        labelled, heard = np.flatnonzero(speech), np.flatnonzero(loud)
        off.append((abs(heard[0] - labelled[0]), abs(heard[-1] - labelled[-1])))
    assert (np.median(off, axis=0) <= 5).all(), "frames of 10 ms"


def test_workers_make_what_one_process_makes(engines: None) -> None:
    alone, spread = (examples.make(ENGLISH, ["yes", "no"], seed=5, copies=1, workers=workers) for workers in (1, 2))
    assert [(one.text, one.voice) for one in alone] == [(one.text, one.voice) for one in spread]
    # espeak-ng's audio differs by a few ms with what it said before; which phones were said does not.
    assert [one.phones for one in alone] == [one.phones for one in spread]
