"""Policies: what people change while the service runs (languages of queues, thresholds, claims, redaction), as files of the data
folder.

    <data>/policies/KIND.toml                  the working copy, which people read and edit
    <data>/policies/versions/KIND-N.toml       what was published, never changed again; the highest N is in force
    table policy_version of the store          who published it, when, before and after: the record that the files follow

A file of a kind holds the table that `cc-voice.toml` would hold, with `format = 1` above it. A site that writes the table into
cc-voice.toml has pinned that kind: the files do not count, and nobody changes it on a page. One file for each kind and none for
each queue: a call does not know its queue when it begins, and keeps the versions of that moment; what comes later (consent,
retention) is a further kind, and so another file with versions of its own.

A call keeps what it began with (`at`); its legs name it (`told`). Files and not the store, as workers and commands beside a running
service have no store. A working copy that somebody edited is not in force until it is published.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, assert_never, get_args

import msgspec

from cc_voice.config import languages, oidc_settings, redaction_settings, thresholds, webhook_settings, wording
from cc_voice.config.languages import LanguageSettings
from cc_voice.config.oidc_settings import ClaimRule
from cc_voice.config.redaction_settings import RedactionSettings
from cc_voice.config.settings import Settings
from cc_voice.config.thresholds import QueueThresholds
from cc_voice.config.webhook_settings import WebhookEndpoint

PolicyKind = Literal["language", "thresholds", "claims", "redaction", "webhooks"]
KINDS: tuple[PolicyKind, ...] = get_args(PolicyKind)
TITLES: dict[PolicyKind, str] = {
    "language": "Languages of calls and queues",
    "thresholds": "Thresholds of the site and of queues",
    "claims": "Roles by claims of the sign-in provider",
    "redaction": "Numbers that are hidden, of the site and of queues",
    "webhooks": "Webhooks that go out",
}
FORMAT = 1
MOST_BYTES = 64_000
"""A form with it is read in the event loop of the service, which must answer webhooks meanwhile."""
PINNED, DEFAULT = "pinned", "default"
Held = tuple[tuple[str, str], ...]
"""(kind, where it is from): `pinned` by the configuration, `default`, or the number of a version."""

_TYPES: dict[PolicyKind, Any] = {
    "language": LanguageSettings,
    "thresholds": tuple[QueueThresholds, ...],
    "claims": tuple[ClaimRule, ...],
    "redaction": RedactionSettings,
    "webhooks": tuple[WebhookEndpoint, ...],
}
_ONE_TABLE: tuple[PolicyKind, ...] = ("language", "redaction")
"""Kinds that are a table, not a list of them: without it they say nothing."""
_FILE = re.compile(r"([a-z]+)-([0-9]{1,9})\.toml")


class PolicyError(Exception):
    """A policy cannot be used or changed; the message is for the person who tries."""


def digest(text: str) -> str:
    """Return what tells one text of a policy from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def kind_of(name: str) -> PolicyKind:
    """Return a kind by its name. Raises PolicyError."""
    found = next((kind for kind in KINDS if kind == name), None)
    if found is None:
        raise PolicyError(f"there is no policy {name!r}; there are: {', '.join(KINDS)}")
    return found


def working_copy(data_dir: Path, kind: PolicyKind) -> Path:
    """Return the file that people edit."""
    return data_dir / "policies" / f"{kind}.toml"


def version_file(data_dir: Path, kind: PolicyKind, version: int) -> Path:
    """Return the file of a published version."""
    return data_dir / "policies" / "versions" / f"{kind}-{version}.toml"


def text_of(path: Path) -> str:
    """Return a policy's file, empty where there is none. Raises PolicyError."""
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise PolicyError(f"{path} is longer than {MOST_BYTES} bytes")
        return data.decode()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise PolicyError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path} is no text in UTF-8") from error


