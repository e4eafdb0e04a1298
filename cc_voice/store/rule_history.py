"""Rule history: the stored legs of a day as rules look at them, read with a handful of questions.

SQL chooses what is read, and nothing else: measured, one regular expression in Python behind an index of words is quicker than the
same as columns of SQL, and there is one matcher for live words and history.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.utterances import Word
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.quality.rules.compilation import RuleSet
from cc_voice.quality.rules.leg_record import LegLine, LegRecord, TypedInterval, moments
from cc_voice.quality.rules.rule import IntervalCondition, MetricCondition
from cc_voice.store.database import Connection
from cc_voice.store.dimensions import threshold_set


class HistoryChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls of the store; all unless said. Days are local dates of the site, inclusive."""

    since: date | None = None
    until: date | None = None
    queue: str | None = None
    """Id or name."""
    calls: int | None = None
    """The newest so many."""


class HistoryLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A stored leg, and what says which one it is."""

    record: LegRecord
    call_no: int
    leg_no: int
    date_key: int
    start_ts: datetime
    """Of its call."""
    agent: str | None
    queue: str | None
    language: str | None


class HistoryNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of rules reads of a leg beside its words."""

    metrics: tuple[str, ...]
    intervals: tuple[str, ...]
    unused: bool
    """The other recogniser's words, too: of rules that may miss."""


_ALWAYS = (
    *("mixed_audio", "transferred_out", "hold_count", "word_disagreement_pct", "word_disagreement_pct_agent"),
    *("word_disagreement_pct_customer", "word_count_agent", "word_count_customer", "talk_ms_agent", "talk_ms_customer"),
)


def needs_of(rules: RuleSet) -> HistoryNeeds:
    """Return what a set of rules reads."""
    conditions = [condition for each in rules.rules for condition in each.rule.conditions]
    kinds = {each.interval for each in conditions if isinstance(each, IntervalCondition)}
    behind = {name for name, metric in METRICS.items() if metric.evidence is not None and metric.evidence.kind in kinds}
    named = {each.metric for each in conditions if isinstance(each, MetricCondition)}
    return HistoryNeeds(
        metrics=tuple(sorted({*_ALWAYS, *behind, *named})),
        intervals=tuple(sorted({"hold", "excluded", "conference", *kinds})),
        unused=any(each.rule.kind == "step" or len(each.rule.conditions) > 1 for each in rules.rules),
    )


def days(con: Connection, choice: HistoryChoice) -> list[int]:
    """Return the days (yyyymmdd) that have calls, newest first."""
    rows = con.execute(
        """
        select c.date_key, count(*)
        from fact_call as c
        join dim_date as d on d.date_key = c.date_key
        where d.local_date >= coalesce(?::date, d.local_date) and d.local_date <= coalesce(?::date, d.local_date)
        group by c.date_key
        order by c.date_key desc
        """,
        [choice.since, choice.until],
    ).fetchall()
    found: list[int] = []
    calls = 0
    for key, count in rows:
        if choice.calls is not None and calls >= choice.calls:
            break
        found.append(key)
        calls += count
    return found


class _LegRow(msgspec.Struct, frozen=True, kw_only=True):
    leg_id: str
    call_id: str
    call_no: int
    leg_no: int
    date_key: int
    start_ms: int
    end_ms: int
    call_start_ts: datetime
    ended_by: str | None
    is_last: bool
    threshold_set_id: int | None
    agent_name: str | None
    queue_id: str | None
    queue_name: str | None
    primary_language: str | None


_LEG_COLUMNS = """
    l.leg_id, l.call_id, l.call_no, l.leg_no, l.date_key, l.start_ms, l.end_ms, c.start_ts as call_start_ts, c.ended_by,
    l.leg_no = c.leg_count as is_last, l.threshold_set_id, a.display_name as agent_name, q.queue_id, q.queue_name,
    c.primary_language
"""


def read_day(con: Connection, day: int, choice: HistoryChoice, needs: HistoryNeeds) -> list[HistoryLeg]:
    """Return the legs of the calls of a day, without the words one by one: those of lines with a match are asked for (`words`)."""
    columns = list(_LegRow.__struct_fields__)
    cursor = con.execute(
        f"""
        select {_LEG_COLUMNS}, {", ".join(f"l.{name}" for name in needs.metrics)}
        from fact_leg as l
        join fact_call as c on c.call_no = l.call_no
        left join dim_agent as a on a.agent_key = l.agent_key
        left join dim_queue as q on q.queue_key = l.queue_key
        where c.date_key = $day
            and ($queue::text is null or q.queue_id = $queue or q.queue_name = $queue)
            and (
                $calls::bigint is null
                or c.call_no in (select call_no from fact_call order by start_ts desc, call_no desc limit coalesce($calls, 0))
            )
        order by l.call_no, l.leg_no
        """,
        {"day": day, "queue": choice.queue, "calls": choice.calls},
    )
    rows = cursor.fetchall()
    if not rows:
        return []
    legs = [_LegRow(**dict(zip(columns, row, strict=False))) for row in rows]
    metrics = [dict(zip(needs.metrics, row[len(columns) :], strict=True)) for row in rows]
    dates = sorted({leg.date_key for leg in legs})
    reasons, intervals = _reasons(con, dates, needs), _intervals(con, dates, needs)
    lines = _lines(con, "fact_utterance", day)
    unused = _lines(con, "fact_unused_utterance", day) if needs.unused else {}
    low_conf = {key: threshold_set(name, params, key).low_conf for key, name, params in _thresholds(con)}
    return [
        _history_leg(
            leg,
            LegRecord(
                leg_id=leg.leg_id,
                call_id=leg.call_id,
                start_ms=leg.start_ms,
                end_ms=leg.end_ms,
                heard_ms=leg.end_ms,
                queues=tuple(each for each in (leg.queue_id, leg.queue_name) if each),
                lines=tuple(lines.get(leg.leg_id, ())),
                unused=tuple(unused.get(leg.leg_id, ())),
                metrics=values,
                reasons=reasons.get(leg.leg_id, {}),
                intervals=(own := tuple(intervals.get(leg.leg_id, ()))),
                moments=moments(
                    leg.start_ms,
                    leg.end_ms,
                    own,
                    transferred_out=bool(values["transferred_out"]),
                    transferred_in=leg.leg_no > 1,
                    hung_up=leg.ended_by == "customer" and leg.is_last,
                ),
                low_conf=low_conf.get(leg.threshold_set_id, ThresholdSet().low_conf),
            ),
        )
        for leg, values in zip(legs, metrics, strict=True)
    ]


