"""Fixtures that many test modules share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# Machines are shared and noisy: how long an example takes says nothing.
settings.register_profile("cc_voice", deadline=None)
settings.load_profile("cc_voice")

TOP = Path(__file__).resolve().parent.parent


def corpus_dir() -> Path | None:
    """Where the speech corpus lies: `$CC_VOICE_CORPUS`, else `shared/corpus` beside the project; None when absent."""
    chosen = Path(os.environ.get("CC_VOICE_CORPUS") or TOP.parent / "shared" / "corpus")
    return chosen if (chosen / "manifest.json").is_file() else None


@pytest.fixture(autouse=True)
def log_settings() -> Iterator[None]:
    """What a test makes of the log does not reach the next one: commands run in this process set a level."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The speech corpus, or a skip that says where it was looked for."""
    found = corpus_dir()
    if found is None:
        pytest.skip("the speech corpus is not here: put it at ../shared/corpus or set CC_VOICE_CORPUS")
    return found
