"""Fault harness: one seeded round plays a call against a real service, kills what the seed says, and asks the oracle.

python -m tests.faults.harness --rounds 40 --seed 1     rounds of seeds 1 … 40; a seed alone replays its round
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
from pathlib import Path
from typing import NamedTuple

from cc_voice.config.settings import Settings
from cc_voice.simulator.report import CallRequest, SimulatorConfig, StartedCall
from cc_voice.simulator.scenario import load_scenario
from cc_voice.simulator.server import Simulator
from tests.faults.oracle import Sent, Verdict, judge
from tests.system.conftest import APP, Appliance, announce

SCENARIO = "good-call"
FAULTS = ("kill service", "kill workers", "restart", "drop media", "drop signaling", "drop all")
SPEED = 6.0
LONGEST_MS = 40_000


class Fault(NamedTuple):
    """What happens when so much of the call was played."""

    at_ms: int
    what: str


def plan(seed: int) -> list[Fault]:
    """Return what happens in the round of a seed, in order."""
    chance = random.Random(seed)
    return sorted(Fault(chance.randrange(1_000, LONGEST_MS), chance.choice(FAULTS)) for _ in range(chance.randint(1, 3)))


async def play(seed: int, folder: Path) -> dict[str, Verdict]:
    """Play the round of a seed in a fresh folder and return the verdict on each party."""
    (folder / "data").mkdir()
    site = Settings(
        data_dir=folder / "data", listen="127.0.0.1:0", apps=(APP,), workers=1, recogniser="none", allow_insecure_links=True
    )
    appliance = Appliance(site)
    await asyncio.to_thread(appliance.start)
    config = SimulatorConfig(
        client_id=APP.client_id, client_secret=str(APP.client_secret), webhook_secret=str(APP.webhook_secret), keep_alive_s=5.0
    )
    try:
        async with Simulator(config) as zoom:
            call = await zoom.start_call(CallRequest(scenario=SCENARIO, speed=SPEED))
            await asyncio.to_thread(announce, appliance, call)
            for fault in plan(seed):
                await asyncio.to_thread(
                    appliance.until,
                    lambda fault=fault: zoom.call(call.call).position_ms >= fault.at_ms or zoom.call(call.call).state == "ended",  # type: ignore[misc]
                    f"{fault.at_ms} ms were played",
                )
                await _do(fault.what, appliance, zoom, call)
            await asyncio.to_thread(
                appliance.until,
                lambda: appliance.stages().get(call.stream_id, {}).get("stage") == "measured",
                "the call is measured",
            )
            return _judge(appliance, zoom, call)
    finally:
        await asyncio.to_thread(appliance.stop)


async def _do(what: str, appliance: Appliance, zoom: Simulator, call: StartedCall) -> None:
    if what == "kill service":
        await asyncio.to_thread(appliance.kill)
        await asyncio.to_thread(appliance.start)
    elif what == "restart":
        await asyncio.to_thread(appliance.terminate)
        await asyncio.to_thread(appliance.start)
    elif what == "kill workers":
        for pid in appliance.children():
            os.kill(pid, signal.SIGKILL)
    else:
        zoom.drop(call.call, what.removeprefix("drop "))


def _judge(appliance: Appliance, zoom: Simulator, call: StartedCall) -> dict[str, Verdict]:
    status, script = zoom.call(call.call), load_scenario(SCENARIO)
    sent = {track.key: Sent(track.pcm, track.start_ms, track.end_ms) for track in script.tracks}
    found = appliance.ask("calls.show", call_id=appliance.stages()[call.stream_id]["call_id"])
    (header,) = appliance.site.recordings_dir.glob("*/*/stream.json")
    leg_end_ms = max((leg["metrics"]["end_ms"] for leg in found["legs"]), default=None)
    return judge(header.parent, status.start_unix_ms, sent, leg_end_ms)


def main() -> int:
    """Play rounds and print a line for each; the exit status is 1 when a millisecond is unaccounted or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bad = 0
    for seed in range(options.seed, options.seed + options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            verdicts = asyncio.run(play(seed, Path(folder)))
        told = ", ".join(f"{name}: {verdict._asdict()}" for name, verdict in verdicts.items())
        print(f"seed {seed} · {', '.join(f'{at} ms {what}' for at, what in plan(seed))} · {told}", flush=True)
        bad += any(verdict.unaccounted or verdict.wrong for verdict in verdicts.values())
    print(f"{options.rounds} rounds, {bad} with milliseconds unaccounted or wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
