"""One Delta table for many sites: each appends its calls, every row is there once, whatever crashes or is repeated.

    <URI>/calls · legs · utterances · words · …        partitioned by site and date (the site's local date)
          agents · queues · threshold_sets             by site alone

A site writes only its own partitions, and a commit replaces whole days of them, so measuring a call again, or a call deleted,
replaces what was there. The name of the state that was written of each day is kept in the table's own log (an application
transaction per day, in the same commit): a day that is there as it is in the store is left alone, and there is no file beside
the table that could be lost or lie. Two writers of one day meet in the log: one is refused, looks again, and finds nothing to do.

Needs the extra `lake`. A URI is a folder, or s3://, gs://, az://…; credentials come from the environment (`AWS_…`), as deltalake
reads them. Stores need conditional put, which S3, MinIO and R2 have. Appending with a watermark lost: it keeps rows of calls that
were deleted, and readers have to find the newest of each.
"""

import datetime
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from cc_voice.exports import share
from cc_voice.exports.errors import ExportError
from cc_voice.exports.folder import Source

if TYPE_CHECKING:
    from deltalake import DeltaTable

TRIES = 20
"""How often a commit is tried again because somebody else's came first; each time the table is looked at anew."""
COMMIT_ROWS = 200_000
"""Days are gathered to so many rows a commit: a year of small days is not a year of commits."""
_PARTITION = ["site", "date"]
_NO_SITE = "unknown"


class TableWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What an export did to a table."""

    name: str
    days: int
    """Written anew; the others were there already."""
    rows: int


class _Day(msgspec.Struct, frozen=True):
    """A day of a site with the state to be written; without rows if it is `gone` from the store."""

    site: str | None
    date: datetime.date | None
    """None: all rows of a table that has no days."""
    state: str
    gone: bool = False

    @property
    def place(self) -> str:
        return self.site or _NO_SITE

    @property
    def app(self) -> str:
        """The name of the application transaction."""
        return f"cc_voice/{self.place}/{self.date.isoformat() if self.date else 'all'}"

    def version(self, columns: str) -> int:
        """Return the state as the number that the log keeps: of the rows, and of the columns that they are written with."""
        return int.from_bytes(hashlib.sha256(f"{self.state}/{columns}".encode()).digest()[:8]) >> 2


def export_lake(source: Source, uri: str, site: str) -> tuple[TableWritten, ...]:
    """Bring the tables below a URI to the state of the store; other sites' rows are not touched. Raises ExportError."""
    try:
        import deltalake  # noqa: F401
    except ImportError as error:
        raise ExportError("Delta tables need the extra lake: install cc-voice[lake]") from error
    written = tuple(_table(source, name, f"{uri.rstrip('/')}/{name}", site) for name in source.grains)
    if "://" not in uri:
        try:
            for table in (Path(uri) / name for name in source.grains):
                share.open_as(Path(uri), (table, *table.rglob("*")))
        except OSError as error:
            raise ExportError(f"who may read {uri} cannot be set: {error.strerror}") from error
    return written


def _table(source: Source, name: str, uri: str, site: str) -> TableWritten:
    from deltalake.exceptions import CommitFailedError, DeltaError

    empty = next(iter(source.batches(name)))
    columns = repr([(column, str(kind)) for column, kind in empty.schema.items()])
    days, rows = 0, 0
    try:
        for group in _groups(source, name, _days(source, name, _open(uri), site), _open(uri), columns):
            for left in reversed(range(TRIES)):
                wanted = _stale(_open(uri), [day for day, _ in group], columns)
                fresh = [(day, frame) for day, frame in group if day in wanted]
                table = _open(uri)
                try:
                    written = _commit(uri, empty, fresh, columns, make=table is None)
                except DeltaError as error:
                    # Somebody else's commit came first, or somebody else made the table, for which there is no error of its own
                    if left and (isinstance(error, CommitFailedError) or (table is None and _open(uri) is not None)):
                        continue
                    raise
                days += len(wanted)
                rows += written
                break
    except (DeltaError, OSError) as error:
        raise ExportError(f"cannot write the Delta table {uri}: {str(error).splitlines()[0]}") from error
    return TableWritten(name=name, days=days, rows=rows)


