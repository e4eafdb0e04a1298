"""Language tags: how Zoom's identification tags the lines of a transcript: late, or wrongly (rtms/README.md 6.2). Pure.

What a line says stays true; only its tag is touched. Identification follows each speaker by itself, some 10 to 30 s behind; until
it has heard that much, it says what the client asked for.
"""

from collections.abc import Sequence

import msgspec

from cc_voice.simulator.errors import RequestError
from cc_voice.simulator.faults import WrongTag
from cc_voice.simulator.scenario import ASKED, Script, ScriptLine


def late_tags(script: Script, lag_ms: int) -> Script:
    """Tag every line with what its speaker spoke `lag_ms` before it began. Lines that have a tag already keep it."""
    tagged = (line if line.tag else msgspec.structs.replace(line, tag=_heard(script.lines, line, lag_ms)) for line in script.lines)
    return msgspec.structs.replace(script, lines=tuple(tagged))


def wrong_tag(script: Script, wrong: WrongTag) -> Script:
    """Tag one line with another language. Raises RequestError when there is no such line."""
    ordered = sorted(script.lines, key=lambda line: line.start_ms)
    if wrong.line > len(ordered):
        raise RequestError(f"fault wrong-tag: {script.name} has {len(ordered)} lines, there is no line {wrong.line}")
    chosen = ordered[wrong.line - 1]
    lines = (msgspec.structs.replace(line, tag=wrong.language) if line is chosen else line for line in script.lines)
    return msgspec.structs.replace(script, lines=tuple(lines))


def _heard(lines: Sequence[ScriptLine], now: ScriptLine, lag_ms: int) -> str:
    """Return the language that identification has noticed by the time a line begins."""
    mine = [line for line in lines if (line.channel_id, line.user_id) == (now.channel_id, now.user_id)]
    noticed = [line for line in mine if line.start_ms <= now.start_ms - lag_ms]
    return max(noticed, key=lambda line: line.start_ms).language if noticed else ASKED
