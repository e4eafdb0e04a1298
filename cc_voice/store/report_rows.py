"""Rows of a report or roster: a CSV file in any of the dialects that spreadsheets write, or JSON as Zoom's API answers.

Nothing is taken on trust: encoding and separator are found by looking, and what was found otherwise than plain UTF-8 with commas is
told. Excel writes semicolons and decimal commas where the machine's language does, tabs and UTF-16 as "Unicode text",
Windows-1252 as plain "CSV", and rows of nothing but separators where somebody once typed.

    FileError    the file cannot be read as rows; the message says what to do
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEP_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?[,;\t|]*\r?\n", re.IGNORECASE)
_QUOTED_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_DECIMALS = re.compile(r"[+-]?[0-9]+([.,])(?:[0-9]{1,2}|[0-9]{4,})%?")
"""A number whose mark can only be a decimal one: of three digits it could set off thousands."""
_DOUBTFUL = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")
_FOREIGN = re.compile(r"[\x80-\xff]{4,}")
_TITLE_ROWS = 20
"""How far down the headings may stand below a title."""
_MAGIC = {
    b"PK\x03\x04": "an Excel workbook or archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed",
    b"%PDF": "a PDF",
}
_JSON = msgspec.json.Decoder(Any)
_NESTED = ("timelines", "timeline", "engagement_timelines", "events")
"""Lists that are rows of their own inside a row: the steps of one engagement."""


class FileError(Exception):
    """A file cannot be read as rows of a report; nothing of it is stored."""


class Row(msgspec.Struct, frozen=True):
    """A row: its number among the rows of the file as people count them below the headings, and heading → value."""

    number: int
    values: Mapping[str, Any]


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds, and how it was understood."""

    rows: tuple[Row, ...]
    decimal: str = "."
    """Which mark separates decimals where a number could be read both ways."""
    notes: tuple[str, ...] = ()
    """What was found otherwise than plain, for the person."""


def read_rows(path: Path, is_heading: Callable[[str], bool]) -> Rows:
    """Read a file; `is_heading` tells whether a text is a heading that is known. Raises FileError, OSError."""
    data = path.read_bytes()
    for magic, what in _MAGIC.items():
        if data.startswith(magic):
            raise FileError(f"{path} is {what}; save it as “CSV UTF-8 (comma delimited)” and give that file")
    text, notes = _decoded(path, data)
    if text.lstrip()[:1] in ("{", "["):
        return Rows(rows=tuple(Row(number, row) for number, row in enumerate(_json_rows(path, text), start=1)), notes=tuple(notes))
    return _csv_rows(path, text, is_heading, notes)


# -- text ------------------------------------------------------------------------------------------------------------


def _decoded(path: Path, data: bytes) -> tuple[str, list[str]]:
    """Return a file's text without its byte order mark, and notes on its encoding."""
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return _windows(path, data)
    if "\x00" in text:
        raise FileError(f"{path} is no text: it has NUL characters; save it as “CSV UTF-8” and repeat")
    return text.removeprefix("\ufeff"), [] if encoding.startswith("utf-8") else [f"read as {encoding.upper()}"]


