"""Site settings: what a data folder remembers of the configuration it was last served with, `<data>/settings.json`.

A command that names no configuration takes these: measured under the defaults, calls of a site with thresholds of its own would
have other numbers, and nobody would see it. Each start of the service writes them anew, with what its environment said; a site that
was never served has those of the first command that stored something.

Secrets are not copied into the data folder, whose backups go elsewhere: they are read from the configuration file itself, where the
command may read it. To remember the file's path alone lost: a file that was edited since is not what the site's calls were measured
with, and an environment cannot be read again.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cc_voice import __version__
from cc_voice.config import policies, settings
from cc_voice.config.settings import Secret, Settings
from cc_voice.config.settings import SettingsError as SettingsError
from cc_voice.config.thresholds import SITE_SET, QueueThresholds, ThresholdSet

FILE = "settings.json"
_SECRETS = ("apps", "proxy", "customer_key_salt", "webhooks")
_IDENTITY = ("site_id", "site_name", "timezone")
_MEASURED_BY = ("meeting_agent", "phone_agent", "transcript", "cust_speech_on_hold")
_RECOGNISED_BY = ("recogniser", "vad", "prefer_models", "models_dir", "language", "phrases")


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What a data folder remembers."""

    version: str
    """Of the program that wrote it."""
    config: str | None
    """The configuration file, absolute; None: there was none."""
    settings: dict[str, Any]


_REMEMBERED = msgspec.json.Decoder(Remembered)


def dumps(site: Settings, config: Path | None) -> bytes:
    """Return what a data folder is to remember, without secrets and without policies, whose versions lie beside it."""
    site = policies.only_pinned(site)
    models_dir = None if site.models_dir is None else site.models_dir.absolute()
    plain = msgspec.structs.replace(site, apps=(), proxy=None, customer_key_salt=Secret(""), models_dir=models_dir, webhooks=())
    values = msgspec.json.decode(settings.dumps(plain))
    kept = Remembered(version=__version__, config=None if config is None else str(config.absolute()), settings=values)
    return msgspec.json.format(msgspec.json.encode(kept))


