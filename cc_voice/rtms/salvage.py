"""Salvage: what is left of a damaged message, so that a bad byte in a name never costs the audio beside it (README 13, point 7).

Strings of the wire are bytes of unknown quality. `sound` is the one edge where they become text: behind it every string is UTF-8
without lone surrogates and without NUL, whatever came; what was neither is U+FFFD. The other functions take a JSON document apart
field by field: a field that is not what it should be is left out, and only a missing one that is needed makes the message garbage.

All of it is the slow way. A sound frame passes `sound` in well under a microsecond and is decoded strictly.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Raw

from .errors import FrameError

REPLACEMENT = "\ufffd"
"""Stands where something was that is no text."""
DEEPEST = 64
"""Levels of nesting that are read; what lies deeper is null. Zoom's messages have five."""
_MOST_DIGITS = 18
"""Longer numbers do not fit into 64 bits for sure: they are ids, if anything, and become text."""
_SUSPECT = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?P<hex>[0-9a-fA-F]{4})"
    r'|u[0-9a-fA-F]{0,3}(?P<cut>)|["\\/bfnrt]|(?P<odd>[^u]))',
    re.DOTALL,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BLANKS = str.maketrans("\t\n\r", "   ")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_FRACTION = re.compile(r"\d{1,18}\.\d{1,9}")
_URL_SAFE = str.maketrans("-_", "+/")
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_SURROGATE = re.compile("[\ud800-\udfff\x00]")
_Kind = TypeVar("_Kind", bound=msgspec.Struct)
_UNFIT: Any = object()


def sound(data: bytes) -> bytes:
    """Return JSON whose strings are text: the bytes themselves where they are, else repaired ones. It need not parse."""
    if b"\\u" in data and _SUSPECT.search(data) is not None:
        return _repaired(data)
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return _repaired(data)
    return data


def text(value: str, most: int) -> str:
    """Return a string that any database, file and log can take, at most so many letters of it: a peer chooses them."""
    return _SURROGATE.sub(REPLACEMENT, value)[:most]


def document(data: bytes) -> Any:
    """Return JSON as Python values as far as it can be read at all; None otherwise. Deep nesting is cut off, NaN is null."""
    written = _repaired(data).decode()
    try:
        return json.loads(_flat(written), strict=False, parse_int=_whole, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def fitted(kind: type[_Kind], fields: Mapping[str, Any]) -> _Kind:
    """Return a struct of the fields that fit, without those that do not. Raises FrameError when a needed one is not among them."""
    found: dict[str, Any] = {}
    for info in msgspec.structs.fields(kind):
        value = fields.get(info.encode_name)
        fit = _UNFIT if value is None else _fit(value, info.type)
        if fit is not _UNFIT:
            found[info.name] = fit
        elif info.required:
            raise FrameError(f"{kind.__name__} has no {info.encode_name} that can be read")
    return kind(**found)


def base64_bytes(written: str) -> bytes | None:
    """Return what base64 stands for, also unpadded, url-safe or with blanks in it (Zoom's samples pad); None where it is none."""
    letters = "".join(written.split()).translate(_URL_SAFE).rstrip("=")
    if _NO_BASE64.search(letters) or len(letters) % 4 == 1:
        return None
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return None


def _repaired(data: bytes) -> bytes:
    written = data.decode(errors="replace").removeprefix("\ufeff").translate(_BLANKS)
    return _CONTROL.sub(REPLACEMENT, _ESCAPE.sub(_escape, written).rstrip("\x00")).encode()


def _escape(found: re.Match[str]) -> str:
    """Return an escape as it may stand: half a pair, NUL, and what was cut inside an escape are replaced."""
    if found["cut"] is not None:
        return REPLACEMENT
    if found["odd"] is not None:
        return REPLACEMENT + found["odd"]
    number = int(found["hex"], 16) if found["hex"] else None
    return REPLACEMENT if number is not None and (number == 0 or 0xD800 <= number < 0xE000) else found[0]


def _flat(written: str) -> str:
    """Return JSON text without what is nested deeper than DEEPEST: parsers recurse, and a peer chooses how far."""
    if written.count("[") + written.count("{") <= DEEPEST:
        return written
    kept: list[str] = []
    depth = begun = 0
    for token in _TOKEN.finditer(written):
        if token[0] in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept.append(written[begun : token.start()] + "null")
        elif token[0] in "]}":
            depth -= 1
            if depth == DEEPEST:
                begun = token.end()
    return "".join(kept) + (written[begun:] if depth <= DEEPEST else "")


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _fit(value: Any, wanted: Any) -> Any:
    """Return a value as a field of the type takes it, or _UNFIT."""
    choices = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    if wanted is Any:
        return value
    if Raw in choices:
        return Raw(msgspec.json.encode(value))
    if bytes in choices and isinstance(value, str):
        decoded = base64_bytes(value)
        return _UNFIT if decoded is None else decoded
    for choice in choices:
        if isinstance(choice, type) and issubclass(choice, msgspec.Struct):
            return _fit_struct(value, choice)
    if get_origin(wanted) is tuple:
        return _fit_tuple(value, get_args(wanted)[0])
    return _fit_plain(value, wanted, choices)


def _fit_struct(value: Any, kind: type[msgspec.Struct]) -> Any:
    if not isinstance(value, dict):
        return _UNFIT
    try:
        return fitted(kind, value)
    except FrameError:
        return _UNFIT


def _fit_tuple(value: Any, wanted: Any) -> Any:
    if not isinstance(value, list):
        return _UNFIT
    return tuple(fit for item in value if (fit := _fit(item, wanted)) is not _UNFIT)


def _fit_plain(value: Any, wanted: Any, choices: tuple[Any, ...]) -> Any:
    try:
        return msgspec.convert(value, wanted, strict=False)
    except (msgspec.MsgspecError, ValueError):
        if isinstance(value, str) and int in choices and _FRACTION.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return _UNFIT
    if str in choices:
        return str(value)
    if int in choices and isinstance(value, float) and abs(value) < 1 << 63:
        # A time with a fraction. In seconds (1e9 to 1e11: `messages.is_seconds`) the fraction is what tells packets apart
        return round(value * 1000) if 1e9 <= value < 1e11 and value % 1 else int(value)
    return _UNFIT
