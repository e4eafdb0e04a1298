"""Loudness: how loud and how clean each party is (metric dictionary 1.4, and the audio flags of 1.7), second by second.

A spoken second has at least 200 ms of the party's speech, some of it in S, and its middle lies in A. Levels are against full scale
and not calibrated: lines differ by 30 dB, so a party is compared with itself. A raised voice is a physical measure; it says nothing
of what anybody felt. Seconds are those of the call's clock.
"""

from collections.abc import Sequence
from math import log10
from statistics import mean, median

import msgspec

from cc_voice.call.analysis import ECHO_BLOCK_MS, Interval, SecondLevel
from cc_voice.call.intervals import Intervals, canonical, contains, intersect, length, overlapping, shift, union
from cc_voice.call.levels import Levels, mean_power, power
from cc_voice.call.metrics.entry import AGENT, BOTH, CUSTOMER, Evidence, Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.percentiles import interpolated
from cc_voice.call.metrics.turns import PARTIES, Party, other
from cc_voice.call.reasons import Metrics, Unmeasured, Value
from cc_voice.config.thresholds import ThresholdSet

_MIN_SPEECH_MS = 200
"""A second with less has the faint end of a word: counted, they double the quiet seconds of good calls."""
_MIN_SECONDS = 10
"""Spoken seconds from which a party's own level is known."""
_ECHO_MIN_BLOCKS = 5
_ECHO_BLOCK_PCT = 50
"""Correlation from which a single block is shown as evidence."""
_SNR_FLOOR_DB = -10.0
"""Where speech is not louder than noise its own power is unknown; nothing lower is told."""


_RAISED_BY_AGENT, _RAISED_BY_CUSTOMER = (Evidence("raised_voice", party) for party in PARTIES)
_SPOKEN_BY_AGENT, _SPOKEN_BY_CUSTOMER = (Evidence("level", party) for party in PARTIES)

