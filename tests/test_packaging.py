"""Packaging: what an installed appliance is made of: the wheel, its data, its dependencies."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import cc_voice
from tests.conftest import PATIENCE_S

TOP = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text())
WHEEL: dict[str, Any] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]


def files_below(folder: Path) -> set[str]:
    """Paths of files inside a folder, without what running leaves behind."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def expected() -> dict[str, Path]:
    """Everything an installed appliance reads: place in the wheel → file of this checkout."""
    (package,) = WHEEL["packages"]
    found = {f"{package}/{name}": TOP / package / name for name in files_below(TOP / package)}
    for source, target in WHEEL["force-include"].items():
        path = TOP / source
        if path.is_file():
            found[target] = path
        else:
            found |= {f"{target}/{name}": path / name for name in files_below(path)}
    return found


DATA = (
    "cc_voice/_data/models/manifest.toml",
    "cc_voice/_data/models/mini/model/am/final.mdl",
    "cc_voice/_data/models/mini/model/graph/phones/word_boundary.int",
    "cc_voice/_data/models/mini/model-es/am/final.mdl",
    "cc_voice/_data/analytics/macros.sql",
    "cc_voice/_data/analytics/views/v_call.sql",
    "cc_voice/_data/analytics/reports/agent-talk.sql",
    "cc_voice/store/migrations/0001_star_schema.sql",
    "cc_voice/simulator/scenarios/good-call.flac",
    "cc_voice/simulator/scenarios/good-call.json",
)


def test_the_mapping_covers_all_data_and_no_builder() -> None:
    places = expected()
    assert [name for name in DATA if name not in places] == []
    assert any(re.match(r"cc_voice/web/pages/templates/.+\.html$", name) for name in places)
    assert any(re.match(r"cc_voice/web/pages/static/.+\.css$", name) for name in places)
    assert not any(name.endswith(".py") for name in places if "/_data/" in name)


def test_nothing_that_is_shipped_is_ignored_by_git() -> None:
    """Hatchling leaves out what .gitignore names, without a word."""
    if not (TOP / ".git").exists():
        pytest.skip("not a git checkout")
    shipped = [path.relative_to(TOP).as_posix() for path in expected().values()]
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=TOP,
        input="\n".join(shipped),
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode in (0, 1), asked.stderr
    assert asked.stdout == ""


def test_a_checkout_has_no_copy_of_its_data() -> None:
    """It would be preferred to the originals, and go stale."""
    assert not (TOP / "cc_voice" / "_data").exists()


INSTALLED = """
import sys
from pathlib import Path
from cc_voice.query import reports
from cc_voice.config import settings
from cc_voice.simulator.scenario import scenario_names
from cc_voice.speech.models.inventory import check, installed
from cc_voice.store.migration import scripts
here = Path(sys.argv[1])
for name in ("models", "analytics"):
    assert settings.bundled(name) == here / "cc_voice" / "_data" / name, settings.bundled(name)
english, spanish = installed(None)
for model in (english, spanish):
    assert model.path.is_relative_to(here), model
    check(model)
assert "agent-talk" in [report.name for report in reports.list_reports()]
assert scripts()
assert len(scenario_names()) >= 8
"""


