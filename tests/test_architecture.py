"""Rules of the house that the import contracts cannot state."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cc_voice"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)
FUNCTION_LINES = 80
MODULE_LINES = 430
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base"}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_say_what_they_are_and_stay_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree) or not text.strip()
    assert len(text.splitlines()) <= MODULE_LINES
    assert path.stem not in FORBIDDEN_NAMES
    long = [node.name for node in functions(tree) if node.end_lineno and node.end_lineno - node.lineno >= FUNCTION_LINES]
    assert long == []


def makes_decoder(call: ast.Call) -> bool:
    """`msgspec.json.Decoder(T)`, or `msgspec.json.decode(data, type=T)`, which makes one."""
    text = ast.unparse(call.func)
    typed = any(keyword.arg == "type" for keyword in call.keywords)
    return text in ("msgspec.json.Decoder", "msgspec.msgpack.Decoder") or (
        text in ("msgspec.json.decode", "msgspec.msgpack.decode") and typed
    )


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_decoders_are_made_at_import(path: Path) -> None:
    """msgspec 0.22 crashes the process when two threads are the first to decode a type; an import happens in one."""
    inside = [
        f"{function.name}: {ast.unparse(call)}"
        for function in functions(ast.parse(path.read_text()))
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and makes_decoder(call)
    ]
    assert inside == []
