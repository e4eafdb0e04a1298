"""An export in a bucket: the files of a folder, below a prefix, brought to the folder's state.

Files whose checksum the bucket's manifest has already are not sent. New files go first, then the manifest, and what no manifest
names any more is deleted last: a reader who begins with the manifest finds what it names, whenever the transfer was cut.

Needs the extra `lake` (obstore). Credentials come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL` …).
"""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.exports import manifest as manifests
from cc_voice.exports.errors import ExportError
from cc_voice.exports.staging import MANIFEST

RETRIES = 3
RETRY_S = 30
"""A store that is away so long is tried again when the export is next due."""


class BucketChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: files sent and deleted, the manifest not counted."""

    sent: int
    deleted: int


def mirror(folder: Path, url: str, stopped: Callable[[], bool] = lambda: False) -> BucketChanges:
    """Bring what lies below a URL to the state of an export's folder; `stopped` ends it between two files. Raises ExportError."""
    try:
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise ExportError("buckets need the extra lake: install cc-voice[lake]") from error
    made = manifests.read(folder / MANIFEST)
    if made is None:
        raise ExportError(f"{folder} holds no export")
    try:
        store = from_url(url, retry_config={"max_retries": RETRIES, "retry_timeout": datetime.timedelta(seconds=RETRY_S)})
        old = _manifest(store)
        there = {file.name: file.sha256 for file in old.files} if old else {}
        changed = [file.name for file in made.files if there.get(file.name) != file.sha256]
        for name in (*changed, MANIFEST):
            if stopped():
                raise ExportError(f"the service stopped before all files were in {url}; the next start goes on")
            obstore.put(store, name, folder / name)
        gone = sorted(there.keys() - {file.name for file in made.files})
        if gone:
            obstore.delete(store, gone)
    except (BaseError, OSError, ValueError) as error:
        raise ExportError(f"cannot export to {url}: {str(error).splitlines()[0]}") from error
    return BucketChanges(sent=len(changed), deleted=len(gone))


def _manifest(store: Any) -> manifests.Manifest | None:
    import obstore

    try:
        body = bytes(obstore.get(store, MANIFEST).bytes())
    except FileNotFoundError:
        return None
    return manifests.decode(body)
