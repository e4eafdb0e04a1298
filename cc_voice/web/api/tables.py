"""Tables as programs take them: JSON, CSV or Parquet, by `Accept` or by `format`, which wins.

JSON is what a page shows as well. CSV and Parquet are files that leave the appliance: they need the right to export, and stand in
the audit log before they are answered.
"""

import asyncio
import datetime
import io
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import polars as pl
from litestar import Response
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.openapi import ResponseSpec

from cc_voice import exports
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.access.roles import MEANINGS, Right
from cc_voice.web.appliance import Appliance

TableForm = Literal["json", "csv", "parquet"]
MEDIA_TYPES: dict[TableForm, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
TABLE = {"media_types": tuple(MEDIA_TYPES.values()), "statuses": (406,)}
"""What a handler that answers with a table says of itself (`description.py`)."""


def answer_of(shape: Any) -> dict[int, ResponseSpec]:
    """Return what a handler says of the JSON that it answers with, where its type cannot."""
    return {200: ResponseSpec(shape, generate_examples=False)}


_TYPES: dict[type, Any] = {
    str: pl.String,
    int: pl.Int64,
    float: pl.Float64,
    bool: pl.Boolean,
    datetime.datetime: pl.Datetime("us", "UTC"),
}
_INT64 = 1 << 63


def chosen_form(request: VisitorRequest, form: TableForm | None, need: Right = "export") -> TableForm:
    """Return the form that is asked for; files need a right. Raises HTTPException 406, PermissionDeniedException."""
    if form is None:
        best = request.accept.best_match(list(MEDIA_TYPES.values())) if request.headers.get("accept") else MEDIA_TYPES["json"]
        form = next((name for name, media_type in MEDIA_TYPES.items() if media_type == best), None)
    if form is None:
        raise HTTPException(status_code=406, detail=f"this table is to be had as {', '.join(MEDIA_TYPES.values())}")
    if form != "json" and not signed_in(request).may(need):
        raise PermissionDeniedException(f"this needs the right: {MEANINGS[need]}")
    return form


async def write_down(request: VisitorRequest, appliance: Appliance, form: TableForm, about: str) -> None:
    """Write a table that leaves as a file into the audit log, before it does. Raises AuditUnavailable."""
    await appliance.write_down(request, "export", f"{about}, {form}", detail=str(request.url.query))


async def file_response(
    table: pl.DataFrame, form: Literal["csv", "parquet"], name: str, headers: Mapping[str, str] | None = None
) -> Response[Any]:
    """Return a table as a file."""
    content = await asyncio.to_thread(_csv if form == "csv" else _parquet, table)
    told = {**(headers or {}), "content-disposition": f'attachment; filename="{name}.{form}"'}
    return Response(content, media_type=MEDIA_TYPES[form], headers=told)


def _csv(table: pl.DataFrame) -> bytes:
    return exports.csv_text(table).encode()


def _parquet(table: pl.DataFrame) -> bytes:
    """Return the table; numbers of 128 bits, which many readers do not know, in 64, or as text where they do not fit."""
    narrow = [
        column.cast(pl.Int64 if all(abs(value) < _INT64 for value in column.drop_nulls()) else pl.String)
        for column in table
        if column.dtype == pl.Int128
    ]
    file = io.BytesIO()
    table.with_columns(narrow).write_parquet(file)
    return file.getvalue()


def frame_of(kind: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> pl.DataFrame:
    """Return rows as a table whose types are those of their struct, also where there are none."""
    schema = {name: _TYPES.get(_plain(hint), pl.String) for name, hint in typing.get_type_hints(kind).items()}
    return pl.DataFrame([msgspec.structs.asdict(row) for row in rows], schema=schema, orient="row")


def _plain(hint: Any) -> Any:
    """Return the type of `X | None`."""
    if isinstance(hint, types.UnionType):
        return next(each for each in typing.get_args(hint) if each is not types.NoneType)
    return hint
