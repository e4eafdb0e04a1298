"""The old inbox: webhooks that versions before the SQLite inbox kept in a table of DuckDB, carried over once, at start.

In this order, so that a process that dies in between does it again: read, commit in the new inbox, delete from the old table. Rows
that were worked off go without their bodies: their ids must be known when Zoom delivers once more, phone numbers need not. The
table stays, empty: a migration that dropped it could not see that its rows are safe elsewhere.
"""

import structlog

from cc_voice.store.database import Connection, Database
from cc_voice.store.inbox import Inbox, InboxRow

log = structlog.get_logger()


def carry_over(database: Database, inbox: Inbox) -> int:
    """Move what lies in the old inbox, and return how many webhooks that were. Raises StoreError, sqlite3.Error."""
    rows = database.read_now(_rows)
    if rows:
        inbox.take_over(rows)
        database.write_now(lambda con: con.execute("delete from inbox"))
        waiting = sum(row.state == "new" for row in rows)
        log.info("webhooks carried over from the store into the inbox", webhooks=len(rows), waiting=waiting)
    return len(rows)


def _rows(con: Connection) -> list[InboxRow]:
    found = con.execute(
        """
        select
            webhook_id,
            epoch_ms(received_ts),
            app,
            event,
            stream_id,
            case when state = 'new' then body else ''::blob end,
            case when state in ('new', 'failed') then state else 'done' end,
            note
        from inbox
        order by received_ts, webhook_id
        """
    ).fetchall()
    return [
        InboxRow(
            webhook_id=row_id,
            received_unix_ms=at_ms,
            app=app,
            event=event,
            stream_id=stream_id,
            body=bytes(body),
            state=state,
            note=note,
        )
        for row_id, at_ms, app, event, stream_id, body, state, note in found
    ]
