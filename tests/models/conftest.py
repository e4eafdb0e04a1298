"""Fixtures of the tests of the tiny model."""

import pytest

from models.mini import tts


@pytest.fixture(scope="session")
def engines() -> None:
    """Both synthesisers, or a skip that says which one is missing."""
    missing = tts.engines_missing()
    if missing:
        pytest.skip(missing)
