"""Tables as files for other tools: CSV, Parquet and a manifest that says what was written.

    <folder>/calls.csv · calls.parquet · legs.… · utterances.… · words.… · manifest.json

Every file is written beside its target and renamed when all are whole, the manifest last: a reader never sees half a file, and
files that the manifest's checksums match belong together. The same rows give the same bytes, so a copy job moves only what changed.

CSV is RFC 4180: comma, CRLF, UTF-8 without byte order mark, decimal point, times in ISO 8601 and UTC, NULL an empty cell, empty
text a quoted one. Spreadsheets run cells that begin with `=`, `+`, `-` or `@` as formulas, also after a tab or line break, and a
customer can say what he likes: such text gets an apostrophe in front, as OWASP recommends. Parquet carries every text as it is.

    ExportError           nothing was replaced; the message says why
"""

import datetime
import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import polars.selectors as cs

FORMATS = ("csv", "parquet")
MANIFEST_VERSION = 1
ROW_GROUP_ROWS = 122_880
"""Fixed, so that the bytes do not depend on how the rows came in; the size that DuckDB reads in one piece."""
ABANDONED_S = 86_400
"""No export takes a day; a working folder in which nothing happened for so long belongs to none."""
_WORK = ".export-"
_FORMULA = r"^[=+\-@\t\r\n]"
_TIMESTAMP = "%Y-%m-%dT%H:%M:%S%.3fZ"
_CRLF = "\r\n"
_WHOLE = frozenset(f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"))
_FRACTIONS = frozenset({"FLOAT", "DOUBLE", "DECIMAL"})
"""Types of DuckDB that are numbers in a file."""
_READ_BYTES = 1 << 20


Datasets = Iterable[tuple[str, Iterable[pl.DataFrame]]]
"""Name → record batches of one schema, at least one of them, in the order in which they are to be written."""


class ExportError(Exception):
    """An export could not be made; what was in the folder is still there."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column as Parquet types it, in polars' words."""

    name: str
    type: str


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an export."""

    name: str
    rows: int
    bytes: int
    sha256: str
    columns: tuple[Column, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an export wrote; also `manifest.json`."""

    manifest_version: int
    created_at: datetime.datetime
    files: tuple[ExportedFile, ...]


def export(datasets: Datasets, folder: Path, formats: tuple[str, ...]) -> Manifest:
    """Write each named dataset in each format and return the manifest; its batches are read once. Raises ExportError.

    Files of formats not asked for are left as they are; the manifest does not name them.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise ExportError(f"unknown export format {unknown[0]!r}; there are {' and '.join(FORMATS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_abandoned(folder)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=folder))
        try:
            return _export(datasets, folder, work, formats)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise ExportError(f"cannot export to {folder}: {error.strerror or error}") from error


def csv_text(frame: pl.DataFrame) -> str:
    """Return a table, such as the answer of a report, as CSV by the same rules as an export's."""
    return _plain(frame.lazy()).collect().write_csv(line_terminator=_CRLF, datetime_format=_TIMESTAMP)


def frame(columns: Sequence[tuple[str, str]], rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """Return rows as a table: columns are (name, type in DuckDB's words), a name that comes again gets a number."""
    seen: dict[str, int] = {}
    series = []
    for place, (name, kind) in enumerate(columns):
        seen[name] = seen.get(name, 0) + 1
        unique = name if seen[name] == 1 else f"{name}_{seen[name]}"
        values = [row[place] for row in rows]
        if kind.partition("(")[0] in _WHOLE | _FRACTIONS:
            series.append(pl.Series(unique, values, dtype=pl.Int128 if kind in _WHOLE else pl.Float64, strict=False))
        else:
            series.append(pl.Series(unique, [_text(value) for value in values], dtype=pl.String))
    return pl.DataFrame(series)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def _export(datasets: Datasets, folder: Path, work: Path, formats: tuple[str, ...]) -> Manifest:
    files = tuple(file for name, batches in datasets for file in _write(name, batches, work, formats))
    manifest = Manifest(manifest_version=MANIFEST_VERSION, created_at=datetime.datetime.now(datetime.UTC), files=files)
    (work / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    for name in (*(file.name for file in files), "manifest.json"):
        (work / name).replace(folder / name)
    return manifest


def _remove_abandoned(folder: Path) -> None:
    """Remove what an export that was killed left behind: nobody would look for transcripts there when they are to be deleted."""
    for work in folder.glob(f"{_WORK}*"):
        if time.time() - work.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(work, ignore_errors=True)


def _write(name: str, batches: Iterable[pl.DataFrame], work: Path, formats: tuple[str, ...]) -> Iterable[ExportedFile]:
    """Write one dataset: batches to parts, parts to one Parquet file, which CSV is made from."""
    parts = work / name
    parts.mkdir()
    for number, batch in enumerate(batches):
        batch.write_parquet(parts / f"{number:06}.parquet", compression="lz4")
    whole = work / f"{name}.parquet"
    joined = pl.scan_parquet(sorted(parts.iterdir()))
    joined.sink_parquet(whole, compression="zstd", row_group_size=ROW_GROUP_ROWS, maintain_order=True)
    shutil.rmtree(parts)
    stored = pl.scan_parquet(whole)
    rows = stored.select(pl.len()).collect().item()
    columns = tuple(Column(name=column, type=str(form)) for column, form in stored.collect_schema().items())
    for form in FORMATS:
        path = work / f"{name}.{form}"
        if form not in formats:
            continue
        if form == "csv":
            _plain(stored).sink_csv(path, line_terminator=_CRLF, datetime_format=_TIMESTAMP, maintain_order=True)
        yield ExportedFile(name=path.name, rows=rows, bytes=path.stat().st_size, sha256=_sha256(path), columns=columns)


def _plain(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return the frame with no text that a spreadsheet would run."""
    text = cs.string()
    return frame.with_columns(pl.when(text.str.contains(_FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
