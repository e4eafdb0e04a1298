"""What msgspec finds wrong with a configuration, in the words of whoever wrote it: which file, which key, what to write there."""

import re
from collections.abc import Mapping
from typing import get_args, get_type_hints

import msgspec

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "list": "a list",
    "object": "a table",
    "dict": "a table",
    "null": "left out",
}
"""Types in msgspec's words, and in Python's where a decoding hook of ours speaks."""
_MISMATCH = re.compile(r"Expected `(.+)`, got `(.+)`")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.+)`")


def in_words(message: str, origins: Mapping[str, str], root: type[msgspec.Struct]) -> str:
    """Return what msgspec says of a value (``Expected `int`, got `str` - at `$.media.channels` ``) for whoever wrote it.

    `origins` says where each key of `root` comes from. The value itself is told where only a few words are offered and
    nowhere else: it may be a secret.
    """
    what, _, path = message.partition(" - at `$.")
    path = path.rstrip("`")
    section, _, key = path.rpartition(".")
    origin = origins[re.split(r"[.\[]", path)[0]]
    if field := _FIELD.match(what):
        return f"{origin}: {field[2]!r} {'is missing from' if field[1] == 'missing required' else 'is no key of'} {_table(path)}"
    named = f"{key} of {_table(section)}" if section else re.sub(r"\[\d+\]", "", key)
    if mismatch := _MISMATCH.match(what):
        wanted, got = (" or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | ")) for kinds in mismatch.groups())
        return f"{origin}: {named} must be {wanted}, not {got}"
    if (value := what.removeprefix("Invalid enum value ")) != what:
        owner = get_type_hints(root)[section] if section else root
        offered = get_args(get_type_hints(owner)[key])
        return f"{origin}: {named} must be {' or '.join(map(repr, offered))}, not {value}"
    return f"{origin}: {named}: {what}"


def _table(path: str) -> str:
    """Return a table as it is written in the file: `[media]`, or which of several."""
    name, _, index = path.partition("[")
    return f"entry {int(index[:-1]) + 1} of [[{name}]]" if index else f"[{name}]"