def test_an_installed_appliance_reads_its_own_data(tmp_path: Path) -> None:
    """The files laid out as the mapping says, in a folder of their own, used by a process that never saw the checkout."""
    here = tmp_path.resolve()
    for name, path in expected().items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(path.read_bytes())
    environ = {**os.environ, "PYTHONPATH": str(here)}
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED, str(here)],
        cwd=here,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_wheel_is_what_the_mapping_says(tmp_path: Path) -> None:
    wheel = pytest.importorskip(
        "hatchling.builders.wheel", reason="hatchling is not installed here; `pip install hatchling` runs this"
    )
    (built,) = wheel.WheelBuilder(str(TOP)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        about = archive.read(metadata).decode()
        (scripts,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "cc-voice = cc_voice.commands.main:main" in archive.read(scripts).decode()
    assert contents == {name: path.read_bytes() for name, path in expected().items()}
    assert f"Version: {cc_voice.__version__}" in about
    assert "Requires-Python: <3.14,>=3.11" in about


def test_versions_agree() -> None:
    assert PROJECT["project"]["version"] == cc_voice.__version__
    newest = re.search(r"^(?:Becomes|## \[)(?: )?(\d+\.\d+\.\d+)", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == cc_voice.__version__


# ---- dependencies

OBVIOUS = {"pytest", "pytest-asyncio", "pytest-timeout", "ruff"}
"""Tools of the tests whose names say what they are for."""


def test_every_dependency_has_a_reason() -> None:
    text = (TOP / "pyproject.toml").read_text()
    required = PROJECT["project"]["dependencies"]
    extras = PROJECT["project"]["optional-dependencies"]
    for requirement in [*required, *extras["codecs"], *extras["lake"], *extras["mcp"], *extras["test"]]:
        name = re.split(r"[<>=\[]", requirement)[0]
        reason = re.search(rf'^  "{re.escape(requirement)}",(?:\s+# (.+))?$', text, re.MULTILINE)
        assert reason is not None, requirement
        assert reason[1] or name in OBVIOUS, f"{requirement} has no reason"
        assert requirement not in required or reason[1], f"{requirement} has no reason"


def imports(path: Path) -> set[str]:
    """Top-level names of the packages that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


def test_what_the_appliance_imports_is_installed_with_it() -> None:
    """And not by the tests alone, or by luck with something else."""
    imported = set().union(*map(imports, (TOP / "cc_voice").rglob("*.py")))
    foreign = imported - set(sys.stdlib_module_names) - {"cc_voice"}
    project = PROJECT["project"]
    # What an extra brings is imported where a site asks for it, and its absence told
    extras = project["optional-dependencies"]
    names = {
        re.split(r"[<>=\[]", text)[0] for text in [*project["dependencies"], *extras["codecs"], *extras["lake"], *extras["mcp"]]
    }
    other = {"webrtcvad": "webrtcvad-wheels", "argon2": "argon2-cffi"}
    assert {other.get(name, name) for name in foreign} <= names


def entries() -> list[str]:
    """The lock's requirements with their hashes, a string each."""
    text = re.sub(r"^\s*#.*\n", "", (TOP / "requirements.lock").read_text(), flags=re.MULTILINE)
    return [entry.strip() for entry in re.split(r"\n(?=\S)", text.replace("\\\n", "")) if entry.strip()]


def test_the_container_gets_the_same_versions_and_neither_tests_nor_extras() -> None:
    text = (TOP / "deploy" / "requirements.lock").read_text()
    container = set(re.findall(r"^[a-z0-9-]+==[\w.]+", text, flags=re.MULTILINE))
    assert container < {entry.split()[0] for entry in entries()}
    names = {entry.partition("==")[0] for entry in container}
    assert "litestar" in names
    assert not names & {"pytest", "av", "playwright", "mypy"}


def test_every_locked_package_has_hashes_and_one_version() -> None:
    assert len(entries()) > 40
    for entry in entries():
        assert re.match(r"^[a-z0-9-]+==[\w.]+(?: ; [^-]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+$", entry), entry[:80]


def test_the_lock_holds_what_the_project_requires() -> None:
    locked = {entry.partition("==")[0] for entry in entries()}
    project = PROJECT["project"]
    required = {re.split(r"[<>=\[]", text)[0] for text in [*project["dependencies"], *project["optional-dependencies"]["test"]]}
    assert required <= locked


def test_no_index_or_host_of_packages_is_named() -> None:
    locks = (
        "requirements.lock",
        *(f"deploy/{name}.lock" for name in ("requirements", "codecs", "lake", "mcp", "build")),
        "analytics/dbt/requirements.lock",
    )
    for name in (*locks, "pyproject.toml", "Makefile", "deploy/Dockerfile", "deploy/make-venv.sh", "deploy/install.sh"):
        # A wheelhouse is a folder: the one place that install.sh may look into
        text = (TOP / name).read_text().replace('--find-links "$wheels"', "")
        assert not re.search(r"https?://(?!127\.0\.0\.1)|(?<!emit-)index-url[ =]|--find-links|pypi|pythonhosted", text), name


# ---- installing


def test_locks_of_what_is_installed_agree_and_have_no_tools_of_tests() -> None:
    pinned = {
        name: set(re.findall(r"^[a-z0-9-]+==[\w.]+", (TOP / "deploy" / f"{name}.lock").read_text(), flags=re.MULTILINE))
        for name in ("requirements", "codecs", "lake", "mcp", "build")
    }
    everything = {entry.split()[0] for entry in entries()}
    for extra, own in (("codecs", "av"), ("lake", "deltalake"), ("mcp", "mcp")):
        assert pinned["requirements"] < pinned[extra] <= everything
        assert own in {entry.partition("==")[0] for entry in pinned[extra]}
    tools = {"pytest", "hypothesis", "mypy", "ruff", "playwright", "pandas", "import-linter", "hatchling"}
    for name in ("requirements", "codecs", "lake", "mcp"):
        assert not tools & {entry.partition("==")[0] for entry in pinned[name]}
    assert {entry.partition("==")[0] for entry in pinned["build"]} >= {"hatchling", "setuptools", "wheel"}


def test_an_image_gets_what_its_dockerfile_copies_and_no_recordings() -> None:
    rules = [line for line in (TOP / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (TOP / "deploy" / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert let_in == {source.removeprefix("./") for line in copied for source in line.split()}
    assert all((TOP / source).exists() for source in let_in)


def test_the_unit_runs_what_is_installed_and_may_write_exports() -> None:
    unit = (TOP / "deploy" / "cc-voice.service").read_text()
    assert "ExecStart=/opt/cc-voice/bin/cc-voice serve " in unit
    assert re.search(r"^ReadWritePaths=-/\S+$", unit, flags=re.MULTILINE)
    script = (TOP / "deploy" / "install.sh").read_text()
    (listed,) = re.findall(r"^for file in (.+); do$", script, flags=re.MULTILINE)
    assert [name for name in listed.split() if not (TOP / "deploy" / name).is_file()] == []


def test_nobody_installs_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "Makefile").touch()  # as a checkout, which versions before were installed as
    script = str(TOP / "deploy" / "install.sh")
    done = subprocess.run(["sh", script, str(tmp_path)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert "is not empty and no installation of cc-voice" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]
