"""Memory and processor time of processes, against what the kernel tells the process itself."""

import os
import resource
import subprocess
import sys

import pytest

from cc_voice.bench.processes import busy_s, usage


def test_this_process_uses_what_it_is_told() -> None:
    before, told = usage([os.getpid()]), resource.getrusage(resource.RUSAGE_SELF)
    assert before.cpu_s == pytest.approx(told.ru_utime + told.ru_stime, abs=0.2)
    assert 10 < before.rss_mb <= told.ru_maxrss / 1024 + 1


def test_processes_are_added_up_and_one_that_is_gone_uses_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    both, mine = usage([os.getpid(), child.pid]), usage([os.getpid()])
    assert both.rss_mb > mine.rss_mb
    child.communicate(b"\n")
    assert usage([child.pid]).rss_mb == usage([child.pid]).cpu_s == 0


def test_the_machine_is_busy_while_somebody_works() -> None:
    before, mine = busy_s(), usage([os.getpid()]).cpu_s
    while usage([os.getpid()]).cpu_s < mine + 0.3:
        sum(range(10_000))
    assert busy_s() - before > 0.2
