"""Administration: what pages and commands show of how the appliance is: the same functions behind both.

What only the running service knows (`Running`) is given by it; a command beside no service has it as None. Nothing here changes
anything.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.config import policies
from cc_voice.config.policies import PINNED, PolicyError
from cc_voice.config.settings import MADE, Secret, Settings
from cc_voice.config.thresholds import SITE_SET, QueueThresholds, ThresholdSet, for_queue
from cc_voice.query import scheduled_exports
from cc_voice.store import streams
from cc_voice.store.database import Connection, Database, structs

SAMPLE = 200
"""Calls whose recordings are looked at, to tell what an hour of a call takes on disk."""
RATE_DAYS = 14
"""How far back the hours of calls for each day are counted."""
GOOD_HOURS = 24
"""Older than a day is late."""
_USER_INFO = re.compile(r"//[^/@\s]*@")
"""What may be a password in a URL."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What the running service knows of itself."""

    workers: int
    workers_wanted: int
    worker_restarts: int
    streams: int
    retrying: int
    """Streams and webhooks that failed lately and are tried again."""
    inbox_waiting: int
    problem: str | None
    """Why a worker cannot be started."""


class DiskUse(msgspec.Struct, frozen=True, kw_only=True):
    """The disk of the data folder. Days are None where nothing tells how much a day takes."""

    total_bytes: int
    free_bytes: int
    store_bytes: int
    bytes_a_day: int | None
    days_left: float | None


