"""The package by itself: copied out under another name it works, knows nothing of cc_voice, and tells type checkers its types."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from cc_voice import rtms

PACKAGE = Path(rtms.__file__).parent
PROGRAM = """
import importlib, json, pathlib, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "cc_voice":
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
root = pathlib.Path("elsewhere")
names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in sorted(root.rglob("*.py"))]
for name in names:
    importlib.import_module(name)
from elsewhere.options import StreamTarget
from elsewhere.signatures import handshake_signature
from elsewhere.stream import Stream
from elsewhere.webhooks import parse_webhook

body = {"event": "meeting.rtms_started", "payload": {"meeting_uuid": "u", "rtms_stream_id": "s", "server_urls": "wss://x.zoom.us"}}
target = StreamTarget.of(parse_webhook(json.dumps(body).encode()))
stream = Stream(target, handshake_signature("id", "secret", "u", "s"))
stream.start(0.0, 1)
[opened] = stream.actions()
stream.opened(opened.socket, 0.1)
[sent] = stream.actions()
assert json.loads(sent.data)["meeting_uuid"] == "u"
stream.received(opened.socket, b'{"msg_type":2,"status_code":3}', 0.2)
[ended] = stream.events()
assert "client id and secret" in ended.error
print(len(names), "cc_voice" in sys.modules)
"""


def test_copied_out_under_another_name_it_works(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules = len(list(PACKAGE.rglob("*.py")))
    assert done.stdout.split() == [str(modules), "False"]


def test_its_modules_name_nothing_outside() -> None:
    offenders = [path.name for path in PACKAGE.rglob("*.py") if "cc_voice" in path.read_text()]
    assert offenders == []


def test_its_own_project_file_needs_what_it_imports() -> None:
    assert (PACKAGE / "py.typed").is_file()
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert [need.split(">")[0] for need in project["dependencies"]] == ["msgspec"]
    ours = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {need.split(">")[0]: need for need in ours}
    assert project["dependencies"] == [wanted["msgspec"]]
    assert project["optional-dependencies"]["client"] == [wanted["websockets"]]