METRICS = (
    Metric(
        name="level_dbfs_agent",
        type="double",
        unit="dBFS",
        needs=AGENT,
        reasons=("no_levels", "party_did_not_speak"),
        evidence=_SPOKEN_BY_AGENT,
        label="Level of agent",
        meaning="Median level of the agent’s speech, second by second; 0 is full scale, lines differ by 30 dB.",
        formula=(
            "median over the agent's spoken seconds of the root mean square of the speech in each; 0 is full scale, uncalibrated. "
            "A spoken second has 0.2 s of the agent's speech, its middle in A, and nothing of the customer's echo"
        ),
        since="0.2.0",
    ),
    Metric(
        name="level_dbfs_customer",
        type="double",
        unit="dBFS",
        needs=CUSTOMER,
        reasons=("no_levels", "party_did_not_speak"),
        evidence=_SPOKEN_BY_CUSTOMER,
        label="Level of customer",
        meaning="Median level of the customer’s speech, second by second; 0 is full scale, lines differ by 30 dB.",
        formula=(
            "median over the customer's spoken seconds of the root mean square of the speech in each; 0 is full scale, "
            "uncalibrated. A spoken second has 0.2 s of the customer's speech, its middle in A, and nothing of the agent's echo"
        ),
        since="0.2.0",
    ),
    Metric(
        name="loudness_p95_agent",
        type="double",
        unit="0–100",
        needs=AGENT,
        reasons=("no_levels", "party_did_not_speak"),
        formula="95th percentile over the agent's spoken seconds of `loudness_score` (dBFS + 100, cut at 0 and 100)",
        since="0.2.0",
    ),
    Metric(
        name="loudness_p95_customer",
        type="double",
        unit="0–100",
        needs=CUSTOMER,
        reasons=("no_levels", "party_did_not_speak"),
        formula="95th percentile over the customer's spoken seconds of `loudness_score` (dBFS + 100, cut at 0 and 100)",
        since="0.2.0",
    ),
    Metric(
        name="quiet_pct_agent",
        type="double",
        unit="%",
        needs=AGENT,
        reasons=("no_levels", "party_did_not_speak"),
        evidence=Evidence("quiet", "agent"),
        label="Agent too quiet",
        meaning="Share of the agent’s spoken seconds below {quiet_dbfs} dBFS, which are hard to hear.",
        formula="100 · the agent's spoken seconds below {quiet_dbfs} dBFS ÷ the agent's spoken seconds",
        since="0.2.0",
    ),
    Metric(
        name="quiet_pct_customer",
        type="double",
        unit="%",
        needs=CUSTOMER,
        reasons=("no_levels", "party_did_not_speak"),
        evidence=Evidence("quiet", "customer"),
        label="Customer too quiet",
        meaning="Share of the customer’s spoken seconds below {quiet_dbfs} dBFS, which are hard to hear.",
        formula="100 · the customer's spoken seconds below {quiet_dbfs} dBFS ÷ the customer's spoken seconds",
        since="0.2.0",
    ),
    Metric(
        name="clipping_pct_agent",
        type="double",
        unit="%",
        needs=AGENT,
        reasons=("no_levels", "party_did_not_speak"),
        evidence=Evidence("clipping", "agent"),
        label="Agent clipped",
        meaning="Share of the agent’s speech that is cut off at full scale: a microphone that is set too loud.",
        formula="100 · samples at full scale ÷ samples, of the speech in the agent's spoken seconds",
        since="0.2.0",
    ),
    Metric(
        name="clipping_pct_customer",
        type="double",
        unit="%",
        needs=CUSTOMER,
        reasons=("no_levels", "party_did_not_speak"),
        evidence=Evidence("clipping", "customer"),
        label="Customer clipped",
        meaning="Share of the customer’s speech that is cut off at full scale: a microphone that is set too loud.",
        formula="100 · samples at full scale ÷ samples, of the speech in the customer's spoken seconds",
        since="0.2.0",
    ),
    Metric(
        name="snr_db_agent",
        type="double",
        unit="dB",
        needs=AGENT,
        reasons=("no_levels", "party_did_not_speak", "no_noise"),
        evidence=_SPOKEN_BY_AGENT,
        label="Agent above noise",
        meaning="How far the agent’s speech is above the noise of the line; under 15 dB is tiring to hear.",
        formula=(
            "mean power of the speech in the agent's spoken seconds, less the noise, ÷ noise on that line between the words: "
            "the lower quartile of the seconds in A without music or tones"
        ),
        since="0.2.0",
    ),
    Metric(
        name="snr_db_customer",
        type="double",
        unit="dB",
        needs=CUSTOMER,
        reasons=("no_levels", "party_did_not_speak", "no_noise"),
        evidence=_SPOKEN_BY_CUSTOMER,
        label="Customer above noise",
        meaning="How far the customer’s speech is above the noise of the line; under 15 dB is tiring to hear.",
        formula=(
            "mean power of the speech in the customer's spoken seconds, less the noise, ÷ noise on that line between the words: "
            "the lower quartile of the seconds in A without music or tones"
        ),
        since="0.2.0",
    ),
    Metric(
        name="raised_voice_count_agent",
        type="integer",
        unit="count",
        needs=("raised_voice", *AGENT),
        reasons=("no_levels", "too_few_spoken_seconds"),
        evidence=_RAISED_BY_AGENT,
        label="Raised voice of agent",
        meaning=(
            "Stretches of at least {raised_voice_s} s in which the agent is at least {raised_voice_db} dB louder than usual "
            "in this leg."
        ),
        formula=(
            "stretches of {raised_voice_s} s and more in which the agent is {raised_voice_db} dB and more above the own "
            "median; nothing is said of emotions"
        ),
        since="0.2.0",
    ),
    Metric(
        name="raised_voice_count_customer",
        type="integer",
        unit="count",
        needs=CUSTOMER,
        reasons=("no_levels", "too_few_spoken_seconds"),
        evidence=_RAISED_BY_CUSTOMER,
        label="Raised voice of customer",
        meaning=(
            "Stretches of at least {raised_voice_s} s in which the customer is at least {raised_voice_db} dB louder than "
            "usual in this leg."
        ),
        formula=(
            "stretches of {raised_voice_s} s and more in which the customer is {raised_voice_db} dB and more above the own "
            "median; nothing is said of emotions"
        ),
        since="0.2.0",
    ),
    Metric(
        name="raised_voice_ms_agent",
        type="bigint",
        unit="ms",
        needs=("raised_voice", *AGENT),
        reasons=("no_levels", "too_few_spoken_seconds"),
        evidence=_RAISED_BY_AGENT,
        formula="length of these stretches",
        since="0.2.0",
    ),
    Metric(
        name="raised_voice_ms_customer",
        type="bigint",
        unit="ms",
        needs=CUSTOMER,
        reasons=("no_levels", "too_few_spoken_seconds"),
        evidence=_RAISED_BY_CUSTOMER,
        formula="length of these stretches",
        since="0.2.0",
    ),
    Metric(
        name="echo_suspect",
        type="boolean",
        unit="true/false",
        needs=BOTH,
        reasons=("no_levels", "too_few_spoken_seconds"),
        evidence=Evidence("echo"),
        label="Echo",
        meaning="Whether one party’s voice seems to come back on the other’s channel, after a constant delay.",
        formula=(
            "over the blocks of 2 s in which one party mostly speaks, five and more, its level and that of the other's channel 50 "
            "to 600 ms later correlate by {echo_correlation_pct} % on average"
        ),
        since="0.2.0",
    ),
)


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of whole seconds in which a party is louder than it mostly is in this leg."""

    party: Party
    start_ms: int
    end_ms: int
    above_db: float
    """Mean level over the party's own median."""


