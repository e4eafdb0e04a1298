"""Which speech models are here, which one serves a language, and whether its files are whole.

The only reader of `models/manifest.toml` and of the folder of installed models. Nothing is ever downloaded here. A
folder whose name the manifest does not list is taken if it carries a `model.toml` with `language` (and `sample_rate_hz`).

Vosk loads some damaged models without a word (`words.txt` too short; a wrong `word_boundary.int` ends the process at the first
word) and names no reason when it refuses one, so `check` looks at the files first: by checksum where the manifest has them, by
their structure otherwise.
"""

import hashlib
import struct
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.settings import bundled
from cc_voice.speech.errors import ModelError

_DEFAULT_RATE_HZ = 16000
"""Kaldi's default; models without `--sample-frequency` in mfcc.conf have it."""

_BOUNDARY_KINDS = frozenset({"nonword", "begin", "end", "internal", "singleton"})


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An installed model. `files` are SHA-256 by path inside it, empty where the manifest has none."""

    name: str
    language: str
    path: Path
    sample_rate_hz: int = _DEFAULT_RATE_HZ
    test_only: bool = False
    files: dict[str, str] = {}


class _Listed(msgspec.Struct, frozen=True):
    """An entry of the manifest. What installers need besides (url, size, licence) is not read here."""

    name: str
    language: str
    sample_rate_hz: int = _DEFAULT_RATE_HZ
    test_only: bool = False
    path: str | None = None
    files: dict[str, str] = {}


class _Manifest(msgspec.Struct, frozen=True):
    model: tuple[_Listed, ...] = ()


class _Described(msgspec.Struct, frozen=True):
    """The `model.toml` of a model that the manifest does not list."""

    language: str
    sample_rate_hz: int = _DEFAULT_RATE_HZ
    test_only: bool = False


def installed(models_dir: Path | None, shipped: Path | None = None) -> tuple[ModelInfo, ...]:
    """Return the models that are here, in the manifest's order, then unlisted ones by name.

    `models_dir` holds one folder per installed model and may be absent; `shipped` is the folder with the manifest.
    Raises ModelError for a manifest or model.toml that cannot be read.
    """
    shipped = shipped or bundled("models")
    present = sorted(models_dir.iterdir()) if models_dir and models_dir.is_dir() else []
    folders = {path.name: path for path in present if path.is_dir()}
    found: list[ModelInfo] = []
    for entry in _manifest(shipped / "manifest.toml"):
        path = folders.pop(entry.name, shipped / entry.path if entry.path else None)
        if path is not None and path.is_dir():
            found.append(_info(entry, path))
    for name, path in folders.items():
        if (path / "model.toml").is_file():
            found.append(_info(_read(path / "model.toml", _Described), path, name))
    return tuple(found)


def choose(models: tuple[ModelInfo, ...], language: str, *, allow_test_model: bool = False) -> ModelInfo | None:
    """Return the model for a BCP-47 tag, or None: exact tag before same primary subtag, real models before test models."""
    wanted = language.lower()
    usable = [model for model in models if allow_test_model or not model.test_only]
    fitting = [model for model in usable if _primary(model.language) == _primary(wanted)]
    return min(fitting, key=lambda model: (model.test_only, model.language.lower() != wanted), default=None)


def check(info: ModelInfo) -> None:
    """Raise ModelError unless the model's files are whole. Reads every file that has a checksum."""
    if not info.path.is_dir():
        raise ModelError(f"the model {info.name} is not at {info.path}; install it again")
    if not 8000 <= info.sample_rate_hz <= 48000:
        raise ModelError(f"the model {info.name} claims {info.sample_rate_hz} Hz; between 8000 and 48000 are possible")
    for name, expected in info.files.items():
        _check_sum(info, name, expected)
    _check_layout(info)
    _check_rate(info)
    _check_words(info)
    _check_boundaries(info)


def _info(entry: _Listed | _Described, path: Path, name: str | None = None) -> ModelInfo:
    return ModelInfo(
        name=entry.name if isinstance(entry, _Listed) else name or path.name,
        language=entry.language,
        path=path,
        sample_rate_hz=entry.sample_rate_hz,
        test_only=entry.test_only,
        files=entry.files if isinstance(entry, _Listed) else {},
    )


