"""The README's example runs, and its tables name what there is."""

import asyncio
import re
from pathlib import Path

import pytest

from cc_voice.rtms import messages
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.server import Simulator
from tests.conftest import PATIENCE_S

PACKAGE = Path(messages.__file__).parent
README = (PACKAGE / "README.md").read_text()


def test_every_module_is_in_the_table() -> None:
    named = set(re.findall(r"`(\w+\.py)`", README))
    assert named == {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}


async def test_the_example_receives_a_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(example.splitlines()) <= 24
    async with Simulator(SimulatorConfig(client_id="…", client_secret="…")) as zoom:
        call = await zoom.start_call(CallRequest(scenario="good-call", speed="max"))
        webhook = tmp_path / "webhook.json"
        webhook.write_text(call.body)
        # The one change: links without TLS to this machine must be allowed explicitly.
        changed = example.replace("StreamClient(target, credentials)", "StreamClient(target, credentials, options=INSECURE)")
        assert changed != example
        changed = changed.replace('"webhook.json"', repr(str(webhook)))
        program = "from cc_voice.rtms.client import ClientOptions\nINSECURE = ClientOptions(allow_insecure=True)\n" + changed
        await asyncio.wait_for(asyncio.to_thread(exec, compile(program, "README.md", "exec"), {}), PATIENCE_S)
        assert (await zoom.wait(call.call)).transcripts_sent > 0
    heard = capsys.readouterr().out.splitlines()
    assert heard[-1] == "normal"
    assert sum(line.endswith("640 bytes, 16 bit little-endian") for line in heard) > 1000
    assert "user_answered" in heard
