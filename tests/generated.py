"""Documents written from the entries of metrics: their dictionary in `analytics/README.md`, and the migration of a new one.

`make generate` writes both; tests compare them with the entries.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from cc_voice.call.metrics.dictionary import METRICS, SECTIONS
from cc_voice.call.metrics.entry import Metric
from cc_voice.call.metrics.preconditions import PRECONDITIONS
from cc_voice.call.reasons import REASONS
from cc_voice.config import thresholds
from cc_voice.store import metric_columns, migration

TOP = Path(__file__).resolve().parent.parent
README = TOP / "analytics" / "README.md"
BEGIN, END = "<!-- from the entries of metrics, by `make generate` -->\n", "<!-- end of what is generated -->\n"


def dictionary() -> str:
    """Return the tables of all metrics, of their needs and of reasons, as Markdown, with the thresholds of a site that set none."""
    blocks = [_section(f"{one.title} ({one.number})", one.metrics) for one in sorted(SECTIONS, key=lambda one: one.number)]
    needs = [f"| `{need}` | {one.meaning} | {_codes(one.reasons)} |" for need, one in PRECONDITIONS.items()]
    reasons = [f"| `{code}` | {meaning} |" for code, meaning in REASONS.items()]
    blocks.append(_table("Needs", ("need", "what it asks", "else NULL for the reason"), needs))
    blocks.append(_table("Reasons", ("reason", "what it says"), reasons))
    return thresholds.told("\n".join(blocks), (thresholds.ThresholdSet(),))


def _section(title: str, metrics: tuple[Metric, ...]) -> str:
    heads = ("metric", "unit", "formula", "meaning", "NULL without, or for", "since")
    return _table(title, heads, [f"| {' | '.join(_cells(metric))} |" for metric in metrics])


def _cells(metric: Metric) -> Iterator[str]:
    yield f"`{metric.name}`"
    yield metric.unit or "–"
    yield metric.formula
    yield metric.meaning or "–"
    yield "; ".join(filter(None, (_codes(metric.needs), _codes(metric.reasons)))) or "never NULL"
    yield metric.since


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(title: str, heads: tuple[str, ...], rows: list[str]) -> str:
    return "\n".join((f"### {title}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *rows, ""))


def readme() -> str:
    """Return `analytics/README.md` with the dictionary as it should be."""
    before, _, rest = README.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{dictionary()}\n{END}{rest.partition(END)[2]}"


def new_migration() -> tuple[str, str] | None:
    """Return the name and the SQL of the migration that the schema lacks, None when it has a column for every metric."""
    with duckdb.connect() as con:
        number = migration.migrate(con) + 1
        metrics = metric_columns.missing(con, METRICS.values())
    if not metrics:
        return None
    return f"{number:04d}_{metrics[0].name}.sql", metric_columns.migration(metrics)


def main() -> None:
    """Write what is missing or out of step."""
    README.write_text(readme())
    if made := new_migration():
        name, sql = made
        (TOP / "cc_voice" / "store" / "migrations" / name).write_text(sql)
        print(f"cc_voice/store/migrations/{name}")


if __name__ == "__main__":
    main()
