"""Speech models that are here: which one serves a language, and whether its files are whole.

The only reader of `models/manifest.toml` and of the folder of installed models. Nothing is ever downloaded here. A
folder whose name the manifest does not list is taken if it carries a `model.toml` with `language` (and `sample_rate_hz`).
Folders whose name begins with a dot are not models but what `installation.py` keeps beside them.

Vosk takes a model's words from the graph that writes them (the output symbols of `HCLG.fst`, else of `Gr.fst`) and only where it
holds none from `words.txt`, which the small models of its makers do not have, and which may be that of another graph. So do we.

Vosk loads some damaged models without a word (`words.txt` too short; a wrong `word_boundary.int` ends the process at the first
word) and names no reason when it refuses one, so `check` looks at the files first: by checksum where the manifest or the record
of their installation has them, by their structure in any case.
"""

import contextlib
import hashlib
import os
import struct
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.config import languages
from cc_voice.config.languages import primary
from cc_voice.config.settings import ModelSize, bundled
from cc_voice.speech.errors import ModelError
from cc_voice.speech.models import graphs

RECORD = "installed.json"
"""The file inside a model that says how it came here."""
NOT_STATED = "not stated"
"""The licence of a model whose makers say nothing that was read."""
_DEFAULT_RATE_HZ = 16000
"""Kaldi's default; models without `--sample-frequency` in mfcc.conf have it."""

_BOUNDARY_KINDS = frozenset({"nonword", "begin", "end", "internal", "singleton"})

Stamp = tuple[tuple[str, int, int, int], ...]
"""Path, size, time of change and inode of every file of a model: differs whenever the model does."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How a model came here: written by `installation.py` into the model's folder, so that the two come and go together."""

    source: str
    """URL (without credentials) or path."""
    installed_at: str
    """RFC 3339, UTC."""
    archive_sha256: str | None = None
    """None: it came as a folder."""
    archive_md5: str | None = None
    """What the makers' list can be asked for later; None: it came as a folder, or with an earlier version of the product."""
    files: dict[str, str]
    """SHA-256 by path inside the model."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An installed model. `files` are SHA-256 by path inside it, empty where nobody has recorded them."""

    name: str
    language: str
    path: Path
    sample_rate_hz: int = _DEFAULT_RATE_HZ
    test_only: bool = False
    small: bool = False
    takes_grammars: bool = False
    """Whether its graph is put together while decoding: then it can be confined to phrases."""
    licence: str = NOT_STATED
    files: dict[str, str] = {}
    record: Record | None = None


class Listed(msgspec.Struct, frozen=True):
    """An entry of the manifest: a model this product knows of, installed or not. `path` is of one that ships, `url` of others."""

    name: str
    language: str
    sample_rate_hz: int | None = None
    """None: what its mfcc.conf says, once it is here."""
    test_only: bool = False
    licence: str = NOT_STATED
    path: str | None = None
    url: str | None = None
    size_bytes: int | None = None
    """Of the archive, as its makers' list says."""
    size_mb: int | None = None
    """About how large it is, where that list was not read."""
    md5: str | None = None
    """Of the archive, as its makers' list says: finds damage and newer editions, no forgery."""
    sha256: str | None = None
    """Of the archive."""
    obsolete: bool = False
    """Its makers have a better one."""
    files: dict[str, str] = {}

    @property
    def archive_bytes(self) -> int | None:
        """How large the archive is, or about; None: unknown."""
        return self.size_bytes or (self.size_mb * 1_000_000 if self.size_mb else None)

    @property
    def non_commercial(self) -> bool:
        """Whether its licence forbids commercial use: what NC means in the names of Creative Commons."""
        return "NC" in self.licence.split("-")

    @property
    def small(self) -> bool:
        """Whether its makers call it small."""
        return "-small-" in self.name


class ModelProblem(msgspec.Struct, frozen=True):
    """A folder that is meant to be a model and cannot be described."""

    name: str
    reason: str


class Survey(msgspec.Struct, frozen=True):
    """What is in the folder of installed models, and what ships."""

    models: tuple[ModelInfo, ...]
    """In the manifest's order, then unlisted ones by name."""
    problems: tuple[ModelProblem, ...] = ()


class _Manifest(msgspec.Struct, frozen=True):
    model: tuple[Listed, ...] = ()


class _ModelFile(msgspec.Struct, frozen=True):
    """The `model.toml` of a model that the manifest does not list."""

    language: str
    sample_rate_hz: int | None = None
    test_only: bool = False
    small: bool = False
    licence: str = NOT_STATED


