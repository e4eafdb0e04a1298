"""EvaluationForm sets: the forms that calls are evaluated with, from files; a worker has no store.

    <data>/forms/compiled/in-force.json     the forms in force, as the owner of the store published them

Where a site has published nothing, the form that ships with the program is in force.
"""

from functools import lru_cache
from importlib import resources
from pathlib import Path

import msgspec
import structlog

from cc_voice.media import rule_sets
from cc_voice.media.files import write_atomically
from cc_voice.quality.forms.automatic_answers import FormEvaluator
from cc_voice.quality.forms.form import EvaluationForm
from cc_voice.quality.forms.form_files import read_form

log = structlog.get_logger()

_FORMS = msgspec.json.Decoder(tuple[EvaluationForm, ...])


def in_force_file(data_dir: Path) -> Path:
    """Return the file of the forms in force."""
    return data_dir / "forms" / "compiled" / "in-force.json"


def shipped_texts() -> dict[str, str]:
    """Return the form files that ship with the program: id → text."""
    folder = resources.files("cc_voice.quality.forms") / "shipped"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return {each.name.removesuffix(".toml"): each.read_text(encoding="utf-8") for each in files}


@lru_cache(maxsize=1)
def shipped_forms() -> tuple[EvaluationForm, ...]:
    """Return the forms that ship with the program. Reads files once."""
    return tuple(read_form(text, f"{name}.toml") for name, text in shipped_texts().items())


def acting(forms: tuple[EvaluationForm, ...]) -> tuple[EvaluationForm, ...]:
    """Return the forms that calls are evaluated with by themselves."""
    return tuple(form for form in forms if form.state == "live")


def write_in_force(data_dir: Path, forms: tuple[EvaluationForm, ...]) -> None:
    """Put forms in force. Raises OSError."""
    path = in_force_file(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, msgspec.json.encode(forms))


def evaluators(data_dir: Path) -> tuple[FormEvaluator, ...]:
    """Return the forms in force, ready for legs. Reads files; the last ones are kept while their files stay the same."""
    path = in_force_file(data_dir)
    try:
        data = path.read_bytes()
    except OSError:
        data = msgspec.json.encode(acting(shipped_forms()))
    return _ready(data, data_dir, rule_sets.evaluator(data_dir).sha)


@lru_cache(maxsize=2)
def _ready(data: bytes, data_dir: Path, rule_set: str) -> tuple[FormEvaluator, ...]:
    rules = rule_sets.evaluator(data_dir).rules
    try:
        forms = _FORMS.decode(data)
    except msgspec.DecodeError as error:
        # A call is worth more with the form that ships than with none; the owner writes the file anew when it publishes
        log.error("the forms in force cannot be read; those that ship are used", error=str(error))
        forms = acting(shipped_forms())
    return tuple(FormEvaluator(form, rules, rules.unproven) for form in forms)
