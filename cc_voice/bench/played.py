"""The calls of `bench live`: bundled scenarios, one after the other to the length that is wanted, and a process that plays them.

The simulator has a process of its own, so that its processor time can be told from the service's. Every call begins with a pause,
in which its links come up. The scripts are few and the calls many: calls of one script begin at different times.
"""

import asyncio
import multiprocessing
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from cc_voice.bench.delays import ScriptedWord
from cc_voice.call import ids
from cc_voice.commands.temporary_site import TemporarySiteError
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.simulator import scenario
from cc_voice.simulator.report import CallRequest, CallStatus, SimulatorConfig
from cc_voice.simulator.server import Simulator

AGENT, CUSTOMER = "ch-a1", "ch-c1"
"""Channels of the scenarios that are used, in the order of their files."""
SCENARIOS = {"en": ("good-call", "angry-to-satisfied", "card-number", "interrupted-call")}
"""By language: calls of two parties from the first moment to the last."""
SCRIPTS = 2
LEAD_MS = 3_000
KEEP_ALIVE_S = 10.0
"""As often as Zoom asks."""
KEEP_ALIVES = 10
"""As many at least in a call that is shorter."""
_RATE_HZ = 8_000
_BYTES_PER_MS = 32


class _PlayedLine(msgspec.Struct, frozen=True):
    channel_id: str
    start_ms: int
    end_ms: int
    text: str
    words: tuple[tuple[str, int, int], ...]


class _ScenarioWords(msgspec.Struct, frozen=True):
    """A compiled scenario, with the words that were spoken."""

    duration_ms: int
    lines: tuple[_PlayedLine, ...]


class PlayedScript(msgspec.Struct, frozen=True):
    """A call to play: the name of its scenario, and its words by channel."""

    name: str
    words: dict[str, tuple[ScriptedWord, ...]]


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """A call was announced."""

    stream_id: str
    script: str
    start_unix_ms: int


class Over(msgspec.Struct, frozen=True, tag="over"):
    """All calls have ended."""

    calls: tuple[CallStatus, ...]


_SOURCE = msgspec.json.Decoder(_ScenarioWords)
TOLD: "msgspec.msgpack.Decoder[Begun | Over]" = msgspec.msgpack.Decoder(Begun | Over)
"""What the simulator's process says over its pipe."""


def write_scripts(folder: Path, language: str, length_ms: int, said_to_be: str = "") -> list[PlayedScript]:
    """Write scenarios of a length into a folder, for the simulator to play. `said_to_be`: the language that it claims is spoken."""
    names = SCENARIOS[language]
    return [
        _write_script(folder, f"loop-{number}", said_to_be or language, [*names[number:], *names[:number]], length_ms)
        for number in range(min(SCRIPTS, len(names)))
    ]


