"""The oracle sees what it is there for: a hole nobody told, a sound twice, a sound at another's place."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.faults.oracle import PER_MS, RATE_HZ, Sent, judge

T0 = 1_790_000_000_000
SAID = (np.arange(2 * RATE_HZ) % 30_011).astype("<i2")


def recording(folder: Path, stored: np.ndarray, received: list[tuple[int, int]], notes: list[dict[str, object]]) -> None:
    soundfile.write(folder / "0.flac", stored, RATE_HZ, "PCM_16")
    (folder / "0.idx").write_bytes(b"".join(struct.pack("<QI", a * PER_MS, (b - a) * PER_MS) for a, b in received))
    (folder / "stream.json").write_text(json.dumps({"t0_unix_ms": T0}))
    (folder / "channels.json").write_text('["a"]')
    (folder / "journal.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))


@pytest.mark.parametrize(
    ("told", "expected"),
    [([], (2000, 1500, 0, 500, 0)), ([(700, 1200)], (2000, 1500, 500, 0, 0)), ([(0, 800)], (2000, 1500, 100, 400, 0))],
)
def test_a_hole_is_told_or_unaccounted(
    tmp_path: Path, told: list[tuple[int, int]], expected: tuple[int, int, int, int, int]
) -> None:
    stored = SAID.copy()
    stored[700 * PER_MS : 1200 * PER_MS] = 0
    notes: list[dict[str, object]] = [{"type": "gap", "start_unix_ms": T0 + a, "end_unix_ms": T0 + b} for a, b in told]
    recording(tmp_path, stored, [(0, 700), (1200, 2000)], notes)
    assert judge(tmp_path, T0, {"a": Sent(SAID.tobytes(), 0, 2000)}, None)["a"] == expected


def test_sound_that_is_there_twice_is_wrong(tmp_path: Path) -> None:
    stored = np.concatenate([SAID[: RATE_HZ // 2], SAID[: RATE_HZ // 2], SAID[RATE_HZ // 2 : -RATE_HZ // 2]])
    recording(tmp_path, stored, [(0, 2000)], [])
    assert judge(tmp_path, T0, {"a": Sent(SAID.tobytes(), 0, 2000)}, None)["a"].wrong > 1400
