"""Real and spoken calls through the whole appliance: webhook, links, worker, database, compared with what is known of them."""

import asyncio
import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from cc_voice.simulator.report import CallRequest
from cc_voice.simulator.scenario import Party
from cc_voice.simulator.server import Simulator
from tests.system.conftest import Appliance, announce

pytestmark = pytest.mark.system
SPEED = 10.0
TALK_ERROR_LIMIT = 0.15
"""Median over the eight calls, per party: what the first release is held to."""


def human_calls(corpus: Path) -> dict[str, Any]:
    """Return the dialogues of the corpus that have audio, by name."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted((corpus / "dialogues").glob("hvb_*.json"))}
    return {name: dialogue for name, dialogue in found.items() if dialogue.get("audio")}


@pytest.mark.parametrize("number", [3, pytest.param(8, marks=pytest.mark.nightly)])
async def test_human_calls_are_measured_like_people_measured_them(
    appliance: Appliance, zoom: Simulator, corpus: Path, number: int
) -> None:
    calls = dict(list(human_calls(corpus).items())[:number])
    assert len(calls) == number
    started = {}
    for name, dialogue in calls.items():
        by_channel = {role["channel"]: "customer" if who == "consumer" else who for who, role in dialogue["roles"].items()}
        request = CallRequest(
            file=str(corpus / dialogue["audio"]),
            channels=tuple(Party(party=by_channel[number]) for number in sorted(by_channel)),
            speed=SPEED,
        )
        started[name] = await zoom.start_call(request)
        assert await asyncio.to_thread(announce, appliance, started[name]) == 200
    streams = {call.stream_id for call in started.values()}
    await asyncio.to_thread(
        appliance.until,
        lambda: all(appliance.stages().get(s, {}).get("stage") in ("measured", "failed") for s in streams),
        "all calls are done",
    )
    stages = appliance.stages()
    assert {stages[s]["stage"] for s in streams} == {"measured"}, [stages[s]["failure"] for s in streams]
    errors: dict[str, list[float]] = {"agent": [], "customer": []}
    for name, dialogue in calls.items():
        assert not zoom.call(started[name].call).violations
        found = await asyncio.to_thread(appliance.ask, "calls.show", call_id=stages[started[name].stream_id]["call_id"])
        leg = found["legs"][0]["metrics"]
        reference = dialogue["reference_metrics"]["talk_ms"]
        errors["agent"].append(abs(leg["talk_ms_agent"] - reference["agent"]) / reference["agent"])
        errors["customer"].append(abs(leg["talk_ms_customer"] - reference["consumer"]) / reference["consumer"])
    for party, values in errors.items():
        assert statistics.median(values) <= TALK_ERROR_LIMIT, f"{party}: {[round(100 * value, 1) for value in values]} %"