def _encoding(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return encoding
    # Without a mark UTF-16 betrays itself: headings are ASCII, so every second byte is 0
    head = data[:200]
    if head[1::2].count(0) > len(head) // 3:
        return "utf-16-le"
    if head[::2].count(0) > len(head) // 3:
        return "utf-16-be"
    return "utf-8"


def _windows(path: Path, data: bytes) -> tuple[str, list[str]]:
    """Read what Excel writes as plain CSV in western Europe. Raises FileError where letters would become others."""
    advice = "save it as “CSV UTF-8 (comma delimited)” and repeat; nothing was taken"
    # A word of Cyrillic or Greek is bytes above 127 from end to end, one of a western language is not
    if _FOREIGN.search(data.decode("latin-1")):
        raise FileError(f"{path} is not UTF-8, and not the Windows encoding of western languages; {advice}")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is neither UTF-8 nor Windows-1252 ({error.reason} at byte {error.start}); {advice}") from error
    return text, ["read as Windows-1252, as it is not UTF-8: look whether accents are right"]


# -- CSV -------------------------------------------------------------------------------------------------------------


def _csv_rows(path: Path, text: str, is_heading: Callable[[str], bool], notes: list[str]) -> Rows:
    separator, text = _separator(text, is_heading)
    if separator != ",":
        notes.append(f"separated by {SEPARATORS.get(separator, repr(separator))}")
    try:
        # Each line is given to the reader as it is: it joins those of a quoted cell itself
        lines = [
            [_plain(cell) for cell in line] for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        ]
    except csv.Error as error:
        raise FileError(f"{path} is no CSV: {error}; was a quote opened and not closed?") from error
    top = _heading_line(lines, is_heading)
    if top:
        notes.append(f"headings found in line {top + 1}")
    headings = lines[top] if lines else []
    rows, empty = [], 0
    for number, line in enumerate(lines[top + 1 :], start=1):
        if not any(line):
            empty += 1
            continue
        if any(line[len(headings) :]):
            raise FileError(
                f"{path}, row {number}: it has {len(line)} cells below {len(headings)} headings; is a cell with a "
                f"{SEPARATORS.get(separator, 'separator').removesuffix('s')} in it not quoted? Nothing was taken"
            )
        rows.append(Row(number, {name: cell for name, cell in zip(headings, line, strict=False) if name}))
    if twice := sorted({name for name in headings if name and headings.count(name) > 1}):
        raise FileError(f"{path} has two columns {twice[0]!r}; leave one out. Nothing was taken")
    if empty and any(lines[top + 1 :]):
        blank = sum(1 for line in lines[top + 1 :] if line and not any(line))
        notes += [f"{blank} empty rows left out"] if blank else []
    decimal, told = _decimal(rows, separator)
    return Rows(rows=tuple(rows), decimal=decimal, notes=(*notes, *told))


def _separator(text: str, is_heading: Callable[[str], bool]) -> tuple[str, str]:
    """Return what separates cells, and the text without a line that says so (`sep=;`, Excel's own)."""
    if told := _SEP_LINE.match(text):
        return told[1], text[told.end() :]
    head = [line for line in text.splitlines() if line.strip()][:_TITLE_ROWS]

    def known(separator: str) -> tuple[int, int]:
        cells = [_split(line, separator) for line in head]
        return max((sum(map(is_heading, line)) for line in cells), default=0), len(cells[0]) if cells else 0

    return max(SEPARATORS, key=lambda one: (*known(one), one == ",")), text


def _split(line: str, separator: str) -> list[str]:
    try:
        return [_plain(cell) for cell in next(csv.reader([line], delimiter=separator))]
    except (csv.Error, StopIteration):
        return []


def _heading_line(lines: Sequence[Sequence[str]], is_heading: Callable[[str], bool]) -> int:
    """Return which line has the headings: the first with any, below titles that reports begin with, else the first with cells."""
    for number, line in enumerate(lines[:_TITLE_ROWS]):
        if any(is_heading(cell) for cell in line):
            return number
    return next((number for number, line in enumerate(lines) if any(line)), 0)


def _plain(cell: str) -> str:
    """Return what a cell says: `="00123"` is how a spreadsheet is told to keep zeros; blanks and marks around it say nothing."""
    text = cell.strip().strip("\ufeff\u200b\u00a0 \t")
    return found[1].replace('""', '"').strip() if (found := _QUOTED_FORMULA.fullmatch(text)) else text


def _decimal(rows: Sequence[Row], separator: str) -> tuple[str, list[str]]:
    """Return the decimal mark: what unmistakable numbers of the file have, else what goes with the separator."""
    seen = [found[1] for row in rows for cell in row.values.values() if (found := _DECIMALS.fullmatch(cell))]
    usual = "," if separator == ";" else "."
    if not seen:
        return usual, ["a comma is read as the decimal mark, a point as that of thousands"] if _is_doubtful(rows, usual) else []
    mark = max(".,", key=lambda one: (seen.count(one), one == usual))
    return mark, ["decimals after a comma"] if mark == "," else []


def _is_doubtful(rows: Sequence[Row], usual: str) -> bool:
    return usual == "," and any(_DOUBTFUL.fullmatch(cell) for row in rows for cell in row.values.values())


# -- JSON ------------------------------------------------------------------------------------------------------------


def _json_rows(path: Path, text: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a page of Zoom's, of a list of pages or of rows, or of a file with one of them on each line."""
    try:
        pages: Sequence[Any] = [_JSON.decode(text)]
    except msgspec.DecodeError as whole:
        try:
            pages = [_JSON.decode(line) for line in text.splitlines() if line.strip()]
        except msgspec.DecodeError:
            raise FileError(f"{path} is no JSON: {whole}") from whole
    for page in pages:
        yield from _rows_of(page)


def _rows_of(page: Any) -> Iterator[dict[str, Any]]:
    if isinstance(page, list):
        for item in page:
            yield from _rows_of(item)
    elif isinstance(page, dict):
        listed = [value for value in page.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        if "next_page_token" in page or (
            listed and "engagement_id" not in page and "queue_id" not in page and "user_id" not in page
        ):
            for rows in listed:
                yield from _rows_of(rows)
        elif "next_page_token" not in page:
            yield from _flat(page)


def _flat(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row with what its lists of objects (`queues`, `agents`, `channels`) tell of the first one beside its own fields.

    Where the list is the steps of an engagement, each is a row, with what is said of the engagement.
    """
    plain = {name: value for name, value in row.items() if not isinstance(value, list | dict)}
    steps = next((row[name] for name in _NESTED if isinstance(row.get(name), list)), None)
    if steps is not None:
        for step in steps:
            if isinstance(step, dict):
                yield plain | {name: one for name, one in step.items() if not isinstance(one, list | dict)}
        return
    for value in row.values():
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            plain = {name: one for name, one in inner.items() if not isinstance(one, list | dict)} | plain
    yield plain
