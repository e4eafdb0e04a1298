"""Processes of this machine: the memory and processor time that they use, and how busy everybody is."""

from collections.abc import Iterable

import msgspec
import psutil


class Usage(msgspec.Struct, frozen=True):
    """Memory at a moment and processor time so far."""

    rss_mb: float
    cpu_s: float


def usage(pids: Iterable[int]) -> Usage:
    """Return what processes use together; those that are gone use nothing."""
    found = [_usage(pid) for pid in pids]
    return Usage(sum(one.rss_mb for one in found), sum(one.cpu_s for one in found))


def busy_s() -> float:
    """Return for how many core-seconds this machine has been busy since it started; waiting for a disk is not being busy."""
    times = psutil.cpu_times()._asdict()
    # Linux counts guests in `user` and `nice` already
    return float(sum(spent for kind, spent in times.items() if kind not in ("idle", "iowait", "guest", "guest_nice")))


def _usage(pid: int) -> Usage:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return Usage(process.memory_info().rss / 2**20, times.user + times.system)
    except psutil.NoSuchProcess:
        return Usage(0.0, 0.0)
