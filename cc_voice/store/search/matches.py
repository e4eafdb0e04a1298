"""Matches of a search: the calls in which something was said, newest first, with the places where it was said.

The index (`postings.py`) tells which calls may match; only phrases, words near each other, and filters of single utterances are
looked up in the texts of those calls. Time is walked back in windows that grow, until a page is full: what is said every day
costs a week of the index, and what was said once in years costs all of it, which is little, as it was said once.

A page ends with a cursor, not a number of hits: counting what is said every day would read years to tell a number nobody uses.
"""

import datetime
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cc_voice.config import languages
from cc_voice.config.languages import primary
from cc_voice.store.database import Connection, structs
from cc_voice.store.dimensions import LANGUAGE_NAMES
from cc_voice.store.errors import SearchError
from cc_voice.store.search import snippets
from cc_voice.store.search.postings import ANYBODY_ELSE, PARTIES
from cc_voice.store.search.query import Atom, Query, QueryNear, QueryPhrase, QueryWord, parse
from cc_voice.store.search.snippets import Snippet

MAX_LIMIT = 200
FIRST_WINDOW_DAYS = 7
FIRST_TEXT_WINDOW_DAYS = 3
"""Where texts are read a window costs more."""
GROWTH = 4


class SearchFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls and utterances; what is None does not restrict. Names match in any case, days are local and both included."""

    party: str | None = None
    """agent or customer: only what they said counts, for words that must not be said too."""
    since: datetime.date | None = None
    until: datetime.date | None = None
    agent: str | None = None
    queue: str | None = None
    language: str | None = None
    """Tag of the utterance."""
    source: str | None = None
    """local or zoom: whose words."""

    @property
    def of_utterances(self) -> bool:
        return bool(self.language or self.source)


class SearchMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A call in which it was said."""

    call_id: str
    start_ts: datetime.datetime
    duration_ms: int
    product: str
    agent_name: str | None
    queue_name: str | None
    language: str | None
    passages: tuple[Snippet, ...]
    """The first places, in order."""
    more_passages: int


class SearchMatches(msgspec.Struct, frozen=True, kw_only=True):
    """A page: calls, newest first, and the cursor of the next page, None where there is none."""

    hits: tuple[SearchMatch, ...]
    after: str | None


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    call_no: int
    date_key: int
    start_us: int


class _Cursor(msgspec.Struct, frozen=True):
    """The last call of a page."""

    date_key: int
    start_us: int
    call_id: str


