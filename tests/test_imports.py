"""Imports of the package as a graph: no circles, nothing upward, and every contract of pyproject.toml is one that can break."""

import copy
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
from importlinter import configuration
from importlinter.adapters.user_options import TomlFileUserOptionReader
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import ContractCheck

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "cc_voice"
configuration.configure()
OPTIONS = TomlFileUserOptionReader().read_options(str(TOP / "pyproject.toml"))
assert OPTIONS is not None
CONTRACTS: list[dict[str, Any]] = OPTIONS.contracts_options
SESSION = OPTIONS.session_options | {"root_packages": ["cc_voice"]}
KINDS = {"forbidden": ForbiddenContract, "layers": LayersContract}
ALONE = ("rtms", "simulator")
"""Packages that import nothing else from cc_voice."""
STRANGER = "a_module_that_no_list_names"

ALLOWED = {
    "litestar": {"web"},
    "websockets": {"simulator"},
    "duckdb": {"store", "query"},
    "av": {"simulator"},
}
"""Libraries that any module of a package may import; of all others one module each may, by its name."""
ONE_MODULE_EACH = {
    "vosk": {"speech.vosk"},
    "py3langid": {"speech.text_language"},
    "onnxruntime": {"speech.voice_activity.silero"},
    "av": {"speech.containers", "speech.packets", "media.films"},
    "websockets": {"rtms.client"},
    "sqlite3": {
        "store.inbox",
        *(f"web.access.{name}" for name in ("account_file", "account_records", "accounts", "audit", "failed_tries", "tokens")),
    },
    "argon2": {"web.access.passwords"},
    "joserfc": {"web.access.oidc"},
    "pyotp": {"web.access.second_factor"},
    "deltalake": {"exports.lake"},
    "obstore": {"exports.bucket"},
    "mcp": {"web.api.mcp_server"},
    "litestar": set(),
    "duckdb": set(),
}


@functools.cache
def graph() -> grimp.ImportGraph:
    """Every import that is written anywhere, those for type checkers too; drawn once."""
    return grimp.build_graph("cc_voice", include_external_packages=True, exclude_type_checking_imports=False, cache_dir=None)


def ours() -> dict[str, set[str]]:
    """Module → the modules of ours that it imports, without the `cc_voice.` in front."""
    names = {module for module in graph().modules if module.startswith("cc_voice.")}
    found = {module: graph().find_modules_directly_imported_by(module) & names for module in names}
    return {short(module): {short(each) for each in imported} for module, imported in found.items()}


def short(module: str) -> str:
    return module.removeprefix("cc_voice.")


def packages() -> list[str]:
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def layers_of(container: str) -> list[list[str]]:
    """The lines of a layers contract, lowest first."""
    (contract,) = [each for each in CONTRACTS if each.get("containers") == [container]]
    lines = [line.replace(":", "|").split("|") for line in contract["layers"]]
    return [[name.strip(" ()") for name in line] for line in reversed(lines)]


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Modules that import each other, directly or not: what is left when whatever leads nowhere is taken away, and the reverse."""
    left = {module: set(imported) for module, imported in edges.items()}
    while True:
        ends = {module for module, imported in left.items() if not imported & left.keys()}
        starts = left.keys() - set().union(*left.values()) if left else set()
        if not ends | starts:
            break
        left = {module: imported for module, imported in left.items() if module not in ends | starts}
    found: list[set[str]] = []
    for module in sorted(left):
        if not any(module in circle for circle in found):
            circle = {each for each in reached(left, module) if module in reached(left, each)}
            found += [circle] if circle else []
    return found


def reached(edges: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = (edges[waiting.pop()] & edges.keys()) - seen
        seen |= new
        waiting += new
    return seen


def upward(edges: dict[str, set[str]], lines: list[list[str]], siblings: bool) -> list[str]:
    """Imports against an order of first names; between `siblings` of a line there may be some."""
    floor = {name: number for number, line in enumerate(lines) for name in line}
    wrong = []
    for module, imported in edges.items():
        for other in imported:
            here, there = module.split(".")[0], other.split(".")[0]
            if here == there or here not in floor or there not in floor:
                continue
            if floor[here] < floor[there] or (floor[here] == floor[there] and not siblings):
                wrong.append(f"{module} imports {other}")
    return sorted(wrong)


def inside(package: str) -> dict[str, set[str]]:
    start = f"{package}."
    return {
        module.removeprefix(start): {each.removeprefix(start) for each in imported if each.startswith(start)}
        for module, imported in ours().items()
        if module.startswith(start)
    }


# -- the graph -------------------------------------------------------------------------------------------------------


def test_only_packages_are_at_the_root() -> None:
    assert sorted(path.name for path in PACKAGE.glob("*.py")) == ["__init__.py", "__main__.py"]
    assert {name for line in layers_of("cc_voice") for name in line} == set(packages())


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert len(ours()) > 200
    assert circles(ours()) == []


def test_a_circle_is_found() -> None:
    edges = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set(), "e": {"a"}, "f": {"g"}, "g": {"f"}, "h": {"f", "h"}}
    assert circles(edges) == [{"a", "b", "c"}, {"f", "g"}, {"h"}]


def test_no_arrow_leads_upward() -> None:
    assert (
        upward({module: imported for module, imported in ours().items() if module != "__main__"}, layers_of("cc_voice"), False)
        == []
    )
    assert upward(inside("call"), layers_of("cc_voice.call"), True) == []
    assert upward(inside("web"), layers_of("cc_voice.web"), True) == []


def test_an_arrow_that_leads_upward_is_found() -> None:
    edges = {"call.x": {"store.y", "config.z"}, "media.x": {"store.y"}, "web.x": {"call.y", "web.z"}}
    assert upward(edges, layers_of("cc_voice"), False) == ["call.x imports store.y", "media.x imports store.y"]
    assert upward(edges, layers_of("cc_voice"), True) == ["call.x imports store.y"]


def test_legs_and_transcript_know_nothing_of_each_other() -> None:
    pairs = [(a, b) for a, imported in inside("call").items() for b in imported]
    assert [(a, b) for a, b in pairs if {a.split(".")[0], b.split(".")[0]} == {"legs", "transcript"}] == []


# -- the contracts ---------------------------------------------------------------------------------------------------


def with_strangers(imported: list[str]) -> grimp.ImportGraph:
    """A copy in which every package has a new module that imports all of these."""
    changed = copy.deepcopy(graph())
    for package in packages():
        stranger = f"cc_voice.{package}.{STRANGER}"
        changed.add_module(stranger)
        for name in imported:
            if name not in changed.modules:
                changed.add_module(name, is_squashed=not name.startswith("cc_voice"))
            changed.add_import(importer=stranger, imported=name)
    return changed


def checked(contract: dict[str, Any], changed: grimp.ImportGraph) -> ContractCheck:
    """What the linter says; it takes imports out of the graph."""
    options = {key: value for key, value in contract.items() if key not in ("name", "type")}
    return KINDS[contract["type"]](contract["name"], SESSION, options).check(copy.deepcopy(changed), verbose=False)


def broken(contract: dict[str, Any], changed: grimp.ImportGraph) -> set[tuple[str, str]]:
    """Package and imported module of each stranger's import that a `forbidden` contract finds."""
    check = checked(contract, changed)
    chains = [chain for pair in check.metadata.get("invalid_chains", []) for chain in pair["chains"]]
    imports = [link for chain in chains for link in chain]
    return {(link["importer"].split(".")[1], link["imported"]) for link in imports if link["importer"].endswith(STRANGER)}


