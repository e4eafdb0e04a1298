"""HMACs: signing handshakes (README section 3), verifying webhooks (2.2), answering the URL challenge (2.3)."""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec

SIGNATURE_HEADER = "x-zm-signature"
TIMESTAMP_HEADER = "x-zm-request-timestamp"
PAST_S = 5400
"""How old a webhook's time stamp may be. The last repeat comes after 85 min, perhaps with the first stamp: nobody says (2.2).
A replay within it is harmless where what came is remembered for longer, as it must be."""
FUTURE_S = 300
"""How far it may be ahead of our clock."""


def handshake_signature(client_id: str, client_secret: str, instance_id: str, stream_id: str) -> str:
    """Return the signature both handshakes of a stream carry; constant for the life of the stream."""
    return _hex(client_secret, f"{client_id},{instance_id},{stream_id}".encode())


def webhook_signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `x-zm-signature` for a raw body; `timestamp` as in its header: Unix seconds in decimal."""
    return "v0=" + _hex(secret, b"v0:" + timestamp.encode() + b":" + body)


def verify_webhook(
    body: bytes,
    timestamp: str | None,
    signature: str | None,
    secrets: Sequence[str],
    now_s: float,
    *,
    past_s: float = PAST_S,
    future_s: float = FUTURE_S,
) -> int | None:
    """Return the index of the secret that signed the webhook, or None when it must be refused (401, no detail).

    `timestamp` and `signature` are the header values, None where missing; `body` the bytes exactly as received; `past_s` and
    `future_s` bound the time stamp. Every
    secret is tried in constant time and none is skipped after a match, so that time tells nothing.
    """
    if timestamp is None or signature is None or not _is_recent(timestamp, now_s, past_s, future_s):
        return None
    found: int | None = None
    given = signature.encode(errors="replace")
    for number, secret in enumerate(secrets):
        if secret and hmac.compare_digest(webhook_signature(secret, timestamp, body).encode(), given) and found is None:
            found = number
    return found


def url_validation_answer(secret: str, plain_token: str) -> bytes:
    """Return the JSON body that proves to Zoom that the endpoint knows its secret; `secret` is the one that signed it."""
    return msgspec.json.encode({"plainToken": plain_token, "encryptedToken": _hex(secret, plain_token.encode())})


def _is_recent(timestamp: str, now_s: float, past_s: float, future_s: float) -> bool:
    # Ten digits last until the year 2286; int() alone would take signs, spaces, underscores and other scripts' digits.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return -future_s <= now_s - int(timestamp) <= past_s


def _hex(key: str, text: bytes) -> str:
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
