"""`bench sentiment`: its figures by hand, and that those of the word list do not fall."""

from pathlib import Path

import pytest

from cc_voice.bench.sentiment import Source, _LabelledUtterance, agreement, labelled
from cc_voice.media.lexicons import shipped_entries
from cc_voice.quality.sentiment.lexicon import Lexicon

OURS = Lexicon(shipped_entries())


def said(text: str, **emotion: float) -> _LabelledUtterance:
    return _LabelledUtterance(speaker="consumer", text=text, emotion=emotion)


def test_figures_by_hand() -> None:
    found = agreement(
        [[said("thank you", positive=0.9, neutral=0.1), said("main street", neutral=0.8, positive=0.2)],
         [said("this is unacceptable", negative=1.0), said("my name is brown", positive=0.6, neutral=0.4)]],
        OURS,
    )  # fmt: skip
    assert (found.calls, found.n, found.labels) == (2, 4, {"pos": 2, "neu": 1, "neg": 1})
    assert found.accuracy_pct == 75
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found.rank_correlation == pytest.approx(0.9486833)
    assert found.recall == {"pos": (1, 2), "neu": (1, 1), "neg": (1, 1)}
    with pytest.raises(ValueError, match="no utterance"):
        agreement([], OURS)


@pytest.mark.parametrize("source", ["human", "recogniser"])
def test_the_table_does_not_fall(corpus: Path, source: Source) -> None:
    found = agreement(labelled(corpus / "dialogues", source), OURS, source)
    assert (found.calls, found.n) == (8, 66)
    assert round(found.accuracy_pct) >= 80
    assert round(found.macro_f1, 2) >= 0.62
    assert found.rank_correlation is not None
    assert round(found.rank_correlation, 2) >= 0.49
