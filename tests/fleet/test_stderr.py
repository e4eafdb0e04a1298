"""Standard error, what libraries print past the log: told as a warning, cut, counted, and kept when who printed it is dead."""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cc_voice.fleet import stderr
from cc_voice.fleet.stderr import BURST_LINES, LINES_PER_S, LONGEST_CHARACTERS, Relay
from tests.conftest import PATIENCE_S


class Clock:
    """Time that passes only where a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(*data: bytes, clock: Clock | None = None) -> list[dict[str, object]]:
    with capture_logs() as logs:
        relay = Relay(3, clock or Clock())
        for piece in data:
            relay.feed(piece)
        relay.finish()
    return [dict(line) for line in logs]


# -- children: each runs in a process of its own ------------------------------------------------------------------------


def prints(pipe: Connection, log_path: str) -> None:
    os.dup2(os.open(log_path, os.O_WRONLY | os.O_CREAT), 2)
    stderr.redirect(pipe)
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stderr))
    os.write(2, b"free(): invalid pointer\n")
    structlog.get_logger().info("a line of the log")
    os.write(2, b"without an end")
    raise ValueError("a traceback of ours")


def prints_while_it_holds_the_lock(pipe: Connection, log_path: str) -> None:
    """`os.write` gives the lock away; this is a library that does not, with more than a pipe holds."""
    import ctypes

    stderr.redirect(pipe)
    line = b"x" * 79 + b"\n"
    write = ctypes.PyDLL(None).write
    for _ in range(5000):
        write(2, line, len(line))


def dies(pipe: Connection, log_path: str) -> None:
    os.dup2(os.open(log_path, os.O_WRONLY | os.O_CREAT), 2)
    stderr.redirect(pipe)
    os.write(2, b"ASSERTION_FAILED (VoskAPI:Decode():lattice.cc:42) Assertion failed: (good)\n")
    os.abort()


def breaks_a_model(pipe: Connection, folder: str) -> None:
    import vosk

    stderr.redirect(pipe)
    vosk.SetLogLevel(-1)
    try:
        vosk.Model(model_path=folder)
    except Exception:
        os._exit(7)


def run(child: Callable[[Connection, str], None], path: Path) -> tuple[list[dict[str, object]], int | None]:
    """Run a child to its end; return what the log was told and its exit code."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(theirs, str(path)))
    process.start()
    theirs.close()
    with capture_logs() as logs:
        Relay(1).run(ours)
    process.join(PATIENCE_S)
    return [dict(line) for line in logs], process.exitcode


def test_what_a_library_prints_is_told_and_the_log_goes_its_own_way(tmp_path: Path) -> None:
    logs, code = run(prints, tmp_path / "log")
    assert [(line["text"], line["log_level"], line["worker"]) for line in logs] == [
        ("free(): invalid pointer", "warning", 1),
        ("without an end", "warning", 1),
    ]
    ours = (tmp_path / "log").read_text()
    assert "a line of the log" in ours
    assert "ValueError: a traceback of ours" in ours
    assert "free()" not in ours
    assert code == 1


def test_who_prints_without_end_while_it_holds_the_lock_is_not_stuck(tmp_path: Path) -> None:
    logs, code = run(prints_while_it_holds_the_lock, tmp_path)
    assert code == 0
    lines = [line for line in logs if "text" in line]
    assert BURST_LINES <= len(lines) < 5000
    assert sum(int(str(line.get("lines", 0))) for line in logs) + len(lines) == 5000


def test_the_last_words_of_a_process_that_dies_are_told(tmp_path: Path) -> None:
    logs, code = run(dies, tmp_path / "log")
    assert code == -signal.SIGABRT
    assert [(line["source"], "Assertion failed" in str(line["text"])) for line in logs] == [("kaldi", True)]
    ours = (tmp_path / "log").read_text()
    assert "Fatal Python error: Aborted" in ours, "faulthandler says where Python was"
    assert "in dies" in ours


def test_why_kaldi_cannot_load_a_model_is_told(tmp_path: Path) -> None:
    logs, code = run(breaks_a_model, tmp_path)
    assert code == 7
    assert {line["source"] for line in logs} == {"kaldi"}
    assert any("does not contain model files" in str(line["text"]) for line in logs)


# -- the relay ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (b"WARNING (VoskAPI:Recognizer():recognizer.cc:131) Runtime graphs are not supported", "kaldi"),
        (b"LOG (VoskAPI:ReadDataFiles():model.cc:213) Decoding params beam=13", "kaldi"),
        (b"/opt/venv/vosk/libvosk.so(vosk_model_new+0x4e) [0x7f]", "kaldi"),
        (b"2026-11-24 12:00:00.1 [E:onnxruntime:, inference_session.cc:1] failed", "onnxruntime"),
        (b"Fatal Python error: none_dealloc", "python"),
        (b'  File "x.py", line 3 in f', "python"),
        (b"terminate called after throwing an instance of 'std::bad_alloc'", "unknown"),
    ],
)
def test_who_printed_is_named(line: bytes, source: str) -> None:
    assert [one["source"] for one in told(line)] == [source]


def test_lines_are_cut_and_hold_nothing_that_a_terminal_acts_on() -> None:
    [line] = told(b"\x1b[31mred\xff" + b"x" * 10_000)
    text = str(line["text"])
    assert len(text) == LONGEST_CHARACTERS
    assert text.startswith("�[31mred�xxx")
    assert len(told(b"y" * 1_000_000)) == 1
    assert told(b"\n \r\n\n") == []


def test_words_that_kaldi_quotes_are_left_out() -> None:
    [line] = told(b"WARNING (VoskAPI:Recognizer():recognizer.cc:51) Ignoring word missing in vocabulary: 'blasphemer'\n")
    assert "blasphemer" not in str(line)
    assert "missing in vocabulary" in str(line)


def test_masses_are_counted_and_the_log_goes_on_afterwards() -> None:
    clock = Clock()
    with capture_logs() as logs:
        relay = Relay(1, clock)
        relay.feed(b"again\n" * 1000)
        assert len(logs) == BURST_LINES
        clock.now += 3.1 / LINES_PER_S
        relay.feed(b"later\n")
        relay.finish()
    assert [line.get("lines") for line in logs[BURST_LINES:]] == [1000 - BURST_LINES, None]
    assert logs[-1]["text"] == "later"


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_however_bytes_are_cut_the_same_is_told(data: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert told(*(data[a:b] for a, b in itertools.pairwise(ends))) == told(data)
