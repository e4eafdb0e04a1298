"""What processes of this machine use, as Linux tells it in /proc: memory, processor time, and how busy everybody is."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Usage(msgspec.Struct, frozen=True):
    """Memory at a moment and processor time so far."""

    rss_mb: float
    cpu_s: float


def usage(pids: Iterable[int]) -> Usage:
    """Return what processes use together; those that are gone use nothing."""
    found = [_usage(pid) for pid in pids]
    return Usage(sum(one.rss_mb for one in found), sum(one.cpu_s for one in found))


def busy_s() -> float:
    """Return for how many core-seconds this machine has been busy since it started."""
    user, nice, system, _, _, irq, softirq, steal = (int(text) for text in (_PROC / "stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_S


def is_known() -> bool:
    """Whether this machine tells."""
    return (_PROC / "self" / "stat").exists()


def _usage(pid: int) -> Usage:
    try:
        # After the name, which may hold spaces: state is the first field there, user and system time the 12th and 13th
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return Usage(0.0, 0.0)
    return Usage(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, (int(fields[11]) + int(fields[12])) / _TICKS_PER_S)
