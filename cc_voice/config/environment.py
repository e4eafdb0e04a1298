"""Environment: settings in `CC_VOICE_*` variables. A variable of that beginning which is none is an error: a misspelt one would be
a setting that somebody believes to be in force."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cc_voice.config.wording import SettingsError, nearest

PREFIX = "CC_VOICE_"
LISTS = ("allowed_hosts", "meeting_agent", "phone_agent", "trusted_proxies")
"""Keys that hold several values: separated by commas here."""
_APP = ("client_id", "client_secret", "webhook_secret")
_APP_OPTIONS = ("account_id", "api_key", "api_secret", "api_base", "oauth_base")
_NO_SETTINGS = ("CONFIG", "CORPUS", "REAL")
"""Which file to read; where the project's own tests find the speech corpus and a real model."""
_OURS = re.compile(r"CC[-_]?VOICE", re.IGNORECASE)
_OF_KUBERNETES = re.compile(r"CC_VOICE_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""What a cluster gives every container where a service of it is named cc-voice: addresses, nobody's settings."""


def read(environ: Mapping[str, str], plain: Sequence[str], tables: Sequence[str]) -> dict[str, Any]:
    """Return what the environment sets, by key: plain keys, lists, one app. Raises SettingsError.

    `tables` are the keys that only a file can hold.
    """
    _refuse_unknown(environ, plain, tables)
    found: dict[str, Any] = {key: environ[_variable(key)] for key in plain if _variable(key) in environ}
    for key in LISTS:
        if key in found:
            found[key] = [item.strip() for item in found[key].split(",") if item.strip()]
    if "CC_VOICE_LANGUAGE" in environ:
        found["language"] = {"default": environ["CC_VOICE_LANGUAGE"]}
    app = {key: environ.get(_variable(key)) for key in _APP}
    more = {key: environ[name] for key in _APP_OPTIONS if environ.get(name := _variable(key))}
    if all(app.values()):
        found["apps"] = [{"name": "environment", **app, **more}]
    elif any(app.values()) or more:
        missing = ", ".join(_variable(key) for key, value in app.items() if not value)
        raise SettingsError(f"an app needs all three credentials in the environment; missing: {missing}")
    return found


def _variable(key: str) -> str:
    return PREFIX + key.upper()


def _refuse_unknown(environ: Mapping[str, str], plain: Sequence[str], tables: Sequence[str]) -> None:
    """Refuse the first variable that looks like ours and sets nothing. Its value is never told: it may be a secret."""
    known = [key.upper() for key in (*plain, "language", *_APP, *_APP_OPTIONS)] + list(_NO_SETTINGS)
    for name, value in sorted(environ.items()):
        looks = _OURS.match(name)
        if not looks or name.removeprefix(PREFIX) in known or _is_of_kubernetes(name, value):
            continue
        key = name[looks.end() :].lstrip("-_").upper().replace("-", "_")
        meant = nearest(key, known)
        table = next((table for table in tables if key == table.upper() or key.startswith(f"{table.upper()}_")), None)
        if meant is not None:
            told = f"is no setting; did you mean {PREFIX}{meant}?"
        elif table is not None:
            told = f"sets nothing; [{table}] is written in the configuration file only"
        else:
            told = f"is no setting; every key is in deploy/configuration.md, here in capitals: {PREFIX}DATA_DIR"
        raise SettingsError(f"environment: {name} {told}")


def _is_of_kubernetes(name: str, value: str) -> bool:
    return bool(_OF_KUBERNETES.fullmatch(name)) and (name != "CC_VOICE_PORT" or "://" in value)
