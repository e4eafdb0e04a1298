"""Speaks the simulator's scripted calls: `<name>.toml` in, `<name>.json` and `<name>.flac` out.

    python -m models.mini.speak_scenarios [NAME ...]

Run it from the project's top folder after changing a script; its products are committed, so nobody else needs
a synthesiser. The script language is described in cc_voice/simulator/scenarios/README.md.
"""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from models.mini import tts
from models.mini.align import split_by_word
from models.mini.phrases import spoken_words

FOLDER = Path(__file__).parents[2] / "cc_voice" / "simulator" / "scenarios"
RATE_HZ = 8000

SENTENCE_PAUSE_MS = 450
"""Between the sentences of one line: clearly longer than the 200 ms that measurement closes, shorter than a turn."""
CLOSE_MS = 200
FADE_MS = 5
PEAK = 12_000

EVENTS = {
    "active_speaker_change": 2,
    "participant_join": 3,
    "participant_leave": 4,
    "consumer_answered": 8,
    "consumer_end": 9,
    "user_answered": 10,
    "user_end": 11,
    "user_hold": 12,
    "user_unhold": 13,
    "transfer_initiated": 18,
    "transfer_accepted": 20,
    "transfer_completed": 21,
}
"""Zoom's event numbers by lower-case name: 2–4 of meetings, the rest of Contact Center."""


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who speaks on one file channel, in which voice."""

    party: str
    user_id: str
    name: str
    voice: str
    channel_id: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    phone_number: str | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that happens: somebody `says` something, or an `event` concerns them.

    It begins `gap` ms after the end of everything before it (negative: while that is still going on), or `at` ms.
    """

    who: str
    says: str | None = None
    reads: str | None = None
    """How the synthesiser is to read the line, where it cannot read its script: kana, pinyin."""
    event: str | None = None
    gap: int = 400
    at: int | None = None
    voice: str | None = None
    language: str | None = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script as written by hand."""

    title: str
    product: str
    language: str
    stop_reason: int
    voices: dict[str, tts.Voice]
    parties: dict[str, Party]
    steps: tuple[Step, ...]
    faults: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One spoken line with its times on the call's clock."""

    channel_id: str | None
    user_id: str
    start_ms: int
    end_ms: int
    text: str
    language: str
    words: tuple[tuple[str, int, int], ...]
    speech: tuple[tuple[int, int], ...]


class Spoken(msgspec.Struct, frozen=True):
    """A line's audio at 8 kHz and its times in ms, both counted from the first phone."""

    samples: NDArray[np.float64]
    words: tuple[tuple[str, int, int], ...]
    speech: tuple[tuple[int, int], ...]

    @property
    def duration_ms(self) -> int:
        """From the first phone's start to the last one's end."""
        return self.speech[-1][1]


def read_script(path: Path) -> Scenario:
    """The script at `path`. Raises msgspec.ValidationError or tomllib.TOMLDecodeError."""
    return msgspec.convert(tomllib.loads(path.read_text()), Scenario)


def compile_script(name: str, script: Scenario) -> tuple[dict[str, Any], NDArray[np.int16]]:
    """The compiled scenario, ready for JSON, and its audio, one column per party."""
    keys = list(script.parties)
    events: list[dict[str, Any]] = []
    lines: list[Line] = []
    audio: list[tuple[int, int, Spoken]] = []
    clock_ms = 0
    for step in script.steps:
        start_ms = step.at if step.at is not None else clock_ms + step.gap
        party = script.parties[step.who]
        clock_ms = max(clock_ms, start_ms)
        if step.event is not None:
            events.append(_event(step.event, start_ms, party))
        if step.says is not None:
            spoken = speak_line(step.reads or step.says, script.voices[step.voice or party.voice])
            audio.append((keys.index(step.who), start_ms, spoken))
            lines.append(_line(step, start_ms, spoken, party, step.language or script.language))
            clock_ms = max(clock_ms, start_ms + spoken.duration_ms)
    compiled = {
        "name": name,
        "title": script.title,
        "product": script.product,
        "language": script.language,
        "duration_ms": clock_ms,
        "audio": f"{name}.flac",
        "sample_rate_hz": RATE_HZ,
        "channels": [_channel(party) for party in script.parties.values()],
        "events": sorted(events, key=lambda event: int(event["at_ms"])),
        "lines": [msgspec.to_builtins(line) for line in sorted(lines, key=lambda line: line.start_ms)],
        "stop_reason": script.stop_reason,
    }
    if script.faults:
        compiled["faults"] = list(script.faults)
    return compiled, _mix(audio, len(keys), clock_ms)


