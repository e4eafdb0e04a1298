"""Zoom's webhooks as structs (README section 2). Parsing is liberal; what is missing and needed raises WebhookError.

Verification is in `signatures.py` and comes first: never parse what nobody signed.
"""

from typing import Any

import msgspec

from . import salvage
from .errors import WebhookError
from .products import Product, ProductName, product_of
from .signatures import url_validation_answer, verify_webhook
from .urls import first_url

__all__ = [
    "Companion",
    "ConcurrencyNotice",
    "Interrupted",
    "OtherWebhook",
    "SiteNotice",
    "StartFailed",
    "Started",
    "Stopped",
    "UrlValidation",
    "Webhook",
    "parse_webhook",
    "url_validation_answer",
    "verify_webhook",
]

# The JSON key of Contact Center's custom fields is not published (2.6): whichever of these comes.
_CUSTOM_FIELDS = ("custom_fields", "customFields", "custom fields")


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """A stream waits for us, or its server failed over (2.7)."""

    product: ProductName
    instance_key: str
    """The key the instance id came under: handshakes send it under the same."""
    instance_id: str
    stream_id: str
    server_urls: str
    """One URL: the first secure one of those offered."""
    event_ts_ms: int | None = None
    operator_id: str | None = None
    account_id: str | None = None
    is_original_host: bool | None = None
    meeting_id: str | None = None
    webinar_id: str | None = None
    session_key: str | None = None
    custom_fields: bytes | None = None
    """JSON, as it came."""


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag="stopped"):
    """A stream ended. `stop_reason` may be missing (Contact Center and Phone do not document it)."""

    product: ProductName
    stream_id: str
    stop_reason: int | None = None
    instance_id: str | None = None
    event_ts_ms: int | None = None
    session_key: str | None = None


class Interrupted(msgspec.Struct, frozen=True, kw_only=True, tag="interrupted"):
    """Zoom lost our signaling link. `server_urls` is undocumented here, and used when it is there."""

    product: ProductName
    stream_id: str
    server_urls: str | None = None
    instance_id: str | None = None
    event_ts_ms: int | None = None


class UrlValidation(msgspec.Struct, frozen=True, kw_only=True, tag="url_validation"):
    """Zoom asks whether the endpoint knows its secret: answer with `url_validation_answer`."""

    plain_token: str


class ConcurrencyNotice(msgspec.Struct, frozen=True, kw_only=True, tag="concurrency"):
    """The account is near its limit of streams, or at it: then a stream did not start."""

    limited: bool
    number: int | None = None
    limit: int | None = None
    percentage: int | None = None
    instance_id: str | None = None
    """The conversation whose stream did not start, where told."""


class StartFailed(msgspec.Struct, frozen=True, kw_only=True, tag="start_failed"):
    """A stream could not start; the payload is not published and kept whole."""

    raw: bytes


class Companion(msgspec.Struct, frozen=True, kw_only=True, tag="companion"):
    """An ordinary webhook of Contact Center about an engagement, which tells what RTMS events do not (2.5).

    Their payloads are published in part only: everything but the engagement may be missing.
    """

    name: str
    """Zoom's, without its prefix: `engagement_ended`."""
    engagement_id: str
    event_ts_ms: int | None = None
    user_id: str | None = None
    user_name: str | None = None
    queue_id: str | None = None
    transfer_from_id: str | None = None
    """The engagement that this one was transferred from."""
    raw: bytes = b""
    """The payload, as JSON; it may hold phone numbers."""


class SiteNotice(msgspec.Struct, frozen=True, kw_only=True, tag="site_notice"):
    """An ordinary webhook of Contact Center about no engagement: a queue's service level, a recording, a user's status (2.5)."""

    name: str
    """Zoom's, without its prefix: `user_status_changed`."""
    event_ts_ms: int | None = None
    user_id: str | None = None
    user_name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    status: str | None = None
    """The status that a user is in now."""
    raw: bytes = b""
    """The payload, as JSON; it may hold phone numbers."""


class OtherWebhook(msgspec.Struct, frozen=True, kw_only=True, tag="other"):
    """Any other event Zoom may send to the endpoint."""

    event: str
    raw: bytes


Webhook = Started | Stopped | Interrupted | UrlValidation | ConcurrencyNotice | StartFailed | Companion | SiteNotice | OtherWebhook
_COMPANIONS = "contact_center."
_OF_ENGAGEMENTS = ("engagement_", "recording_", "queue_")
"""What is about an engagement where it names one."""
_OF_SITES = ("recording_", "queue_", "user_")


def parse_webhook(body: bytes) -> Webhook:
    """Return what a verified webhook says. Raises WebhookError."""
    document = _document(body)
    event = document.get("event") if isinstance(document, dict) else None
    if not isinstance(event, str):
        raise WebhookError("webhook is not an object with an `event`")
    payload = _Payload(event, document)
    match event:
        case "endpoint.url_validation":
            return UrlValidation(plain_token=payload.need("plainToken"))
        case "rtms.concurrency_limited" | "rtms.concurrency_near_limit":
            return _concurrency(event, payload)
        case "rtms.start_failed":
            return StartFailed(raw=body)
        case _:
            if event.startswith(_COMPANIONS) and (told := _ordinary(event.removeprefix(_COMPANIONS), payload)) is not None:
                return told
            known = product_of(event)
            return _stream_webhook(*known, payload, body) if known is not None else OtherWebhook(event=event, raw=body)