def read(kind: PolicyKind, text: str) -> Any:
    """Return what a text of a kind says, checked as the configuration would be. Raises PolicyError."""
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"this is no TOML: {error}") from error
    has_format = "format" in values
    if (found := values.pop("format", FORMAT)) != FORMAT:
        raise PolicyError(f"format is {found!r}; this program writes and reads format {FORMAT}")
    if others := sorted(values.keys() - {kind}):
        raise PolicyError(f"{others[0]!r} does not belong here: a policy {kind} holds {_heading(kind)} and nothing else")
    if kind == "webhooks" and any(isinstance(each, dict) and "secret" in each for each in values.get(kind) or ()):
        raise PolicyError("a policy's text is kept and shown: write the secret into a file and name that with secret_file")
    if kind not in values and has_format and kind not in _ONE_TABLE:
        return ()
    if kind not in values:
        raise PolicyError(f"{_heading(kind)} is missing; where there shall be none, `format = 1` alone says so")
    try:
        value = wording.converted(values[kind], _TYPES[kind], _no_hook, (kind,))
        return value_checked(kind, value)
    except (wording.WrongValue, ValueError) as error:
        raise PolicyError(str(error)) from error


def value_checked(kind: PolicyKind, value: Any) -> Any:
    """Return a value that can be used. Raises ValueError."""
    match kind:
        case "language":
            return languages.checked(value)
        case "thresholds":
            problem = thresholds.problem(value)
        case "claims":
            problem = oidc_settings.rules_problem(value)
        case "redaction":
            problem = redaction_settings.problem(value)
        case "webhooks":
            problem = webhook_settings.problem(value)
        case _ as never:
            assert_never(never)
    if problem is not None:
        raise ValueError(problem)
    return value


def _heading(kind: PolicyKind) -> str:
    return f"[{kind}]" if kind in _ONE_TABLE else f"[[{kind}]]"


def _no_hook(kind: type[Any], value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} instead of text")


def example(kind: PolicyKind, settings: Settings) -> str:
    """Return the text that a kind begins with where there is no file: what is in force, as TOML."""
    found = getattr(settings, kind)
    value = msgspec.to_builtins(webhook_settings.without_secrets(found) if kind == "webhooks" else found, enc_hook=str)
    return f"format = {FORMAT}\n{written(kind, value) or _HINTS.get(kind, '')}"


_HINTS: dict[PolicyKind, str] = {
    "thresholds": """
# [[thresholds]]
# name = "default"          # the site's set; deploy/configuration.md has every key
# dead_air_ms = 10000
#
# [[thresholds]]
# name = "billing"
# queues = ["Billing"]      # ids or names
# dead_air_ms = 8000
""",
    "claims": """
# [[claims]]
# claim = "groups"
# value = "cc-supervisors"
# role = "supervisor"
# teams = ["team-a"]
""",
    "webhooks": """
# [[webhooks]]
# url = "https://desk.example.com/hooks/cc-voice"
# secret_file = "/etc/cc-voice/desk.secret"   # whsec_..., readable by the service only; two lines while it is changed
# events = ["alert.*", "call.measured"]
# queues = ["Billing"]                        # none: all
# quiet = ["22:00-07:00"]                     # no alerts in these hours of the site
# include_text = false
""",
}


def written(name: str, value: Any) -> str:
    """Return a table, or a list of tables, as TOML; what is None is left out."""
    if isinstance(value, dict):
        plain = {key: item for key, item in value.items() if item is not None and not _is_tables(item)}
        lines = [f"\n[{name}]" if not name.startswith("[") else f"\n{name}"]
        lines += [f"{key} = {msgspec.json.encode(item).decode()}" for key, item in plain.items()]
        tables = [written(f"{name.strip('[]')}.{key}", item) for key, item in value.items() if _is_tables(item)]
        return "\n".join([*lines, ""]) + "".join(tables)
    return "".join(written(f"[[{name}]]", item) for item in value)


