"""Repeat calls: who called again (metric dictionary 1.7, `repeat_7d`): known as soon as the next call is measured, written to the
earlier one.

A repeat is a later call of the same customer in the same queue group, or queue where it has none, within seven days of the end.
That is said once, in SQL (`called_again`, migration `repeat_calls`), for reports too. While those days are not over, `false` means
"not yet": reports judge closed windows only. Calls without a customer key have NULL.
"""

from collections.abc import Iterable

from cc_voice.store.database import Connection

_REFRESH = """
    with judged as (
        select
            c.call_id,
            c.repeat_7d,
            called_again(c.customer_key, q.queue_group, q.queue_id, c.call_id, c.start_ts, c.end_ts, 7, false) as repeated
        from fact_call as c
        left join fact_leg as l on l.call_id = c.call_id and l.leg_no = 1
        left join dim_queue as q on q.queue_key = l.queue_key
        where c.customer_key in (select unnest(?))
    )
    update fact_call
    set repeat_7d = judged.repeated, last_update_ts = now()
    from judged
    where judged.call_id = fact_call.call_id and judged.repeated is distinct from judged.repeat_7d
"""


def customers(con: Connection, call_id: str) -> list[str]:
    """Return the customer key of a call, if it has one."""
    rows = con.execute("select customer_key from fact_call where call_id = ? and customer_key is not null", [call_id]).fetchall()
    return [row[0] for row in rows]


def refresh(con: Connection, customer_keys: Iterable[str]) -> None:
    """Judge all calls of some customers again, after one of theirs came, changed or went."""
    keys = sorted(set(customer_keys))
    if keys:
        con.execute(_REFRESH, [keys])
