"""Values of reports and rosters: what the text of a cell means, and refused where it could mean two things.

Every function raises ValueError with the reason, which follows "which is no count" and the like in what the person reads.
"""

import datetime
import itertools
import math
import re
import zoneinfo
from collections.abc import Sequence

MOST_COUNTED = 2**31 - 1
"""What a column of counts holds."""
MOST_SECONDS = 1e9
"""Thirty years: what is longer is no duration, it is a time or a number of something else."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_BLANKS = re.compile(r"(?<=[0-9])[\s\u00a0\u202f\u2009'’](?=[0-9]{3}(?![0-9]))")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_CLOCK = re.compile(r"(?:(\d{1,5}):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+")
_SPREADSHEET_ERROR = re.compile(r"#(?:N/A|NAME\?|VALUE!|REF!|DIV/0!|NUM!|NULL!|NV|BEZUG!|WERT!|ZAHL!)|#+", re.IGNORECASE)
_DAY_AND_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_FLAGS = {"true": True, "yes": True, "y": True, "false": False, "no": False, "n": False}
_DIGITS_KEPT = 15
"""What a spreadsheet keeps of a number."""


def number(text: str, decimal: str = ".") -> float:
    """Read a number in any of the ways people write thousands; `decimal` decides where a mark could be either."""
    plain = _BLANKS.sub("", text)
    if "," in plain and "." in plain:
        mark = max(".,", key=plain.rfind)
        other = "," if mark == "." else "."
        whole, _, rest = plain.rpartition(mark)
        if not _GROUPED.fullmatch(whole) or mark in whole or other in rest:
            raise ValueError(text)
        plain = whole.replace(other, "") + "." + rest
    elif grouped := _GROUPED.fullmatch(plain):
        # 1.205.000 can only be grouped, 1.205 be both; a group never begins with 0
        is_decimal = plain.count(grouped[1]) == 1 and (grouped[1] == decimal or plain.lstrip("+-").startswith("0"))
        plain = plain.replace(grouped[1], "." if is_decimal else "")
    else:
        plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain) or not math.isfinite(found := float(plain)):
        raise ValueError(text)
    return found


def count(text: str, decimal: str = ".") -> int:
    """Read a whole number that is not negative."""
    found = number(text, decimal)
    if found < 0 or found != int(found):
        raise ValueError("a count is a whole number from 0 on")
    if found > MOST_COUNTED:
        raise ValueError(f"a count is at most {MOST_COUNTED}")
    return int(found)


def percent(text: str, decimal: str = ".") -> float:
    """Read a percentage, 0 to 100. What lies between 0 and 1 without a sign is refused: it may be a share."""
    is_signed = text.endswith("%")
    found = number(text.removesuffix("%").rstrip(), decimal)
    if not 0 <= found <= 100:
        raise ValueError("a percentage is 0 to 100")
    if 0 < found <= 1 and not is_signed:
        raise ValueError(f"is it {100 * found:g} %? Write that")
    return found


def duration_ms(text: str, unit: str | None, in_ms: bool, decimal: str = ".") -> int:
    """Read a duration: a clock (`0:01:23`), or a number of the heading's unit, else of what the person says."""
    if clock := _CLOCK.fullmatch(text):
        return round((int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])) * 1000)
    found = number(text, decimal)
    seconds = found / 1000 if unit in ("ms", "milliseconds") or (unit is None and in_ms) else found
    if not 0 <= seconds <= MOST_SECONDS:
        raise ValueError("a duration is 0 s to thirty years")
    return round(seconds * 1000)


def fit_ms_only(durations: Sequence[tuple[float, float]]) -> bool:
    """Whether durations (number without a unit, seconds between begin and end of its row) can be milliseconds and nothing else.

    A part of a row is not much longer than the row; after-call work may be. So it takes one that is twenty times as long.
    """
    beyond = [found for found, span_s in durations if found > _BEYOND * span_s + _MINUTE_S]
    return bool(beyond) and all(found / 1000 <= span_s + _MINUTE_S for found, span_s in durations)