def _open(uri: str) -> "DeltaTable | None":
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        return DeltaTable(uri)
    except TableNotFoundError:
        return None


def _days(source: Source, name: str, table: "DeltaTable | None", site: str) -> list[_Day]:
    """Return the days of the store, and those of its sites that only the table has."""
    if name in source.undated:
        return [_Day(site, None, source.state(name))]
    days = [_Day(day.site, day.date, day.state) for day in source.days()]
    sites = {site, *(day.place for day in days)}
    known = {(day.place, day.date) for day in days}
    held: list[dict[str, str]] = table.partitions() if table is not None else []
    for partition in held:
        place, date = partition["site"], datetime.date.fromisoformat(partition["date"])
        if place in sites and (place, date) not in known:
            days.append(_Day(place, date, "gone", gone=True))
    return days


def _stale(table: "DeltaTable | None", days: Sequence[_Day], columns: str) -> list[_Day]:
    """Return the days that are in the table in another state, or not at all."""
    if table is None:
        return [day for day in days if not day.gone]
    return [day for day in days if table.transaction_version(day.app) != day.version(columns)]


def _groups(
    source: Source, name: str, days: Sequence[_Day], table: "DeltaTable | None", columns: str
) -> Iterator[list[tuple[_Day, pl.DataFrame]]]:
    """Yield the rows of days that have to be written, as many days together as make a good commit; a site's only."""
    group: list[tuple[_Day, pl.DataFrame]] = []
    size = 0
    for day in sorted(_stale(table, days, columns), key=lambda day: (day.place, day.date or datetime.date.min)):
        if group and (size >= COMMIT_ROWS or group[0][0].place != day.place):
            yield group
            group, size = [], 0
        frame = _rows(source, name, day)
        group.append((day, frame))
        size += len(frame)
    if group:
        yield group


def _rows(source: Source, name: str, day: _Day) -> pl.DataFrame:
    if day.gone:
        return next(iter(source.batches(name)))
    return pl.concat(source.batches(name)) if day.date is None else source.rows(name, day.site, day.date)


def _commit(uri: str, empty: pl.DataFrame, days: Sequence[tuple[_Day, pl.DataFrame]], columns: str, make: bool) -> int:
    """Replace days of a site by these rows, in one commit, or make the table of them; returns how many rows. Raises DeltaError."""
    from deltalake import CommitProperties, Transaction, write_deltalake

    if not days:
        return 0
    dates = [day.date for day, _ in days if day.date is not None]
    frames = [_placed(frame, day.place, day.date) for day, frame in days]
    rows = pl.concat([_placed(empty, "", datetime.date.min if dates else None), *frames])
    wanted = "site = '{}'".format(days[0][0].place.replace("'", "''"))
    if dates:
        wanted += " and date in ({})".format(", ".join(f"'{date.isoformat()}'" for date in dates))
    there: dict[str, Any] = {} if make else {"predicate": wanted}
    write_deltalake(
        uri,
        rows,
        mode="error" if make else "overwrite",  # another site may make the table at this moment
        schema_mode="merge",
        partition_by=_PARTITION if dates else _PARTITION[:1],
        commit_properties=CommitProperties(
            app_transactions=[Transaction(day.app, day.version(columns)) for day, _ in days], max_commit_retries=0
        ),
        **there,
    )
    return len(rows)


def _placed(frame: pl.DataFrame, place: str, date: datetime.date | None) -> pl.DataFrame:
    placed = frame.with_columns(pl.lit(place).alias("site"))
    return placed if date is None else placed.with_columns(pl.lit(date).alias("date"))
