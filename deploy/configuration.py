"""Writes `configuration.md`: every key of the configuration with its default and meaning, from the structs that read it.

    make generate

Names, types and defaults are the structs' own, meanings their docstrings: what the file says cannot differ from what is read.
A test compares the file with what this would write.
"""

import ast
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec

from cc_voice.config.settings import MADE, Secret, Settings

DOCUMENT = Path(__file__).with_name("configuration.md")
HEAD = """# Configuration

Written by `make generate` (`deploy/configuration.py`) from the code that reads it, not by hand. An example to begin with:
[cc-voice.example.toml](cc-voice.example.toml).

The file is TOML, named by `--config` or `CC_VOICE_CONFIG`. A key that nobody knows is an error. A key at the top can also be an
environment variable, which goes before the file: `CC_VOICE_DATA_DIR` for `data_dir`, a list with commas between; for `default` of
`[language]` there is `CC_VOICE_LANGUAGE`. One app can be told there: `CC_VOICE_CLIENT_ID`, `CC_VOICE_CLIENT_SECRET` and
`CC_VOICE_WEBHOOK_SECRET` together, its other keys in the same way. A variable that begins so and sets nothing is an error too.
Options of a command go before both. A file with secrets is readable by the service's account only.

`[language]`, `[[thresholds]]` and `[[claims]]` are policies: a table that stands in the file pins its policy, and where none does
people change it while the service runs (deploy/README.md, Policies).

The data folder remembers what the service was last started with, without secrets: commands that name no file take that.
"""
WORDS = {bool: "yes or no", int: "number", float: "number", str: "text", Path: "path", Secret: "secret"}


def structs_in(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type holds: tables of their own in the file."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in typing.get_args(kind):
        yield from structs_in(part)


def meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The docstring below each field, those of bases too."""
    found: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        if not base.__module__.startswith("cc_voice"):
            continue
        (body,) = (node.body for node in ast.parse(inspect.getsource(base)).body if isinstance(node, ast.ClassDef))
        for field, after in pairwise(body):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                told = inspect.cleandoc(str(after.value.value)).replace("\n", " ")
                found[field.target.id] = re.sub(r"\b(None|True|False)\b", lambda python: python[0].lower(), told)
    return found


def in_words(kind: Any) -> str:
    """A type as a reader of the file sees it."""
    if typing.get_origin(kind) is Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return f"list of {in_words(typing.get_args(kind)[0])}"
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return " or ".join(in_words(part) for part in typing.get_args(kind) if part is not type(None))
    return WORDS[kind]


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """The default as it would stand in the file."""
    if field.required:
        return "must be given"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value, default=str, ensure_ascii=False)}`"


def tables(struct: type[msgspec.Struct], name: str = "", several: bool = False) -> Iterator[str]:
    """A table of the file and those within it. Raises KeyError for a key that nobody explained."""
    told = meanings(struct)
    rows, inner = [], []
    for field in msgspec.structs.fields(struct):
        if struct is Settings and field.name == MADE:
            continue  # no key of a file
        if held := list(structs_in(field.type)):
            path = f"{name}.{field.name}".lstrip(".")
            inner += [(kind, path, typing.get_origin(field.type) is tuple) for kind in held]
        else:
            rows.append(f"| `{field.name}` | {in_words(field.type)} | {default_of(field)} | {told[field.name]} |")
    yield f"## {f'[[{name}]]' if several else f'[{name}]' if name else 'At the top'}"
    if name:
        yield inspect.cleandoc(struct.__doc__ or "")
    yield "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows])
    for kind, path, repeated in inner:
        yield from tables(kind, path, repeated)


def document() -> str:
    """The whole file."""
    return "\n\n".join([HEAD.rstrip(), *tables(Settings)]) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT}\n")
