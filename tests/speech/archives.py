"""Archives of models and a server that gives them out, well or badly.

The makers' own server cannot be reached from where these tests run. What is known of it is its list of names, and that its archives
hold one folder of the archive's name; so the tiny model is packed the same way and served from loopback, with a list beside it.
"""

import contextlib
import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.config.settings import bundled

NAME = "vosk-model-small-pt-0.3"
"""A listed model. Real ones have 16 kHz, so the tiny model's files are changed to say so."""
OWN = "own-fi"
"""A model that is not listed and describes itself."""


def model_folder(at: Path, name: str = NAME) -> Path:
    """Make the folder of a model that passes every check under this name."""
    folder = at / name
    shutil.copytree(bundled("models") / "mini" / "model", folder)
    if name == OWN:
        (folder / "model.toml").write_text('language = "fi"\nsample_rate_hz = 8000\nsmall = true\nlicence = "MIT"\n')
    else:
        (folder / "model.toml").unlink()
        conf = folder / "conf" / "mfcc.conf"
        conf.write_text(conf.read_text().replace("8000", "16000"))
    return folder


def zipped(folder: Path, top: str | None = None) -> bytes:
    """Return a folder as an archive; `top` is the folder in it, None that of the same name."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, f"{folder.name if top is None else top}/{path.relative_to(folder)}".lstrip("/"))
    return data.getvalue()


def listed(body: bytes, name: str = NAME, **more: Any) -> dict[str, Any]:
    """Return an archive's entry in a `model-list.json`, spelt as the makers spell theirs."""
    entry = {"lang": "pt", "lang_text": "Portuguese", "name": name, "version": "0.3", "type": "small", "obsolete": "false"}
    url = f"https://alphacephei.com/vosk/models/{name}.zip"
    return {**entry, "url": url, "size": len(body), "md5": hashlib.md5(body).hexdigest(), **more}


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """How one request is answered."""

    status: int = 200
    ranges: bool = True
    cut_after: int | None = None
    """Bytes of the body, then the connection is closed."""
    length: int | None = None
    """What Content-Length says, where that is a lie."""
    location: str | None = None
    etag: str | None = None
    body: bytes | None = None
    """Instead of the archive."""
    range_from: int | None = None
    """Where a partial answer begins instead of where it was asked to."""
    hold: Callable[[], object] | None = None
    """Called in the middle of the body."""


class Request(msgspec.Struct, frozen=True):
    """What was asked: path, and the headers Range, If-Range and Authorization."""

    path: str
    range: str | None
    if_range: str | None
    authorization: str | None


class Archives:
    """What is served at any path, how the next requests are answered (then: well), and what was asked.

    Requests for the makers' list stand apart: they are always answered, and not counted.
    """

    def __init__(self, url: str, body: bytes) -> None:
        self.url = url
        self.body = body
        self.list: bytes | None = b""
        """What is served as `model-list.json`; empty: one that is true of `body`; None: there is none."""
        self.plan: deque[Behaviour] = deque()
        self.requests: list[Request] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    archives: Archives

    def do_GET(self) -> None:
        ours = self.archives
        if self.path.endswith("model-list.json"):
            self._give_list(ours.list if ours.list != b"" else json.dumps([listed(ours.body)]).encode())
            return
        asked = Request(self.path, *(self.headers.get(name) for name in ("Range", "If-Range", "Authorization")))
        ours.requests.append(asked)
        how = ours.plan.popleft() if ours.plan else Behaviour()
        body = ours.body if how.body is None else how.body
        status, start = how.status, 0
        same = asked.if_range is None or asked.if_range == how.etag
        if status == 200 and asked.range and how.ranges and same:
            status, start = 206, int(asked.range.removeprefix("bytes=").rstrip("-"))
            start = start if how.range_from is None else how.range_from
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if how.location is not None:
            self.send_header("Location", how.location)
        if how.etag is not None:
            self.send_header("ETag", how.etag)
        rest = body[start:] if status in (200, 206) else b""
        self.send_header("Content-Length", str(len(rest) if how.length is None else how.length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self._send(rest[: how.cut_after], how)
        self.close_connection = how.cut_after is not None or how.length is not None

    def _give_list(self, data: bytes | None) -> None:
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def _send(self, data: bytes, how: Behaviour) -> None:
        step = len(data) // 4 + 1
        for number, at in enumerate(range(0, len(data), step)):
            if number == 2 and how.hold is not None:
                how.hold()
            self.wfile.write(data[at : at + step])
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are what these tests are about."""


@contextlib.contextmanager
def serving(body: bytes) -> Iterator[Archives]:
    server = _Server(("127.0.0.1", 0), _Handler)
    archives = Archives(f"http://127.0.0.1:{server.server_port}", body)
    server.RequestHandlerClass = type("Handler", (_Handler,), {"archives": archives})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield archives
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
