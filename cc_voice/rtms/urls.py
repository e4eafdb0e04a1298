"""URLs: which server URL to take, and whether it may be opened (README 2.4, section 4).

Webhooks are signed, but what they and handshake answers name is still checked: a server URL is a request to connect from
inside the operator's network.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from .errors import UrlError

SCHEMES = ("wss://", "ws://")
"""In order of preference."""


class UrlPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What may be opened. `allow_insecure` adds `ws://` and addresses of this machine: for tests and demos only."""

    allowed_hosts: tuple[str, ...]
    """Domains; each allows itself and everything below it."""
    allow_insecure: bool = False

    def check(self, url: str) -> str:
        """Return the URL if it may be opened. Raises UrlError."""
        parts = _split(url)
        if parts.scheme != "wss" and not (parts.scheme == "ws" and self.allow_insecure):
            raise UrlError(f"server URL {_shown(url)} is not wss://; links without TLS need allow_insecure_links, for tests only")
        if parts.username is not None or parts.password is not None or "#" in url:
            raise UrlError(f"server URL {_shown(url)} has user information or a fragment, which Zoom's never have")
        host = (parts.hostname or "").rstrip(".")
        if not host or any(ord(letter) <= 32 or letter == "\\" for letter in url):
            raise UrlError(f"server URL {_shown(url)} names no host")
        if self._is_allowed(host):
            return url
        raise UrlError(f"server URL {_shown(url)} is not on an allowed host; allowed are {', '.join(self.allowed_hosts) or 'none'}")

    def _is_allowed(self, host: str) -> bool:
        if _is_this_machine(host):
            return self.allow_insecure
        labels = host.lower().split(".")
        return any(_ends_with(labels, domain.lower().strip(".").split(".")) for domain in self.allowed_hosts if domain)


def first_url(value: Any) -> str | None:
    """Return the URL that `server_urls` of a webhook offers first: a string, commas in it, a list, or an object (2.4)."""
    match value:
        case str():
            return _preferred(value.split(","))
        case list():
            return _preferred(item for item in value if isinstance(item, str))
        case dict():
            named = [value.get(key) for key in ("signaling", "signal", "all", "audio")]
            return _preferred(item for item in (*named, *value.values()) if isinstance(item, str))
        case _:
            return None


def media_url(offered: Mapping[str, str], names: Sequence[str]) -> str | None:
    """Return the media server's URL for a link: by the first name that is offered, else any (5.2)."""
    found = next((offered[name] for name in names if offered.get(name)), None)
    return found if found is not None else _preferred(offered.values())


def _preferred(urls: Iterable[str]) -> str | None:
    trimmed = [url.strip() for url in urls if url.strip()]
    for scheme in SCHEMES:
        for url in trimmed:
            if url.lower().startswith(scheme):
                return url
    return trimmed[0] if trimmed else None


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is not a number
    except ValueError as error:
        raise UrlError(f"server URL {_shown(url)} cannot be read: {error}") from error
    return parts


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _ends_with(labels: list[str], domain: list[str]) -> bool:
    return labels[-len(domain) :] == domain


def _shown(url: str) -> str:
    """Return the URL as a message may quote it: the query may hold a token, and a hostile one may be long."""
    return repr(url.split("?")[0][:200])
