"""`cc-voice bench data`: a site of any size that never was, to see how fast the appliance answers where years have been stored.

Calls, legs, utterances, evidence and postings are drawn from distributions that look like a contact center's: office hours and
quiet Sundays, log-normal lengths, eight queues, 120 agents with habits of their own, three languages, words by Zipf's law. The
numbers of a leg follow from its utterances, so that every check holds. There is no audio, and words with times and confidences
are kept for one call in a hundred. The rows are made in SQL (`site/`), a month at a time. The same options on the same day give
the same site.
"""

import datetime
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from pathlib import Path

import click
import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.commands.terminal import load_settings, reason
from cc_voice.config.settings import Settings
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.store import dimensions
from cc_voice.store.database import Connection, Database
from cc_voice.store.errors import StoreError
from cc_voice.store.search import postings

UTTERANCES_PER_CALL = 30
WORDS_OF = 100
"""One call in so many keeps its words."""
_LEGS_PER_CALL = 1.08
_REASONS = {"cust_speech_on_hold_ms": "setting_off"}
_ANY_OTHER = "no_audio"
"""Why a metric is NULL that is not drawn: one that needs sound, or that a later version measures."""


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How much is made: `calls` in the `days` up to `until`, a local date of the site."""

    calls: int
    until: datetime.date
    days: int = 400
    seed: int = 1


def generate(database: Database, settings: Settings, scale: Scale, tell: Callable[[str], None]) -> None:
    """Fill an empty store; `tell` is called with each month that is done. Raises StoreError where the store is not empty."""
    since = scale.until - datetime.timedelta(days=scale.days - 1)
    variables = {
        "seed": scale.seed,
        "tz": settings.timezone,
        "site_id": settings.site.site_id,
        "calls": scale.calls,
        "since": since,
        "until": scale.until,
        "slots": UTTERANCES_PER_CALL / _LEGS_PER_CALL,
        "words_of": WORDS_OF,
        "made_at": datetime.datetime.now(datetime.UTC),
    }

    def set_up(con: Connection) -> None:
        if con.execute("select 1 from fact_call limit 1").fetchall():
            raise StoreError("this site has calls already; generated ones are for a folder of their own (--out)")
        dimensions.site_key(con, settings.site)
        threshold_set_id = dimensions.threshold_set_key(con, ThresholdSet())
        _set(con, variables | {"threshold_set_id": threshold_set_id})
        con.execute(_script("setup"))

    database.write_now(set_up)
    for first, last in _months(since, scale.until):
        database.write_now(partial(_month, first=first, last=last))
        tell(f"{first:%B %Y}")


def _month(con: Connection, first: datetime.date, last: datetime.date) -> None:
    _set(con, {"first": first, "last": last})
    con.execute(_script("month"))
    _explain_missing(con)
    postings.rebuild(con, first.year * 100 + first.month)


def _explain_missing(con: Connection) -> None:
    """Give a reason for every metric that is not drawn, such as one that a later version measures."""
    span = "date_key between as_key(getvariable('first')) and as_key(getvariable('last') + 1)"
    for metric in METRICS:
        con.execute(
            f"""
            insert into fact_null_reason (leg_id, metric, reason, date_key)
            select leg_id, ?, ?, date_key
            from fact_leg as l
            where {span}
                and {metric} is null
                and not exists (select 1 from fact_null_reason as r where r.{span} and r.leg_id = l.leg_id and r.metric = ?)
            """,
            [metric, _REASONS.get(metric, _ANY_OTHER), metric],
        )


def _set(con: Connection, variables: dict[str, object]) -> None:
    for name, value in variables.items():
        con.execute(f"set variable {name} = ?", [value])


def _script(name: str) -> str:
    return (resources.files("cc_voice.bench") / "site" / f"{name}.sql").read_text()


def _months(since: datetime.date, until: datetime.date) -> Iterator[tuple[datetime.date, datetime.date]]:
    """Yield first and last day of every month of a range, both inside it."""
    first = since
    while first <= until:
        next_first = (first.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        yield first, min(until, next_first - datetime.timedelta(days=1))
        first = next_first


@click.command("data")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Data folder to make, as of a site.")
@click.option("--calls", type=click.IntRange(1, 100_000_000), default=100_000, show_default=True, help="How many calls.")
@click.option("--days", type=click.IntRange(1, 10_000), default=400, show_default=True, help="In how many days up to today.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed, other calls.")
def bench_data(out: Path, calls: int, days: int, seed: int) -> None:
    """Make a site that never was: calls, legs, utterances, evidence, and words for one call in a hundred."""
    settings = load_settings(None, out)
    started = time.monotonic()
    scale = Scale(calls=calls, until=datetime.date.today(), days=days, seed=seed)
    try:
        database = Database.open(settings.database_path)
        try:
            generate(database, settings, scale, lambda month: click.echo(f"{time.monotonic() - started:6.0f} s  {month}", err=True))
        finally:
            database.close()
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error
    click.echo(f"{out}: {calls} calls in {time.monotonic() - started:.0f} s")