def _document(body: bytes) -> Any:
    """Return the body's JSON; a bad byte or half a character in it never costs a call (section 13). Raises WebhookError."""
    try:
        return msgspec.json.decode(salvage.sound(body))
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        found = salvage.document(body)
        if not isinstance(found, dict):
            raise WebhookError(f"webhook is not JSON: {error}") from error
        return found


def _stream_webhook(product: Product, what: str, payload: "_Payload", body: bytes) -> Webhook:
    match what:
        case "started":
            return _started(product, payload)
        case "stopped":
            return Stopped(
                product=product.name,
                stream_id=payload.need("rtms_stream_id"),
                stop_reason=payload.number("stop_reason"),
                instance_id=payload.instance(product)[1],
                event_ts_ms=payload.event_ts_ms,
                session_key=payload.text("session_key"),
            )
        case "interrupted":
            return Interrupted(
                product=product.name,
                stream_id=payload.need("rtms_stream_id"),
                server_urls=first_url(payload.get("server_urls")),
                instance_id=payload.instance(product)[1],
                event_ts_ms=payload.event_ts_ms,
            )
        case _:
            return OtherWebhook(event=payload.event, raw=body)


def _started(product: Product, payload: "_Payload") -> Started:
    key, instance_id = payload.instance(product)
    if instance_id is None:
        raise WebhookError(f"{payload.event} names no conversation: none of {', '.join(product.id_keys)} is in its payload")
    url = first_url(payload.get("server_urls"))
    if url is None:
        raise WebhookError(f"{payload.event} has no server_urls")
    custom = next((value for name in _CUSTOM_FIELDS if (value := payload.get(name)) is not None), None)
    original_host = payload.get("is_original_host")
    return Started(
        product=product.name,
        instance_key=key,
        instance_id=instance_id,
        stream_id=payload.need("rtms_stream_id"),
        server_urls=url,
        event_ts_ms=payload.event_ts_ms,
        operator_id=payload.text("operator_id"),
        account_id=payload.text("account_id"),
        is_original_host=original_host if isinstance(original_host, bool) else None,
        meeting_id=payload.text("meeting_id"),
        webinar_id=payload.text("webinar_id"),
        session_key=payload.text("session_key"),
        custom_fields=msgspec.json.encode(custom) if custom is not None else None,
    )


def _concurrency(event: str, payload: "_Payload") -> ConcurrencyNotice:
    ids = payload.get("id_field")
    instance_id = next((str(value) for value in ids.values()), None) if isinstance(ids, dict) else None
    return ConcurrencyNotice(
        limited=event == "rtms.concurrency_limited",
        number=payload.number("concurrency_number"),
        limit=payload.number("concurrency_limit"),
        percentage=payload.number("percentage"),
        instance_id=instance_id,
    )


def _ordinary(name: str, payload: "_Payload") -> Companion | SiteNotice | None:
    """Return an ordinary webhook of Contact Center; None for one of another kind."""
    engagement_id = payload.text("engagement_id")
    user_id = payload.text("user_id") or payload.text("agent_id")
    user_name = payload.text("user_display_name") or payload.text("user_name") or payload.text("display_name")
    queue_id = payload.text("queue_id") or payload.text("cc_queue_id")
    if name.startswith(_OF_ENGAGEMENTS) and engagement_id is not None:
        return Companion(
            name=name,
            engagement_id=engagement_id,
            event_ts_ms=payload.event_ts_ms,
            user_id=user_id,
            user_name=user_name,
            queue_id=queue_id,
            transfer_from_id=payload.text("transfer_from_id"),
            raw=payload.raw,
        )
    if not name.startswith(_OF_SITES):
        return None
    return SiteNotice(
        name=name,
        event_ts_ms=payload.event_ts_ms,
        user_id=user_id,
        user_name=user_name,
        queue_id=queue_id,
        queue_name=payload.text("queue_name") or payload.text("cc_queue_name"),
        status=payload.text("status_name") or payload.text("user_status") or payload.text("status"),
        raw=payload.raw,
    )


class _Payload:
    """Fields of a webhook, flat or nested in `object`, as the sources disagree (2.4; 12, row 1)."""

    def __init__(self, event: str, document: dict[str, Any]) -> None:
        self.event = event
        outer = document.get("payload")
        self._outer: dict[str, Any] = outer if isinstance(outer, dict) else {}
        inner = self._outer.get("object")
        self._inner: dict[str, Any] = inner if isinstance(inner, dict) else {}
        self.event_ts_ms = _number(document.get("event_ts"))

    @property
    def raw(self) -> bytes:
        """The payload as JSON."""
        return msgspec.json.encode(self._outer)

    def get(self, name: str) -> Any:
        value = self._inner.get(name)
        return self._outer.get(name) if value is None else value

    def text(self, name: str) -> str | None:
        """Return a string; ids may come as numbers (2.6)."""
        value = self.get(name)
        is_id = isinstance(value, (str, int)) and not isinstance(value, bool)
        return str(value) if is_id and value != "" else None

    def number(self, name: str) -> int | None:
        return _number(self.get(name))

    def need(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise WebhookError(f"{self.event} has no {name}")
        return value

    def instance(self, product: Product) -> tuple[str, str | None]:
        """Return the instance id and the key it came under; (own key, None) where there is none."""
        for key in product.id_keys:
            if (value := self.text(key)) is not None:
                return key, value
        return product.id_keys[0], None


def _number(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
