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

from collections.abc import Mapping
from enum import Enum, auto


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
PHASE_TABLE: Mapping[tuple[Phase, str], Phase] = {
    (_P.NEW, "start"): _P.SIGNALING,
    (_P.SIGNALING, "signaling_up"): _P.MEDIA,
    (_P.MEDIA, "ready"): _P.READY,
    (_P.READY, "flow"): _P.STREAMING,
    (_P.READY, "pause"): _P.PAUSED,
    (_P.STREAMING, "pause"): _P.PAUSED,
    (_P.PAUSED, "resume"): _P.STREAMING,
    **{(phase, "media_lost"): _P.MEDIA for phase in _LIVE if phase is not _P.SIGNALING},
    **{(phase, "signaling_lost"): _P.SIGNALING for phase in _LIVE},
    **{(phase, "failover"): _P.SIGNALING for phase in _LIVE},
    **{(phase, "stop"): _P.STOPPING for phase in _LIVE},
    **{(phase, "end"): _P.ENDED for phase in _P},
}


def after(phase: Phase, step: str) -> Phase:
    """Return the phase after a step."""
    return PHASE_TABLE.get((phase, step), phase)