def _history_leg(leg: _LegRow, record: LegRecord) -> HistoryLeg:
    return HistoryLeg(
        record=record,
        call_no=leg.call_no,
        leg_no=leg.leg_no,
        date_key=leg.date_key,
        start_ts=leg.call_start_ts,
        agent=leg.agent_name,
        queue=leg.queue_name or leg.queue_id,
        language=leg.primary_language,
    )


def _thresholds(con: Connection) -> list[tuple[Any, ...]]:
    return con.execute("select threshold_set_id, name, params from dim_threshold_set").fetchall()


def _reasons(con: Connection, dates: Sequence[int], needs: HistoryNeeds) -> Mapping[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    sql = (
        "select leg_id, metric, reason from fact_null_reason where date_key in (select unnest(?)) and metric in (select unnest(?))"
    )
    for leg_id, metric, reason in con.execute(sql, [dates, list(needs.metrics)]).fetchall():
        found[leg_id][metric] = reason
    return found


def _intervals(con: Connection, dates: Sequence[int], needs: HistoryNeeds) -> Mapping[str, list[TypedInterval]]:
    found: dict[str, list[TypedInterval]] = defaultdict(list)
    sql = """
        select leg_id, kind, start_ms, end_ms, subkind, party
        from fact_interval
        where date_key in (select unnest(?)) and kind in (select unnest(?))
        order by start_ms, end_ms
    """
    for leg_id, kind, start_ms, end_ms, subkind, party in con.execute(sql, [dates, list(needs.intervals)]).fetchall():
        found[leg_id].append(TypedInterval(kind=kind, start_ms=start_ms, end_ms=end_ms, subkind=subkind, party=party))
    return found


def _lines(con: Connection, table: str, day: int) -> Mapping[str, list[LegLine]]:
    """Return the lines of each leg. A site's year has thirty million: they are made of whole rows."""
    found: dict[str, list[LegLine]] = defaultdict(list)
    sql = f"""
        select
            leg_id,
            utterance_id,
            channel_id,
            party,
            source,
            start_ms,
            end_ms,
            lower(split_part(language_code, '-', 1)) as language,
            text,
            coalesce(on_hold, false) as on_hold,
            coalesce(word_count, 0) as word_count,
            asr_conf
        from {table}
        where date_key = ? and leg_id is not null
        order by start_ms, channel_id, source
    """
    for leg_id, *line in con.execute(sql, [day]).fetchall():
        found[leg_id].append(LegLine(*line))
    return found


def words(con: Connection, day: int, utterance_ids: Iterable[str]) -> dict[str, tuple[Word, ...]]:
    """Return the words of some lines of a day's calls."""
    found: dict[str, list[Word]] = defaultdict(list)
    ids = list(utterance_ids)
    for table in ("fact_word", "fact_unused_word") if ids else ():
        sql = f"""
            select utterance_id, word, start_ms, end_ms, conf
            from {table}
            where date_key = ? and utterance_id in (select unnest(?))
            order by utterance_id, word_seq
        """
        for key, word, start_ms, end_ms, conf in con.execute(sql, [day, ids]).fetchall():
            found[key].append(Word(word, start_ms, end_ms, conf))
    return {key: tuple(of_line) for key, of_line in found.items()}


def with_words(leg: HistoryLeg, known: Mapping[str, tuple[Word, ...]]) -> HistoryLeg:
    """Return a leg whose lines have the words that are known of them."""
    if not any(line.utterance_id in known for line in (*leg.record.lines, *leg.record.unused)):
        return leg
    record = msgspec.structs.replace(
        leg.record, lines=_with_words(leg.record.lines, known), unused=_with_words(leg.record.unused, known)
    )
    return msgspec.structs.replace(leg, record=record)


def _with_words(lines: Sequence[LegLine], known: Mapping[str, tuple[Word, ...]]) -> tuple[LegLine, ...]:
    return tuple(
        msgspec.structs.replace(line, words=known[line.utterance_id]) if line.utterance_id in known else line for line in lines
    )


def vocabulary(con: Connection) -> dict[str, list[str]]:
    """Return the words of the site, by the primary subtag of the calls' language."""
    found: dict[str, list[str]] = defaultdict(list)
    sql = """
        select distinct coalesce(split_part(c.primary_language, '-', 1), '') as language, p.term
        from posting as p
        join fact_call as c on c.call_no = p.call_no
        order by all
    """
    for language, term in con.execute(sql).fetchall():
        found[language].append(term)
    return dict(found)


def texts(con: Connection, utterance_ids: Iterable[str]) -> dict[str, str]:
    """Return the texts of some lines of measured calls."""
    sql = "select utterance_id, text from fact_utterance where utterance_id in (select unnest(?))"
    return dict(con.execute(sql, [list(utterance_ids)]).fetchall())
