"""Webhook settings: which other programs are told of alerts and calls, of which events, when not, and how it is signed."""

import base64
import binascii
import datetime
import fnmatch
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from cc_voice.config.secret import Secret

PREFIX = "whsec_"
LEAST_KEY_BYTES = 24
MOST_KEYS = 2
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]*")
_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver of signed webhooks (Standard Webhooks)."""

    url: str
    """Where it listens; https. A private address only where `webhook_hosts` of cc-voice.toml names the host."""
    name: str | None = None
    """What it is called here; without one its host and a short hash of the URL."""
    secret: Secret = Secret("")
    """Signs (`whsec_…`); two with a space between while one takes over from the other. In cc-voice.toml only."""
    secret_file: str | None = None
    """File with the secret, readable by the service only: the way for policies, whose texts are kept and shown."""
    events: tuple[str, ...] = ("alert.*",)
    """Types of events, `*` stands for any."""
    queues: tuple[str, ...] = ()
    """Only events of calls in these queues, by id or name; none: all."""
    quiet: tuple[str, ...] = ()
    """Hours of the site without alerts, such as `22:00-07:00`."""
    include_text: bool = False
    """Send words too, redacted; else ids, reason and numbers alone."""

    @property
    def key(self) -> str:
        """What tells it from others. The path of a URL may be a secret itself."""
        return self.name or f"{urlsplit(self.url).hostname}#{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"

    def wants(self, kind: str, queue: tuple[str | None, str | None]) -> bool:
        """Whether an event of a queue goes there; one that is of no queue goes to all."""
        if not any(fnmatch.fnmatchcase(kind, each) for each in self.events):
            return False
        named = {*queue} - {None}
        return not self.queues or not named or bool(named.intersection(self.queues))

    def is_quiet(self, local: datetime.datetime) -> bool:
        """Whether a moment, as the site's clocks show it, lies in quiet hours."""
        minute = local.hour * 60 + local.minute
        return any(_within(minute, each) for each in self.quiet)


def _within(minute: int, span: str) -> bool:
    found = _QUIET.fullmatch(span)
    if found is None:
        return False
    first_hour, first_minute, last_hour, last_minute = (int(each) for each in found.groups())
    start, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    return start <= minute < end if start < end else minute >= start or minute < end


def keys(secret: str) -> tuple[bytes, ...]:
    """Return the keys of a secret, or of two, the first of which is the newer. Raises ValueError without the secret in it."""
    found = []
    for each in secret.split():
        try:
            key = base64.b64decode(each.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise ValueError("a secret of webhooks is whsec_ and base64") from error
        if not each.startswith(PREFIX) or len(key) < LEAST_KEY_BYTES:
            raise ValueError(f"a secret of webhooks is whsec_ and base64 of {LEAST_KEY_BYTES} random bytes or more")
        found.append(key)
    if not 1 <= len(found) <= MOST_KEYS:
        raise ValueError("webhooks are signed with one secret, or two while one takes over from the other")
    return tuple(found)


def keys_of(endpoint: WebhookEndpoint) -> tuple[bytes, ...]:
    """Return what signs for a receiver. Reads its file. Raises ValueError, OSError."""
    return keys(Path(endpoint.secret_file).read_text(encoding="ascii") if endpoint.secret_file else str(endpoint.secret))


def hidden(text: str) -> str:
    """Return a text without secrets of webhooks that somebody wrote into it."""
    return _SECRET.sub("whsec_…", text)


def without_secrets(endpoints: Sequence[WebhookEndpoint]) -> tuple[WebhookEndpoint, ...]:
    """Return receivers as they may be shown and kept."""
    return tuple(msgspec.structs.replace(each, secret=Secret("")) for each in endpoints)


def problem(endpoints: Sequence[WebhookEndpoint]) -> str | None:
    """Return why receivers cannot be used, None where they can. No file is read."""
    names = [each.key for each in endpoints]
    if twice := next((name for name in names if names.count(name) > 1), None):
        return f"two webhooks have the name or URL {twice!r}"
    found = ((each.key, _problem(each)) for each in endpoints)
    return next((f"webhook {name!r}: {told}" for name, told in found if told), None)


def _problem(endpoint: WebhookEndpoint) -> str | None:
    try:
        parts = urlsplit(endpoint.url)
        port = parts.port
    except ValueError:
        return "url is no URL"
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        return "url does not begin with https:// and a host"
    if parts.username or parts.password:
        return "url holds a name or password; the signature says who sends"
    if bool(endpoint.secret) == bool(endpoint.secret_file):
        return "name one of secret_file and secret; without one nobody could tell our webhooks from others'"
    if endpoint.secret:
        try:
            keys(endpoint.secret)
        except ValueError as error:
            return str(error)
    if not endpoint.events:
        return "events is empty"
    if odd := next((each for each in endpoint.events if not any(fnmatch.fnmatchcase(kind, each) for kind in KINDS)), None):
        return f"there is no event {odd!r}; there are {', '.join(KINDS)}"
    if odd := next((each for each in endpoint.quiet if not _QUIET.fullmatch(each) or each[6:] > "24:00"), None):
        return f"quiet hours are {odd!r}; write them as 22:00-07:00"
    return None


KINDS = (
    "alert.raised",
    "alert.closed",
    "call.measured",
    "evaluation.submitted",
    "evaluation.disputed",
    "redaction.failed",
    "rule.published",
)
"""Events that can be asked for. `alerts.quiet`, the summary after quiet hours, goes to whoever gets alerts."""
