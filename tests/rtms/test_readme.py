"""The README's example runs, and its tables name what there is."""

import asyncio
import re
from pathlib import Path

import pytest

from cc_voice.rtms import enums, messages
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.server import Simulator
from tests.conftest import PATIENCE_S
from tests.rtms import golden

PACKAGE = Path(messages.__file__).parent
TOP = PACKAGE.parent.parent
README = (PACKAGE / "README.md").read_text()
PROTOCOL = README.partition("\n# The protocol\n")[2]


def sections() -> dict[str, str]:
    """The text under each numbered heading of the protocol, by its number."""
    parts = re.split(r"^##+ (\d+(?:\.\d+)?)\.? .+$", PROTOCOL, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_module_is_in_the_table() -> None:
    modules = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    named = set(re.findall(r"`((?:\w+/)?\w+\.py)`", README))
    assert modules - named == set()
    assert {name for name in named - modules if "/" not in name} == set()


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


def test_every_golden_example_stands_in_its_section() -> None:
    told = sections()
    examples = {**golden.WEBHOOKS, **golden.MESSAGES, "6.4 user": golden.USER_AUDIO}
    assert [name for name, text in examples.items() if text not in told[name.split()[0]]] == []
    blocks = "\n".join(re.findall(r"^```json\n(.*?)^```", PROTOCOL, re.DOTALL | re.MULTILINE))
    for text in examples.values():
        blocks = blocks.replace(text, "", 1)
    assert blocks.split() == [], "an example that no test decodes"


def test_sections_that_are_cited_exist() -> None:
    told = sections()
    own = r"(?<![/\w])README (?:section )?(\d+(?:\.\d+)?)"
    others = r"rtms/README\.md`? (?:section )?(\d+(?:\.\d+)?)"
    inside = {number for path in PACKAGE.rglob("*.py") for number in re.findall(own, path.read_text())}
    sources = [path for folder in ("cc_voice", "tests", "deploy") for path in (TOP / folder).rglob("*.py")]
    outside = {number for path in sources for number in re.findall(others, path.read_text())}
    assert len(inside) > 15
    assert len(outside) > 5
    assert sorted((inside | outside) - set(told)) == []


def test_rows_of_disagreements_that_are_cited_exist() -> None:
    rows = re.findall(r"^\| (\d+) \|", sections()["12"], re.MULTILINE)
    assert rows == [str(number) for number in range(1, 41)]
    sources = [path for folder in ("rtms", "simulator") for path in (PACKAGE.parent / folder).rglob("*.py")]
    cited = {number for path in sources for number in re.findall(r"\b12, row (\d+)", path.read_text())}
    assert len(cited) > 10
    assert cited <= set(rows)


def test_the_numbers_of_the_readme_are_those_of_the_code() -> None:
    """Status codes and stop reasons: a number that the tables leave out, or a row for one that is not there."""
    told = sections()
    rows = re.findall(r"^\| ([\d, –]+)(?: `\[S\]`)? \|", told["7.8"], re.MULTILINE)
    assert {number for row in rows for number in numbers(row)} == {status.value for status in enums.Status}
    reasons = re.findall(r"\| (\d+) (?=\|)", told["7.9"])
    assert sorted(map(int, reasons)) == sorted(reason.value for reason in enums.StopReason)


def numbers(text: str) -> set[int]:
    """What "5, 6" and "9 – 13" name."""
    found = set()
    for part in text.split(","):
        first, _, last = part.partition("–")
        found |= set(range(int(first), int(last or first) + 1))
    return found
