"""Names of modules and classes: the field's nouns, and one name for one concept."""

import ast
import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "cc_voice"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)
NOT_SAID = frozenset(
    re.findall(
        r"\w+",
        """
        acts again announcements answers asking board course custom described ear endings following happenings heard hearing hears
        intake judge keepsakes lanes listener listening mischief passage passages phrasing platform plot policy private queries
        questions reconciled reconciling saying scope searching selection tongue trial twostage unused wanted windows
        """,
    )
)
"""Gerunds, pictures, and names that stood for several things."""
ELSEWHERE = {
    "queries": "`bench/queries.py`, which is named as its command is",
    "questions": "`call/metrics/questions.py`: what agents ask, as the metrics say",
    "scope": "`query/scope.py`: the rows that somebody may see, the one scope there is",
}
NOUN = re.compile(
    r"^(What|Who|Whoever|Whose|Whether|How|Where|When|Which|Why|Is|Are|Does|Do|Asks?|Brings|Reads|Measures|Judges|Plays|Posts)\b"
)


def classes() -> dict[str, list[str]]:
    """Class → the modules that define it, those inside functions and classes too."""
    found = defaultdict(list)
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(path.relative_to(PACKAGE).as_posix())
    return found


def test_no_class_name_exists_twice() -> None:
    assert len(classes()) > 300
    assert {name: modules for name, modules in classes().items() if len(modules) > 1} == {}


def test_no_module_or_class_is_a_gerund_or_a_picture() -> None:
    modules = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}
    assert sorted((modules - ELSEWHERE.keys()) & NOT_SAID) == []
    assert sorted(name for name in classes() if name.strip("_").lower() in NOT_SAID) == []


def test_module_docstrings_begin_with_their_noun() -> None:
    everything = [*MODULES, *(PACKAGE.parent / "tests").rglob("*.py")]
    first = {path: (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0] for path in everything}
    assert [f"{path.relative_to(PACKAGE.parent)}: {line}" for path, line in first.items() if NOUN.match(line)] == []