def _is_tables(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list | tuple) and bool(value) and isinstance(value[0], dict))


# -- what is in force ------------------------------------------------------------------------------------------------


def is_pinned(settings: Settings, kind: PolicyKind) -> bool:
    """Whether the configuration holds this itself."""
    state = dict(settings.policies).get(kind)
    return state == PINNED or (state is None and getattr(settings, kind) != getattr(_DEFAULTS, kind))


_DEFAULTS = Settings()


def newest(data_dir: Path) -> dict[PolicyKind, int]:
    """Return the version of each kind that is in force; kinds that were never published are left out. Reads a folder."""
    found: dict[PolicyKind, int] = {}
    try:
        names = [path.name for path in (data_dir / "policies" / "versions").iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise PolicyError(f"the policies in {data_dir} cannot be read: {error.strerror}") from error
    for kind, number in (match.groups() for match in map(_FILE.fullmatch, names) if match is not None):
        known = next((each for each in KINDS if each == kind), None)
        if known is not None:
            found[known] = max(found.get(known, 0), int(number))
    return found


def in_force(settings: Settings) -> Settings:
    """Return settings with the policies that a call which begins now is under. Reads files. Raises PolicyError."""
    return _with(settings, newest(settings.data_dir))


def at(settings: Settings, held: Held) -> Settings:
    """Return settings with the policies that a call began with. Reads files. Raises PolicyError where a version is gone.

    A call that an earlier program took, which wrote none down, is under those in force. What it began with as the configuration's
    is the configuration's of now: nothing keeps an earlier one.
    """
    if not held:
        return in_force(settings)
    return _with(settings, {kind: int(state) for kind, state in held if state.isdecimal()}, over_pinned=True)


def tried(settings: Settings, kind: PolicyKind, text: str) -> Settings:
    """Return settings as they would be with another text of a policy. Raises PolicyError."""
    others = tuple(pair for pair in settings.policies if pair[0] != kind)
    changed: dict[str, Any] = {kind: read(kind, text)}
    return msgspec.structs.replace(settings, policies=(*others, (kind, PINNED)), **changed)


def _with(settings: Settings, versions: Mapping[Any, int], *, over_pinned: bool = False) -> Settings:
    values: dict[str, Any] = {}
    held: list[tuple[str, str]] = []
    for kind in KINDS:
        number = versions.get(kind)
        if is_pinned(settings, kind) and (number is None or not over_pinned):
            held.append((kind, PINNED))
        elif number is None:
            values[kind] = getattr(_DEFAULTS, kind)
            held.append((kind, DEFAULT))
        else:
            values[kind] = _version(settings.data_dir, kind, number)
            held.append((kind, str(number)))
    return msgspec.structs.replace(settings, policies=tuple(held), **values)


def _version(data_dir: Path, kind: PolicyKind, number: int) -> Any:
    path = version_file(data_dir, kind, number)
    if not path.is_file():
        raise PolicyError(f"version {number} of policy {kind} is gone ({path}); the next start of the service brings it back")
    try:
        return read(kind, text_of(path))
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from error


def told(held: Held, kinds: Sequence[PolicyKind] = ("language", "thresholds")) -> str | None:
    """Return the versions that a leg names, `language 3, thresholds pinned`; None where nothing is known of them."""
    states = dict(held)
    return ", ".join(f"{kind} {states[kind]}" for kind in kinds if kind in states) or None


def only_pinned(settings: Settings) -> Settings:
    """Return settings without what is from published versions: what a data folder remembers of its configuration."""
    states = dict(settings.policies)
    released: Iterable[str] = (kind for kind in KINDS if states.get(kind, PINNED) != PINNED)
    back: dict[str, Any] = {kind: getattr(_DEFAULTS, kind) for kind in released}
    kept = tuple(pair for pair in settings.policies if pair[1] == PINNED)
    return msgspec.structs.replace(settings, policies=kept, **back)
