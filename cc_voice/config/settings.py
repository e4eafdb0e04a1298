"""Settings: everything configurable, read once, a TOML file, then `CC_VOICE_*` environment variables over it.

Modules receive values from here; none reads the environment itself. Secrets are `Secret` and never print.
"""

import ipaddress
import logging
import os
import sys
import tomllib
import zoneinfo
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import structlog

from cc_voice.config import (
    environment,
    languages,
    media_settings,
    oidc_settings,
    phrase_lists,
    redaction_settings,
    schedules,
    thresholds,
    webhook_settings,
    wording,
)
from cc_voice.config.secret import Secret as Secret
from cc_voice.config.thresholds import QueueThresholds
from cc_voice.config.wording import SettingsError as SettingsError

ModelSize = Literal["large", "small"]
"""Of speech models as their makers publish them: the large understand better and need gigabytes of memory."""

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class ZoomApp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One app of the Zoom marketplace: its webhook secret verifies announcements, its client pair signs handshakes.

    What follows the secrets is needed only where streams are controlled by REST.
    """

    name: str = "default"
    """The app's name here, for the log and `--app` of `cc-voice rtms`; each has its own."""
    client_id: str
    """The app's client id; for the Video SDK the SDK key."""
    client_secret: Secret
    """The app's client secret, which signs handshakes; for the Video SDK the SDK secret."""
    webhook_secret: Secret
    """The app's Secret Token, which signs Zoom's webhooks."""
    account_id: str | None = None
    """The Zoom account for which a Server-to-Server token is asked."""
    api_key: str | None = None
    """Who asks, where it is not the app itself: a Server-to-Server app's client id; for the Video SDK the account's API key."""
    api_secret: Secret | None = None
    """The secret that belongs to `api_key`: both or neither."""
    api_base: str = "https://api.zoom.us/v2"
    """Where the REST API is; the government cloud has other hosts for this and the next."""
    oauth_base: str = "https://zoom.us"
    """Where tokens are asked for."""


class TranscriptSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose words are the transcript where our recogniser and Zoom's transcript heard the same speech."""

    prefer: Literal["local", "zoom", "best"] = "local"
    """`best`: ours where they are sure enough, else Zoom's."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The place an appliance serves: what every stored call belongs to. `timezone` is an IANA name and decides local dates."""

    site_id: int = 1
    name: str = "Site 1"
    timezone: str = "UTC"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The appliance's configuration. Every field has the name of its TOML key; `deploy/configuration.md` is made of them."""

    data_dir: Path = Path("var")
    """Folder of everything that is kept: store, recordings, models, accounts."""
    listen: str = "127.0.0.1:8080"
    """HOST:PORT of web pages, API and webhooks."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or networks of the proxy in front, whose `X-Forwarded-For` is believed; nobody else's is."""
    public_url: str | None = None
    """The address that people and Zoom use; one of https:// keeps cookies off plain connections."""
    site_name: str = "Site 1"
    """What pages and exports call the site."""
    site_id: int = 1
    """Tells sites apart whose exports are put together; from 1."""
    timezone: str = "UTC"
    """IANA name, such as Europe/Berlin: local dates and times of pages, reports and exports."""
    apps: tuple[ZoomApp, ...] = ()
    workers: int = 0
    """Worker processes; 0: one for every four cores, or as many as half of the memory holds with the site's models."""
    warm_memory_mb: int | None = None
    """What recognisers that are kept warm may take together, in MB; None: a quarter of the memory; 0: none is kept."""
    recogniser: str = "vosk"
    """`vosk`, or `none`: words come from Zoom's transcript only."""
    vad: Literal["silero", "webrtc"] = "silero"
    """What tells speech from other sounds: WebRTC's detector and Silero together, or WebRTC's alone."""
    models_dir: Path | None = None
    """Folder of installed speech models; none: `models` in `data_dir`."""
    prefer_models: ModelSize = "large"
    """Which of a language's installed models serves, where there are several."""
    allow_test_model: bool = False
    """Let the tiny bundled model serve live calls. Tests and demos only: it invents sentences on real speech."""
    language: languages.LanguageSettings = languages.LanguageSettings()
    transcript: TranscriptSettings = TranscriptSettings()
    media: media_settings.MediaSettings = media_settings.MediaSettings()
    tolerant_links: bool = False
    """Take a media handshake that is never answered for accepted: Zoom's mock server does not answer it."""
    allow_insecure_links: bool = False
    """Accept `ws://` and loopback server URLs: tests and demos only."""
    allowed_hosts: tuple[str, ...] = ("zoom.us", "zoomgov.com")
    """Domains the appliance may open RTMS links to."""
    restart_streams: Literal["off", "on"] = "off"
    """Ask Zoom for a new stream when one ended by a fault while the conversation may go on."""
    webhook_past_s: int = 5400
    """How old a webhook's time stamp may be: Zoom repeats one for 85 minutes, perhaps with its first stamp. Samples take 300."""
    webhook_future_s: int = 300
    """How far ahead of our clock it may be."""
    proxy: Secret | None = None
    """URL of the HTTP proxy for REST calls and for fetching models; it may hold a password. Media links do not use it."""
    meeting_agent: tuple[str, ...] = ("first",)
    """Who is the agent of a meeting: names or ids as Zoom shows them, `host`, `first`; see `deploy/zoom-setup.md`."""
    phone_agent: tuple[str, ...] = ()
    """The same of a phone call, whose events name nobody: names, ids, or `first` (to be heard). Empty: nobody is."""
    customer_key_salt: Secret = Secret("")
    """Salt of customer keys; empty means one is made and kept in `<data_dir>/salt`."""
    cust_speech_on_hold: bool = False
    """Measure how long customers speak while they are on hold. Sensitive, hence off."""
    exports: tuple[schedules.ExportJob, ...] = ()
    phrases: tuple[phrase_lists.PhraseList, ...] = ()
    """What the recogniser prefers to words that it is unsure of, by language."""
    thresholds: tuple[QueueThresholds, ...] = ()
    """Sets of thresholds: the one named `default` is the site's, those with `queues` are theirs, others only to be tried."""
    oidc: oidc_settings.OidcSettings | None = None
    claims: tuple[oidc_settings.ClaimRule, ...] = ()
    """Which claims of people who sign in with the provider are which role and rows here."""
    redaction: redaction_settings.RedactionSettings = redaction_settings.RedactionSettings()
    webhooks: tuple[webhook_settings.WebhookEndpoint, ...] = ()
    """Programs that are told of alerts and calls by signed webhooks."""
    webhook_hosts: tuple[str, ...] = ()
    """Hosts with private addresses to which webhooks may go; receivers on site are named here, metadata addresses never count."""
    policies: tuple[tuple[str, str], ...] = ()
    """Where policies are from (`config/policies.py`); made by the program, no key of a file."""
    min_free_mb: int = 1000
    """Free disk below which `/readyz` answers 503; an hour of a call takes about 230 MB while it is recorded."""
    log_level: str = "info"
    """`debug`, `info`, `warning`, `error` or `critical`."""

    @property
    def site(self) -> Site:
        return Site(site_id=self.site_id, name=self.site_name, timezone=self.timezone)

    @property
    def database_path(self) -> Path:
        return self.data_dir / "cc_voice.duckdb"

    @property
    def inbox_path(self) -> Path:
        return self.data_dir / "inbox.sqlite"

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def installed_models_dir(self) -> Path:
        return self.models_dir or self.data_dir / "models"

    @property
    def spool_dir(self) -> Path:
        return self.data_dir / "spool"

    @property
    def runs_dir(self) -> Path:
        return self.data_dir / "recompute"

    @property
    def sql_dir(self) -> Path:
        return self.data_dir / "sql"

    @property
    def exports_dir(self) -> Path:
        return self.data_dir / "exports"

    @property
    def owner_socket(self) -> Path:
        return self.data_dir / "owner.sock"

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]") or "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])


def _decode_hook(kind: type[Any], value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value)
    # Never the value: a secret written as a number would stand in the message
    raise TypeError(f"{type(value).__name__} instead of text")


def _encode_hook(value: Any) -> Any:
    if isinstance(value, (Path, Secret)):
        return str(value)
    raise TypeError(f"cannot write {type(value).__name__}")


