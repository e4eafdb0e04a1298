"""CSV as spreadsheets and programs read it.

RFC 4180: comma, CRLF, UTF-8, decimal point, times in ISO 8601 and UTC, NULL an empty cell, empty text a quoted one. No byte order
mark unless asked for: Excel wants one to see UTF-8, and many programs take it for a part of the first name.

Spreadsheets run cells that begin with `=`, `+`, `-` or `@` as formulas, also behind blanks, tabs, line breaks and NUL, and where
the machine's language is East Asian in their full-width forms too. A customer can say what he likes: such text gets an apostrophe
in front, as OWASP recommends. Ids are no text: one in 64 of Zoom's (base64url) begins with a dash, and what CSV says must be what
Zoom and Parquet say. In a column of ids what is made of an id's letters alone stays as it is, and so does an id of Zoom's 22
letters under any name: without a bracket, a bar or a quote nothing can be called, linked or fetched. Parquet carries every text
as it is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

_FORMULA = (
    r"^[\s\x00-\x20\u{00a0}\u{00ad}\u{200b}-\u{200f}\u{2060}\u{feff}]*[=+\-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}\u{2212}]|^[\t\r\n\x00]"
)
_ID = r"^[-+][A-Za-z0-9_+/=-]*$"
_ZOOM_ID = r"^[-+][A-Za-z0-9_+/-]{21}(?:==)?$"
_TIMESTAMP = "%Y-%m-%dT%H:%M:%S%.3fZ"
_CRLF = "\r\n"
_WHOLE = frozenset(f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"))
_FRACTIONS = frozenset({"FLOAT", "DOUBLE", "DECIMAL"})
"""Types of DuckDB that are numbers in a file."""


def csv_text(table: pl.DataFrame) -> str:
    """Return a table, such as the answer of a report, as CSV by the same rules as an export's."""
    return _plain(table.lazy()).collect().write_csv(line_terminator=_CRLF, datetime_format=_TIMESTAMP)


def write_csv(table: pl.LazyFrame, path: Path, bom: bool) -> None:
    """Write a table of any length."""
    plain = _plain(table)
    plain.sink_csv(path, include_bom=bom, line_terminator=_CRLF, datetime_format=_TIMESTAMP, maintain_order=True)


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


def _plain(table: pl.LazyFrame) -> pl.LazyFrame:
    """Return the table with no text that a spreadsheet would run."""
    columns = [name for name, kind in table.collect_schema().items() if kind == pl.String]
    return table.with_columns(_harmless(pl.col(name), name) for name in columns)


def _harmless(text: pl.Expr, name: str) -> pl.Expr:
    is_id = text.str.contains(_ID if name == "id" or name.endswith("_id") else _ZOOM_ID)
    return pl.when(text.str.contains(_FORMULA) & ~is_id).then(pl.lit("'") + text).otherwise(text).alias(name)
