"""This machine: cores and memory as this process may use them, in a container too."""

import os
from pathlib import Path

import msgspec

_GROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


class Machine(msgspec.Struct, frozen=True):
    """What there is, in megabytes of a million bytes. None where the system does not say."""

    cores: int
    free_mb: float | None
    memory_mb: float | None = None
    """All of it, or what this container may take."""


def this_machine() -> Machine:
    """Return cores and memory as this process may use them."""
    return Machine(len(os.sched_getaffinity(0)), _free_mb(), _memory_mb())


def resident_mb() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _free_mb() -> float | None:
    limit, used = _lines(_GROUP / "memory.max"), _lines(_GROUP / "memory.current")
    grouped = [(int(limit[0]) - int(used[0])) / 1e6] if limit and used and limit[0].isdigit() else []
    return min([*_told("MemAvailable:"), *grouped], default=None)


def _memory_mb() -> float | None:
    limit = _lines(_GROUP / "memory.max")
    grouped = [int(limit[0]) / 1e6] if limit and limit[0].isdigit() else []
    return min([*_told("MemTotal:"), *grouped], default=None)


def _told(name: str) -> list[float]:
    return [int(line.split()[1]) * 1024 / 1e6 for line in _lines(_MEMINFO) if line.startswith(name)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