def remembered(data_dir: Path) -> Remembered | None:
    """Return what a data folder remembers, None where it does not. Raises SettingsError."""
    path = data_dir / FILE
    try:
        return _REMEMBERED.decode(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(
            f"cannot read {path}: {error.strerror}; run the command as the account of the service, or name the configuration "
            "with --config"
        ) from error
    except msgspec.MsgspecError as error:
        raise SettingsError(
            f"{path}, the site's settings, is damaged ({error}); name the configuration with --config, or start the service anew"
        ) from error


def load(
    config: Path | None = None, environ: Mapping[str, str] = os.environ, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Return the settings for a command: of the configuration that is named, else those that the data folder remembers.

    The environment goes before them, and `overrides` before that; then the policies in force. Raises SettingsError.
    """
    found = configured(config, environ, overrides)
    try:
        return policies.in_force(found)
    except policies.PolicyError as error:
        raise SettingsError(str(error)) from error


def configured(config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any] | None) -> Settings:
    """As `load`, without policies."""
    if config is not None or environ.get("CC_VOICE_CONFIG"):
        return settings.load(config, environ, overrides)
    given = dict(overrides or {})
    folder = Path(given.get("data_dir") or environ.get("CC_VOICE_DATA_DIR") or Settings().data_dir)
    found = remembered(folder)
    if found is None:
        return settings.load(None, environ, overrides)
    known = {key: value for key, value in found.settings.items() if key in Settings.__struct_fields__}
    base = {**known, **_secrets(found), "data_dir": str(folder)}
    return settings.load(None, environ, given, base=(f"{folder / FILE}, the site's settings", base))


def configuration(config: Path | None, data_dir: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file that the service is to read: the one that is named, else the one that the data folder was served with.

    Raises SettingsError where that one is not there any more: its defaults instead would measure calls otherwise.
    """
    named = config or (Path(environ["CC_VOICE_CONFIG"]) if environ.get("CC_VOICE_CONFIG") else None)
    folder = data_dir or Path(environ.get("CC_VOICE_DATA_DIR") or Settings().data_dir)
    if named is not None or (found := remembered(folder)) is None or found.config is None:
        return named
    if not Path(found.config).is_file():
        raise SettingsError(
            f"{folder} was last served with {found.config}, which is not there; name its configuration with --config "
            f"(or remove {folder / FILE}, to begin without one)"
        )
    return Path(found.config)


def _secrets(found: Remembered) -> dict[str, Any]:
    """Return the secrets of the configuration file, none where it cannot be read: most commands need none."""
    if found.config is None:
        return {}
    try:
        theirs = settings.read_file(Path(found.config))
    except SettingsError:
        return {}
    return {key: theirs[key] for key in _SECRETS if key in theirs}


# -- what differs ----------------------------------------------------------------------------------------------------


def differences(here: Settings, site: Settings, *, recognition: bool = False) -> list[str]:
    """Return what would be measured otherwise here than at the site, a line for each; with `recognition`, heard otherwise too."""
    names = [*_IDENTITY, *_MEASURED_BY, *(_RECOGNISED_BY if recognition else ())]
    told = [
        f"{name} is {_shown(getattr(here, name))} here and {_shown(getattr(site, name))} at the site"
        for name in names
        if _value(here, name) != _value(site, name)
    ]
    return [*told, *_threshold_differences(here.thresholds, site.thresholds)]


def other_thresholds(here: Settings, stored: tuple[ThresholdSet, ...]) -> list[str]:
    """Return which thresholds of stored legs are not among those of the settings: for a site that remembers none.

    Three fields depend on more than their set (`thresholds.for_queue`), and are left out.
    """
    ours = {entry.name: entry.values for entry in here.thresholds}
    told: list[str] = []
    for each in stored:
        mine = ours.get(each.name) or (ThresholdSet() if each.name == SITE_SET else None)
        if mine is None:
            told.append(f"the set {each.name!r} of [[thresholds]] is not here")
        else:
            merged = ("raised_voice_agent", "transcript_prefer", "min_transcript_conf", "cust_speech_on_hold")
            told += [line for name, line in _field_differences(mine, each) if name not in merged]
    return told


def _threshold_differences(here: tuple[QueueThresholds, ...], site: tuple[QueueThresholds, ...]) -> Iterator[str]:
    """Tell of the sets in force; others are only to be tried, by name."""
    ours, theirs = _in_force(here), _in_force(site)
    for name in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(name), theirs.get(name)
        if mine is None or other is None:
            yield f"the set {name!r} of [[thresholds]] is only {'here' if other is None else 'at the site'}"
            continue
        yield from (line for _, line in _field_differences(mine.values, other.values))
        if set(mine.queues) != set(other.queues):
            yield f"queues of thresholds {name!r} are {_shown(mine.queues)} here and {_shown(other.queues)} at the site"


def _in_force(sets: tuple[QueueThresholds, ...]) -> dict[str, QueueThresholds]:
    found = {entry.name: entry for entry in sets if entry.queues or entry.name == SITE_SET}
    return {SITE_SET: QueueThresholds(), **found}


def _field_differences(mine: ThresholdSet, other: ThresholdSet) -> Iterator[tuple[str, str]]:
    for field in ThresholdSet.__struct_fields__:
        ours, theirs = getattr(mine, field), getattr(other, field)
        if field != "threshold_set_id" and ours != theirs:
            yield field, f"{field} of thresholds {mine.name!r} is {_shown(ours)} here and {_shown(theirs)} at the site"


def _value(site: Settings, name: str) -> Any:
    return site.installed_models_dir.resolve() if name == "models_dir" else getattr(site, name)


def _shown(value: Any) -> str:
    """Return a value as the configuration file has it, tables as JSON."""
    if isinstance(value, Path):
        return str(value)
    return msgspec.json.encode(value).decode() if value is not None else "unset"
