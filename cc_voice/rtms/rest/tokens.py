"""Access tokens of Zoom's REST API (README 9.1) as values: how to ask for one, what the answer holds, how long it serves.

Two kinds. Server-to-Server OAuth gives a token for an account; the Video SDK has none of that, there a token is a JWT that we sign
ourselves (its claims `iss`, `iat`, `exp` are not in the reference: an inference from Zoom's other keys of this kind).
All times are Unix seconds: the JWT carries them, and one clock for both is one mistake less.
"""

import base64
import hashlib
import hmac
from typing import Any, Literal
from urllib.parse import quote

import msgspec

EARLY_S = 60.0
"""A token is renewed so long before it expires: it must outlive the request it goes with (9.1)."""
LIFE_S = 3600.0
"""How long a JWT of ours lives, and a token whose answer does not say."""
SKEW_S = 30.0
"""How far Zoom's clock may be behind ours."""


class ApiCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the client pair of a Server-to-Server app and its account, or the Video SDK account's API pair."""

    key: str
    secret: str
    account_id: str | None = None

    def __repr__(self) -> str:
        return f"ApiCredentials(key={self.key!r}, secret='…', account_id={self.account_id!r})"


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to be sent below a base URL. `path` is percent-encoded, with its query; `body` is JSON, or empty."""

    method: Literal["PATCH", "POST", "PUT"]
    path: str
    authorization: str
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.path.partition('?')[0]})"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An access token."""

    value: str
    expires_at_s: float

    def serves(self, now_s: float) -> bool:
        """Whether it may still be sent."""
        return now_s < self.expires_at_s - EARLY_S

    def __repr__(self) -> str:
        return f"Token('…', expires_at_s={self.expires_at_s})"


def token_request(credentials: ApiCredentials) -> HttpRequest:
    """Return the request for a Server-to-Server token, to be sent to the OAuth base."""
    pair = base64.b64encode(f"{credentials.key}:{credentials.secret}".encode()).decode()
    account = quote(credentials.account_id or "", safe="")
    path = f"/oauth/token?grant_type=account_credentials&account_id={account}"
    return HttpRequest(method="POST", path=path, authorization=f"Basic {pair}")


def read_token(body: bytes, now_s: float) -> Token | None:
    """Return the token in a successful answer, None when there is none: a proxy's page, say."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    value = answer.get("access_token") if isinstance(answer, dict) else None
    # Visible ASCII only: it goes into a header
    if not isinstance(value, str) or not value or not all("!" <= letter <= "~" for letter in value):
        return None
    return Token(value=value, expires_at_s=now_s + _life_s(answer.get("expires_in")))


def _life_s(value: Any) -> float:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return min(max(0.0, float(value)), 24 * LIFE_S) if is_number else LIFE_S


def sdk_token(credentials: ApiCredentials, now_s: float) -> Token:
    """Return a token for the Video SDK's API: a JWT signed with HS256."""
    issued, expires = int(now_s - SKEW_S), int(now_s + LIFE_S)
    claims = {"iss": credentials.key, "iat": issued, "exp": expires}
    signed = b".".join(_base64url(msgspec.json.encode(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = _base64url(hmac.new(credentials.secret.encode(), signed, hashlib.sha256).digest())
    return Token(value=(signed + b"." + signature).decode(), expires_at_s=float(expires))


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
