"""Tables as files in a folder, for BI tools: CSV, Parquet, what the columns mean, and a manifest that says what was written.

    <folder>/calls.csv · calls.parquet · legs.… · utterances.… · words.… · data_dictionary.csv · manifest.json
    <folder>/calls/site=Berlin/date=2026-11-02/calls.parquet · …                  partitioned, as Hive does
    <folder>/agents.parquet · …                                                   what has no days is whole

The same rows give the same bytes, so a copy job moves only what changed. A partitioned folder can be continued: days whose calls
are as they were stay untouched, the others are written anew, and days without calls are removed, so that it always equals an export
of everything. What changed is told by a name for the state of each day and not by a time: clocks go back, and deleted calls have
none. How a folder is replaced is told in `staging`.
"""

import datetime
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec
import polars as pl

from cc_voice import __version__
from cc_voice.exports import manifest as manifests
from cc_voice.exports import share
from cc_voice.exports.csv_files import write_csv
from cc_voice.exports.errors import ExportError
from cc_voice.exports.manifest import DICTIONARY, ExplainedColumn, ExportedFile, ExportedTable, Manifest, ManifestDay
from cc_voice.exports.staging import MANIFEST, commit, working

FORMATS = ("csv", "parquet")
ROW_GROUP_ROWS = 122_880
"""Fixed, so that the bytes do not depend on how the rows came in; the size that DuckDB reads in one piece."""
_NULL = "__HIVE_DEFAULT_PARTITION__"


class ExportDay(Protocol):
    """A day of a site that has rows."""

    @property
    def site(self) -> str | None: ...
    @property
    def date(self) -> datetime.date: ...
    @property
    def state(self) -> str:
        """Changes whenever a row of the day does."""
        ...


