"""Deletion of a call on somebody's word: rows, words of search, recording, copies. What leaves the appliance follows: the next
export, scheduled or not, no longer has the call, as with calls that Zoom revoked.

Streams that Zoom announced stay known as deleted, so that nothing that arrives late, and no measuring again, brings the call back.
Rows go first, the recording after them: stopped in between, the same again finishes it.
"""

from cc_voice.call.batch import CallMeasured, StageReached
from cc_voice.config.settings import Settings
from cc_voice.media import copies, recordings, spool
from cc_voice.store import alerts, batches, repeat_calls, streams
from cc_voice.store.database import Connection, Database
from cc_voice.store.errors import CallInProgress, StoreError

REASON = "deleted on request: everything received was deleted"


def delete_call(database: Database, settings: Settings, call_id: str) -> bool:
    """Delete everything that is kept of a call; False where there is nothing. Raises CallInProgress, StoreError, OSError."""
    was_stored = database.write_now(lambda con: _delete_rows(con, settings, call_id))
    for batch_id in spool.waiting(settings.spool_dir):
        batch = spool.read(settings.spool_dir, batch_id)
        if isinstance(batch, CallMeasured) and batch.call_id == call_id:
            spool.remove(settings.spool_dir, batch_id)
    try:
        was_recorded = recordings.delete_call(settings.recordings_dir, call_id)
    except ValueError as error:
        raise StoreError(f"{error}; `cc-voice calls list` shows them") from error
    if was_stored or was_recorded:
        copies.forget(settings.sql_dir, settings.runs_dir)
    return was_stored or was_recorded


def _delete_rows(con: Connection, settings: Settings, call_id: str) -> bool:
    of_call = streams.of_call(con, call_id)
    if going := [row.stream_id for row in of_call if row.stage in streams.UNFINISHED]:
        raise CallInProgress(f"call {call_id} is in progress (stream {going[0]}); delete it when it was measured")
    stored = con.execute("select count(*) from fact_call where call_id = ?", [call_id]).fetchall()[0][0]
    known = repeat_calls.customers(con, call_id)
    batches.delete_call(con, call_id)
    con.execute("delete from call_webhook where call_id = ?", [call_id])
    alerts.forget_call(con, call_id)
    repeat_calls.refresh(con, known)
    for row in of_call:
        deleted = StageReached(call_id=call_id, stream_id=row.stream_id, epoch=row.epoch, stage="revoked", reason=REASON)
        batches.write_batch(con, deleted, settings.site)
    return bool(stored) or any(row.failure != REASON for row in of_call)