_BEYOND = 20
_MINUTE_S = 60


def flag(text: str, decimal: str = ".") -> bool:
    """Read yes or no; a count of what happened is yes from 1 on."""
    return _FLAGS[text.lower()] if text.lower() in _FLAGS else count(text, decimal) > 0


def day(text: str) -> str:
    """Read a date as ISO text; a time behind it is left out."""
    found = _DAY_AND_TIME.fullmatch(text)
    if found is None:
        raise ValueError("write it as 2026-01-31")
    return _in_range(datetime.date.fromisoformat(found[1])).isoformat()


def local_time(text: str, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    """Read a time; one without a zone is the site's. Raises ValueError for one that no clock there showed."""
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("write it as 2026-01-31T10:00:00+01:00, or without a zone in the site's time") from error
    _in_range(at.date())
    if at.tzinfo is not None:
        return at
    placed = at.replace(tzinfo=zone)
    if placed.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) != at:
        raise ValueError(f"clocks in {zone.key} left that hour out; is the report in another time zone?")
    return placed


def is_twofold(at: datetime.datetime, zone: zoneinfo.ZoneInfo) -> bool:
    """Whether a time of the site came twice, as clocks were put back."""
    return at.tzinfo is zone and at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()


def in_order(times: Sequence[datetime.datetime], zone: zoneinfo.ZoneInfo) -> list[datetime.datetime] | None:
    """Return times of one thing that follow each other, those that came twice put where the order has them; None: it does not tell.

    A report goes forwards or backwards. Where a clock shows less than in the row before, it was put back in between.
    """
    first, last = (at.replace(tzinfo=None) for at in (times[0], times[-1]))
    steps = (1,) if first < last else (-1,) if last < first else (1, -1)
    found = [placed[::step] for step in steps if (placed := _forwards(times[::step], zone)) is not None]
    return found[0] if len(found) == 1 else None


def _forwards(times: Sequence[datetime.datetime], zone: zoneinfo.ZoneInfo) -> list[datetime.datetime] | None:
    placed: list[datetime.datetime] = []
    twofold = [at for at in times if is_twofold(at, zone)]
    was_put_back = False
    for at in times:
        if is_twofold(at, zone):
            before = placed[-1] if placed else None
            if before is not None and is_twofold(before, zone) and at.replace(tzinfo=None) <= before.replace(tzinfo=None):
                was_put_back = True
            at = at.replace(fold=int(was_put_back))
        placed.append(at)
    if twofold and not was_put_back:
        return None
    instants = [at.timestamp() for at in placed]
    return placed if all(a < b for a, b in itertools.pairwise(instants)) else None


def identifier(text: str) -> str:
    """Read an id, which must be what Zoom gave: a spreadsheet may have rounded it, or taken it for a formula."""
    if _ROUNDED.fullmatch(text):
        raise ValueError("a spreadsheet rounded it; export again and do not open the file in between, or format the column as text")
    # An export of ours puts an apostrophe before what a spreadsheet would run
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@" else text


def is_cut_off(ids: Sequence[str]) -> bool:
    """Whether all long numbers among ids end in zeros from the sixteenth digit on, as spreadsheets leave them."""
    tails = [text[_DIGITS_KEPT:] for text in set(ids) if text.isdecimal() and len(text) > _DIGITS_KEPT]
    return sum(map(len, tails)) >= 2 and not any(tail.strip("0") for tail in tails)


def spreadsheet_error(text: str) -> bool:
    """Whether a cell is an error of the spreadsheet that the file came from (`#N/A`, `#NAME?`)."""
    return _SPREADSHEET_ERROR.fullmatch(text) is not None


def _in_range(date: datetime.date) -> datetime.date:
    if not _FIRST_YEAR <= date.year < _LAST_YEAR:
        raise ValueError(f"it lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return date