class Source(Protocol):
    """Tables as of one moment."""

    @property
    def grains(self) -> Mapping[str, str]:
        """Table → what a row is; in the order in which they are written."""
        ...

    @property
    def undated(self) -> Set[str]:
        """Tables whose rows are of no day: agents, queues. They are few, and always written whole."""
        ...

    @property
    def columns(self) -> Mapping[str, ExplainedColumn]:
        """What the columns mean, by name, whichever table they are in."""
        ...

    @property
    def watermark_ts(self) -> datetime.datetime | None:
        """When the newest call was stored."""
        ...

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        """All rows, at least one batch, ordered by day and keys."""
        ...

    def days(self) -> Sequence[ExportDay]:
        """Days, ordered by date and site."""
        ...

    def rows(self, table: str, site: str | None, date: datetime.date) -> pl.DataFrame:
        """Rows of a day of a site, ordered by keys."""
        ...

    def state(self, table: str) -> str:
        """A name for the rows of an undated table, another one when they change."""
        ...


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to write: formats, a byte order mark for Excel, by site and day, only what changed since the last time."""

    formats: tuple[str, ...] = FORMATS
    bom: bool = False
    partition: bool = False
    since_last: bool = False
    """Implies `partition`."""


def export(source: Source, folder: Path, options: Options) -> Manifest:
    """Write all tables to a folder and return the manifest. Raises ExportError; then the folder is as it was.

    Files of an earlier export that this one does not write are removed, if the manifest names them; others are nobody's business.
    """
    if unknown := sorted(set(options.formats) - set(FORMATS)):
        raise ExportError(f"unknown export format {unknown[0]!r}; there are {' and '.join(FORMATS)}")
    with working(folder) as work:
        old = manifests.read(folder / MANIFEST)
        if options.partition or options.since_last:
            made = _by_day(source, folder, work, options, old if options.since_last else None)
        else:
            made = _whole(source, work, options)
        dictionary = manifests.write_dictionary(work / DICTIONARY, made.tables, source.columns, options.bom)
        made = msgspec.structs.replace(made, files=(*made.files, dictionary))
        manifests.write(work / MANIFEST, made)
        kept = {file.name for file in made.files}
        if old and not share.is_as_open(folder, folder / MANIFEST):  # somebody opened or closed the share since
            share.open_as(folder, _places(folder, old))
        commit(folder, work, [file.name for file in old.files if file.name not in kept] if old else [])
        return made


# -- whole tables ----------------------------------------------------------------------------------------------------


def _whole(source: Source, work: Path, options: Options) -> Manifest:
    tables, files = [], []
    for name, grain in source.grains.items():
        stored = _join(source.batches(name), work, name)
        rows = stored.select(pl.len()).collect().item()
        tables.append(manifests.table(name, grain, rows, stored.collect_schema()))
        for form in FORMATS:
            path = work / f"{name}.{form}"
            if form not in options.formats:
                continue
            if form == "csv":
                write_csv(stored, path, options.bom)
            files.append(manifests.described(path, path.name, rows))
        if "parquet" not in options.formats:
            (work / f"{name}.parquet").unlink()
    return _manifest(source, tables, files)


def _join(batches: Iterable[pl.DataFrame], work: Path, name: str) -> pl.LazyFrame:
    """Return one Parquet file made of batches, by way of small ones: memory holds one of them."""
    parts = work / f"{name}.parts"
    parts.mkdir()
    for number, batch in enumerate(batches):
        batch.write_parquet(parts / f"{number:06}.parquet", compression="lz4")
    _sink(pl.scan_parquet(sorted(parts.iterdir())), work / f"{name}.parquet")
    shutil.rmtree(parts)
    return pl.scan_parquet(work / f"{name}.parquet")


def _sink(table: pl.LazyFrame, path: Path) -> None:
    table.sink_parquet(path, compression="zstd", row_group_size=ROW_GROUP_ROWS, maintain_order=True)


# -- by site and day -------------------------------------------------------------------------------------------------


def _by_day(source: Source, folder: Path, work: Path, options: Options, old: Manifest | None) -> Manifest:
    """Write the days that changed and describe all of them; CSV files are made of the Parquet files of all days."""
    schemas = {name: next(iter(source.batches(name))).schema for name in source.grains}
    layout = _layout(schemas, options)
    same = _Same(old if old is not None and old.layout == layout else None, folder)
    files: list[ExportedFile] = []
    tables: list[ExportedTable] = []
    days = source.days()
    for name, grain in source.grains.items():
        if name in source.undated:
            of_table = [_undated(source, name, work, same)]
        else:
            of_table = [file for day in days if (file := _day(source, name, day, work, same)) is not None]
        rows = sum(file.rows for file in of_table)
        tables.append(manifests.table(name, grain, rows, schemas[name]))
        if "csv" in options.formats:
            whole = _stored(of_table, folder, work, pl.DataFrame(schema=schemas[name]))
            write_csv(whole, work / f"{name}.csv", options.bom)
            files.append(manifests.described(work / f"{name}.csv", f"{name}.csv", rows))
        files += of_table
    parts = tuple(ManifestDay(site=day.site, date=day.date, state=day.state) for day in days)
    return msgspec.structs.replace(_manifest(source, tables, files), parts=parts, layout=layout)


def _places(folder: Path, old: Manifest) -> set[Path]:
    """Return the files of an earlier export that are there, and the folders they are in."""
    files = {folder / file.name for file in old.files if (folder / file.name).is_file()}
    return files | {parent for file in files for parent in file.parents if folder in parent.parents}


class _Same:
    """What of an earlier export is still right."""

    def __init__(self, old: Manifest | None, folder: Path) -> None:
        self._states = {(part.site, part.date): part.state for part in old.parts} if old else {}
        self._files = {file.name: file for file in old.files} if old else {}
        self._folder = folder

    def holds(self, day: ExportDay, path: str) -> bool:
        """Whether a day is as it was, and its file is there if it had one."""
        if self._states.get((day.site, day.date)) != day.state:
            return False
        return path not in self._files or (self._folder / path).is_file()

    def is_there(self, made: ExportedFile) -> bool:
        """Whether a file was exported with the same bytes, and is there."""
        return self._files.get(made.name) == made and (self._folder / made.name).is_file()

    def file(self, path: str) -> ExportedFile | None:
        """Return what the earlier export said of a file; None where a table had no rows on a day."""
        return self._files.get(path)


def _day(source: Source, name: str, day: ExportDay, work: Path, same: _Same) -> ExportedFile | None:
    """Return the file of a table and day: the old one when nothing changed, None when there are no rows."""
    path = f"{name}/site={quote(day.site, safe=' ') if day.site else _NULL}/date={day.date.isoformat()}/{name}.parquet"
    if same.holds(day, path):
        return same.file(path)
    rows = source.rows(name, day.site, day.date)
    if rows.is_empty():
        return None
    (work / path).parent.mkdir(parents=True, mode=0o700)
    _sink(rows.lazy(), work / path)
    return manifests.described(work / path, path, len(rows))


def _undated(source: Source, name: str, work: Path, same: _Same) -> ExportedFile:
    """Write a table that has no days, unless it is as it was."""
    path = f"{name}.parquet"
    rows = pl.concat(source.batches(name))
    _sink(rows.lazy(), work / path)
    made = manifests.described(work / path, path, len(rows))
    if same.is_there(made):
        (work / path).unlink()
    return made


def _stored(files: list[ExportedFile], folder: Path, work: Path, empty: pl.DataFrame) -> pl.LazyFrame:
    paths = [work / file.name if (work / file.name).is_file() else folder / file.name for file in files]
    return pl.scan_parquet(paths, hive_partitioning=False) if paths else empty.lazy()


def _layout(schemas: Mapping[str, Mapping[str, pl.DataType]], options: Options) -> str:
    told = [(name, [(column, str(kind)) for column, kind in schema.items()]) for name, schema in schemas.items()]
    return hashlib.sha256(repr((told, __version__, sorted(options.formats), options.bom)).encode()).hexdigest()[:20]


def _manifest(source: Source, tables: list[ExportedTable], files: list[ExportedFile]) -> Manifest:
    version = manifests.VERSION
    return Manifest(manifest_version=version, watermark_ts=source.watermark_ts, tables=tuple(tables), files=tuple(files))