_RECORD = msgspec.json.Decoder(Record)


def catalogue(shipped: Path | None = None) -> tuple[Listed, ...]:
    """Return every model of the manifest, best first within a language. Raises ModelError."""
    manifest: _Manifest = _read((shipped or bundled("models")) / "manifest.toml", _Manifest)
    return manifest.model


def survey(models_dir: Path | None, shipped: Path | None = None) -> Survey:
    """Return the models that are here, and the folders that are meant to be one and say nothing that can be understood.

    `models_dir` holds one folder per installed model and may be absent; `shipped` is the folder with the manifest.
    Raises ModelError for the manifest, OSError.
    """
    shipped = shipped or bundled("models")
    folders = {path.name: path for path in _folders(models_dir)}
    found: list[ModelInfo] = []
    problems: list[ModelProblem] = []
    places: list[tuple[Listed | None, Path]] = []
    for entry in catalogue(shipped):
        path = folders.pop(entry.name, shipped / entry.path if entry.path else None)
        if path is not None and path.is_dir():
            places.append((entry, path))
    places += [(None, path) for path in folders.values() if _is_described(path)]
    for listed, path in places:
        try:
            found.append(_info(listed or _read(path / "model.toml", _ModelFile), path))
        except ModelError as error:
            problems.append(ModelProblem(path.name, str(error)))
    return Survey(tuple(found), tuple(problems))


def installed(models_dir: Path | None, shipped: Path | None = None) -> tuple[ModelInfo, ...]:
    """Return the models that are here, as `survey` does. Raises ModelError for the first that cannot be described."""
    found = survey(models_dir, shipped)
    if found.problems:
        raise ModelError(found.problems[0].reason)
    return found.models


def stamps(models_dir: Path | None) -> tuple[tuple[str, Stamp], ...]:
    """Return name and stamp of every installed model: equal as long as nothing was installed, changed or removed.

    Looks at names, sizes and times only (some 30 files a model); a folder that is still being copied changes all the time.
    """
    return tuple((path.name, stamp(path)) for path in _folders(models_dir))


def stamp(folder: Path) -> Stamp:
    """Return the stamp of one model."""
    found: list[tuple[str, int, int, int]] = []
    for where, _, names in os.walk(folder):  # passes over what vanishes meanwhile
        for path in map(Path(where).joinpath, names):
            with contextlib.suppress(OSError):
                about = path.stat()
                found.append((str(path.relative_to(folder)), about.st_size, about.st_mtime_ns, about.st_ino))
    return tuple(sorted(found))


def ranked(
    models: Iterable[ModelInfo], language: str, *, allow_test_model: bool = False, prefer: ModelSize = "large"
) -> list[ModelInfo]:
    """Return the models that can serve a BCP-47 language, best first.

    Real ones before test models, the exact tag before another region's, then the preferred size, then in the order given.
    """
    wanted = language.lower()
    usable = [model for model in models if allow_test_model or not model.test_only]
    fitting = [model for model in usable if primary(model.language) == primary(wanted)]
    return sorted(
        fitting, key=lambda model: (model.test_only, model.language.lower() != wanted, model.small != (prefer == "small"))
    )


def choose(
    models: Iterable[ModelInfo], language: str, *, allow_test_model: bool = False, prefer: ModelSize = "large"
) -> ModelInfo | None:
    """Return the model for a BCP-47 language, the first of `ranked`, or None."""
    return next(iter(ranked(models, language, allow_test_model=allow_test_model, prefer=prefer)), None)


def check(info: ModelInfo, *, sums: bool = True) -> None:
    """Raise ModelError unless the model's files are whole. Reads every file that has a checksum, unless told not to."""
    if not info.path.is_dir():
        raise ModelError(f"the model {info.name} is not at {info.path}; install it again")
    if not 8000 <= info.sample_rate_hz <= 48000:
        raise ModelError(f"the model {info.name} claims {info.sample_rate_hz} Hz; between 8000 and 48000 are possible")
    if sums:
        for name, expected in info.files.items():
            _check_sum(info, name, expected)
    _check_layout(info)
    _check_rate(info)
    graphs.check(info.name, info.path)
    _check_boundaries(info)


def vocabulary(info: ModelInfo) -> frozenset[str]:
    """Return every word that a model can hear, its marks (`<eps>`, `[unk]`) included. Raises ModelError, OSError.

    Takes half a second and 40 MB for half a million words.
    """
    return frozenset(graphs.words(info.name, info.path).words)


