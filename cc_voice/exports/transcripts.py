"""A call's transcript for players and people: WebVTT, SubRip, plain text. Who speaks, when, in which language.

WebVTT is the W3C's (https://www.w3.org/TR/webvtt1/): a voice span names the speaker, a language span the language. SubRip has
neither, so the speaker stands in front, and the language where it is another than before. Times count from the start of the call's
clock, as its audio does. A line break would end a cue, so there is none in any text.
"""

import re
from collections.abc import Callable, Iterable
from typing import Protocol


class ExportedUtterance(Protocol):
    """An utterance; times are milliseconds of the call's clock."""

    @property
    def party(self) -> str | None: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def language_code(self) -> str: ...
    @property
    def text(self) -> str: ...


NAMES = {"agent": "Agent", "customer": "Customer", "supervisor": "Supervisor", "ivr": "IVR", "other": "Other"}
_UNKNOWN = "Unknown"
"""The parties are mixed, or nobody was announced on the channel."""
_BREAKS = re.compile(r"\s+")


def vtt(lines: Iterable[ExportedUtterance]) -> str:
    """Return the lines as WebVTT."""
    cues = ["WEBVTT"]
    for line in lines:
        text = _one_line(line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        cues.append(f"{_span(line, '.')}\n<v {_name(line)}><lang {line.language_code}>{text}</lang></v>")
    return "\n\n".join(cues) + "\n"


def srt(lines: Iterable[ExportedUtterance]) -> str:
    """Return the lines as SubRip. Players take `<b>` and its like for markup and know no escape: brackets become round."""
    cues = []
    for number, (line, language) in enumerate(_with_change(lines), start=1):
        text = _one_line(line).replace("<", "(").replace(">", ")")
        cues.append(f"{number}\n{_span(line, ',')}\n{_name(line)}{language}: {text}\n")
    return "\n".join(cues)


def plain(lines: Iterable[ExportedUtterance]) -> str:
    """Return the lines as text: [time] speaker (language, where it changes): what was said."""
    said = (
        f"[{_clock(line.start_ms, '.')}] {_name(line)}{language}: {_one_line(line)}\n" for line, language in _with_change(lines)
    )
    return "".join(said)


FORMS: dict[str, Callable[[Iterable[ExportedUtterance]], str]] = {"vtt": vtt, "srt": srt, "txt": plain}
MEDIA_TYPES = {"vtt": "text/vtt", "srt": "application/x-subrip", "txt": "text/plain"}


def _with_change(lines: Iterable[ExportedUtterance]) -> Iterable[tuple[ExportedUtterance, str]]:
    """Yield each line with its language in parentheses where it is another than the line's before."""
    before = None
    for line in lines:
        yield line, "" if line.language_code == before else f" ({line.language_code})"
        before = line.language_code


def _name(line: ExportedUtterance) -> str:
    return NAMES.get(line.party or "", _UNKNOWN)


def _one_line(line: ExportedUtterance) -> str:
    return _BREAKS.sub(" ", line.text).strip()


def _span(line: ExportedUtterance, point: str) -> str:
    start_ms = max(0, line.start_ms)
    # A cue must end after it starts, whatever was measured
    return f"{_clock(start_ms, point)} --> {_clock(max(start_ms + 1, line.end_ms), point)}"


def _clock(at_ms: int, point: str) -> str:
    seconds, ms = divmod(max(0, at_ms), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{ms:03d}"
