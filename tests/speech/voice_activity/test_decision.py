"""Stretches of speech from probabilities: what confirms, what reaches, and that no answer is taken back."""

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.voice_activity.decision import CONFIRM, KEEP, OPEN, REACH, VoiceDecision


def answers(probabilities: list[float], hurry: bool) -> list[bool]:
    """The verdicts on all chunks: asked after each chunk, or at the end."""
    decision, found = VoiceDecision(), []
    for chunk, probability in enumerate(probabilities):
        decision.push(chunk, probability)
        while hurry and len(found) < len(probabilities) and (verdict := decision.verdict(len(found))) is not None:
            found.append(verdict)
    return found + [decision.verdict(chunk) is True for chunk in range(len(found), len(probabilities))]


def by_definition(probabilities: list[float]) -> list[bool]:
    """The rules of speech/voice_activity/decision.py, written for a whole recording."""
    on: list[bool] = []
    for probability in probabilities:
        on.append(probability >= (KEEP if on and on[-1] else OPEN))
    confirmed = [
        chunk
        for chunk in range(len(on))
        if any(all(on[first : first + CONFIRM]) and first <= chunk < first + CONFIRM for first in range(len(on) - CONFIRM + 1))
    ]
    return [any(abs(chunk - one) <= REACH for one in confirmed) for chunk in range(len(on))]


SPEECH = st.lists(st.tuples(st.sampled_from([0.0, 0.1, KEEP, (KEEP + OPEN) / 2, OPEN, 0.9]), st.integers(1, 9))).map(
    lambda runs: [probability for probability, length in runs for _ in range(length)]
)


@given(SPEECH, st.booleans())
def test_asked_early_or_late_the_answers_follow_the_rules(probabilities: list[float], hurry: bool) -> None:
    assert answers(probabilities, hurry) == by_definition(probabilities)


@given(SPEECH)
def test_no_answer_takes_longer_than_what_may_decide_it(probabilities: list[float]) -> None:
    decision = VoiceDecision()
    for chunk, probability in enumerate(probabilities):
        decision.push(chunk, probability)
        assert decision.verdict(max(0, chunk - REACH - CONFIRM)) is not None or chunk < REACH + CONFIRM


def test_chunks_left_out_end_what_was_not_confirmed() -> None:
    decision = VoiceDecision()
    for chunk in range(CONFIRM - 1):
        decision.push(chunk, 0.9)
    assert decision.wavering
    decision.push(100, 0.9)
    assert decision.verdict(0) is False
    assert decision.verdict(100) is None


def test_what_is_confirmed_wavers_no_more() -> None:
    decision = VoiceDecision()
    assert not decision.wavering
    for chunk in range(CONFIRM):
        decision.push(chunk, OPEN)
    assert not decision.wavering
    assert decision.verdict(CONFIRM - 1 + REACH) is True
    assert decision.verdict(CONFIRM + REACH) is None
