"""What every column of the published views means: unit, formula, the words of pages, the version that first had it.

Columns are described in `analytics/columns.toml` and nowhere else. The data dictionary of an export, the API's `/columns`, the
headings of the reports and the metrics of a call's page all read it here; a test holds that it names every column of every view.
A column that is added to a view gets its paragraph there.
"""

import functools
import tomllib
from collections.abc import Iterable

import msgspec

from cc_voice.settings import bundled
from cc_voice.thresholds import ThresholdSet, told

FIRST_VERSION = "0.1.0"


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A column, whichever view it is in."""

    name: str
    formula: str
    unit: str | None = None
    """None for names, ids and texts."""
    label: str | None = None
    """What the page of a call calls it; None for what it does not show."""
    meaning: str | None = None
    """A sentence for whoever sees the number for the first time."""
    since: str = FIRST_VERSION


class _Paragraph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    formula: str
    unit: str | None = None
    label: str | None = None
    meaning: str | None = None
    since: str = FIRST_VERSION


@functools.cache
def columns() -> dict[str, Described]:
    """Return every column by its name, in the order of the file, which is a reader's.

    Thresholds are places in these texts (`{long_silence_s}`): who shows one to somebody takes it from `explained`.
    """
    written = tomllib.loads((bundled("analytics") / "columns.toml").read_text(encoding="utf-8"))
    paragraphs = msgspec.convert(written, dict[str, _Paragraph])
    return {name: Described(name=name, **msgspec.structs.asdict(each)) for name, each in paragraphs.items()}


def explained(sets: Iterable[ThresholdSet]) -> dict[str, Described]:
    """Return every column by its name, for numbers that were measured with these thresholds."""
    known = tuple(sets)
    return {
        name: msgspec.structs.replace(
            each, formula=told(each.formula, known), meaning=None if each.meaning is None else told(each.meaning, known)
        )
        for name, each in columns().items()
    }
