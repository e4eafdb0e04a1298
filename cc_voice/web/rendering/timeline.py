"""The lanes above a transcript as shapes: where hold, dead air, overtalk, gaps and events lie, in percent of the call's length.

Geometry goes into SVG attributes, as the policy in `security.py` allows a page no style of its own. The waveform is drawn by the
player from the peaks; everything here is there without it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.lexicon import UNSPACED
from cc_voice.config.languages import primary
from cc_voice.config.thresholds import ThresholdSet, told
from cc_voice.store.calls import CallInterval, CallPlatformEvent
from cc_voice.web.rendering import formats

RULER_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
RULER_TICKS = 16
"""At most so many labels: what fits beside one another on a narrow desktop."""
EVENT_GAP_PCT = 9.0
"""Labels of events closer than this would lie on each other: the later one is only a tick, with its name as title."""
EVENTS = {
    "consumer_answered": "Customer connected",
    "user_answered": "Answered",
    "user_hold": "Hold",
    "user_unhold": "Resumed",
    "user_end": "Agent left",
    "consumer_end": "Customer hung up",
    "transfer_initiated": "Transfer started",
    "transfer_accepted": "Transfer accepted",
    "transfer_completed": "Transferred",
    "transfer_rejected": "Transfer rejected",
    "conference_participant_invited": "Conference",
    "monitor_started": "Supervisor listens",
    "monitor_ended": "Supervisor left",
    "participant_join": "Joined",
    "participant_leave": "Left",
}
"""Platform events worth a mark; the rest is in the API."""
BANDS = {"hold": "f-hold", "dead_air": "f-dead", "overtalk": "f-over-band", "excluded": "f-pause", "raised_voice": "f-loud-band"}


class Band(msgspec.Struct, frozen=True):
    """A shaded piece of a lane; `title` says what it is."""

    css: str
    x: str
    width: str
    title: str
    party: str | None = None
    """Whose lane it belongs to; None: every lane."""


class Tick(msgspec.Struct, frozen=True):
    """A mark with a label, empty where there is no room."""

    x: str
    label: str
    title: str
    end: bool = False
    """Whether the label stands left of the mark: the last ones would leave the lane."""


class TimelineBands(msgspec.Struct, frozen=True, kw_only=True):
    """All lanes of a call."""

    duration_ms: int
    ruler: tuple[Tick, ...]
    events: tuple[Tick, ...]
    bands: tuple[Band, ...]

    def bands_of(self, lane: str) -> tuple[Band, ...]:
        """Return the bands of one party's lane; those of a lane that shows both parties are all of them."""
        return tuple(band for band in self.bands if lane == "both" or band.party in (None, lane))


def draw(
    duration_ms: int, intervals: Iterable[CallInterval], events: Iterable[CallPlatformEvent], sets: Sequence[ThresholdSet]
) -> TimelineBands:
    """Return the lanes of a call of some length; `sets` are the thresholds of its legs."""
    length, intervals = max(1, duration_ms), tuple(intervals)
    return TimelineBands(
        duration_ms=length,
        ruler=_ruler(length),
        events=_events(length, [*_happened(events), *_switched(intervals)]),
        bands=tuple(_band(length, interval, sets) for interval in intervals if interval.kind in BANDS),
    )


def marks(duration_ms: int, intervals: Sequence[CallInterval]) -> tuple[Band, ...]:
    """Return the shading of the evidence that is open."""
    length = max(1, duration_ms)
    return tuple(Band("f-sel-band", _pct(i.start_ms, length), _pct(i.end_ms - i.start_ms, length), "") for i in intervals)


