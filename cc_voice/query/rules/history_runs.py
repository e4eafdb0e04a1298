"""Runs of rules over history: what a set finds in stored calls, kept month by month until somebody has looked at it.

    <data>/recompute/NAME/rules.json             what was asked for, and the set it was asked of
                          rules-YYYYMM.bin       a month's rows, packed
                          rules-YYYYMM.written   the store has them

A run that was killed goes on with the first month that is missing; a month is written in one transaction, which may be repeated.
"""

import re
import shutil
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.call.rows import RuleVersion
from cc_voice.media.files import write_atomically
from cc_voice.quality.rules.compilation import RuleSet
from cc_voice.quality.rules.rule_rows import version_of
from cc_voice.query.rules.history import Asked, LegOutcome, days_of, outcomes
from cc_voice.store import rule_rows
from cc_voice.store.database import Connection, Database
from cc_voice.store.rule_history import HistoryChoice
from cc_voice.store.rule_rows import StoredPlace

CODE_VERSION = "1"
"""Changes when the same rules find something else in the same words."""


class HistoryRunError(Exception):
    """A run cannot be used; the message is for the operator."""


class HistoryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: a run is only gone on with when the same is asked again."""

    choice: HistoryChoice
    rule_set: str
    versions: tuple[RuleVersion, ...]
    code_version: str = CODE_VERSION


class HistoryMonth(msgspec.Struct, frozen=True, kw_only=True):
    """A month's rows."""

    month: int
    """yyyymm"""
    days: tuple[int, ...]
    started_ms: int
    finished_ms: int
    legs: tuple[LegOutcome, ...]


class RuleCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run changes of one rule."""

    rule_id: str
    version: int
    hits_before: int = 0
    hits_after: int = 0
    hits_new: int = 0
    hits_gone: int = 0
    steps_changed: int = 0
    """Legs of which a step's state is another one."""


class HistorySummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found."""

    run: str
    months: tuple[int, ...]
    legs: int
    rules: tuple[RuleCounts, ...]
    written: int | None = None
    """Calls written; None: nothing was."""
    superseded: int = 0
    """Calls that were deleted, or measured anew meanwhile, and left as they are."""


class StoredRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the store has of some rules in some days: keys of hits, and states of steps by leg."""

    hits: dict[str, list[str]]
    states: dict[str, dict[str, int]]


class MonthWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a month's calls."""

    written: int
    superseded: int


_PLAN = msgspec.json.Decoder(HistoryPlan)
_MONTH = msgspec.msgpack.Decoder(HistoryMonth)
_STORED = msgspec.msgpack.Decoder(StoredRules)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