_PLACEHOLDER = "…"
"""What stands in the example configuration where a site's own credentials belong."""
_TABLES = (
    *("apps", "language", "transcript", "media", "exports", "phrases", "thresholds", "oidc", "claims"),
    *("redaction", "webhooks"),
)
"""Keys that only a file can hold, but for one app and one language."""
POLICIES = ("language", "thresholds", "claims", "redaction", "webhooks")
"""Tables that people can change while the service runs, where the configuration does not hold them."""
MADE = "policies"
_KEYS = tuple(key for key in Settings.__struct_fields__ if key != MADE)
_DEFAULTS = Settings()
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_SETTINGS = msgspec.json.Decoder(Settings, dec_hook=_decode_hook)


def dumps(settings: Settings) -> bytes:
    """Return settings as JSON for a worker process of ours. Holds the secrets: never log it."""
    values = msgspec.structs.asdict(settings)
    # What says nothing is left out: read as a file, a table that is there pins its policy
    plain = {key: value for key, value in values.items() if key not in (*POLICIES, MADE) or value != getattr(_DEFAULTS, key)}
    return msgspec.json.encode(plain, enc_hook=_encode_hook)


def loads(data: bytes) -> Settings:
    """Read what `dumps` wrote."""
    return _SETTINGS.decode(data)


def load(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
    *,
    base: tuple[str, Mapping[str, Any]] = ("", {}),
) -> Settings:
    """Read settings from `path` (or `$CC_VOICE_CONFIG`), then the environment, then `overrides` (command-line options).

    `base` goes below all of them, with the name under which its mistakes are told.

    Environment: `CC_VOICE_<KEY>` for every plain key; `CC_VOICE_CLIENT_ID`, `CC_VOICE_CLIENT_SECRET` and
    `CC_VOICE_WEBHOOK_SECRET` together describe one app, the other keys of an app may be added. Raises SettingsError.
    """
    chosen = path or (Path(environ["CC_VOICE_CONFIG"]) if environ.get("CC_VOICE_CONFIG") else None)
    sources: dict[str, Mapping[str, Any]] = {
        base[0]: base[1],
        f"configuration {chosen}": read_file(chosen) if chosen is not None else {},
        "environment": environment.read(environ, [key for key in _KEYS if key not in _TABLES], _TABLES),
        "command line": {key: value for key, value in (overrides or {}).items() if value is not None},
    }
    pinned = {key for name, found in sources.items() if name != base[0] for key in POLICIES if key in found}
    pinned |= {kind for kind, state in base[1].get(MADE, ()) if state == "pinned"}
    values = {key: value for found in sources.values() for key, value in found.items()}
    origins = {key: source for source, found in sources.items() for key in found}
    unknown = sorted(key for key in values if key not in _KEYS and (key != MADE or origins[key] != base[0]))
    if unknown:
        known = ", ".join(_KEYS)
        meant = wording.did_you_mean(unknown[0], Settings.__struct_fields__)
        raise SettingsError(f"{origins[unknown[0]]}: unknown setting {unknown[0]!r}; known are {known}{meant}")
    try:
        values[MADE] = [(kind, "pinned") for kind in POLICIES if kind in pinned]
        settings: Settings = wording.converted(_plain(values), Settings, _decode_hook)
    except wording.WrongValue as error:
        raise SettingsError(f"{origins[str(error.path[0])]}: {error}") from error
    return _checked(settings)


