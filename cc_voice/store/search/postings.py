"""The index of search: which words were said in which measured call, and by whom.

One row per word and call (`posting`), written, replaced and deleted in the call's own transaction, so that the index never tells of
a call that is gone. How a text becomes words is `search_words` (migration `one_tokeniser`), whose twin for
live words and queries is `call/tokeniser.py`.

Rows come in the order in which calls were measured: looking a word up reads them all, from the newest calls back, which for ten
million rows costs some 20 ms. `rebuild` sorts whole months by word, and then a word is a few blocks. A full-text engine beside the
database (tantivy) would be a second thing to back up and to delete from, and answers no faster.
"""

from collections.abc import Callable, Sequence

from cc_voice.call.rows import UtteranceRow
from cc_voice.store.database import Connection

PARTIES = {"agent": 1, "customer": 2}
"""Bits of `posting.parties`; everybody else, and who is not known, is `ANYBODY_ELSE`."""
ANYBODY_ELSE = 4

_PARTY = f"(case party when 'agent' then 1 when 'customer' then 2 else {ANYBODY_ELSE} end)::utinyint"

_OF_CALL = f"""
    insert into posting
    select term, $call_no, $date_key, bit_or(party)
    from (
        select unnest(search_words(text)) as term, {_PARTY} as party
        from (select unnest($texts) as text, unnest($parties) as party)
    )
    group by term
    order by term
"""

_OF_MONTH = f"""
    insert into posting
    select term, call_no, date_key, bit_or(party)
    from (
        select unnest(search_words(u.text)) as term, c.call_no, c.date_key, {_PARTY.replace("party when", "u.party when")} as party
        from fact_utterance as u
        join fact_call as c on c.call_no = u.call_no
        where u.date_key between $first and $last
    )
    group by term, call_no, date_key
    order by term, call_no
"""


def next_call_no(con: Connection) -> int:
    """Return the number under which a call is about to be indexed."""
    number: int = con.execute("select nextval('call_no')").fetchall()[0][0]
    return number


def add(con: Connection, call_no: int, date_key: int, said: Sequence[UtteranceRow]) -> None:
    """Index a call; part of its transaction."""
    if said:
        texts, parties = [one.text for one in said], [one.party for one in said]
        con.execute(_OF_CALL, {"call_no": call_no, "date_key": date_key, "texts": texts, "parties": parties})


def remove(con: Connection, call_id: str) -> None:
    """Take a call out of the index; part of the transaction that deletes it, while fact_call still has it."""
    for call_no, date_key in con.execute("select call_no, date_key from fact_call where call_id = ?", [call_id]).fetchall():
        con.execute("delete from posting where date_key = ? and call_no = ?", [date_key, call_no])


def months(con: Connection) -> list[int]:
    """Return the months (yyyymm) that have calls, oldest first."""
    return [row[0] for row in con.execute("select distinct date_key // 100 from fact_call order by 1").fetchall()]


def rebuild(con: Connection, month: int) -> int:
    """Index a month (yyyymm) anew, sorted by word, inside the caller's transaction; return its number of rows."""
    span = {"first": month * 100, "last": month * 100 + 99}
    con.execute("delete from posting where date_key between $first and $last", span)
    rows: int = con.execute(_OF_MONTH, span).fetchall()[0][0]
    return rows


def rebuild_all(write: Callable[[Callable[[Connection], int]], int], found: Sequence[int]) -> int:
    """Index months anew, each in a write of its own, so that calls that end meanwhile wait for one month at most."""
    return sum(write(lambda con, month=month: rebuild(con, month)) for month in found)  # type: ignore[misc]
