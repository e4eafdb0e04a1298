"""Rule sets: the rules that a call is looked at with, from files; a worker has no store.

    <data>/rules/compiled/SHA.json     a set as the owner of the store compiled it, never changed
    <data>/rules/compiled/in-force     the SHA of the set that calls which begin now are under

Where a site has published nothing, the rules that ship with the program are the set, with stems of no vocabulary.
"""

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path

import msgspec
import structlog

from cc_voice.quality.rules.compilation import RuleSet, compiled_set, decoded
from cc_voice.quality.rules.evaluation import Evaluator
from cc_voice.quality.rules.rule import Rule
from cc_voice.quality.rules.rule_files import read_rule

log = structlog.get_logger()

IN_FORCE = "in-force"
_SHA = re.compile(r"[0-9a-f]{64}")


def compiled_dir(data_dir: Path) -> Path:
    """Return the folder of compiled sets."""
    return data_dir / "rules" / "compiled"


def shipped_texts() -> dict[str, str]:
    """Return the rule files that ship with the program: id → text."""
    folder = resources.files("cc_voice.quality.rules") / "shipped"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return {each.name.removesuffix(".toml"): each.read_text(encoding="utf-8") for each in files}


@lru_cache(maxsize=1)
def shipped_rules() -> tuple[Rule, ...]:
    """Return the rules that ship with the program. Reads files once."""
    return tuple(read_rule(text, f"{name}.toml") for name, text in shipped_texts().items())


def evaluator(data_dir: Path) -> Evaluator:
    """Return the rules in force, ready for calls. Reads files; the last sets read are kept."""
    try:
        sha = (compiled_dir(data_dir) / IN_FORCE).read_text().strip()
    except OSError:
        return _shipped()
    if not _SHA.fullmatch(sha):
        return _shipped()
    try:
        return _compiled(compiled_dir(data_dir) / f"{sha}.json")
    except (OSError, msgspec.DecodeError) as error:
        # A call is worth more with the rules that ship than without any; the owner writes the file anew at its next start
        log.error("compiled rules cannot be read; those that ship are used", sha=sha, error=str(error))
        return _shipped()


@lru_cache(maxsize=2)
def _compiled(path: Path) -> Evaluator:
    return Evaluator(decoded(path.read_bytes()))


@lru_cache(maxsize=1)
def _shipped() -> Evaluator:
    return Evaluator(shipped_set())


def shipped_set() -> RuleSet:
    """Return the set of what ships and acts."""
    return compiled_set(acting(shipped_rules()))


def acting(rules: tuple[Rule, ...]) -> list[Rule]:
    """Return the rules that calls are looked at with: neither drafts nor retired ones."""
    return [rule for rule in rules if rule.state in ("live", "shadow")]
