"""The README names what there is."""

import re
from pathlib import Path

from cc_voice.simulator import faults
from cc_voice.simulator.faults import FAULTS

PACKAGE = Path(faults.__file__).parent
README = (PACKAGE / "README.md").read_text()


def test_every_module_is_in_the_table() -> None:
    modules = README[README.index("## Modules") :]
    assert set(re.findall(r"`(\w+\.py)`", modules)) == {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "errors.py"}


def test_every_fault_is_in_the_table() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+[^`]*)` \| (.+) \| (.+) \|$", README, re.MULTILINE)
    told = [row for row in rows if re.split(r"[\[:]", row[0])[0] in FAULTS]
    assert told == [(fault.usage, fault.does, fault.rule) for fault in FAULTS.values()]
