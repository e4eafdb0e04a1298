"""Security headers: what every answer tells the browser it must not do.

The policy: nothing inline, nothing from elsewhere, nobody may frame us.
"""

from litestar.datastructures import CacheControlHeader, MutableScopeHeaders
from litestar.types import Message, Scope

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
PRIVATE = "private, no-store"
"""What people said must not stay in a browser's or proxy's cache; answers that may be kept say so themselves."""
KEEP_FOR_EVER = CacheControlHeader(max_age=31_536_000, public=True, immutable=True)
"""For static files: their path names their content."""


async def add_headers(message: Message, scope: Scope) -> None:
    """Litestar's `before_send`: it sees every answer, those of failures included."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers[name] = value
        headers.setdefault("cache-control", PRIVATE)
