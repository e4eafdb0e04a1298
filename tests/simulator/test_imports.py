"""No circle of modules: state does not know what changes it, also not for its types."""

import ast
import graphlib
from pathlib import Path

import cc_voice.simulator

PACKAGE = Path(cc_voice.simulator.__file__).parent


def imports(path: Path) -> set[str]:
    """Return the modules of the package that a module names, wherever in it."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "cc_voice.simulator":
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cc_voice.simulator."):
            named.add(str(node.module).removeprefix("cc_voice.simulator."))
    return named


def test_there_is_no_circle():
    graph = {path.stem: imports(path) for path in PACKAGE.glob("*.py")}
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError
    assert order.index("call") < order.index("answers") < order.index("server")
    assert not graph["faults"] & {"acts", "alterations", "script_changes"}, "faults are declared apart from what they do"
