"""Level runs: the seconds that levels, quiet seconds, clipping and distances from noise are made of, as evidence."""

from collections.abc import Iterator, Sequence
from statistics import mean

import msgspec

from cc_voice.call.intervals import canonical
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.loudness import Echoed, spoken_seconds
from cc_voice.call.metrics.turns import PARTIES, Party
from cc_voice.config.thresholds import ThresholdSet


class LevelRun(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive spoken seconds of a party: all of them (`level`), too quiet ones (`quiet`), or clipped ones (`clipping`)."""

    kind: str
    party: Party
    start_ms: int
    end_ms: int
    value: float
    """Mean level in dBFS; of `clipping` the share of the speech that is clipped, in percent."""


def level_runs(scope: LegInput, echoes: Sequence[Echoed], thresholds: ThresholdSet) -> Iterator[LevelRun]:
    """Yield the seconds that levels, quiet seconds, clipping and distances from noise are made of."""
    for party in PARTIES:
        spoken = spoken_seconds(scope, party, echoes)
        levels = {second: (level.level_cb or 0) / 10 for second, level in spoken.items()}
        quiet = {second: dbfs for second, dbfs in levels.items() if dbfs < thresholds.quiet_dbfs}
        clipped = {second: level.clipped_us / 10 / level.speech_ms for second, level in spoken.items() if level.clipped_us}
        for kind, values in (("level", levels), ("quiet", quiet), ("clipping", clipped)):
            for start, end in canonical((1000 * second, 1000 * second + 1000) for second in values):
                value = mean(values[second] for second in range(start // 1000, end // 1000))
                # A second whose middle is in the leg may begin before it, or end after it
                low, high = max(start, scope.leg.start_ms), min(end, scope.leg.end_ms)
                yield LevelRun(kind=kind, party=party, start_ms=low, end_ms=high, value=value)
