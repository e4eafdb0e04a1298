"""The command line: what it explains, and one call played by a process of its own."""

import asyncio
import json
import sys

import pytest
from click.testing import CliRunner

from cc_voice.simulator.command import simulate
from cc_voice.simulator.faults import FAULTS
from cc_voice.simulator.report import SimulatorConfig, StartedCall
from tests.conftest import PATIENCE_S

PROGRAM = "from cc_voice.simulator.command import simulate; simulate()"


def test_help_explains():
    result = CliRunner().invoke(simulate, ["--help"])
    assert result.exit_code == 0
    for word in ("--listen", "--webhook", "--scenario", "--concurrency", "POST /calls", "Exit status"):
        assert word in result.output


def test_scenarios_are_listed():
    result = CliRunner().invoke(simulate, ["--scenario", "list"])
    assert "good-call" in result.output.splitlines()


def test_faults_are_listed():
    lines = CliRunner().invoke(simulate, ["--fault", "list"]).output.splitlines()
    assert any(line.startswith("bad-status:[LINK=]N ") and line.endswith("(7.8)") for line in lines)
    assert len(lines) == len(FAULTS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing to do"),
        (["--scenario", "good-call"], "nobody would hear"),
        (["--calls", "2", "--listen", "127.0.0.1:0"], "--calls needs"),
        (["--listen", "nowhere"], "HOST:PORT"),
        (["--speed", "fast", "--listen", "127.0.0.1:0"], "neither a positive number"),
        (["--speed", "-1", "--listen", "127.0.0.1:0"], "neither a positive number"),
        (["--scenario", "no-such", "--listen", "127.0.0.1:0"], "there is no scenario"),
        (["--file", "no-such.wav"], "no-such.wav"),
        (["--scenario", "good-call", "--listen", "127.0.0.1:0", "--fault", "drop-it"], "there is no fault"),
        (["--scenario", "good-call", "--listen", "127.0.0.1:0", "--media", "audio,smell"], "smell"),
        (["--listen", "127.0.0.1:0", "--fault", "garbage"], "need a --scenario"),
    ],
)
def test_mistakes_are_explained(arguments, says):
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code in (1, 2)
    assert says in result.output


async def test_calls_are_played_and_summed_up(inbox, wav, raw_client):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "--webhook", inbox.url, "--file", str(wav), "--speed", "max", "--json"),
        *("--calls", "2", "--concurrency", "2", "--client-id", "me", "--client-secret", "mine", "--channels", "customer,agent"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    clients = []
    for _ in range(2):
        headers, body = await inbox.next()
        announced = StartedCall(
            call="", headers=dict(headers), body=body.decode(), product="", instance_id="", stream_id="", server_urls=""
        )
        clients.append(raw_client(announced, SimulatorConfig(client_id="me", client_secret="mine")))
    for client in clients:
        await client.join()
    for client in clients:
        await client.ended()
    output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    result = json.loads(output.splitlines()[-1])
    assert process.returncode == 0, errors.decode()
    assert (result["completed"], result["failed"]) == (2, 0)
    assert {call["channels"][0]["sha256"] for call in result["calls"]} == {client.sha256("ch-customer-0") for client in clients}
    assert b"listens on http://127.0.0.1:" in errors


async def test_a_client_that_breaks_the_protocol_fails_the_run(inbox, wav, raw_client):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "--webhook", inbox.url, "--file", str(wav), "--speed", "max"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    headers, body = await inbox.next()
    announced = StartedCall(
        call="", headers=dict(headers), body=body.decode(), product="", instance_id="", stream_id="", server_urls=""
    )
    client = raw_client(announced, SimulatorConfig())
    await client.signal()
    await client.send("signaling", "hello?")
    await client.media()
    await client.ready()
    await client.ended()
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 1
    assert b"FAILED" in output
    assert b"bad JSON" in output
    assert b"0 of 1 calls completed" in output
