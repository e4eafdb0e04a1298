"""The reference of the configuration is in step with the structs that read it."""

import importlib.util
import types
from pathlib import Path

import msgspec
import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "deploy" / "configuration.py"


@pytest.fixture(scope="module")
def script() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("configuration", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_reads(script: types.ModuleType) -> None:
    assert script.DOCUMENT.read_text() == script.document(), "run `make generate`"


def test_it_has_every_table_and_the_defaults(script: types.ModuleType) -> None:
    text = script.document()
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "At the top",
        *(
            "[[apps]]",
            "[language]",
            "[[language.queues]]",
            "[transcript]",
            "[media]",
            "[[exports]]",
            "[[phrases]]",
            "[[thresholds]]",
            "[thresholds.alerts]",
            "[oidc]",
            "[[claims]]",
            "[redaction]",
            "[[redaction.queues]]",
            "[[webhooks]]",
        ),
    ]
    assert '| `log_level` | text | `"info"` |' in text
    assert "| `client_secret` | secret | must be given |" in text
    assert "| `dead_air_ms` | number | `10000` |" in text  # a field of the struct's base


def test_a_key_that_nobody_explained_is_found(script: types.ModuleType) -> None:
    bare = msgspec.defstruct("Bare", [("explained_nowhere", int, 1)], module="elsewhere")
    with pytest.raises(KeyError, match="explained_nowhere"):
        list(script.tables(bare))