class HistoryRun:
    """One run's folder."""

    def __init__(self, runs_dir: Path, name: str) -> None:
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise HistoryRunError(f"{name!r} is no name of a run: letters, digits, `-`, `_` and `.`")
        self.name = name
        self._folder = runs_dir / name

    def begin(self, plan: HistoryPlan) -> None:
        """Begin the run, or go on with it. Raises HistoryRunError when it was begun for something else, OSError."""
        path = self._folder / "rules.json"
        data = msgspec.json.encode(plan)
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(path, data)
        if path.read_bytes() != data:
            raise HistoryRunError(
                f"the run {self.name!r} was begun for something else, or with other rules; name a new one with --run, "
                f"or `cc-voice recompute --discard {self.name}`"
            )

    def plan(self) -> HistoryPlan:
        """Return what was asked for. Raises HistoryRunError."""
        try:
            return _PLAN.decode((self._folder / "rules.json").read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise HistoryRunError(f"there is no run {self.name!r} of rules") from error

    def has(self, month: int) -> bool:
        return self._file(month).is_file()

    def keep(self, month: HistoryMonth) -> None:
        write_atomically(self._file(month.month), zlib.compress(msgspec.msgpack.encode(month), level=1))

    def month(self, month: int) -> HistoryMonth:
        """Return a month's rows. Raises HistoryRunError."""
        try:
            return _MONTH.decode(zlib.decompress(self._file(month).read_bytes()))
        except (OSError, zlib.error, msgspec.DecodeError) as error:
            raise HistoryRunError(f"the run {self.name!r} has no month {month}: {error}") from error

    def is_written(self, month: int) -> bool:
        return self._file(month).with_suffix(".written").is_file()

    def note_written(self, month: int) -> None:
        write_atomically(self._file(month).with_suffix(".written"), b"")

    def discard(self) -> None:
        """Delete the run. Raises HistoryRunError when there is none."""
        self.plan()
        shutil.rmtree(self._folder)

    def _file(self, month: int) -> Path:
        return self._folder / f"rules-{month}.bin"


def names(runs_dir: Path) -> list[str]:
    """Return the names of the runs that are kept."""
    return sorted(path.parent.name for path in runs_dir.glob("*/rules.json"))


def run(
    asked: Asked,
    runs_dir: Path,
    name: str,
    rules: RuleSet,
    choice: HistoryChoice,
    *,
    processes: int,
    told: Callable[[int, int], None],
) -> tuple[HistoryRun, HistorySummary]:
    """Evaluate a set over stored calls, month by month, newest first, and compare with what is stored. Writes nothing to the store.

    `told` gets each month that is done, and its legs. Raises HistoryRunError, OSError, what `asked` raises.
    """
    kept = HistoryRun(runs_dir, name)
    versions = tuple(version_of(each.rule) for each in rules.rules)
    kept.begin(HistoryPlan(choice=choice, rule_set=rules.sha, versions=versions))
    counts = {one.rule_id: RuleCounts(rule_id=one.rule_id, version=one.version) for one in versions}
    months: list[int] = []
    total = 0
    for month, days in _months(days_of(asked, choice)):
        if not kept.has(month):
            started_ms = time.time_ns() // 1_000_000
            legs = [leg for _, of_day in outcomes(asked, rules, choice, days=days, processes=processes) for leg in of_day]
            finished_ms = time.time_ns() // 1_000_000
            kept.keep(HistoryMonth(month=month, days=tuple(days), started_ms=started_ms, finished_ms=finished_ms, legs=tuple(legs)))
        result = kept.month(month)
        months.append(month)
        total += len(result.legs)
        _compare(asked, result, counts)
        told(month, len(result.legs))
    return kept, HistorySummary(run=name, months=tuple(months), legs=total, rules=tuple(counts.values()))


def _months(days: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    for month, of_month in groupby(days, key=lambda day: day // 100):
        yield month, list(of_month)


def _compare(asked: Asked, result: HistoryMonth, counts: dict[str, RuleCounts]) -> None:
    arguments = {"first": min(result.days), "last": max(result.days), "rule_ids": list(counts)}
    answer = asked("rules.stored", arguments)
    before = _STORED.decode(as_bytes(answer))
    after: dict[str, set[str]] = defaultdict(set)
    for leg in result.legs:
        for hit in leg.hits:
            after[hit.rule_id].add(hit.hit_key)
    states: dict[str, dict[str, int]] = defaultdict(dict)
    for leg in result.legs:
        for row in leg.states:
            states[row.rule_id][row.leg_id] = row.state
    for rule_id, own in counts.items():
        old, new = set(before.hits.get(rule_id, ())), after[rule_id]
        known = before.states.get(rule_id, {})
        counts[rule_id] = msgspec.structs.replace(
            own,
            hits_before=own.hits_before + len(old),
            hits_after=own.hits_after + len(new),
            hits_new=own.hits_new + len(new - old),
            hits_gone=own.hits_gone + len(old - new),
            steps_changed=own.steps_changed + sum(known.get(leg) != state for leg, state in states[rule_id].items()),
        )


def as_bytes(answer: Any) -> bytes:
    """Bytes come through the service's socket as text."""
    return answer if isinstance(answer, bytes) else msgspec.convert(answer, bytes)


def publish(asked: Asked, kept: HistoryRun, summary: HistorySummary) -> HistorySummary:
    """Have the store take a run, month by month; what it has taken is not written again. Raises what `asked` raises."""
    written, superseded = 0, 0
    for month in summary.months:
        if not kept.is_written(month):
            answer = msgspec.convert(asked("rules.write_month", {"run": kept.name, "month": month}), MonthWritten)
            written, superseded = written + answer.written, superseded + answer.superseded
    return msgspec.structs.replace(summary, written=written, superseded=superseded)


# -- at whoever holds the store --------------------------------------------------------------------------------------


def stored(con: Connection, first: int, last: int, rule_ids: Sequence[str]) -> StoredRules:
    """Return what the store has of some rules between two days."""
    hits: dict[str, list[str]] = defaultdict(list)
    for rule_id, key in con.execute(
        """
        select c.category_id, h.hit_key
        from fact_category_hit as h
        join dim_category as c on c.category_key = h.category_key
        where h.date_key between ? and ? and not h.is_live and c.category_id in (select unnest(?))
        """,
        [first, last, list(rule_ids)],
    ).fetchall():
        hits[rule_id].append(key)
    states: dict[str, dict[str, int]] = defaultdict(dict)
    for rule_id, leg_id, state in con.execute(
        """
        select c.category_id, s.leg_id, s.state
        from fact_rule_state as s
        join dim_category as c on c.category_key = s.category_key
        where s.date_key between ? and ? and c.category_id in (select unnest(?))
        """,
        [first, last, list(rule_ids)],
    ).fetchall():
        states[rule_id][leg_id] = state
    return StoredRules(hits=dict(hits), states=dict(states))


def write_month(database: Database, runs_dir: Path, name: str, month: int) -> MonthWritten:
    """Replace what the store has of a run's rules in the calls of a month, in one transaction. Raises HistoryRunError, OSError."""
    kept = HistoryRun(runs_dir, name)
    plan, result = kept.plan(), kept.month(month)
    done = database.write_now(lambda con: _write_month(con, plan, result))
    kept.note_written(month)
    return done


def _write_month(con: Connection, plan: HistoryPlan, result: HistoryMonth) -> MonthWritten:
    by_call: dict[int, list[LegOutcome]] = defaultdict(list)
    for leg in result.legs:
        by_call[leg.call_no].append(leg)
    there = {
        number
        for (number,) in con.execute(
            "select call_no from fact_call where call_no in (select unnest(?))", [list(by_call)]
        ).fetchall()
    }
    taken = {number: legs for number, legs in by_call.items() if number in there}
    keys = rule_rows.keys_of(con, plan.versions)
    _remove(con, plan, result, list(taken))
    run_id = int(con.execute("select nextval('run_id')").fetchall()[0][0])
    places = [
        (StoredPlace(legs[0].call_id, number, {leg.leg_id: leg.date_key for leg in legs}), legs) for number, legs in taken.items()
    ]
    hits = [(place, [hit for leg in legs for hit in leg.hits]) for place, legs in places]
    states = [(place, [row for leg in legs for row in leg.states]) for place, legs in places]
    rule_rows.insert_hits(con, hits, keys, plan.rule_set, run_id)
    rule_rows.insert_states(con, states, keys, plan.rule_set, run_id)
    # What was copied or exported of these calls is of before
    con.execute("update fact_call set last_update_ts = now() where call_no in (select unnest(?))", [list(taken)])
    for rule_id, key in keys.items():
        _note_run(con, run_id, key, rule_id, result, plan)
    return MonthWritten(written=len(taken), superseded=len(by_call) - len(taken))


def _remove(con: Connection, plan: HistoryPlan, result: HistoryMonth, numbers: list[int]) -> None:
    rule_ids = [one.rule_id for one in plan.versions]
    of_rules = "category_key in (select category_key from dim_category where category_id in (select unnest(?)))"
    last = max([*result.days, *(leg.date_key for leg in result.legs)])
    con.execute(
        f"""
        delete from fact_category_hit
        where date_key between ? and ? and not is_live and call_no in (select unnest(?)) and {of_rules}
        """,
        [min(result.days), last, numbers, rule_ids],
    )
    con.execute(
        f"""
        delete from fact_rule_state
        where date_key between ? and ?
            and leg_id in (select leg_id from fact_leg where call_no in (select unnest(?)))
            and {of_rules}
        """,
        [min(result.days), last, numbers, rule_ids],
    )


def _note_run(con: Connection, run_id: int, key: int, rule_id: str, result: HistoryMonth, plan: HistoryPlan) -> None:
    states = [row.state for leg in result.legs for row in leg.states if row.rule_id == rule_id]
    matched = sum(any(hit.rule_id == rule_id for hit in leg.hits) for leg in result.legs)
    con.execute(
        """
        insert into rule_run values (
            ?,
            ?,
            strptime(?::text, '%Y%m%d')::date,
            strptime(?::text, '%Y%m%d')::date,
            ?,
            ?,
            ?,
            ?,
            make_timestamptz(?::bigint * 1000),
            make_timestamptz(?::bigint * 1000),
            ?
        )
        """,
        [
            *(run_id, key, str(min(result.days)), str(max(result.days)), len(result.legs)),
            *(states.count(2) if states else matched, states.count(0) if states else None, states.count(1) if states else None),
            *(result.started_ms, result.finished_ms, plan.code_version),
        ],
    )