def _manifest(path: Path) -> tuple[_Listed, ...]:
    manifest: _Manifest = _read(path, _Manifest)
    return manifest.model


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), kind)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]


def _check_sum(info: ModelInfo, name: str, expected: str) -> None:
    try:
        with (info.path / name).open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"the model {info.name} lacks {name}; install it again") from error
    if actual != expected:
        raise ModelError(f"the model {info.name} has a damaged {name}; install it again")


def _check_layout(info: ModelInfo) -> None:
    """Require the files of Vosk's layout: `am/`, `conf/`, `graph/` (or, in old models, all of them at the top)."""
    folder = info.path
    old = not (folder / "am").is_dir() and (folder / "final.mdl").exists()
    needed = [_at(folder, "am", "final.mdl"), _at(folder, "conf", "mfcc.conf"), _at(folder, "graph", "words.txt")]
    if not old:
        needed.append(folder / "conf" / "model.conf")
    if not _at(folder, "graph", "HCLG.fst").exists():
        needed += [_at(folder, "graph", "HCLr.fst"), _at(folder, "graph", "Gr.fst")]
    else:
        needed.append(_at(folder, "graph", "HCLG.fst"))
    for path in needed:
        if not path.is_file() or not path.stat().st_size:
            raise ModelError(f"the model {info.name} lacks {path.relative_to(folder)} or it is empty; install it again")


def _at(folder: Path, part: str, name: str) -> Path:
    """Return where a file of the model lies: in its folder, or at the top as in old models."""
    return folder / part / name if (folder / part).is_dir() else folder / name


def _check_rate(info: ModelInfo) -> None:
    """Require that mfcc.conf agrees with the rate we resample to: Vosk fails or hears chipmunks otherwise."""
    rate = _DEFAULT_RATE_HZ
    for line in _at(info.path, "conf", "mfcc.conf").read_text(errors="replace").splitlines():
        option, _, value = line.partition("#")[0].strip().partition("=")
        if option == "--sample-frequency":
            rate = int(float(value)) if value.replace(".", "", 1).isdigit() else 0
    if rate != info.sample_rate_hz:
        raise ModelError(f"the model {info.name} is listed with {info.sample_rate_hz} Hz but its mfcc.conf says {rate} Hz")


def _check_words(info: ModelInfo) -> None:
    """Require whole `word id` lines with distinct ids: a list cut short makes Vosk print wrong words in silence."""
    text = _at(info.path, "graph", "words.txt").read_text(errors="replace")
    rows = [line.split() for line in text.splitlines()]
    sound = text.endswith("\n") and all(len(row) == 2 and row[1].isdigit() for row in rows)
    if not sound or len({row[1] for row in rows}) != len(rows):
        raise ModelError(f"the model {info.name} has a damaged words.txt; install it again")


def _check_boundaries(info: ModelInfo) -> None:
    """Require that word_boundary.int names exactly the phones of the acoustic model: word times are wrong otherwise."""
    path = _at(info.path, "graph", "phones/word_boundary.int")
    if not path.is_file():
        return  # allowed: word times are approximate then
    rows = [line.split() for line in path.read_text(errors="replace").splitlines()]
    if not all(len(row) == 2 and row[0].isdigit() and row[1] in _BOUNDARY_KINDS for row in rows):
        raise ModelError(f"the model {info.name} has a damaged word_boundary.int; install it again")
    phones = _phones(_at(info.path, "am", "final.mdl"))
    if phones is not None and sorted(int(row[0]) for row in rows) != sorted(phones):
        raise ModelError(f"the model {info.name} has a word_boundary.int of another model; install it again")


def _phones(path: Path) -> tuple[int, ...] | None:
    """Return the phone ids at the head of a binary Kaldi model (transition model, topology), None where it is written otherwise."""
    head = b"\0B<TransitionModel> <Topology> \x04"
    with path.open("rb") as file:
        if file.read(len(head)) != head:
            return None
        (count,) = struct.unpack("<i", file.read(4).ljust(4, b"\0"))
        body = file.read(4 * count) if 0 < count < 1_000_000 else b""
    return struct.unpack(f"<{count}i", body) if count > 0 and len(body) == 4 * count else ()
