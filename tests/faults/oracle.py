"""Oracle of the fault harness: holds what was sent against the files that are left. It imports nothing of what it judges.

Of every party, each millisecond that was sent is in the recording, at its place and with its own sound, or in a gap or loss that
the journal tells. What is neither is unaccounted; a sound where another one belongs was doubled or misplaced.
"""

import json
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

RATE_HZ = 16_000
PER_MS = RATE_HZ // 1000


class Sent(NamedTuple):
    """What a party sent: its whole sound, and from which to which millisecond of the call it was sent."""

    pcm: bytes
    start_ms: int
    end_ms: int


class Verdict(NamedTuple):
    """Milliseconds of one party."""

    sent: int
    stored: int
    told: int
    unaccounted: int
    wrong: int


def judge(folder: Path, began_unix_ms: int, sent: dict[str, Sent], leg_end_ms: int | None) -> dict[str, Verdict]:
    """Judge the recording of one stream, compressed. `leg_end_ms`: up to where a leg tells what it misses, on its clock."""
    t0 = json.loads((folder / "stream.json").read_text())["t0_unix_ms"]
    notes = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    names = json.loads((folder / "channels.json").read_text())
    return {name: _party(folder, names, name, one, t0 - began_unix_ms, t0, notes, leg_end_ms) for name, one in sent.items()}


def _party(
    folder: Path,
    names: list[str],
    name: str,
    sent: Sent,
    offset_ms: int,
    t0: int,
    notes: list[dict[str, Any]],
    leg_end_ms: int | None,
) -> Verdict:
    number = names.index(name)
    stored, _ = soundfile.read(folder / f"{number}.flac", dtype="int16")
    start, end = sent.start_ms - offset_ms, sent.end_ms - offset_ms
    here = np.zeros(max(end, len(stored) // PER_MS) + 1, dtype=bool)
    said = np.frombuffer(sent.pcm, dtype="<i2")
    wrong = 0
    for first, count in struct.iter_unpack("<QI", (folder / f"{number}.idx").read_bytes()):
        here[-(-first // PER_MS) : (first + count) // PER_MS] = True
        source = said[first + offset_ms * PER_MS : first + count + offset_ms * PER_MS]
        kept = stored[first : first + len(source)]
        wrong += int((kept != source[: len(kept)]).sum()) + int(np.count_nonzero(stored[first + len(source) : first + count]))
    told = np.zeros_like(here)
    for note in notes:
        if note["type"] in ("gap", "lost") and note.get("channel_id") in (None, name):
            told[max(0, note["start_unix_ms"] - t0) : max(0, note["end_unix_ms"] - t0)] = True
    if leg_end_ms is not None:
        told[len(stored) // PER_MS : leg_end_ms] = True
    span = slice(max(0, start), end)
    return Verdict(
        sent=end - start,
        stored=int(here[span].sum()),
        told=int((told[span] & ~here[span]).sum()),
        unaccounted=int((~told[span] & ~here[span]).sum()),
        wrong=-(-wrong // PER_MS),
    )
