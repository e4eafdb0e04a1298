"""A pipe's writer: whoever hands in a message never waits for the other side."""

import multiprocessing
import threading

from cc_voice.fleet.pipes import MOST_WAITING, PipeWriter

PATIENCE_S = 30.0
LARGE = b"x" * (1 << 20)
"""More than a pipe holds: its writer blocks until somebody reads."""


def test_a_peer_that_does_not_read_keeps_nobody_waiting() -> None:
    ours, theirs = multiprocessing.Pipe()
    writer = PipeWriter(ours, "writer")
    handed = threading.Thread(target=lambda: [writer.send(LARGE) for _ in range(3)])
    handed.start()
    handed.join(PATIENCE_S)
    assert not handed.is_alive(), "send waited for the peer"
    writer.send(b"last")
    assert [len(theirs.recv_bytes()) for _ in range(3)] == [len(LARGE)] * 3
    assert theirs.recv_bytes() == b"last", "in order"
    writer.close()
    ours.close()


def test_what_nobody_misses_is_left_out_when_too_much_waits() -> None:
    ours, theirs = multiprocessing.Pipe()
    writer = PipeWriter(ours, "writer")
    writer.send(LARGE)
    taken = [writer.send(b"words", is_needed=False) for _ in range(2 * MOST_WAITING)]
    assert taken[0]
    assert not taken[-1]
    assert writer.send(b"needed")
    told = [theirs.recv_bytes() for _ in range(1 + sum(taken) + 1)]
    assert told[-1] == b"needed"
    writer.close()
    ours.close()


def test_a_peer_that_is_gone_ends_nothing_but_the_pipe() -> None:
    ours, theirs = multiprocessing.Pipe()
    writer = PipeWriter(ours, "writer")
    theirs.close()
    writer.send(b"nobody reads this")
    writer.drop()
    writer.close()
    assert ours.closed
