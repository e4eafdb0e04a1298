"""Webhook rows: what webhooks are about, and what each changes in the store, in the transaction of its caller."""

import time
from typing import Literal

import msgspec

from cc_voice.call import ids
from cc_voice.call.batch import OpenStage, StageReached
from cc_voice.config.redaction_settings import RedactionSettings
from cc_voice.config.settings import Settings, Site
from cc_voice.rtms.client import StreamTarget
from cc_voice.rtms.enums import StopReason
from cc_voice.rtms.errors import WebhookError
from cc_voice.rtms.webhooks import Companion, ConcurrencyNotice, OtherWebhook, SiteNotice, Webhook, parse_webhook
from cc_voice.sessions.call_events import masked_json
from cc_voice.sessions.journal_redaction import masked_alone
from cc_voice.sessions.spec import SessionSpec
from cc_voice.store import batches, streams
from cc_voice.store.database import Connection
from cc_voice.store.streams import CallWebhook, SiteWebhook, StreamRow

_TARGET = msgspec.json.Decoder(StreamTarget)

_TARGET = msgspec.json.Decoder(StreamTarget)


Known = Literal["new", "served", "ended", "old"]
"""What an announcement is about: a new stream; one that goes on; one that we hold ended; nothing that was not known."""


def announced(con: Connection, app: str, target: StreamTarget, now: Settings) -> Known:
    """Record an announcement; a new call is under the policies of `now`.

    One of a known stream says where Zoom serves it now, if it is later than the last.
    """
    is_new = streams.open_stream(
        con,
        stream_id=target.stream_id,
        call_id=ids.call_id(target.product, target.instance_id),
        product=target.product,
        instance_id=target.instance_id,
        app=app,
        target=msgspec.json.encode(target).decode(),
        language=now.language.default,
        policies=now.policies,
        started_unix_ms=target.event_ts_ms or int(time.time() * 1000),
    )
    row = streams.load(con, target.stream_id)
    if is_new or row is None:
        return "new"
    is_later = (target.event_ts_ms or 0) > (_TARGET.decode(row.target).event_ts_ms or 0)
    if row.stage in ("measured", "failed"):
        return "ended" if is_later else "old"
    if is_later:
        streams.move(con, target.stream_id, msgspec.json.encode(target).decode())
    return "old" if row.stage == "revoked" else "served"


def revoke(con: Connection, stream_id: str, site: Site) -> StreamRow | None:
    """Mark a stream as revoked, whichever session has it, and delete its call's rows; None when it is not known."""
    row = streams.load(con, stream_id)
    if row is not None:
        revoked = StageReached(
            call_id=row.call_id,
            stream_id=row.stream_id,
            epoch=row.epoch,
            stage="revoked",
            reason="Zoom revoked the stream: everything received was deleted",
            stop_reason=StopReason.STREAM_REVOKED,
        )
        batches.write_batch(con, revoked, site)
    return row


def kept(webhook_id: str, webhook: Companion, redaction: RedactionSettings) -> CallWebhook:
    """Return an ordinary webhook as the store keeps it with its call."""
    before = webhook.transfer_from_id
    return CallWebhook(
        webhook_id=webhook_id,
        call_id=ids.call_id("contact_center", webhook.engagement_id),
        name=webhook.name,
        at_unix_ms=webhook.event_ts_ms or int(time.time() * 1000),
        transfer_from_call_id=ids.call_id("contact_center", before) if before else None,
        payload=masked_alone(masked_json(webhook.raw), redaction),
    )


def noticed(webhook_id: str, webhook: SiteNotice) -> SiteWebhook:
    """Return a webhook about no call as the store keeps it."""
    return SiteWebhook(
        webhook_id=webhook_id,
        name=webhook.name,
        at_unix_ms=webhook.event_ts_ms or int(time.time() * 1000),
        user_id=webhook.user_id,
        user_name=webhook.user_name,
        queue_id=webhook.queue_id,
        queue_name=webhook.queue_name,
        status=webhook.status,
        payload=masked_json(webhook.raw),
    )


def needs_action(webhook: Webhook) -> bool:
    """Whether anything follows from a webhook; the others are only kept."""
    return not isinstance(webhook, OtherWebhook)


def parsed(body: bytes) -> Webhook | None:
    """Return a webhook of the inbox; None for one that cannot be read, which whoever acts on it tells."""
    try:
        return parse_webhook(body)
    except WebhookError:
        return None


def numbers(notice: ConcurrencyNotice) -> dict[str, int | None]:
    """Return the numbers of a notice, for the log."""
    return {"streams": notice.number, "limit": notice.limit, "percentage": notice.percentage}


def session_spec(row: StreamRow, stage: OpenStage) -> SessionSpec:
    """Return what a session of a stream is given."""
    return SessionSpec(
        call_id=row.call_id,
        stream_id=row.stream_id,
        product=row.product,
        instance_id=row.instance_id,
        app=row.app,
        target=_TARGET.decode(row.target),
        language=row.language,
        epoch=row.epoch,
        stage=stage,
        started_event_ms=row.started_unix_ms,
        resumed=row.epoch > 1,
        policies=row.held_policies,
    )