def speak_line(text: str, voice: tts.Voice) -> Spoken:
    """A line, sentence by sentence, each without the engine's own pauses around it.

    Only the bare words go to the engine: punctuation changes its melody and makes pauses of in-between length.
    """
    parts: list[NDArray[np.float64]] = []
    words: list[tuple[str, int, int]] = []
    speech: list[tuple[int, int]] = []
    begin_ms = 0
    for sentence in _sentences(text):
        said = tts.speak_fresh(" ".join(spoken_words(sentence)), voice)
        phones = [phone for phone in said.phones if phone.name != tts.SILENCE]
        offset_s = phones[0].start_s - begin_ms / 1000
        words += _word_times(spoken_words(sentence), phones, offset_s, voice)
        speech += _intervals(phones, offset_s)
        parts.append(_cut(said, phones[0].start_s, phones[-1].end_s))
        end_ms = speech[-1][1]
        begin_ms = end_ms + SENTENCE_PAUSE_MS
        parts.append(np.zeros(max(0, _samples(begin_ms) - sum(map(len, parts)))))
    return Spoken(_level(np.concatenate(parts[:-1])), tuple(words), tuple(speech))


def _sentences(text: str) -> list[str]:
    marked = text
    for mark in ".?!。？！؟":
        marked = marked.replace(mark, mark + "\n")
    return [sentence for sentence in marked.split("\n") if spoken_words(sentence)]


def _cut(said: tts.Speech, start_s: float, end_s: float) -> NDArray[np.float64]:
    """The samples of the phones alone at 8 kHz, with soft edges."""
    samples = tts.resample(said.samples, said.rate_hz, RATE_HZ)[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
    fade = np.linspace(0, 1, _samples(FADE_MS))
    samples[: len(fade)] *= fade
    samples[-len(fade) :] *= fade[::-1]
    return samples


def _level(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    return samples * (PEAK / float(np.abs(samples).max()))


def _word_times(words: Sequence[str], phones: Sequence[tts.Phone], offset_s: float, voice: tts.Voice) -> list[tuple[str, int, int]]:
    groups = split_by_word([phone.name for phone in phones], [_alone(word, voice) for word in words])
    times = []
    at = phones[0].start_s
    for word, group in zip(words, groups, strict=True):
        start, at = (phones[group[0]].start_s, phones[group[-1]].end_s) if group else (at, at)
        times.append((word, _ms(start - offset_s), _ms(at - offset_s)))
    return times


@cache
def _alone(word: str, voice: tts.Voice) -> tuple[str, ...]:
    return tuple(phone.name for phone in tts.speak(word, voice).phones if phone.name != tts.SILENCE)


def _intervals(phones: Sequence[tts.Phone], offset_s: float) -> list[tuple[int, int]]:
    """When there is speech: the phones with gaps of up to 200 ms closed."""
    out: list[tuple[int, int]] = []
    for phone in phones:
        start, end = _ms(phone.start_s - offset_s), _ms(phone.end_s - offset_s)
        if out and start - out[-1][1] <= CLOSE_MS:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


def _channel(party: Party) -> dict[str, Any]:
    return {key: value for key, value in msgspec.structs.asdict(party).items() if key != "voice"}


def _event(name: str, at_ms: int, party: Party) -> dict[str, Any]:
    return {"at_ms": at_ms, "event_type": EVENTS[name], "channel_id": party.channel_id, "user_id": party.user_id}


def _line(step: Step, start_ms: int, spoken: Spoken, party: Party, language: str) -> Line:
    return Line(
        channel_id=party.channel_id,
        user_id=party.user_id,
        start_ms=start_ms,
        end_ms=start_ms + spoken.duration_ms,
        text=step.says or "",
        language=language,
        words=tuple((word, start_ms + start, start_ms + end) for word, start, end in spoken.words),
        speech=tuple((start_ms + start, start_ms + end) for start, end in spoken.speech),
    )


def _mix(audio: Sequence[tuple[int, int, Spoken]], channels: int, duration_ms: int) -> NDArray[np.int16]:
    out = np.zeros((_samples(duration_ms), channels))
    for channel, start_ms, spoken in audio:
        first = _samples(start_ms)
        room = out[first : first + len(spoken.samples), channel]
        room += spoken.samples[: len(room)]
    return np.round(np.clip(out, -32768, 32767)).astype(np.int16)


def _samples(ms: int) -> int:
    return ms * RATE_HZ // 1000


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def write(name: str, folder: Path = FOLDER) -> None:
    """Speak one script of `folder` and write its two products beside it."""
    compiled, audio = compile_script(name, read_script(folder / f"{name}.toml"))
    soundfile.write(folder / f"{name}.flac", audio, RATE_HZ, subtype="PCM_16")
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(compiled), indent=1) + b"\n")


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Speak the scripts NAMES, or all of them."""
    for name in names or sorted(path.stem for path in FOLDER.glob("*.toml")):
        write(name)
        click.echo(name)


if __name__ == "__main__":
    main()
