"""Webhook sending: one signed request to one receiver (Standard Webhooks), over a connection to an address that was looked at.

The name is resolved once, every address it has is looked at, and the connection goes to one of those: a name that answers
differently the second time cannot lead to what it did not show. Redirects are not followed, as they would go around that.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import random
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx
import msgspec

TIMEOUT_S = 15.0
DELAYS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
"""After each attempt that failed; then it is given up."""
JITTER = 0.2
GONE = 410
METADATA = ("fd00:ec2::254", "100.100.100.200")
"""Where clouds tell machines their secrets, beside the link-local addresses."""


class SendingResult(msgspec.Struct, frozen=True):
    """What became of a request: the status, or why there is none."""

    status: int | None
    error: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class AddressRefused(Exception):
    """A receiver's address is one to which nothing goes; the message is for the operator."""


def signature(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header that proves who sends: one signature for each key, with a space between."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)


def headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of an attempt; the id is the same for every attempt, the timestamp (Unix seconds) is the attempt's."""
    return {
        "content-type": "application/json",
        "user-agent": "cc-voice",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(keys, message_id, timestamp, body),
    }


def wait_s(attempts: int, chance: float | None = None) -> float | None:
    """Return how long to wait after so many attempts that failed, None: it is given up. `chance` 0 to 1 stands for the dice."""
    if attempts > len(DELAYS_S):
        return None
    spread = random.random() if chance is None else chance
    return DELAYS_S[attempts - 1] * (1 - JITTER + 2 * JITTER * spread)


def check_address(address: str, *, is_named: bool) -> None:
    """Refuse an address that a URL typed in a form must not reach. Raises AddressRefused.

    Public ones are free, private ones where the configuration names the host; link-local ones, where clouds keep their metadata,
    never.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    for each in (found, mapped) if mapped else (found,):
        if each.is_link_local or each.is_multicast or each.is_unspecified or str(each) in METADATA:
            raise AddressRefused(f"{address} is no address that a receiver can have")
        if not each.is_global and not is_named:
            raise AddressRefused(f"{address} is private; name the host in webhook_hosts of cc-voice.toml if webhooks may go there")


async def address_of(host: str, port: int, *, is_named: bool) -> str:
    """Resolve a host once and return the address to connect to. Raises AddressRefused, OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    for address in addresses:
        check_address(address, is_named=is_named)
    if not addresses:
        raise AddressRefused(f"{host} has no address")
    return addresses[0]


async def send(
    client: httpx.AsyncClient,
    url: str,
    keys: Sequence[bytes],
    message_id: str,
    timestamp: int,
    body: bytes,
    named_hosts: Sequence[str],
    *,
    allow_insecure: bool = False,
) -> SendingResult:
    """Send a message once; never raises for what a receiver or the network does."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _send(client, url, headers(keys, message_id, timestamp, body), body, named_hosts, allow_insecure)
    except TimeoutError:
        return SendingResult(None, f"no answer within {TIMEOUT_S:.0f} s")
    except AddressRefused as error:
        return SendingResult(None, str(error))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return SendingResult(None, f"{type(error).__name__}: {error}"[:200])


async def _send(
    client: httpx.AsyncClient,
    url: str,
    signed: dict[str, str],
    body: bytes,
    named_hosts: Sequence[str],
    allow_insecure: bool,
) -> SendingResult:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme != "https" and not allow_insecure:
        raise AddressRefused("webhooks go over https only")
    address = await address_of(host, port, is_named=host.lower() in {each.lower() for each in named_hosts})
    if parts.scheme != "https" and not ipaddress.ip_address(address).is_loopback:
        raise AddressRefused("webhooks go over https only")
    literal = f"[{address}]" if ":" in address else address
    target = httpx.URL(parts._replace(netloc=f"{literal}:{port}", fragment="").geturl())
    named = {"host": parts.netloc.rpartition("@")[2]}
    request = client.build_request("POST", target, headers=signed | named, content=body, extensions={"sni_hostname": host})
    answer = await client.send(request, stream=True, follow_redirects=False)
    await answer.aclose()  # what it says is not read: a receiver could say it without end
    return SendingResult(answer.status_code)


def new_client() -> httpx.AsyncClient:
    """Return what sends: no proxy of the environment, which would connect to an address of its own, and no cookies kept."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False, limits=limits)