def composed_mb(info: ModelInfo) -> float:
    """Return the size (MB) of the files from which a graph is put together while decoding; 0 for a model with a whole graph."""
    if not info.takes_grammars:
        return 0.0
    return sum(graphs.at(info.path, "graph", name).stat().st_size for name in ("HCLr.fst", "Gr.fst")) / 1e6


def disk_mb(info: ModelInfo) -> float:
    """Return what a model's files take on disk (MB)."""
    return sum(size for _, size, _, _ in stamp(info.path)) / 1e6


def _folders(models_dir: Path | None) -> list[Path]:
    """Return the folders that may be installed models, by name."""
    present = sorted(models_dir.iterdir()) if models_dir and models_dir.is_dir() else []
    return [path for path in present if not path.name.startswith(".") and path.is_dir()]


def _is_described(path: Path) -> bool:
    """Whether a folder carries a model.toml, or may: one that another account keeps to itself is a problem to be told."""
    try:
        return (path / "model.toml").is_file()
    except PermissionError:
        return True


def _info(entry: Listed | _ModelFile, path: Path) -> ModelInfo:
    record = _record(path)
    return ModelInfo(
        name=entry.name if isinstance(entry, Listed) else path.name,
        language=_spelt(entry.language, path),
        path=path,
        sample_rate_hz=entry.sample_rate_hz or _declared_rate(path),
        test_only=entry.test_only,
        small=entry.small,
        takes_grammars=not graphs.at(path, "graph", "HCLG.fst").exists() and graphs.at(path, "graph", "HCLr.fst").exists(),
        licence=entry.licence,
        files=(entry.files if isinstance(entry, Listed) else {}) or (record.files if record else {}),
        record=record,
    )


def _spelt(language: str, path: Path) -> str:
    """Return a language in the spelling that everything compares. Raises ModelError."""
    try:
        return languages.tag(language)
    except ValueError as error:
        raise ModelError(f"the language of the model in {path}: {error}") from error


def _record(path: Path) -> Record | None:
    """Return how a model came here; None: by hand, or with the product. Raises ModelError."""
    try:
        return _RECORD.decode((path / RECORD).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"cannot read {path / RECORD}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ModelError(f"{path / RECORD} cannot be used: {error}; install the model {path.name} again") from error


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), kind)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


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
    needed = [graphs.at(folder, "am", "final.mdl"), graphs.at(folder, "conf", "mfcc.conf")]
    if not old:
        needed.append(folder / "conf" / "model.conf")
    if not graphs.at(folder, "graph", "HCLG.fst").exists():
        needed += [graphs.at(folder, "graph", "HCLr.fst"), graphs.at(folder, "graph", "Gr.fst")]
    else:
        needed.append(graphs.at(folder, "graph", "HCLG.fst"))
    for path in needed:
        if not path.is_file() or not path.stat().st_size:
            raise ModelError(f"the model {info.name} lacks {path.relative_to(folder)} or it is empty; install it again")


def _check_rate(info: ModelInfo) -> None:
    """Require that mfcc.conf agrees with the rate we resample to: Vosk fails or hears chipmunks otherwise."""
    rate = _declared_rate(info.path)
    if rate != info.sample_rate_hz:
        raise ModelError(f"the model {info.name} is listed with {info.sample_rate_hz} Hz but its mfcc.conf says {rate} Hz")


def _declared_rate(folder: Path) -> int:
    """Return the rate (Hz) that mfcc.conf says, Kaldi's default where it says none or is not there, 0 where it says no number."""
    rate = _DEFAULT_RATE_HZ
    try:
        text = graphs.at(folder, "conf", "mfcc.conf").read_text(errors="replace")
    except OSError:
        return rate  # `check` tells what is lacking
    for line in text.splitlines():
        option, _, value = line.partition("#")[0].strip().partition("=")
        if option == "--sample-frequency":
            rate = int(float(value)) if value.replace(".", "", 1).isdigit() else 0
    return rate


def _check_boundaries(info: ModelInfo) -> None:
    """Require that word_boundary.int names exactly the phones of the acoustic model: word times are wrong otherwise."""
    path = info.path / "graph" / "phones" / "word_boundary.int"
    if not (info.path / "graph").is_dir():
        path = info.path / "word_boundary.int"
    if not path.is_file():
        return  # allowed: word times are approximate then
    rows = [line.split() for line in path.read_text(errors="replace").splitlines()]
    if not all(len(row) == 2 and row[0].isdigit() and row[1] in _BOUNDARY_KINDS for row in rows):
        raise ModelError(f"the model {info.name} has a damaged word_boundary.int; install it again")
    phones = _phones(graphs.at(info.path, "am", "final.mdl"))
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
