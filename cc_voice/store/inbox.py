"""The webhook inbox: verified, durable, each announcement once. Its rows commit alone and before anything is done about them."""

import hashlib
from typing import Literal

import msgspec

from cc_voice.store.database import Connection

WebhookState = Literal["new", "done", "failed"]
"""New is tried again by the next start; failed was tried often enough."""


class InboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that waits for work."""

    webhook_id: str
    app: str
    event: str
    stream_id: str | None
    body: bytes


def webhook_id(app: str, body: bytes) -> str:
    """Return the id of a webhook: equal bytes for one app are one webhook, however often Zoom delivers them."""
    return hashlib.sha256(app.encode() + b"\0" + body).hexdigest()


def insert_webhook(con: Connection, *, app: str, event: str, stream_id: str | None, body: bytes, now_unix_ms: int) -> bool:
    """Store a webhook; False when it is here already."""
    rows = con.execute(
        """
        insert into inbox values (?, make_timestamptz(?::bigint * 1000), ?, ?, ?, ?, 'new', null)
        on conflict do nothing
        returning webhook_id
        """,
        [webhook_id(app, body), now_unix_ms, app, event, stream_id, body],
    ).fetchall()
    return bool(rows)


def pending(con: Connection) -> list[InboxRow]:
    """Return the webhooks that nobody has acted on, oldest first."""
    rows = con.execute(
        """
        select webhook_id, app, event, stream_id, body
        from inbox
        where state = 'new'
        order by received_ts, webhook_id
        """
    ).fetchall()
    return [
        InboxRow(webhook_id=i, app=app, event=event, stream_id=stream, body=bytes(body)) for i, app, event, stream, body in rows
    ]


def mark(con: Connection, webhook_id: str, state: WebhookState, note: str | None = None) -> None:
    """Record what became of a webhook: done, ignored or failed, with a note for the operator."""
    con.execute("update inbox set state = ?, note = coalesce(?, note) where webhook_id = ?", [state, note, webhook_id])
