"""Talk speed, response latency, greeting (metric dictionary 1.3)."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from cc_voice.call.intervals import Intervals, canonical, length, split, subtract
from cc_voice.call.lexicon import UNSPACED
from cc_voice.call.reasons import Unmeasured, Value
from cc_voice.call.turns import Ipu, Party, Turn, other
from cc_voice.call.words import SpokenWord, read_out, within
from cc_voice.thresholds import ThresholdSet


def talk_speed(words: Sequence[SpokenWord], speech: Intervals, thresholds: ThresholdSet) -> Value:
    """`wpm_p`: words in S_p, without fillers, ÷ (talk_ms_p / 60000); characters in scripts without spaces.

    Numbers read out (six digits and more) are left out of both words and time: counting their words would inflate the speed, as
    1.3 says; keeping their time would understate it by as much. `words` are counted units of one language, sorted.
    """
    numbers = read_out(words, thresholds.digit_run_words)
    kept = [word for index, word in enumerate(words) if index not in numbers]
    count = len(kept)
    if count < thresholds.min_wpm_words:
        return Unmeasured("too_few_words")
    talk_ms = length(subtract(speech, canonical((words[index].start_ms, words[index].end_ms) for index in numbers)))
    if talk_ms < thresholds.min_wpm_talk_ms:
        return Unmeasured("too_little_speech")
    return count / (talk_ms / 60_000)


def main_language(words: Sequence[SpokenWord]) -> str | None:
    """Return the language of most words, the earliest on a tie: speeds of different languages are never mixed."""
    return max(counts, key=counts.__getitem__) if (counts := Counter(word.language for word in words)) else None


def speed_unit(language: str) -> str:
    """`talk_speed_unit`: words or characters per minute."""
    return "cpm" if language in UNSPACED else "wpm"


def speed_drift(words: Sequence[SpokenWord], speech: Intervals, analysed: Intervals, thresholds: ThresholdSet) -> Value:
    """`wpm_agent_delta`: talk speed in the last quarter of A − in the first; NULL if either quarter alone is too thin."""
    quarters = split(analysed, 4)
    first, last = (
        talk_speed(within(words, quarter, speech), subtract(speech, subtract(speech, quarter)), thresholds)
        for quarter in (quarters[0], quarters[-1])
    )
    if isinstance(first, Unmeasured):
        return first
    if isinstance(last, Unmeasured):
        return last
    return float(last) - float(first)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long `party` took to take the floor; negative when it began before the other had finished."""

    party: Party
    before_ms: int
    """End of the other party's turn."""
    after_ms: int
    """Start of this party's turn."""
    latency_ms: int


def latencies(turns: Sequence[Turn], party: Party, thresholds: ThresholdSet) -> tuple[Latency, ...]:
    """`response_latency_ms_p`: for every turn of the other party followed by a turn of p, start − end.

    Pairs across hold or exclusion are skipped, so is the agent's first turn (it is the greeting, see below). Capped at 10 s.
    """
    greeting = next((turn for turn in turns if turn.party == "agent"), None)
    return tuple(
        Latency(
            party=party,
            before_ms=theirs.end_ms,
            after_ms=ours.start_ms,
            latency_ms=min(ours.start_ms - theirs.end_ms, thresholds.latency_cap_ms),
        )
        for theirs, ours in pairwise(turns)
        if theirs.party == other(party) and ours.party == party and theirs.piece == ours.piece and ours is not greeting
    )


def percentile(values: Sequence[int], share: float) -> Value:
    """Return a percentile with linear interpolation, in whole ms; `share` is 0–1."""
    return round(interpolated(values, share)) if values else Unmeasured("no_pairs")


def interpolated(values: Sequence[float], share: float) -> float:
    """Return a percentile with linear interpolation; `share` is 0–1, and there is a value."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def greeting(ipus: Sequence[Ipu], answered_ms: int, holds: Intervals) -> tuple[int, int] | None:
    """`greeting_latency_ms`: from `USER_ANSWERED` to the agent's first unit, also if the customer spoke first (1.3).

    A leg that begins while the customer is still on hold (a transfer with consultation) is timed from the end of that hold: before
    it there was nobody to greet, and what the agent said then is not in A.
    """
    since = next((end for start, end in holds if start <= answered_ms < end), answered_ms)
    first = next((ipu.start_ms for ipu in ipus if ipu.party == "agent"), None)
    return None if first is None else (since, max(since, first))