def _write_script(folder: Path, name: str, language: str, names: Sequence[str], length_ms: int) -> PlayedScript:
    bundled = Path(scenario.__file__).parent / "scenarios"
    pieces = [np.zeros((LEAD_MS * _RATE_HZ // 1000, 2), dtype=np.int16)]
    lines: list[_PlayedLine] = []
    at_ms, turn = LEAD_MS, 0
    while at_ms < length_ms:
        chosen = names[turn % len(names)]
        source = _SOURCE.decode((bundled / f"{chosen}.json").read_bytes())
        pieces.append(soundfile.read(bundled / f"{chosen}.flac", dtype="int16", always_2d=True)[0])
        lines += [_moved(line, at_ms) for line in source.lines]
        at_ms += len(pieces[-1]) * 1000 // _RATE_HZ
        turn += 1
    audio = np.concatenate(pieces)[: length_ms * _RATE_HZ // 1000]
    soundfile.write(folder / f"{name}.flac", audio, _RATE_HZ)
    spoken = [line for line in lines if line.end_ms < length_ms]
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(_scenario(name, language, length_ms, spoken)))
    words = {
        channel: tuple(ScriptedWord(text, end) for line in spoken if line.channel_id == channel for text, _, end in line.words)
        for channel in (AGENT, CUSTOMER)
    }
    return PlayedScript(name, {channel: tuple(sorted(said, key=lambda word: word.end_ms)) for channel, said in words.items()})


def _moved(line: _PlayedLine, by_ms: int) -> _PlayedLine:
    words = tuple((text, start + by_ms, end + by_ms) for text, start, end in line.words)
    return _PlayedLine(line.channel_id, line.start_ms + by_ms, line.end_ms + by_ms, line.text, words)


def _scenario(name: str, language: str, length_ms: int, lines: Sequence[_PlayedLine]) -> dict[str, Any]:
    """Return a scenario file of a call in which both parties are there from the first moment to the last."""
    parties = [("agent", AGENT, "usr_1", 10, 11), ("customer", CUSTOMER, "cus_1", 8, 9)]
    begun = [(0, begins, channel, user) for _, channel, user, begins, _ in parties]
    ended = [(length_ms, ends, channel, user) for _, channel, user, _, ends in parties]
    return {
        "name": name,
        "title": name,
        "product": "contact_center",
        "language": language,
        "duration_ms": length_ms,
        "audio": f"{name}.flac",
        "channels": [{"party": party, "channel_id": channel, "user_id": user} for party, channel, user, *_ in parties],
        "events": [
            {"at_ms": at, "event_type": number, "channel_id": channel, "user_id": user}
            for at, number, channel, user in (*begun, *ended)
        ],
        "lines": [msgspec.structs.asdict(line) | {"words": []} for line in lines],
    }


def simulator_config(site: Settings, address: str, scripts_dir: Path, keep_alive_s: float) -> SimulatorConfig:
    """Return settings of a simulator that plays Zoom's part for a temporary site."""
    app = site.apps[0]
    return SimulatorConfig(
        client_id=app.client_id,
        client_secret=str(app.client_secret),
        webhook_secret=str(app.webhook_secret),
        webhook_url=f"{address}/webhooks/zoom",
        scenarios_dir=scripts_dir,
        keep_alive_s=keep_alive_s,
    )


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulator's process is to do."""

    config: SimulatorConfig
    scripts: tuple[str, ...]
    calls: int
    speed: float
    apart_s: float
    """Between the beginnings of two calls."""


def start(play: Play) -> tuple["multiprocessing.process.BaseProcess", Connection]:
    """Start a process that plays calls; return it, and the pipe on which it tells of them."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, play), name="cc-voice bench simulator", daemon=True)
    process.start()
    theirs.close()
    return process, ours


async def told(simulator: "multiprocessing.process.BaseProcess", pipe: Connection) -> Begun | Over:
    """Wait for what the simulator's process says next. Raises TemporarySiteError when it is gone."""
    try:
        return TOLD.decode(await asyncio.to_thread(pipe.recv_bytes))
    except EOFError as error:
        raise TemporarySiteError(f"the simulator ended (exit code {simulator.exitcode}); its error is above") from error


def _run(pipe: Connection, play: Play) -> None:
    asyncio.run(_play(pipe, play))


async def _play(pipe: Connection, play: Play) -> None:
    async with Simulator(play.config) as simulator:
        started = []
        for number in range(play.calls):
            script = play.scripts[number % len(play.scripts)]
            call = await simulator.start_call(CallRequest(scenario=script, speed=play.speed))
            started.append(call.call)
            begun = Begun(call.stream_id, script, simulator.call(call.call).start_unix_ms)
            await asyncio.to_thread(pipe.send_bytes, msgspec.msgpack.encode(begun))
            await asyncio.sleep(play.apart_s)
        over = Over(tuple([await simulator.wait(call) for call in started]))
        await asyncio.to_thread(pipe.send_bytes, msgspec.msgpack.encode(over))
        await simulator.settle()


def audio_ms(site: Settings, calls: Iterable[CallStatus]) -> tuple[float, float]:
    """Return how many ms of audio were sent and recorded, over all channels."""
    sent = received = 0.0
    for call in calls:
        sent += sum(channel.bytes / _BYTES_PER_MS for channel in call.channels)
        folder = recordings.stream_folder(site.recordings_dir, ids.call_id(call.product, call.instance_id), call.stream_id)
        recording = recordings.open_recording(folder)
        if recording is not None:
            received += sum(file.ranges.total * 1000 / file.rate_hz for file in recording.channels.values())
            recording.close()
    return sent, received