class Echoed(msgspec.Struct, frozen=True, kw_only=True):
    """What a party says comes back on the other's channel, after the delay, clearly in the spans."""

    party: Party
    delay_ms: int
    spans: Intervals


def spoken_seconds(scope: LegInput, party: Party, echoes: Sequence[Echoed]) -> dict[int, SecondLevel]:
    """Return the party's spoken seconds in A: second of the call → how loud.

    Where the other's voice comes back on this channel, seconds with it do not count: it is taken for speech of this party, is
    quiet, and this party's own voice would be loud against it.
    """
    theirs = union(*(shift(scope.speech[echo.party], echo.delay_ms) for echo in echoes if echo.party != party))
    return {
        second: level
        for second, level in enumerate(scope.levels[party] or ())
        if level.level_cb is not None
        and level.speech_ms >= _MIN_SPEECH_MS
        and contains(scope.analysed, 1000 * second + 500)
        and overlapping(scope.speech[party], (1000 * second, 1000 * second + 1000))
        and not overlapping(theirs, (1000 * second, 1000 * second + 1000))
    }


def raised_voices(scope: LegInput, echoes: Sequence[Echoed], thresholds: ThresholdSet) -> tuple[Raised, ...]:
    """Return raised voices (1.4): at least 3 consecutive seconds at least 10 dB over the party's own median in the leg.

    A second without speech ends one, whatever is said after it.
    """
    wanted: tuple[Party, ...] = PARTIES if thresholds.raised_voice_agent else ("customer",)
    return tuple(voice for party in wanted for voice in _raised(party, spoken_seconds(scope, party, echoes), thresholds))


