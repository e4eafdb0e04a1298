"""Word files: the transcript of a recording that somebody brings along, as a script's lines, WebVTT, or Contact Lens JSON.

Times count from the start of the recording. The lines become notes of its journal, where Zoom's transcript of a live call stands,
so that everything after treats them alike. Which form a file has is seen from what is in it, not from its name.
"""

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.call.utterances import Word

MAX_BYTES = 64 << 20
_WORD_MS = 350
"""How long a word takes where a line does not say when it ends; as in `simulator/script_files.py`."""
_CUE = re.compile(r"((?:\d+:)?\d{1,2}:\d{2}[.,]\d{3})\s+-->\s+((?:\d+:)?\d{1,2}:\d{2}[.,]\d{3})")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_LANGUAGE = re.compile(r"<lang\s+([^>]+)>")
_TAG = re.compile(r"<[^>]*>")
_PREFIX = re.compile(r"([\w .'’-]{1,60}):\s+(.*)", re.DOTALL)
_ROLES = {"agent": "agent", "customer": "customer", "consumer": "customer", "caller": "customer", "client": "customer"}


class WordFileError(Exception):
    """A word file cannot be read, or does not say what it must; the message names the line."""


class ImportedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line; times are ms of the recording. `party` as the file names it, None where it does not."""

    start_ms: int
    end_ms: int
    text: str
    party: str | None = None
    language: str | None = None
    """BCP-47; None where the file does not say."""
    words: tuple[Word, ...] = ()


class _ScriptParty(msgspec.Struct, frozen=True, kw_only=True):
    party: str = "agent"
    name: str | None = None
    channel_id: str | None = None
    user_id: str | None = None


class _ScriptLine(msgspec.Struct, frozen=True, kw_only=True):
    start_ms: int
    text: str
    end_ms: int | None = None
    party: str | int | None = None
    channel_id: str | None = None
    user_id: str | None = None
    language: str | None = None
    words: tuple[Any, ...] = ()


class _ScriptRevision(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    text: str | None = None
    language: str | None = None


class _Script(msgspec.Struct, frozen=True, kw_only=True):
    """What of a script is about words; the rest of it is for the simulator."""

    lines: tuple[_ScriptLine, ...]
    parties: tuple[_ScriptParty, ...] = ()
    channels: tuple[_ScriptParty, ...] = ()
    revisions: tuple[_ScriptRevision, ...] = ()
    language: str | None = None


class _LensTurn(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    begin_offset_millis: int
    end_offset_millis: int
    content: str
    participant_id: str | None = None


class _LensParticipant(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    participant_id: str
    participant_role: str | None = None


class _Lens(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    transcript: tuple[_LensTurn, ...]
    participants: tuple[_LensParticipant, ...] = ()
    language_code: str | None = None


_SCRIPT = msgspec.json.Decoder(_Script)
_LINES = msgspec.json.Decoder(tuple[_ScriptLine, ...])
_LENS = msgspec.json.Decoder(_Lens)


def read_words(path: Path) -> tuple[ImportedLine, ...]:
    """Return the lines of a file in order of time. Raises WordFileError, OSError."""
    if path.stat().st_size > MAX_BYTES:
        raise WordFileError(f"{path} is larger than {MAX_BYTES >> 20} MB; is it a transcript?")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WordFileError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    text = text.replace("\x00", "\ufffd")
    try:
        lines = _vtt(text) if text.startswith("WEBVTT") else _json(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        raise WordFileError(f"{path} is neither a script's lines, WebVTT nor Contact Lens JSON: {error}") from error
    except WordFileError as error:
        raise WordFileError(f"{path}, {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.start_ms < 0 or line.end_ms < line.start_ms:
            raise WordFileError(f"{path}, line {number}: it begins at {line.start_ms} ms and ends at {line.end_ms} ms")
    return tuple(sorted((line for line in lines if line.text.strip()), key=lambda line: (line.start_ms, line.end_ms)))


def placed(lines: Sequence[ImportedLine], channels: Mapping[int, str | None], path: Path) -> tuple[tuple[str, ImportedLine], ...]:
    """Return each line with its channel: by the party it names, or its channel's number. Raises WordFileError.

    `channels` are those that are analysed, with their parties. In mixed audio every line stands on the one channel there is.
    """
    if set(channels.values()) == {None}:
        only = str(next(iter(channels)))
        return tuple((only, line) for line in lines)
    by_name = {party: str(index) for index, party in channels.items() if party is not None} | {
        str(index): str(index) for index in channels
    }
    found = []
    for number, line in enumerate(lines, start=1):
        named = (line.party or "").strip().lower()
        channel = by_name.get(_ROLES.get(named, named))
        if channel is None:
            parties = ", ".join(party for party in channels.values() if party is not None)
            who = f"{line.party!r} is none of the parties analysed" if line.party else "it names no party"
            raise WordFileError(f"{path}, line {number} (at {line.start_ms} ms): {who}: {parties}")
        found.append((channel, line))
    return tuple(found)


def _json(text: str) -> list[ImportedLine]:
    data = text.encode()
    if text.lstrip().startswith("["):
        return _script(_Script(lines=_LINES.decode(data)))
    document = msgspec.json.decode(data)
    if isinstance(document, dict) and "Transcript" in document:
        return _lens(_LENS.decode(data))
    return _script(_SCRIPT.decode(data))


def _script(script: _Script) -> list[ImportedLine]:
    parties = script.parties or script.channels
    lines: list[ImportedLine | None] = [
        ImportedLine(
            start_ms=line.start_ms,
            end_ms=_end_ms(line),
            text=line.text,
            party=_party(line, parties),
            language=line.language or script.language,
            words=_words(line, number),
        )
        for number, line in enumerate(script.lines, start=1)
    ]
    for number, revision in enumerate(script.revisions, start=1):
        if not 1 <= revision.line <= len(lines):
            raise WordFileError(f"revision {number}: there is no line {revision.line}; there are {len(lines)}, from 1")
        before = lines[revision.line - 1]
        if before is None or revision.text is None:
            lines[revision.line - 1] = None
        else:
            language = revision.language or before.language
            lines[revision.line - 1] = msgspec.structs.replace(before, text=revision.text, language=language, words=())
    return [line for line in lines if line is not None]


def _party(line: _ScriptLine, parties: Sequence[_ScriptParty]) -> str | None:
    """Return the role a line's party has; numbers of parties are those of the file's channels."""
    wanted = next((value for value in (line.party, line.channel_id, line.user_id) if value is not None), None)
    if isinstance(wanted, int):
        return parties[wanted].party if 0 <= wanted < len(parties) else str(wanted)
    for who in parties:
        if wanted is not None and wanted in (who.channel_id, who.user_id, who.name):
            return who.party
    return wanted


def _words(line: _ScriptLine, number: int) -> tuple[Word, ...]:
    words = []
    for word in line.words:
        parts = [word] if isinstance(word, str) else word
        times = parts[1:3] if isinstance(parts, list) else None
        if (
            not isinstance(parts, list)
            or not parts
            or not isinstance(parts[0], str)
            or not all(isinstance(at, int) for at in times or ())
        ):
            raise WordFileError(f"line {number}: a word is neither text nor [word, start_ms, end_ms]: {word!r:.80}")
        words.append(Word(parts[0], *(times if times and len(times) == 2 else ())))
    return tuple(words)


def _end_ms(line: _ScriptLine) -> int:
    if line.end_ms is not None:
        return line.end_ms
    last = line.words[-1] if line.words else None
    if isinstance(last, list) and len(last) >= 3 and isinstance(last[2], int):
        return last[2]
    return line.start_ms + _WORD_MS * max(1, len(line.text.split()))


def _lens(lens: _Lens) -> list[ImportedLine]:
    roles = {who.participant_id: who.participant_role for who in lens.participants}
    return [
        ImportedLine(
            start_ms=turn.begin_offset_millis,
            end_ms=turn.end_offset_millis,
            text=turn.content,
            party=roles.get(turn.participant_id or "") or turn.participant_id,
            language=lens.language_code,
        )
        for turn in lens.transcript
    ]


def _vtt(text: str) -> list[ImportedLine]:
    """Read cues; who speaks is the voice span, or a name with a colon in front, as Zoom's own files have it."""
    lines = []
    for block in re.split(r"\n{2,}", text.replace("\r\n", "\n").replace("\r", "\n")):
        head, _, body = _after_timing(block)
        if head is None:
            continue
        voice, language = _VOICE.search(body), _LANGUAGE.search(body)
        said = html.unescape(_TAG.sub("", body)).strip()
        party = voice[1] if voice else None
        if party is None and (named := _PREFIX.fullmatch(said)) is not None:
            party, said = named[1], named[2]
        said = " ".join(said.split())
        tag = language[1].strip() if language else None
        lines.append(ImportedLine(start_ms=_at(head[1]), end_ms=_at(head[2]), text=said, party=party, language=tag))
    return lines


def _after_timing(block: str) -> tuple[re.Match[str] | None, str, str]:
    """Return a cue's timing, what stands before it (its name), and its text."""
    for number, line in enumerate(rows := block.split("\n")):
        if (head := _CUE.match(line.strip())) is not None:
            return head, "\n".join(rows[:number]), "\n".join(rows[number + 1 :])
    return None, block, ""


def _at(clock: str) -> int:
    whole, ms = clock.replace(",", ".").split(".")
    total = 0
    for part in whole.split(":"):
        total = total * 60 + int(part)
    return total * 1000 + int(ms)
