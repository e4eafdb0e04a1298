"""The phases of a stream and the steps between them.

    NEW ─start▶ SIGNALING ─signaling_up▶ MEDIA ─ready▶ READY ─flow▶ STREAMING ⇄ PAUSED   (pause, resume)
                    ▲                      ▲             └──────────┬──────────────┘
                    └─ signaling_lost ─────┴─ media_lost ───────────┘
                       failover

    SIGNALING … PAUSED ─stop▶ STOPPING ─end▶ ENDED          every phase ─end▶ ENDED

SIGNALING: the signaling link is on its way, for the first time or again. MEDIA: it is up, and no media link is. READY:
message 7 was sent. STREAMING: message 8 said that the stream is active, or media came, as message 8 may be missing (8.7).
STOPPING: nothing is opened any more; what media links still hold is taken.

A step that the table does not know in a phase changes nothing. Most steps are a peer's words, and Zoom may say twice that
a stream is active, or pause one that has no media yet: none of that may raise.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Literal

PhaseStep = Literal[
    "start", "signaling_up", "ready", "flow", "pause", "resume", "media_lost", "signaling_lost", "failover", "stop", "end"
]


class Phase(Enum):
    """See the picture above."""

    NEW = auto()
    SIGNALING = auto()
    MEDIA = auto()
    READY = auto()
    STREAMING = auto()
    PAUSED = auto()
    STOPPING = auto()
    ENDED = auto()


_P = Phase
_LIVE = (_P.SIGNALING, _P.MEDIA, _P.READY, _P.STREAMING, _P.PAUSED)


def _each(phases: Iterable[Phase], step: PhaseStep, following: Phase) -> dict[tuple[Phase, PhaseStep], Phase]:
    return {(phase, step): following for phase in phases}


PHASE_TABLE: Mapping[tuple[Phase, PhaseStep], Phase] = {
    (_P.NEW, "start"): _P.SIGNALING,
    (_P.SIGNALING, "signaling_up"): _P.MEDIA,
    (_P.MEDIA, "ready"): _P.READY,
    (_P.READY, "flow"): _P.STREAMING,
    (_P.READY, "pause"): _P.PAUSED,
    (_P.STREAMING, "pause"): _P.PAUSED,
    (_P.PAUSED, "resume"): _P.STREAMING,
    **_each([phase for phase in _LIVE if phase is not _P.SIGNALING], "media_lost", _P.MEDIA),
    **_each(_LIVE, "signaling_lost", _P.SIGNALING),
    **_each(_LIVE, "failover", _P.SIGNALING),
    **_each(_LIVE, "stop", _P.STOPPING),
    **_each(_P, "end", _P.ENDED),
}


def after(phase: Phase, step: PhaseStep) -> Phase:
    """Return the phase after a step."""
    return PHASE_TABLE.get((phase, step), phase)
