"""Fixtures that many test modules share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# Machines are shared and noisy: how long an example takes says nothing.
settings.register_profile("cc_voice", deadline=None, max_examples=50)
settings.register_profile("nightly", deadline=None, max_examples=1000)
if settings.get_current_profile_name() != "nightly":  # `--hypothesis-profile nightly`, see `make properties`
    settings.load_profile("cc_voice")

PATIENCE_S = 120.0
"""How long a test waits for what must happen: so long that only what never happens takes longer, however busy the machine is.

Every time-out of a test is this constant or a multiple of it. What must happen within some time is no matter of tests:
`cc-voice bench` measures it on a quiet machine."""

TOP = Path(__file__).resolve().parent.parent

LONG = ("system/", "bench/", "web/test_browser", "web/test_service", "rtms/test_matrix", "fleet/test_dispatch", "fleet/test_local")


def examples(number: int) -> int:
    """How many examples a property is tried on that does with fewer than a hundred, or needs more; nightly, ten times as many."""
    return number * 10 if settings.get_current_profile_name() == "nightly" else number


def corpus_dir() -> Path | None:
    """Where the speech corpus lies: `$CC_VOICE_CORPUS`, else `shared/corpus` beside the project; None when absent."""
    chosen = Path(os.environ.get("CC_VOICE_CORPUS") or TOP.parent / "shared" / "corpus")
    return chosen if (chosen / "manifest.json").is_file() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that in the end no worker is left alone with one of them."""
    items.sort(key=lambda item: not item.path.relative_to(TOP / "tests").as_posix().startswith(LONG))


PLAIN = [
    *(one for one in structlog.get_config()["processors"] if not isinstance(one, structlog.dev.ConsoleRenderer)),
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
]
"""The log's defaults, but for tracebacks with all variables in frames: half a second each, and nobody reads them here."""


@pytest.fixture(autouse=True)
def log_settings() -> Iterator[None]:
    """What a test makes of the log does not reach the next one: commands run in this process set a level."""
    structlog.configure(processors=PLAIN)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The speech corpus, or a skip that says where it was looked for."""
    found = corpus_dir()
    if found is None:
        pytest.skip("the speech corpus is not here: put it at ../shared/corpus or set CC_VOICE_CORPUS")
    return found
