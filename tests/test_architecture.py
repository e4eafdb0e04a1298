"""Rules of the house that the import contracts cannot state."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "cc_voice"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)
FUNCTION_LINES = 80
MODULE_LINES = 430
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base"}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def makes_decoder(call: ast.Call) -> bool:
    """`msgspec.json.Decoder(T)`, or `msgspec.json.decode(data, type=T)`, which makes one."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("Decoder", "decode"):
        return False
    text = ast.unparse(call.func)
    typed = any(keyword.arg == "type" for keyword in call.keywords)
    return text in ("msgspec.json.Decoder", "msgspec.msgpack.Decoder") or (
        text in ("msgspec.json.decode", "msgspec.msgpack.decode") and typed
    )


def decoders_in_functions(tree: ast.Module) -> Iterator[str]:
    """msgspec 0.22 crashes the process when two threads are the first to decode a type; an import happens in one."""
    for function in functions(tree):
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and makes_decoder(call):
                yield f"{function.name}: {ast.unparse(call)}"


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


def faults(path: Path) -> Iterator[str]:
    """What a module breaks of the rules that one file alone can break."""
    text = path.read_text()
    tree = ast.parse(text)
    lines = len(text.splitlines())
    if text.strip() and not ast.get_docstring(tree):
        yield "has no docstring"
    if lines > MODULE_LINES:
        yield f"has {lines} lines"
    if path.stem in FORBIDDEN_NAMES:
        yield "is named after nothing"
    for node in functions(tree):
        if node.end_lineno and node.end_lineno - node.lineno >= FUNCTION_LINES:
            yield f"has {node.name} of {node.end_lineno - node.lineno + 1} lines"


def test_modules_keep_the_rules_of_the_house() -> None:
    assert len(MODULES) > 200
    assert [f"{name(path)} {fault}" for path in MODULES for fault in faults(path)] == []


def test_decoders_are_made_at_import() -> None:
    made = [f"{name(path)}, {place}" for path in MODULES for place in decoders_in_functions(ast.parse(path.read_text()))]
    assert made == []


def test_a_module_that_breaks_them_is_found(tmp_path: Path) -> None:
    decoder = "    return msgspec.json.decode(data, type=Event)\n"
    path = tmp_path / "helpers.py"
    path.write_text("def long(data):\n" + "    data += 1\n" * MODULE_LINES + decoder)
    assert list(faults(path)) == ["has no docstring", "has 432 lines", "is named after nothing", "has long of 432 lines"]
    assert list(decoders_in_functions(ast.parse(path.read_text()))) == ["long: msgspec.json.decode(data, type=Event)"]