def _raised(party: Party, spoken: dict[int, SecondLevel], thresholds: ThresholdSet) -> tuple[Raised, ...]:
    if len(spoken) < _MIN_SECONDS:
        return ()
    levels = {second: _dbfs(level) for second, level in spoken.items()}
    usual = median(levels.values())
    loud = [second for second, dbfs in levels.items() if dbfs >= usual + thresholds.raised_voice_db]
    runs = canonical((1000 * second, 1000 * second + 1000) for second in loud)
    return tuple(
        Raised(
            party=party,
            start_ms=start,
            end_ms=end,
            above_db=mean(levels[second] for second in range(start // 1000, end // 1000)) - usual,
        )
        for start, end in runs
        if end - start >= thresholds.raised_voice_ms
    )


def echoed(scope: LegInput, thresholds: ThresholdSet) -> tuple[Echoed, ...]:
    """Return suspected echoes (1.7): over the blocks of two seconds in A in which the party mostly speaks, at least five, its
    level and the other channel's after a constant delay of 50 to 600 ms correlate by 0.4 on average (`speech/echo.py`)."""
    found: list[Echoed] = []
    for party in PARTIES:
        for echo in scope.echoes[party]:
            inside = [(start, pct) for start, pct in echo.blocks if contains(scope.analysed, start + ECHO_BLOCK_MS // 2)]
            if len(inside) >= _ECHO_MIN_BLOCKS and mean(pct for _, pct in inside) >= thresholds.echo_correlation_pct:
                clear = canonical((start, start + ECHO_BLOCK_MS) for start, pct in inside if pct >= _ECHO_BLOCK_PCT)
                found.append(Echoed(party=party, delay_ms=echo.delay_ms, spans=intersect(clear, scope.analysed)))
    return tuple(found)


def doubtful_echo(scope: LegInput, echoes: Sequence[Echoed], thresholds: ThresholdSet) -> bool:
    """Whether much of a party's speech may still be the other's echo: more than a tenth of it is where the echo would be."""
    for echo in echoes:
        theirs = scope.speech[other(echo.party)]
        returned = length(intersect(theirs, shift(scope.speech[echo.party], echo.delay_ms)))
        if 100 * returned > thresholds.qa_max_echo_pct * length(theirs):
            return True
    return False


def loudness_metrics(scope: LegInput, raised: Sequence[Raised], echoes: Sequence[Echoed], thresholds: ThresholdSet) -> Metrics:
    """Per party (1.4), and the leg's `echo_suspect` (1.7).

    `level_dbfs_p`: median over spoken seconds of the root mean square of speech; `loudness_p95_p`: 95th percentile of their scores;
    `quiet_pct_p`: share of them below −45 dBFS; `clipping_pct_p` = 100 · clipped samples of speech ÷ samples of speech;
    `snr_db_p` = (speech − noise) ÷ noise, as powers; `raised_voice_count_p`, `raised_voice_ms_p`.
    """
    metrics: Metrics = {"echo_suspect": _suspected(scope, echoes)}
    for party in PARTIES:
        spoken = spoken_seconds(scope, party, echoes)
        mine = [voice for voice in raised if voice.party == party]
        told: dict[str, Value] = {
            "raised_voice_count": len(mine),
            "raised_voice_ms": sum(one.end_ms - one.start_ms for one in mine),
        }
        if len(spoken) < _MIN_SECONDS:
            told = dict.fromkeys(told, Unmeasured("too_few_spoken_seconds"))
        told |= _levels(list(spoken.values()), thresholds.quiet_dbfs)
        told["snr_db"] = _snr(scope, party, spoken) if spoken else Unmeasured("party_did_not_speak")
        unmetered = scope.levels[party] is None
        metrics |= {f"{name}_{party}": Unmeasured("no_levels") if unmetered else value for name, value in told.items()}
    return metrics


def loudness_score(dbfs: float) -> float:
    """`loudness_score` (1.4): dBFS + 100, 0 to 100. Uncalibrated, but on the scale that Amazon's reports use."""
    return min(100.0, max(0.0, dbfs + 100))


def utterance_loudness(levels: Levels, span: Interval) -> float | None:
    """`loudness_mean`: score of the speech in the seconds that an utterance touches, weighted by how much of each it takes."""
    first, last = span[0] // 1000, (span[1] + 999) // 1000
    touched = [
        (min(span[1], 1000 * second + 1000) - max(span[0], 1000 * second), level.level_cb)
        for second, level in enumerate(levels[first:last], start=first)
    ]
    found = mean_power(touched)
    return None if found is None else loudness_score(10 * log10(found))


def _levels(spoken: Sequence[SecondLevel], quiet_dbfs: float) -> dict[str, Value]:
    if not spoken:
        names = ("level_dbfs", "loudness_p95", "quiet_pct", "clipping_pct")
        return dict.fromkeys(names, Unmeasured("party_did_not_speak"))
    levels = sorted(_dbfs(level) for level in spoken)
    speech_us = 1000 * sum(level.speech_ms for level in spoken)
    return {
        "level_dbfs": median(levels),
        "loudness_p95": loudness_score(interpolated(levels, 0.95)),
        "quiet_pct": 100 * sum(dbfs < quiet_dbfs for dbfs in levels) / len(levels),
        "clipping_pct": min(100.0, 100 * sum(level.clipped_us for level in spoken) / speech_us),
    }


def _snr(scope: LegInput, party: Party, spoken: dict[int, SecondLevel]) -> Value:
    """The lower quartile of the seconds' noise in A: a door or the other party's echo does not make a line noisy."""
    sounds = union(*(sound.spans for sound in scope.sounds if sound.party == party))
    noises = sorted(
        level.noise_cb
        for second, level in enumerate(scope.levels[party] or ())
        if level.noise_cb is not None
        and contains(scope.analysed, 1000 * second + 500)
        and not overlapping(sounds, (1000 * second, 1000 * second + 1000))
    )
    speech = mean_power((level.speech_ms, level.level_cb) for level in spoken.values())
    if not noises or speech is None:
        return Unmeasured("no_noise")
    noise = power(noises[len(noises) // 4])
    return max(_SNR_FLOOR_DB, 10 * log10(max(speech / noise - 1, 1e-9)))


def _suspected(scope: LegInput, echoes: Sequence[Echoed]) -> Value:
    if any(scope.levels[party] is None for party in PARTIES):
        return Unmeasured("no_levels")
    if echoes:
        return True
    enough = all(len(spoken_seconds(scope, party, echoes)) >= _MIN_SECONDS for party in PARTIES)
    return False if enough else Unmeasured("too_few_spoken_seconds")


def _dbfs(level: SecondLevel) -> float:
    if level.level_cb is None:
        raise AssertionError("a spoken second has a level")
    return level.level_cb / 10
