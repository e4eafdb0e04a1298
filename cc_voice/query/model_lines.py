"""Model lines: the speech models that are installed and those that could be, and which one serves which language."""

from typing import Literal

import msgspec

from cc_voice.config import phrase_lists
from cc_voice.config.settings import ModelSize, Settings
from cc_voice.speech import grammar
from cc_voice.speech.errors import ModelError
from cc_voice.speech.models import inventory as catalogue
from cc_voice.speech.models.inventory import Listed, ModelInfo, ModelProblem

State = Literal["ok", "test only", "damaged", "available", "obsolete"]


class ModelLine(msgspec.Struct, frozen=True, kw_only=True):
    """One model in the list."""

    name: str
    language: str
    sample_rate_hz: int | None
    """None: not known before it is here."""
    licence: str
    non_commercial: bool = False
    """Whether the licence forbids commercial use."""
    size: ModelSize
    state: State
    obsolete: bool = False
    """Whether its makers have a better one, whatever its state."""
    archive_mb: int | None = None
    archive_md5: str | None = None
    """Of its makers' archive, as the manifest has it from their list."""
    disk_mb: float | None = None
    takes_phrases: bool | None = None
    """Whether it can be confined to phrases, and so takes phrase lists and hears digits alone; None: not installed."""
    serves: tuple[str, ...] = ()
    """Languages whose calls get this model."""
    installed_at: str | None = None
    is_published: bool | None = None
    """Whether it was installed from the archive with that MD5; None: nothing to compare."""
    source: str | None = None
    problem: str | None = None
    phrases_problem: str | None = None
    """Why the site's phrases of its language are not, or not all, heard by a model that serves."""


def lines_of(settings: Settings, *, sums: bool = False) -> list[ModelLine]:
    """Return the list of models, the manifest's order first. `sums` reads every file that has a checksum. Raises ModelError."""
    found = catalogue.survey(settings.installed_models_dir)
    listed = {one.name: one for one in catalogue.catalogue()}
    problems = {model.name: problem for model in found.models if (problem := _problem(model, sums=sums)) is not None}
    serving = _serving([model for model in found.models if model.name not in problems], settings, listed)
    here = {model.name: _installed(model, listed, problems.get(model.name), serving.get(model.name, ())) for model in found.models}
    for model in found.models:
        if model.name in serving and (problem := _phrases_problem(model, settings)):
            here[model.name] = msgspec.structs.replace(here[model.name], phrases_problem=problem)
    broken = {one.name: _broken(one) for one in found.problems}
    present = here | broken
    known = [present.get(name) or _available(one) for name, one in listed.items()]
    return [*known, *(line for name, line in present.items() if name not in listed)]


def _problem(model: ModelInfo, *, sums: bool) -> str | None:
    try:
        catalogue.check(model, sums=sums)
    except ModelError as error:
        return str(error)
    except OSError as error:
        return f"the model {model.name} cannot be read: {error.strerror or error}"
    return None


def _phrases_problem(model: ModelInfo, settings: Settings) -> str | None:
    phrases = phrase_lists.of_language(settings.phrases, model.language, settings.language.default)
    if not phrases:
        return None
    if not model.takes_grammars:
        return f"the model {model.name} cannot be confined to phrases: those of {model.language} are not used"
    left_out = grammar.fit(phrases, model.name, catalogue.vocabulary(model)).left_out
    return f"the model {model.name} does not know all words of {', '.join(map(str, left_out))}" if left_out else None


def _serving(models: list[ModelInfo], settings: Settings, listed: dict[str, Listed]) -> dict[str, tuple[str, ...]]:
    """Return which languages each model serves, of those that the site expects or a model is made for."""
    tags = {settings.language.default} | {one.language for one in models} | {one.language for one in listed.values()}
    found: dict[str, tuple[str, ...]] = {}
    for tag in sorted(tags):
        chosen = catalogue.choose(models, tag, allow_test_model=settings.allow_test_model, prefer=settings.prefer_models)
        if chosen is not None:
            found[chosen.name] = (*found.get(chosen.name, ()), tag)
    return found


def _installed(model: ModelInfo, listed: dict[str, Listed], problem: str | None, serves: tuple[str, ...]) -> ModelLine:
    known = listed.get(model.name)
    md5 = model.record.archive_md5 if model.record else None
    return ModelLine(
        name=model.name,
        language=model.language,
        sample_rate_hz=model.sample_rate_hz,
        licence=model.licence,
        non_commercial=known.non_commercial if known else False,
        size="small" if model.small else "large",
        state="damaged" if problem else "test only" if model.test_only else "ok",
        obsolete=known.obsolete if known else False,
        archive_mb=_megabytes(known) if known else None,
        archive_md5=known.md5 if known else None,
        is_published=md5 == known.md5 if md5 and known and known.md5 else None,
        disk_mb=round(catalogue.disk_mb(model), 1),
        takes_phrases=model.takes_grammars,
        serves=serves,
        installed_at=model.record.installed_at if model.record else None,
        source=model.record.source if model.record else None,
        problem=problem,
    )


def _broken(one: ModelProblem) -> ModelLine:
    return ModelLine(
        name=one.name, language="?", sample_rate_hz=None, licence="?", size="large", state="damaged", problem=one.reason
    )


def _available(one: Listed) -> ModelLine:
    return ModelLine(
        name=one.name,
        language=one.language,
        sample_rate_hz=one.sample_rate_hz,
        licence=one.licence,
        non_commercial=one.non_commercial,
        size="small" if one.small else "large",
        state="obsolete" if one.obsolete else "available",
        obsolete=one.obsolete,
        archive_mb=_megabytes(one),
        archive_md5=one.md5,
        source=one.url,
    )


def _megabytes(one: Listed) -> int | None:
    return None if one.archive_bytes is None else round(one.archive_bytes / 1e6)
