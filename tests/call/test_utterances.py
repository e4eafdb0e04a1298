"""Confidence of several words."""

import pytest

from cc_voice.call.utterances import Word, mean_confidence


def test_confidence_is_weighted_by_duration() -> None:
    assert mean_confidence([Word("a", 0, 100, 1.0), Word("b", 100, 400, 0.2)]) == pytest.approx(0.4)
    assert mean_confidence([Word("a", 0, 0, 0.5), Word("b", None, None, 0.7)]) == pytest.approx(0.6)
    assert mean_confidence([Word("a", 0, 1, 0.5), Word("b", 5, None, 0.7)]) == pytest.approx(0.6)
    assert mean_confidence([Word("a")]) is None
    assert mean_confidence([]) is None


def test_a_confidence_of_nought_is_a_confidence() -> None:
    assert mean_confidence([Word("a", 0, 100, 0.0), Word("b", 100, 200, 1.0)]) == pytest.approx(0.5)