def forbidden_contracts() -> Iterator[dict[str, Any]]:
    return (contract for contract in CONTRACTS if contract["type"] == "forbidden")


def test_every_contract_is_kept() -> None:
    for contract in CONTRACTS:
        assert checked(contract, graph()).kept, contract["name"]


def test_a_library_of_one_importer_is_kept_from_every_package() -> None:
    """By a module that no list names."""
    changed = with_strangers(sorted(ONE_MODULE_EACH))
    found = {pair for contract in forbidden_contracts() for pair in broken(contract, changed)}
    expected = {(package, name) for package in packages() for name in ONE_MODULE_EACH if package not in ALLOWED.get(name, ())}
    assert sorted(expected - found) == []


def test_a_library_is_imported_where_it_may_be_and_nowhere_else() -> None:
    for name, modules in ONE_MODULE_EACH.items():
        importers = {short(module) for module in graph().find_modules_that_directly_import(name)}
        rooms = {module for module in importers if module.split(".")[0] in ALLOWED.get(name, ())}
        assert importers - rooms == modules, name


def test_packages_that_stand_alone_are_kept_from_every_other() -> None:
    for package in ALONE:
        others = [f"cc_voice.{other}" for other in packages() if other != package]
        changed = with_strangers(others)
        found = {pair for contract in forbidden_contracts() for pair in broken(contract, changed)}
        assert sorted({(package, other) for other in others} - found) == []


def test_every_name_that_a_contract_forbids_breaks_it() -> None:
    """In each package that the contract holds, for each of its names."""
    for contract in forbidden_contracts():
        sources = {name.split(".")[1] for name in contract["source_modules"] if name.count(".") == 1}
        names = [name for name in contract["forbidden_modules"] if "*" not in name]
        missing = {(package, name) for package in sources for name in names} - broken(contract, with_strangers(names))
        assert sorted(missing) == [], contract["name"]


def test_single_modules_that_are_held_break_their_contract() -> None:
    """Those that run SQL of people, and the worker: no stranger beside them is held, they are."""
    for contract in forbidden_contracts():
        for source in [name for name in contract["source_modules"] if name.count(".") > 1]:
            for name in (each for each in contract["forbidden_modules"] if "*" not in each):
                changed = copy.deepcopy(graph())
                if name not in changed.modules:
                    changed.add_module(name, is_squashed=True)
                changed.add_import(importer=source, imported=name)
                assert not checked(contract, changed).kept, (source, name)


def test_an_import_upward_breaks_the_layers() -> None:
    """From every package to every other one that is not below it."""
    (contract,) = [each for each in CONTRACTS if each.get("containers") == ["cc_voice"]]
    check = checked(contract, with_strangers([f"cc_voice.{package}" for package in packages()]))
    found = {(short(each["importer"]), short(each["imported"])) for each in check.metadata["invalid_dependencies"]}
    floor = {name: number for number, line in enumerate(layers_of("cc_voice")) for name in line}
    pairs = [(a, b) for a in packages() for b in packages() if a != b and floor[a] <= floor[b]]
    assert sorted(set(pairs) - found) == []


def test_a_package_that_no_contract_names_breaks_the_layers() -> None:
    for container in ("cc_voice", "cc_voice.call", "cc_voice.web"):
        (contract,) = [each for each in CONTRACTS if each.get("containers") == [container]]
        changed = copy.deepcopy(graph())
        changed.add_module(f"{container}.{STRANGER}")
        assert not checked(contract, changed).kept
