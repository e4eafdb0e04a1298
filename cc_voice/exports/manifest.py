"""Manifest and dictionary: `manifest.json` and `data_dictionary.csv`: what an export wrote, and what its columns mean.

The manifest has no time of writing: two exports of the same data are the same, byte for byte. `watermark_ts` is when the newest of
the calls was stored.
"""

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import polars as pl

from cc_voice.exports.csv_files import write_csv

VERSION = 2
DICTIONARY = "data_dictionary.csv"
_READ_BYTES = 1 << 20


class ExplainedColumn(Protocol):
    """What a column means. Who asks knows it, and with which thresholds the rows were measured."""

    @property
    def formula(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def since(self) -> str:
        """The first version that has it."""
        ...


class ExportedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column as Parquet types it, in polars' words."""

    name: str
    type: str


class ExportedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table: what a row is, how many there are, its columns."""

    name: str
    grain: str
    rows: int
    columns: tuple[ExportedColumn, ...]


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an export; `name` is its path within the folder."""

    name: str
    rows: int
    bytes: int
    sha256: str


class ManifestDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a site, and a name for the state of its calls: when that changes, the files of the day are written again."""

    site: str | None
    date: datetime.date
    state: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an export wrote."""

    manifest_version: int
    watermark_ts: datetime.datetime | None
    tables: tuple[ExportedTable, ...]
    files: tuple[ExportedFile, ...]
    parts: tuple[ManifestDay, ...] = ()
    """Of a partitioned export."""
    layout: str = ""
    """A name for columns, formats and options: another one makes every file new."""


_DECODER = msgspec.json.Decoder(Manifest)


def read(path: Path) -> Manifest | None:
    """Return a manifest, None where there is none that this version understands."""
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        return None


def decode(body: bytes) -> Manifest | None:
    """Return a manifest, None for what this version does not understand."""
    try:
        found = _DECODER.decode(body)
    except msgspec.DecodeError:
        return None
    return found if found.manifest_version == VERSION else None


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest, for people and programs."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def table(name: str, grain: str, rows: int, schema: Mapping[str, pl.DataType]) -> ExportedTable:
    """Describe a table by its rows and its schema."""
    return ExportedTable(
        name=name, grain=grain, rows=rows, columns=tuple(ExportedColumn(name=n, type=str(t)) for n, t in schema.items())
    )


def described(path: Path, name: str, rows: int) -> ExportedFile:
    """Describe a file that was written."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return ExportedFile(name=name, rows=rows, bytes=path.stat().st_size, sha256=digest.hexdigest())


def write_dictionary(
    path: Path, tables: tuple[ExportedTable, ...], known: Mapping[str, ExplainedColumn], bom: bool
) -> ExportedFile:
    """Write what every column of every table means; `known` is what is told of columns by their names."""
    rows = []
    for each in tables:
        for column in each.columns:
            told = known.get(column.name)
            formula, unit, since = (told.formula, told.unit, told.since) if told else (None, None, None)
            rows.append((each.name, column.name, column.type, unit, each.grain, formula, since))
    names = ("table", "column", "type", "unit", "grain", "formula", "since_version")
    words = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    write_csv(words.lazy(), path, bom)
    return described(path, path.name, len(words))