def read_file(path: Path) -> dict[str, Any]:
    """Return what a configuration file says, as it stands there. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
        return _OBJECT.decode(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"cannot read configuration {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"configuration {path} cannot be read: {error}") from error


def _plain(value: Any) -> Any:
    """Reduce override values to what msgspec converts from: dicts, lists, strings, numbers."""
    if isinstance(value, msgspec.Struct):
        return {key: _plain(getattr(value, key)) for key in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, (Path, Secret)) else value


def _checked(settings: Settings) -> Settings:
    """Return settings that can be used, tags in their usual spelling. Raises SettingsError."""
    if settings.recogniser not in ("vosk", "none"):
        raise SettingsError(f"recogniser is {settings.recogniser!r}; choose vosk or none")
    host, _, port = settings.listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"listen is {settings.listen!r}; write HOST:PORT, for example 127.0.0.1:8080")
    _check_proxies(settings.trusted_proxies)
    if settings.workers < 0:
        raise SettingsError(f"workers is {settings.workers}; write 0 for as many as suit the machine, or how many")
    if settings.min_free_mb < 0:
        raise SettingsError(f"min_free_mb is {settings.min_free_mb}; write how many MB, or 0 for no limit")
    if not 0 <= settings.webhook_past_s <= 86_400 or not 0 <= settings.webhook_future_s <= 86_400:
        raise SettingsError("webhook_past_s and webhook_future_s are seconds, from 0 to 86400")
    if settings.warm_memory_mb is not None and settings.warm_memory_mb < 0:
        raise SettingsError(f"warm_memory_mb is {settings.warm_memory_mb}; write how many MB, or 0 to keep no recogniser warm")
    if settings.log_level.upper() not in _LOG_LEVELS:
        raise SettingsError(f"log_level is {settings.log_level!r}; choose {', '.join(_LOG_LEVELS).lower()}")
    if settings.timezone not in zoneinfo.available_timezones() | {"UTC"}:
        raise SettingsError(f"timezone is {settings.timezone!r}, which is no IANA name such as Europe/Berlin")
    try:
        language = languages.checked(settings.language)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    names = [app.name for app in settings.apps]
    if len(set(names)) != len(names):
        raise SettingsError("two apps have the same name; give each [[apps]] entry its own")
    if (
        problem := media_settings.problem(settings.media)
        or phrase_lists.problem(settings.phrases)
        or schedules.problem(settings.exports)
        or thresholds.problem(settings.thresholds)
        or redaction_settings.problem(settings.redaction)
        or oidc_settings.rules_problem(settings.claims)
        or webhook_settings.problem(settings.webhooks)
        or oidc_settings.problem(settings.oidc, settings.public_url)
    ):
        raise SettingsError(problem)
    for app in settings.apps:
        _check_credentials(app)
        _check_control(app, settings.allow_insecure_links)
    if settings.proxy is not None and not (settings.proxy.startswith(("http://", "https://")) and _names_a_host(settings.proxy)):
        raise SettingsError("proxy is no URL that begins with http:// or https://")
    return msgspec.structs.replace(settings, language=language)


def _check_proxies(proxies: Sequence[str]) -> None:
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            raise SettingsError(
                f"trusted_proxies names {proxy!r}, which is no address and no network such as 10.0.0.0/8"
            ) from error


def _check_credentials(app: ZoomApp) -> None:
    """Refuse credentials that nobody filled in: with an empty webhook secret anybody could sign webhooks."""
    for key in ("client_id", "client_secret", "webhook_secret", "account_id", "api_key", "api_secret"):
        value = getattr(app, key)
        if value is not None and value.strip() in ("", _PLACEHOLDER):
            raise SettingsError(f"{key} of app {app.name!r} is not filled in; Zoom's marketplace shows it in the app's settings")


def _check_control(app: ZoomApp, allow_insecure: bool) -> None:
    """Refuse half a pair, and bases to which secrets would go unencrypted."""
    if (app.api_key is None) != (app.api_secret is None):
        raise SettingsError(f"app {app.name!r} has one of api_key and api_secret; it needs both or neither")
    for key, base in (("api_base", app.api_base), ("oauth_base", app.oauth_base)):
        if not (base.startswith("https://") or (allow_insecure and base.startswith("http://"))):
            raise SettingsError(f"{key} of app {app.name!r} does not begin with https://; secrets are sent there")
        if not _names_a_host(base):
            raise SettingsError(f"{key} of app {app.name!r} is {base!r}, which is no URL")


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0  # the port raises where it is none
    except ValueError:
        return False


def bundled(name: str) -> Path:
    """Return the folder of data shipped with the program: `models` or `analytics`.

    An installed wheel carries them in `_data`; a checkout (also an editable install) has them beside the package.
    """
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


def _without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide a `Secret` that was passed to the log by mistake: JSON writes strings by value, not by `repr`."""
    return {key: "…" if isinstance(value, Secret) else value for key, value in event.items()}


def configure_logging(level: str) -> None:
    """Log JSON lines to standard error: one event per line, `call_id` and `stream_id` where known, never what was said."""
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _without_secrets,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=max(threshold, logging.WARNING), format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
