"""Webhook payloads: what Zoom sent of webhooks that are kept as rows is forgotten after a while; what was read out of it stays.

Phone numbers in them are masked when they come in, names and whatever else Zoom adds are not.
"""

from cc_voice.store.database import Connection

_NOTHING = "{}"


def forget(con: Connection, before_unix_ms: int) -> int:
    """Empty the payloads of webhooks from before a moment, and return how many those were."""
    forgotten = 0
    for table in ("site_webhook", "call_webhook"):
        found = con.execute(
            f"update {table} set payload = ? where at_ts < make_timestamptz(?::bigint * 1000) and payload::text <> ?",
            [_NOTHING, before_unix_ms, _NOTHING],
        ).fetchall()
        forgotten += int(found[0][0])
    return forgotten
