"""Runs of `recompute`: what measuring again would write, kept until somebody has looked at it.

    <data>/recompute/NAME/plan.json      what was asked for
                          results.bin    a record for each call: length, CRC-32, then the packed result
                          published      up to which place the store has taken them, once publishing has begun

A run that was killed goes on behind its last whole record; publishing that was killed goes on behind the last call it wrote, and
writing a call twice is harmless.
"""

import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.batch import CallMeasured
from cc_voice.call.metric_changes import Changes
from cc_voice.media.files import write_atomically

_HEAD = struct.Struct("<II")
_LONGEST_BYTES = 1 << 30


class RunError(Exception):
    """A run cannot be used; the message is for the operator."""


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. A run is only gone on with when the same is asked again."""

    what: str
    """metrics, or recognition: the words too."""
    since: str | None = None
    """Local date of the site, inclusive."""
    until: str | None = None
    call_ids: tuple[str, ...] = ()
    """None named: all."""
    threshold_set: str | None = None
    """Name of the set tried; None: those in force."""
    metric_version: str
    settings_digest: str
    """Of everything else that decides a number: thresholds, who is a meeting's agent, whose words count, models."""


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """One call, measured again; or the reason why it could not be."""

    call_id: str
    streams: tuple[str, ...] = ()
    """Of whose analyses it is made: when these are others by now, the result is of a call that is no more."""
    measured: CallMeasured | None = None
    analyses: tuple[StreamAnalysis, ...] = ()
    """What was heard, where the recordings were heard again: replaces what is kept beside them when it is published."""
    problem: str | None = None


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found."""

    run: str
    calls: int
    calls_new: int
    """Recorded, and not in the store: publishing brings them back."""
    problems: dict[str, str]
    """call_id → why it could not be measured."""
    changes: Changes
    published: int | None = None
    """Calls written; None: nothing was published."""
    superseded: int | None = None
    """Calls left as they are: deleted, or measured from more since the run."""


_PLAN = msgspec.json.Decoder(RunPlan)
_RESULT = msgspec.msgpack.Decoder(RunResult)
"""Made here, once: msgspec crashes the process when two threads are the first to decode a type (seen with 0.22)."""


class RecomputeRun:
    """One run's folder."""

    def __init__(self, runs_dir: Path, name: str) -> None:
        self.name = name
        self._folder = runs_dir / name
        self._results = self._folder / "results.bin"
        self._published = self._folder / "published"

    def begin(self, plan: RunPlan) -> None:
        """Begin the run, or go on with it. Raises RunError when it was begun for something else, OSError."""
        path = self._folder / "plan.json"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(path, msgspec.json.encode(plan))
        if self.plan() != plan:
            raise RunError(
                f"the run {self.name!r} was begun for something else, or with another configuration; name a new one with --run, "
                f"or `--discard {self.name}`"
            )
        self._cut()

    def plan(self) -> RunPlan:
        """Return what was asked for. Raises RunError when there is no such run."""
        try:
            return _PLAN.decode((self._folder / "plan.json").read_bytes())
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise RunError(f"there is no run {self.name!r}; `cc-voice recompute --list` shows the names") from error

    def add(self, result: RunResult) -> None:
        """Keep a result; a crash loses at most the last ones."""
        data = zlib.compress(msgspec.msgpack.encode(result), level=1)
        with self._results.open("ab") as file:
            file.write(_HEAD.pack(len(data), zlib.crc32(data)) + data)

    def results(self, at: int = 0) -> Iterator[tuple[RunResult, int]]:
        """Yield the results kept so far, each with the place behind it: where to go on."""
        for data, end in self._records(at):
            yield _RESULT.decode(zlib.decompress(data)), end

    @property
    def published(self) -> int:
        """Up to which place the store has taken the results."""
        try:
            return int(self._published.read_text())
        except FileNotFoundError:
            return 0

    def note_published(self, at: int) -> None:
        write_atomically(self._published, str(at).encode())

    def discard(self) -> None:
        """Delete the run. Raises RunError when there is none."""
        self.plan()
        shutil.rmtree(self._folder)

    def _records(self, at: int = 0) -> Iterator[tuple[bytes, int]]:
        """Yield each whole record's content and where it ends."""
        if not self._results.exists():
            return
        with self._results.open("rb") as file:
            file.seek(at)
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                length, checksum = _HEAD.unpack(head)
                data = file.read(length) if length <= _LONGEST_BYTES else b""
                if len(data) < length or zlib.crc32(data) != checksum:
                    return
                yield data, file.tell()

    def _cut(self) -> None:
        """Drop what a crash left behind the last whole record."""
        end = max((end for _, end in self._records()), default=0)
        if self._results.exists():
            with self._results.open("r+b") as file:
                file.truncate(end)


def names(runs_dir: Path) -> list[str]:
    """Return the names of the runs that are kept."""
    return sorted(path.parent.name for path in runs_dir.glob("*/plan.json"))
