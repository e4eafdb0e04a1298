"""Which phones of a sentence belong to which word.

The engines give phone times but no word borders, and a word in a sentence sounds other than alone ("a", "the", "your").
So the sentence's phones are aligned with the words' phones spoken alone, at the least number of edits.
"""

from collections.abc import Sequence

import numpy as np


def split_by_word(phones: Sequence[str], alone: Sequence[Sequence[str]]) -> list[list[int]]:
    """For each word, the positions in `phones` that belong to it; together they are all positions, in order.

    `alone` holds each word's phones when spoken alone. A word may be left without a phone.
    """
    flat = [(phone, word) for word, pronunciation in enumerate(alone) for phone in pronunciation]
    cost = _edit_costs(phones, [phone for phone, _ in flat])
    out: list[list[int]] = [[] for _ in alone]
    i, j = len(phones), len(flat)
    while i:
        if j and cost[i, j] == cost[i - 1, j - 1] + (phones[i - 1] != flat[j - 1][0]):
            i, j = i - 1, j - 1
            out[flat[j][1]].insert(0, i)
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            out[flat[max(j - 1, 0)][1]].insert(0, i)
        else:
            j -= 1
    return out


def _edit_costs(said: Sequence[str], expected: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    cost = np.zeros((len(said) + 1, len(expected) + 1), np.int64)
    cost[:, 0], cost[0] = np.arange(len(said) + 1), np.arange(len(expected) + 1)
    for i, phone in enumerate(said, 1):
        for j, other in enumerate(expected, 1):
            cost[i, j] = min(cost[i - 1, j - 1] + (phone != other), cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    return cost
