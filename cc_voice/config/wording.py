"""Wording of what is wrong with a configuration: which key, what is there and what belongs there, for whoever wrote it.

Values are converted field by field, so that the path of a wrong one is known here and nothing is read out of the messages of
msgspec, which converts each of them and is asked only whether it can.
"""

import difflib
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

Step = str | int
Hook = Callable[[type[Any], Any], Any]

_KINDS: dict[type[Any], str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "text",
    list: "a list",
    tuple: "a list",
    dict: "a table",
    types.NoneType: "nothing",
}
"""Types in the words of somebody who writes TOML; a bool is an int to Python, and comes first."""


class SettingsError(Exception):
    """The configuration cannot be used; the message names the key and what to do."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return what a misspelt name was meant to be, None where nobody can tell."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about a misspelt name; nothing where nobody can tell what was meant."""
    meant = nearest(name, known)
    return "" if meant is None else f"; did you mean {meant}?"


class WrongValue(Exception):
    """A value that cannot be used. The value itself is told where only a few words are offered, else never: it may be a secret."""

    def __init__(self, path: tuple[Step, ...], what: str) -> None:
        super().__init__(what)
        self.path = path


def converted(value: Any, kind: Any, hook: Hook, path: tuple[Step, ...] = ()) -> Any:
    """Return a value from a file or the environment as `kind`, numbers also from text. Raises WrongValue, the first it meets.

    `hook` makes values of types that msgspec does not know, and raises for what none can be made of. `path` leads to the value.
    """
    if get_origin(kind) in (Union, types.UnionType):
        [wanted] = [one for one in get_args(kind) if one is not types.NoneType]  # no setting is of two types
        return None if value is None else converted(value, wanted, hook, path)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise _mismatch(value, kind, path)
        return tuple(converted(item, get_args(kind)[0], hook, (*path, at)) for at, item in enumerate(value))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(value, kind, hook, path)
    try:
        return msgspec.convert(value, kind, strict=False, dec_hook=hook)
    except msgspec.ValidationError:
        raise _mismatch(value, kind, path) from None  # the cause may quote the value


def _struct(value: Any, kind: type[msgspec.Struct], hook: Hook, path: tuple[Step, ...]) -> msgspec.Struct:
    if not isinstance(value, Mapping):
        raise _mismatch(value, kind, path)
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key in value:
        if key not in fields:
            raise WrongValue(path, f"{key!r} is no key of {_table(path)}{did_you_mean(str(key), fields)}")
    for field in fields.values():
        if field.required and field.name not in value:
            raise WrongValue(path, f"{field.name!r} is missing from {_table(path)}")
    return kind(**{key: converted(item, fields[key].type, hook, (*path, key)) for key, item in value.items()})


def _mismatch(value: Any, kind: Any, path: tuple[Step, ...]) -> WrongValue:
    if get_origin(kind) is Literal and isinstance(value, str):
        return WrongValue(path, f"{_named(path)} must be {_wanted(kind)}, not {value!r}")
    found = next((words for known, words in _KINDS.items() if isinstance(value, known)), "a date or time")
    return WrongValue(path, f"{_named(path)} must be {_wanted(kind)}, not {found}")


def _wanted(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    plain = get_origin(kind) or kind
    if issubclass(plain, msgspec.Struct):
        return "a table"
    return next(words for known, words in _KINDS.items() if issubclass(plain, known))


def _named(path: tuple[Step, ...]) -> str:
    """Return how a key is called: `channels of [media]`; an item of a list is called by its list."""
    keys = [place for place, step in enumerate(path) if isinstance(step, str)]
    section, key = path[: keys[-1]], path[keys[-1]]
    return f"{key} of {_table(section)}" if section else str(key)


def _table(path: tuple[Step, ...]) -> str:
    """Return a table as it is written in the file: `[media]`, or which of several."""
    name = ".".join(step for step in path if isinstance(step, str))
    return f"entry {path[-1] + 1} of [[{name}]]" if path and isinstance(path[-1], int) else f"[{name}]"