class _SqlPart(msgspec.Struct, frozen=True):
    """A part of SQL with its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


def search(con: Connection, query: str, chosen: SearchFilter, *, limit: int = 20, after: str | None = None) -> SearchMatches:
    """Return a page of the calls in which the query was said (its language: `query.py`). Raises SearchError."""
    if not 1 <= limit <= MAX_LIMIT:
        raise SearchError(f"a page has 1 to {MAX_LIMIT} calls")
    chosen = _tagged(chosen)
    cursor = _cursor(after) if after else None
    wanted = parse(query)
    found: list[_Found] = []
    for first, last in _windows(con, wanted, chosen, cursor):
        sql = _window(wanted, chosen, cursor, first, last, limit + 1 - len(found))
        found += structs(con, _Found, sql.sql, sql.params)
        if len(found) > limit:
            break
    if not found:
        _check_names(con, chosen)
    shown = found[:limit]
    return SearchMatches(hits=_hits(con, shown, wanted, chosen), after=_written(shown[-1]) if len(found) > limit else None)


def _check_names(con: Connection, chosen: SearchFilter) -> None:
    """Raise SearchError where nothing can be found, as there is no such agent, queue or language: an empty page would not tell."""
    for what, value, sql in (
        ("agent", chosen.agent, "select distinct display_name from dim_agent where display_name is not null order by 1"),
        ("queue", chosen.queue, "select distinct queue_name from dim_queue where queue_name is not null order by 1"),
        ("language", chosen.language, "select language_code from dim_language order by 1"),
    ):
        known = [row[0] for row in con.execute(sql).fetchall()]
        is_told = value is None or value.lower() in {name.lower() for name in known}
        if value is None or is_told or (what == "language" and primary(value) in LANGUAGE_NAMES):
            continue
        near = difflib.get_close_matches(value, known, n=1)
        listed = f"did you mean {near[0]}?" if near else f"there are {', '.join(known[:_NAMES_SHOWN]) or 'none yet'}"
        more = " …" if not near and len(known) > _NAMES_SHOWN else ""
        raise SearchError(f"there is no {what} {value!r}; {listed}{more}")


def _tagged(chosen: SearchFilter) -> SearchFilter:
    """Return the filter with its language in the usual spelling. Raises SearchError for what is no language."""
    if chosen.language is None:
        return chosen
    try:
        return msgspec.structs.replace(chosen, language=languages.tag(chosen.language))
    except ValueError as error:
        raise SearchError(str(error)) from error


_NAMES_SHOWN = 8


# -- windows of time -------------------------------------------------------------------------------------------------


def _windows(con: Connection, wanted: Query, chosen: SearchFilter, cursor: _Cursor | None) -> Iterator[tuple[int, int]]:
    """Yield spans of date keys that have calls, newest first, each longer than the one before."""
    rows = con.execute("select min(date_key), max(date_key) from fact_call").fetchall()
    if rows[0][0] is None:
        return
    oldest, newest = (_day(key) for key in rows[0])
    first = max(oldest, chosen.since or oldest)
    last = min(newest, chosen.until or newest, _day(cursor.date_key) if cursor else newest)
    days = FIRST_TEXT_WINDOW_DAYS if _reads_texts(wanted, chosen) else FIRST_WINDOW_DAYS
    while last >= first:
        begin = max(first, last - datetime.timedelta(days=days - 1))
        yield _key(begin), _key(last)
        last = begin - datetime.timedelta(days=1)
        days *= GROWTH


def _day(key: int) -> datetime.date:
    return datetime.date(key // 10_000, key // 100 % 100, key % 100)


def _key(day: datetime.date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


# -- one window ------------------------------------------------------------------------------------------------------


def _reads_texts(wanted: Query, chosen: SearchFilter) -> bool:
    """Tell whether the index alone cannot decide."""
    return chosen.of_utterances or any(not _is_word(atom) for atom in (*wanted.atoms, *wanted.never))


def _is_word(atom: Atom) -> bool:
    return isinstance(atom, QueryPhrase) and len(atom.words) == 1


def _window(wanted: Query, chosen: SearchFilter, cursor: _Cursor | None, first: int, last: int, limit: int) -> _SqlPart:
    """Return the question for the newest matching calls of a window."""
    conditions = [_SqlPart("c.date_key between ? and ?", (first, last))]
    if cursor:
        at, value = "make_timestamptz(?)", cursor.start_us
        conditions.append(_SqlPart(f"(c.start_ts < {at} or (c.start_ts = {at} and c.call_id > ?))", (value, value, cursor.call_id)))
    span = (first, last)
    conditions += [_of_leg("dim_agent", "agent_key", "display_name", chosen.agent, span)] if chosen.agent else []
    conditions += [_of_leg("dim_queue", "queue_key", "queue_name", chosen.queue, span)] if chosen.queue else []
    mask = _mask(chosen.party)
    conditions += [_any([_indexed(atom, mask, span) for atom in group]) for group in wanted.groups]
    texts, needles = _SqlPart(""), _SqlPart("")
    if _reads_texts(wanted, chosen):
        needles = _needles(wanted)
        lines = _lines(wanted, chosen, span)
        texts = _SqlPart(f"join ({lines.sql}) as u on u.call_no = c.call_no", lines.params)
    else:
        conditions += [_not(_indexed(atom, mask, span)) for atom in wanted.never]
    where = " and ".join(condition.sql for condition in conditions)
    return _SqlPart(
        f"""
        with candidates as (
            select c.call_id, c.call_no, c.date_key, c.start_ts{needles.sql} from fact_call as c where {where}
        )
        select c.call_id, c.call_no, c.date_key, epoch_us(c.start_ts) as start_us
        from candidates as c
        {texts.sql}
        order by c.start_ts desc, c.call_id
        limit ?
        """,
        (*needles.params, *(value for condition in conditions for value in condition.params), *texts.params, limit),
    )


def _of_leg(table: str, key: str, name: str, value: str, span: tuple[int, int]) -> _SqlPart:
    first, last = span
    return _SqlPart(
        f"""c.call_no in (
            select l.call_no
            from fact_leg as l
            join {table} as d on d.{key} = l.{key}
            where lower(d.{name}) = lower(?) and l.date_key between ? and ?
        )""",
        (value, first, _key(_day(last) + datetime.timedelta(days=1))),  # a leg may begin after midnight
    )


def _mask(party: str | None) -> int:
    return PARTIES[party] if party else sum(PARTIES.values()) + ANYBODY_ELSE


def _indexed(atom: Atom, mask: int, span: tuple[int, int]) -> _SqlPart:
    """Return the condition that all words of an atom were said in a call, by whom it may concern."""
    phrases = (atom.left, atom.right) if isinstance(atom, QueryNear) else (atom,)
    words = dict.fromkeys(word for phrase in phrases for word in phrase.words)
    return _all([_posted(word, mask, span) for word in words])


def _posted(word: QueryWord, mask: int, span: tuple[int, int]) -> _SqlPart:
    # The range skips blocks of a sorted index, which starts_with alone would not; U+10FFFF comes after every letter
    term = "term >= ? and term < ? || chr(1114111) and starts_with(term, ?)" if word.is_prefix else "term = ?"
    params = (word.text,) * 3 if word.is_prefix else (word.text,)
    return _SqlPart(
        f"c.call_no in (select call_no from posting where {term} and date_key between ? and ? and parties & ? <> 0)",
        (*params, *span, mask),
    )


def _all(parts: Sequence[_SqlPart]) -> _SqlPart:
    return _SqlPart(" and ".join(part.sql for part in parts), tuple(value for part in parts for value in part.params))


def _any(parts: Sequence[_SqlPart]) -> _SqlPart:
    if len(parts) == 1:  # no brackets: a plain semi join
        return parts[0]
    return _SqlPart(f"({' or '.join(f'({part.sql})' for part in parts)})", tuple(value for part in parts for value in part.params))


def _not(part: _SqlPart) -> _SqlPart:
    return _SqlPart(f"not ({part.sql})", part.params)


# -- the texts of a window -------------------------------------------------------------------------------------------


def _lines(wanted: Query, chosen: SearchFilter, span: tuple[int, int]) -> _SqlPart:
    """Return the question for the calls whose texts match: every group somewhere, nothing of `never` anywhere."""
    having = [f"bool_or({' or '.join('regexp_matches(said, ?)' for _ in group)})" for group in wanted.groups]
    having += ["not bool_or(regexp_matches(said, ?))" for _ in wanted.never]
    where = utterance_conditions(chosen, span)
    may = " or ".join(f"contains(lower(u.text), k.needle_{number})" for number in range(len((*wanted.atoms, *wanted.never))))
    return _SqlPart(
        f"""
        select call_no
        from (
            select u.call_no, ' ' || array_to_string(search_words(u.text), ' ') || ' ' as said
            from candidates as k
            join fact_utterance as u on u.call_no = k.call_no and (strlen(u.text) <> length(u.text) or {may})
            where {where.sql}
        )
        group by call_no
        having {" and ".join(having)}
        """,
        (*where.params, *(pattern(atom) for atom in (*wanted.atoms, *wanted.never))),
    )


def utterance_conditions(chosen: SearchFilter, span: tuple[int, int]) -> _SqlPart:
    """Return the filters of single utterances `u`."""
    parts = [_SqlPart("u.date_key between ? and ?", span)]
    for column in ("party", "language", "source"):
        if value := getattr(chosen, column):
            parts.append(_SqlPart(f"u.{'language_code' if column == 'language' else column} = ?", (value,)))
    return _all(parts)


def _needles(wanted: Query) -> _SqlPart:
    """Return columns, one for each atom: a word without which no text in plain letters can match.

    Taking a text apart is most of the cost, so it is looked for first. It stands in a column of the candidates, not as a constant,
    so that DuckDB looks into the texts of candidates only and not of everybody.
    """
    firsts = [atom.left if isinstance(atom, QueryNear) else atom for atom in (*wanted.atoms, *wanted.never)]
    longest = tuple(max((word.text for word in phrase.words), key=len) for phrase in firsts)
    return _SqlPart("".join(f", ? as needle_{number}" for number in range(len(longest))), longest)


def pattern(atom: Atom) -> str:
    """Return an atom as a regular expression over words with a space around each; words have nothing that needs escaping."""
    if isinstance(atom, QueryPhrase):
        return f" {_sequence(atom)} "
    left, right, between = _sequence(atom.left), _sequence(atom.right), f"(?: [^ ]+){{0,{atom.within - 1}}}"
    return f" {left}{between} {right} | {right}{between} {left} "


def _sequence(phrase: QueryPhrase) -> str:
    return " ".join(word.text + ("[^ ]*" if word.is_prefix else "") for word in phrase.words)


# -- what is shown ---------------------------------------------------------------------------------------------------

_CALLS = """
    select
        c.call_id,
        c.start_ts,
        epoch_ms(c.end_ts) - epoch_ms(c.start_ts) as duration_ms,
        c.product,
        any_value(a.display_name order by l.leg_no) as agent_name,
        any_value(q.queue_name order by l.leg_no) as queue_name,
        c.primary_language as language
    from fact_call as c
    left join fact_leg as l on l.call_no = c.call_no
    left join dim_agent as a on a.agent_key = l.agent_key
    left join dim_queue as q on q.queue_key = l.queue_key
    where c.date_key between ? and ? and c.call_no in (select unnest(?::bigint[]))
    group by all