class ExportState(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled export, and how it last went; Unix seconds."""

    name: str
    to: str
    every_minutes: int
    forms: str
    tried_s: float | None
    took_s: float | None
    done_s: float | None
    error: str | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How the appliance is."""

    site: str
    streams_live: int
    streams_worked_off: int
    """Calls that are over and not measured yet."""
    failed_lately: int
    """Streams of the last days of which nothing was made."""
    lag_ms: int | None
    """How far recognition is behind in the call where it is furthest; None without calls."""
    disk: DiskUse
    exports: tuple[ExportState, ...]
    redaction: tuple[str, ...] = ()
    """Which numbers are hidden in calls that begin now; `off`: none."""
    redaction_off_queues: int = 0
    """Queues of which nothing is hidden in spite of that."""
    withheld_calls: int = 0
    """Calls in which redaction failed: every number is hidden, nobody hears them."""
    last_backup_s: float | None = None
    """None: no backup of the product's own is known here."""
    running: Running | None = None
    """None: no service runs."""


class QueuePolicies(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for calls of a queue that begin now."""

    queue: str
    name: str | None
    languages: tuple[str, ...]
    has_own_languages: bool
    threshold_set: str
    dead_air_ms: int
    long_silence_ms: int


class ConfigurationLine(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the configuration as it is in force."""

    key: str
    value: str
    is_default: bool
    source: str
    """`pinned`, `default`, `version N` for policies; else `configuration` or `default`."""


class Gauge(msgspec.Struct, frozen=True):
    """One card of the overview: what, how well, its number, a note."""

    title: str
    state: str
    """ok, warn or crit."""
    word: str
    big: str
    note: str


def overview(database: Database, settings: Settings, running: Running | None, now_s: float) -> Overview:
    """Return how the appliance is. For a thread. Raises StoreError."""
    live, over, failed, lag_ms = database.read_now(lambda con: _streams(con, now_s))
    hidden = _in_force(settings).redaction
    return Overview(
        site=settings.site_name,
        streams_live=live,
        streams_worked_off=over,
        failed_lately=failed,
        lag_ms=lag_ms,
        disk=_disk(settings, *database.read_now(_hours)),
        exports=tuple(export_states(settings)),
        redaction=hidden.policy,
        redaction_off_queues=len({name for rule in hidden.queues if rule.policy == ("off",) for name in rule.queues}),
        withheld_calls=database.read_now(lambda con: con.execute(_WITHHELD).fetchall()[0][0]),
        running=running,
    )


_WITHHELD = "select count(*) from fact_call where redaction = 'withheld'"


def _in_force(settings: Settings) -> Settings:
    try:
        return policies.in_force(settings)
    except PolicyError:
        return settings  # what is wrong with them the page of policies tells


def _streams(con: Connection, now_s: float) -> tuple[int, int, int, int | None]:
    stages = [row.stage for row in streams.in_progress(con)]
    live = sum(stage == "received" for stage in stages)
    return live, len(stages) - live, len(streams.not_analysed(con, now_s)), streams.worst_lag_ms(con)


def _hours(con: Connection) -> tuple[list[tuple[str, int]], float | None]:
    """Return the newest calls with how long they are, and the hours of calls a day lately; None without calls."""
    duration = "epoch_ms(end_ts) - epoch_ms(start_ts)"
    newest = con.execute(f"select call_id, {duration} from fact_call order by start_ts desc limit {SAMPLE}").fetchall()
    rows = con.execute(
        f"""
        select
            sum({duration}) / 3.6e6 as hours,
            greatest(1, (epoch_ms(max(end_ts)) - epoch_ms(min(start_ts))) / 8.64e7) as days
        from fact_call
        where start_ts > (select max(start_ts) from fact_call) - interval {RATE_DAYS} day
        """
    ).fetchall()
    hours, days = rows[0]
    return [(call_id, ms) for call_id, ms in newest], None if hours is None else hours / days


def _disk(settings: Settings, newest: list[tuple[str, int]], hours_a_day: float | None) -> DiskUse:
    usage = shutil.disk_usage(settings.data_dir)
    sizes = [(_size(settings.recordings_dir / call_id), ms) for call_id, ms in newest]
    known = [(size, ms) for size, ms in sizes if size and ms > 0]
    a_day = None
    if known and hours_a_day is not None:
        a_day = round(sum(size for size, _ in known) / (sum(ms for _, ms in known) / 3.6e6) * hours_a_day)
    return DiskUse(
        total_bytes=usage.total,
        free_bytes=usage.free,
        store_bytes=settings.database_path.stat().st_size if settings.database_path.exists() else 0,
        bytes_a_day=a_day,
        days_left=max(0, usage.free - settings.min_free_mb * 1_000_000) / a_day if a_day else None,
    )


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue  # compressed or deleted meanwhile
    return total


def export_states(settings: Settings) -> list[ExportState]:
    """Return the scheduled exports and how each last went. Reads files."""
    found = []
    for job in settings.exports:
        last = scheduled_exports.state(settings, job)
        found.append(
            ExportState(
                name=job.name,
                to=without_user_info(job.to),
                every_minutes=job.every_minutes,
                forms="Delta" if job.delta else ", ".join(job.formats),
                tried_s=last.started_s if last else None,
                took_s=last.took_s if last else None,
                done_s=last.done_s if last else None,
                error=without_user_info(last.error) if last and last.error else None,
            )
        )
    return found


class _Queue(msgspec.Struct, frozen=True):
    queue_id: str | None
    queue_name: str | None


_QUEUES = """
    select queue_id, any_value(queue_name) as queue_name
    from dim_queue
    group by queue_id
    order by queue_name nulls last, queue_id
"""


def queue_policies(database: Database, settings: Settings) -> list[QueuePolicies]:
    """Return what holds for each queue that calls came through or that a policy names. For a thread. Raises PolicyError."""
    now = policies.in_force(settings)
    known = database.read_now(lambda con: structs(con, _Queue, _QUEUES, []))
    seen = {name for queue in known for name in (queue.queue_id, queue.queue_name)}
    named = dict.fromkeys(
        [*(rule.queue for rule in now.language.queues), *(name for each in now.thresholds for name in each.queues)]
    )
    known += [_Queue(name, None) for name in named if name not in seen]
    site = next((each.values for each in now.thresholds if each.name == SITE_SET), ThresholdSet())
    return [_of_queue(queue, now, site, now.thresholds) for queue in known if queue.queue_id or queue.queue_name]


def _of_queue(queue: _Queue, now: Settings, site: ThresholdSet, sets: tuple[QueueThresholds, ...]) -> QueuePolicies:
    names = {queue.queue_id, queue.queue_name}
    rule = next((rule for rule in now.language.queues if rule.queue in names), None)
    chosen = for_queue(site, sets, queue.queue_id, queue.queue_name)
    return QueuePolicies(
        queue=queue.queue_id or queue.queue_name or "",
        name=queue.queue_name,
        languages=rule.languages if rule else now.language.languages or (now.language.default,),
        has_own_languages=rule is not None,
        threshold_set=chosen.name,
        dead_air_ms=chosen.dead_air_ms,
        long_silence_ms=chosen.long_silence_ms,
    )


def configuration(settings: Settings) -> list[ConfigurationLine]:
    """Return the configuration as it is in force, secrets hidden. Reads files. Raises PolicyError."""
    now, default = policies.in_force(settings), Settings()
    states = dict(now.policies)
    lines = []
    for key in Settings.__struct_fields__:
        if key == MADE:
            continue
        value, is_default = getattr(now, key), getattr(now, key) == getattr(default, key)
        state = states.get(key)
        if state is None or state == PINNED:
            source = "pinned by the configuration" if state else "default" if is_default else "configuration"
        else:
            source = f"version {state}" if state.isdecimal() else "default"
        lines += [
            ConfigurationLine(key=name, value=text, is_default=is_default, source=source) for name, text in _lines(key, value)
        ]
    return lines


def _lines(key: str, value: Any) -> list[tuple[str, str]]:
    """Return a value as lines, a table's keys each on its own."""
    if isinstance(value, Secret):
        return [(key, "hidden" if value else "not set")]
    if isinstance(value, msgspec.Struct):
        return [line for name in value.__struct_fields__ for line in _lines(f"{key}.{name}", getattr(value, name))]
    if isinstance(value, tuple) and any(isinstance(item, msgspec.Struct) for item in value):
        return [line for at, item in enumerate(value, 1) for line in _lines(f"{key}[{at}]", item)]
    if value is None:
        return [(key, "not set")]
    shown = str(value) if isinstance(value, Path) else msgspec.json.encode(value).decode()
    return [(key, without_user_info(shown))]


def without_user_info(text: str) -> str:
    """Return text without names and passwords in its URLs."""
    return _USER_INFO.sub("//…@", text)


def gauges(found: Overview, now_s: float) -> tuple[Gauge, ...]:
    """Return the cards of the overview: state in a word, number, note."""
    running = found.running
    workers = running is not None and running.workers == running.workers_wanted
    failing = [each for each in found.exports if each.error is not None]
    done = [each.done_s for each in found.exports if each.done_s is not None]
    disk, days = found.disk, found.disk.days_left
    used = round(100 * (1 - disk.free_bytes / disk.total_bytes)) if disk.total_bytes else 0
    lag = "no call is going on" if found.lag_ms is None else f"recognition is {found.lag_ms / 1000:.1f} s behind at most"
    backup_h = None if found.last_backup_s is None else (now_s - found.last_backup_s) / 3600
    return (
        Gauge(
            "Streams",
            "warn" if found.failed_lately else "ok",
            "Look" if found.failed_lately else "Good",
            f"{found.streams_live} live",
            f"{found.streams_worked_off} being measured, {found.failed_lately} failed in 7 days",
        ),
        Gauge(
            "Workers",
            "ok" if workers else "crit",
            "Good" if workers else "Missing",
            "no service runs" if running is None else f"{running.workers} of {running.workers_wanted}",
            (running.problem or f"{running.worker_restarts} replaced; {lag}") if running else lag,
        ),
        Gauge(
            "Inbox",
            "ok" if running and not running.retrying else "warn",
            "Good" if running and not running.retrying else "Look",
            "–" if running is None else f"{running.inbox_waiting} waiting",
            "–" if running is None else f"{running.retrying} streams or webhooks are tried again",
        ),
        Gauge(
            "Disk",
            "ok" if days is None or days > 30 else "warn" if days > 7 else "crit",
            "Good" if days is None or days > 30 else "Filling",
            f"{used} % used",
            "no calls yet tell how fast it fills"
            if days is None or disk.bytes_a_day is None
            else f"{days:,.0f} days at {disk.bytes_a_day / 1e9:.2f} GB a day",
        ),
        Gauge(
            "Exports",
            "crit" if failing else "ok",
            "Failing" if failing else "Good" if found.exports else "None",
            f"{len(found.exports)} scheduled",
            f"{failing[0].name} failed" if failing else f"last done {_age(now_s - max(done))} ago" if done else "none done yet",
        ),
        Gauge(
            "Backup",
            "ok" if backup_h is not None and backup_h <= GOOD_HOURS else "warn",
            "Unknown" if backup_h is None else "Good" if backup_h <= GOOD_HOURS else "Late",
            "–" if backup_h is None else f"{backup_h:.0f} h old",
            "the product makes none by itself yet; deploy/README.md tells how" if backup_h is None else "target 24 h",
        ),
        _redaction(found),
    )


def _redaction(found: Overview) -> Gauge:
    is_off = found.redaction == ("off",)
    queues = f"; off in {found.redaction_off_queues} queues" if found.redaction_off_queues else ""
    note = "card numbers and the like are shown and heard" if is_off else "numbers of these kinds are hidden"
    return Gauge(
        "Redaction",
        "crit" if found.withheld_calls else "warn" if is_off or queues else "ok",
        "Failed" if found.withheld_calls else "Off" if is_off else "Good",
        ", ".join(found.redaction) or "–",
        f"{found.withheld_calls} calls withheld, as it failed" if found.withheld_calls else f"{note}{queues}",
    )


def _age(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