def describe(interval: CallInterval, sets: Sequence[ThresholdSet]) -> str:
    """Return what an interval is, in words. `sets` are the thresholds of its leg, or of all legs it may belong to."""
    who = f"by {interval.party}" if interval.party else ""
    owed = f"owed by {interval.party}" if interval.party else ""
    match interval.kind:
        case "overtalk":
            kind = (
                (interval.subkind or "overtalk").replace("_", " ").replace("short", told("overtalk under {overtalk_ms} ms", sets))
            )
            return ", ".join(filter(None, [f"{kind} {who}".strip(), interval.outcome]))
        case "long_silence":
            return ", ".join(filter(None, ["long silence", owed, "announced" if interval.subkind == "announced" else ""]))
        case "dead_air":
            return ", ".join(filter(None, ["dead air", owed]))
        case "speech":
            return f"{interval.party or 'somebody'} speaks" + {"backchannel": ", listening sound", "on_hold": ", on hold"}.get(
                interval.subkind or "", ""
            )
        case "turn":
            return f"turn of {interval.party}" + (", begun while the other spoke" if interval.subkind == "into_speech" else "")
        case "latency":
            return f"{interval.party} responds after {formats.seconds(interval.value or 0)} s"
        case "disagreement":
            return f"{formats.percent(interval.value or 0)} % of the words heard differently"
        case "raised_voice":
            above = f"{formats.number(interval.value)} dB above the own median" if interval.value is not None else ""
            return ", ".join(filter(None, [f"raised voice {who}".strip(), above]))
        case "talk_speed":
            counted = "character" if primary(interval.subkind or "") in UNSPACED else "word"
            return formats.count(int(interval.value or 0), counted)
        case "unserved_language":
            return f"{interval.party or 'somebody'} speaks {interval.subkind}, of which there is no model"
        case "doubtful_words":
            return f"{formats.count(int(interval.value or 0), 'doubtful word')} {who}".strip()
        case "level" | "quiet":
            return f"{interval.party} speaks at {formats.number(interval.value or 0)} dBFS"
        case "clipping":
            return f"{formats.number(interval.value or 0, 1)} % of the speech clipped"
        case "echo":
            return f"{interval.party} comes back after {formats.number(interval.value or 0)} ms"
        case "greeting":
            return "from answer to first words"
        case "language":
            return f"{interval.party or 'somebody'} speaks {interval.subkind}"
        case "lang_switch":
            return f"{interval.party} changes to {interval.subkind}"
        case "lang_mismatch":
            return "the parties speak different languages"
        case "excluded":
            return "media gap, nothing received"
        case "media_lost":
            return f"audio lost: {interval.subkind}"
        case kind:
            return kind.replace("_", " ")


def _band(length: int, interval: CallInterval, sets: Sequence[ThresholdSet]) -> Band:
    span_ms = interval.end_ms - interval.start_ms
    size = formats.clock(span_ms) if interval.kind == "hold" else f"{formats.seconds(span_ms)} s"
    text = describe(interval, sets)
    return Band(
        BANDS[interval.kind],
        _pct(interval.start_ms, length),
        _pct(span_ms, length),
        f"{text[:1].upper()}{text[1:]}, {size}",
        interval.party if interval.kind == "raised_voice" else None,
    )


def _ruler(length: int) -> tuple[Tick, ...]:
    step = next((s for s in RULER_STEPS_S if length / 1000 / s <= RULER_TICKS), RULER_STEPS_S[-1]) * 1000
    last = length - length // (2 * RULER_TICKS)
    return tuple(Tick(_pct(at, length), formats.clock(at), "") for at in range(0, max(1, last), step))


_Mark = tuple[int, str, str]
"""When, its label, and what it says in full."""


def _happened(events: Iterable[CallPlatformEvent]) -> Iterable[_Mark]:
    named = ((event.at_ms, EVENTS.get(event.event_name)) for event in events)
    return ((at_ms, name, name) for at_ms, name in named if name is not None)


def _switched(intervals: Iterable[CallInterval]) -> Iterable[_Mark]:
    """Changes of language: where the other one begins."""
    for interval in intervals:
        if interval.kind == "lang_switch" and interval.party:
            said = describe(interval, ())  # no threshold in it
            yield interval.end_ms, f"{interval.party.capitalize()}: {interval.subkind}", f"{said[:1].upper()}{said[1:]}"


def _events(length: int, marks: Iterable[_Mark]) -> tuple[Tick, ...]:
    ticks: list[Tick] = []
    free_from = 0.0
    for at_ms, name, said in sorted(marks, key=lambda mark: mark[0]):
        if not 0 <= at_ms <= length:
            continue
        place = 100 * at_ms / length
        fits, at_end = place >= free_from, place > 100 - EVENT_GAP_PCT
        if at_end and place - EVENT_GAP_PCT < free_from:
            fits = False
        ticks.append(Tick(_pct(at_ms, length), name if fits else "", f"{said} {formats.clock(at_ms)}", at_end))
        if fits:
            free_from = place + EVENT_GAP_PCT
    return tuple(ticks)


def _pct(ms: int, length: int) -> str:
    return f"{100 * ms / length:.3f}%"
