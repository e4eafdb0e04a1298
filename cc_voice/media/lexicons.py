"""Sentiment lexicons: ours, from the wheel, and the words of the site, from `<data>/sentiment/*.toml`."""

from functools import lru_cache
from importlib import resources
from pathlib import Path

import structlog

from cc_voice.quality.sentiment.lexicon import Lexicon, LexiconEntry, LexiconError, lexicon, read_entries

log = structlog.get_logger()

_Stamp = tuple[Path, int, int]
"""A file, when it was changed, and its size."""


def lexicon_dir(data_dir: Path) -> Path:
    """Return the folder of a site's own words."""
    return data_dir / "sentiment"


def site_lexicon(data_dir: Path) -> Lexicon:
    """Return the lexicon in force. Reads files where they changed.

    A call is worth more with our words than with none: a file that cannot be used is left out, and the log says why.
    """
    stamps: list[_Stamp] = []
    for path in sorted(lexicon_dir(data_dir).glob("*.toml")):
        try:
            stat = path.stat()
        except OSError:
            continue
        stamps.append((path, stat.st_mtime_ns, stat.st_size))
    return _read(tuple(stamps))


@lru_cache(maxsize=4)
def _read(stamps: tuple[_Stamp, ...]) -> Lexicon:
    own: dict[str, tuple[LexiconEntry, ...]] = {}
    for path, _, _ in stamps:
        try:
            own[path.name] = read_entries(path.read_text(encoding="utf-8"), path.name)
        except (OSError, UnicodeDecodeError, LexiconError) as error:
            log.error("words of the site are left out of sentiment", file=str(path), error=str(error))
    return lexicon(shipped_entries(), own)


@lru_cache(maxsize=1)
def shipped_entries() -> tuple[LexiconEntry, ...]:
    """Return our entries. Reads a file once."""
    path = resources.files("cc_voice.quality.sentiment") / "english.toml"
    return read_entries(path.read_text(encoding="utf-8"), path.name)
