"""The spool: batches that a worker finished and the owner of the database has not yet committed, one file each.

A worker writes the file and rings the bell on its pipe; the owner commits and removes the file. If either dies in between,
the file is found at the next start and delivered again: every batch may be delivered twice, none is lost.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cc_voice.call.batch import Batch, BatchEnvelope
from cc_voice.media.files import write_atomically

_SUFFIX = ".batch"
_ENVELOPE = msgspec.msgpack.Decoder(BatchEnvelope)
"""Made here, once: msgspec crashes the process when two threads are the first to decode a type (seen with 0.22)."""


def put(spool_dir: Path, batch: Batch) -> str:
    """Write a batch durably and return its id. Ids sort in the order of writing. Raises OSError (disk full)."""
    spool_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    batch_id = f"{time.time_ns():020d}-{os.getpid()}"
    envelope = BatchEnvelope(batch_id=batch_id, batch=batch)
    write_atomically(spool_dir / (batch_id + _SUFFIX), msgspec.msgpack.encode(envelope))
    return batch_id


def read(spool_dir: Path, batch_id: str) -> Batch | None:
    """Return a batch, or None when it was committed and removed already."""
    try:
        data = (spool_dir / (batch_id + _SUFFIX)).read_bytes()
    except FileNotFoundError:
        return None
    return _ENVELOPE.decode(data).batch


def remove(spool_dir: Path, batch_id: str) -> None:
    """Forget a batch: it is committed."""
    (spool_dir / (batch_id + _SUFFIX)).unlink(missing_ok=True)


def waiting(spool_dir: Path) -> Iterator[str]:
    """Yield the ids of all batches not yet committed, oldest first."""
    for path in sorted(spool_dir.glob(f"*{_SUFFIX}")):
        yield path.name.removesuffix(_SUFFIX)