"""


def _hits(con: Connection, found: Sequence[_Found], wanted: Query, chosen: SearchFilter) -> tuple[SearchMatch, ...]:
    if not found:
        return ()
    span = (min(one.date_key for one in found), max(one.date_key for one in found))
    numbers = [one.call_no for one in found]
    where = utterance_conditions(chosen, span)
    said = snippets.load(con, where.sql, where.params, numbers, wanted)
    cursor = con.execute(_CALLS, [*span, numbers])
    columns = [column[0] for column in cursor.description]
    calls = {row[0]: dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}
    hits = []
    for one in found:
        places = said.get(one.call_no, ())
        hits.append(
            SearchMatch(**calls[one.call_id], passages=places[: snippets.SHOWN], more_passages=max(0, len(places) - snippets.SHOWN))
        )
    return tuple(hits)


def _written(last: _Found) -> str:
    return f"{last.date_key}.{last.start_us}.{last.call_id}"


def _cursor(text: str) -> _Cursor:
    """Read what `_written` wrote. Raises SearchError."""
    parts = text.split(".")
    try:
        date_key, start_us, call_id = int(parts[0]), int(parts[1]), parts[2]
        _day(date_key)
    except (ValueError, IndexError) as error:
        raise SearchError("this is no place in a list of hits; take `after` from the page before") from error
    if len(parts) > 3 or not call_id.isalnum() or abs(start_us) >= 1 << 60:
        raise SearchError("this is no place in a list of hits; take `after` from the page before")
    return _Cursor(date_key, start_us, call_id)
