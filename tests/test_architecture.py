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


def swallows(match: ast.Match) -> bool:
    """Whether a match by classes of ours (a union) has a case for all the rest that is not `assert_never`.

    Then a member that joins the union is handled by nobody, and the type checker is content.
    """
    classes = [node for case in match.cases for node in ast.walk(case.pattern) if isinstance(node, ast.MatchClass)]
    ours = [node for node in classes if ast.unparse(node.cls).rpartition(".")[2][:1].isupper() and not is_foreign(node)]
    last = match.cases[-1]
    is_rest = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
    return bool(ours) and is_rest and "assert_never" not in ast.unparse(last)


def is_foreign(node: ast.MatchClass) -> bool:
    return ast.unparse(node.cls).startswith(("decimal.", "datetime."))


NARROWED = {"rtms/stream.py: match message": "the rest goes to a match of its own, which its type makes exhaustive"}


def test_no_match_over_a_union_swallows_what_joins_it() -> None:
    """With mypy's `exhaustive-match`, which sees that every case is there: an event that nobody handles does not type-check."""
    matches = [
        (f"{name(path)}: match {ast.unparse(node.subject)}", node)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Match)
    ]
    assert {where for where, match in matches if swallows(match)} == set(NARROWED)
    assert len(matches) > 30
