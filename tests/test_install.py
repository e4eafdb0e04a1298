"""Installing: a wheelhouse carried to a machine without network, and the appliance that comes of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, TOP

pytestmark = pytest.mark.build

# Of the machine to which the wheelhouse is carried: no uv, no settings of pip, no network
SHUT = ("unshare", "-n") if os.geteuid() == 0 and shutil.which("unshare") else ()
BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHON": os.path.realpath(sys.executable)}


def run(*command: object, env: dict[str, str] = BARE) -> str:
    done = subprocess.run(
        [*SHUT, *map(str, command)], cwd="/", env=env, capture_output=True, text=True, timeout=10 * PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make wheelhouse` leaves, on another machine."""
    python = f"PYTHON={os.path.realpath(sys.executable)}"
    subprocess.run(["make", "-s", "wheelhouse", python], cwd=TOP, check=True, capture_output=True, timeout=10 * PATIENCE_S)
    carried = tmp_path_factory.mktemp("carried") / "cc-voice-wheelhouse"
    shutil.copytree(TOP / "dist" / "cc-voice-wheelhouse", carried)
    return carried


@pytest.fixture(scope="module")
def prefix(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("opt") / "cc-voice"
    run("sh", wheelhouse / "install.sh", place)
    return place


def test_what_is_installed_is_a_wheel_and_what_its_lock_names(prefix: Path) -> None:
    (packages,) = (prefix / "lib").glob("python3.*/site-packages")
    names = {path.name.partition("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert {"cc_voice", "litestar", "vosk"} <= names
    assert not names & {"pytest", "mypy", "ruff", "hypothesis", "playwright", "pandas", "hatchling", "import_linter"}
    assert (packages / "cc_voice" / "_data" / "analytics" / "macros.sql").is_file()
    assert f"ExecStart={prefix}/bin/cc-voice serve " in (prefix / "share/cc-voice/cc-voice.service").read_text()


def test_it_works_without_checkout_and_network(prefix: Path, tmp_path: Path) -> None:
    cc_voice, site = prefix / "bin" / "cc-voice", ("--data-dir", tmp_path / "data")
    (scenario,) = (prefix / "lib").glob("python3.*/site-packages/cc_voice/simulator/scenarios/good-call.flac")
    channels = ("--agent-channel", "0", "--customer-channel", "1", "--language", "en", "--allow-test-model")
    (leg,) = json.loads(run(cc_voice, "import", scenario, *channels, "--json", *site))["legs"]
    assert leg["word_count_agent"] > 0  # by the tiny model of the wheel
    assert "mini-en-test" in run(cc_voice, "models", "list", *site)
    assert "checks hold" in run(cc_voice, "check", *site)
    for report in json.loads(run(cc_voice, "report", "--format", "json", *site)):
        if all(param["default"] is not None for param in report["params"]):
            run(cc_voice, "report", report["name"], *site)
    run(cc_voice, "sql", "select count(*) from v_leg", *site)
    run(cc_voice, "export", "--out", tmp_path / "out", *site)


def test_another_version_is_put_beside_it_and_the_one_before_stays(prefix: Path, wheelhouse: Path) -> None:
    before = str((prefix / "current").readlink())
    run("sh", wheelhouse / "install.sh", prefix)
    run("sh", wheelhouse / "install.sh", prefix)
    found = {f"versions/{path.name}" for path in (prefix / "versions").iterdir()}
    assert len(found) == 2
    assert str((prefix / "current").readlink()) in found
    assert before not in found
    assert run(prefix / "bin" / "cc-voice", "--version").startswith("cc-voice, version ")


def test_a_wheelhouse_for_another_python_says_so(wheelhouse: Path, tmp_path: Path) -> None:
    (wheelhouse / "python-version").rename(wheelhouse / "kept")
    (wheelhouse / "python-version").write_text("3.99\n")
    done = subprocess.run(["sh", wheelhouse / "install.sh", tmp_path / "p"], env=BARE, capture_output=True, text=True, check=False)
    (wheelhouse / "kept").rename(wheelhouse / "python-version")
    assert done.returncode == 1
    assert "this wheelhouse is for Python 3.99" in done.stderr
