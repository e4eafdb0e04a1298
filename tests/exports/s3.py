"""A bucket of a store that speaks enough S3: put, get, delete; every request must be signed (AWS Signature Version 4)."""

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

KEY, SECRET, REGION = "AKIATEST", "the secret of the test", "eu-central-1"


class Bucket:
    """What is stored, and which requests came."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.refused = 0
        self.url = ""


def signed(method: str, target: str, headers: dict[str, str]) -> bool:
    """Whether a request carries the signature that our secret gives it."""
    authorization = headers.get("authorization", "")
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        return False
    fields = dict(part.strip().split("=", 1) for part in authorization.split(" ", 1)[1].split(","))
    key, day, region, service, _ = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    parts = urlsplit(target)
    query = "&".join(sorted(part if "=" in part else f"{part}=" for part in parts.query.split("&"))) if parts.query else ""
    canonical = "\n".join(
        [
            method,
            quote(unquote(parts.path), safe="/~"),
            query,
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            ";".join(names),
            headers["x-amz-content-sha256"],
        ]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = b"AWS4" + SECRET.encode()
    for part in (day, region, service, "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    return key == KEY and hmac.compare_digest(hmac.new(secret, text.encode(), "sha256").hexdigest(), fields["Signature"])


@contextmanager
def serving() -> Iterator[Bucket]:
    """Serve a bucket on a free port of this machine."""
    bucket = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            name = unquote(urlsplit(self.path).path).split("/", 2)[-1]
            bucket.requests.append(f"{self.command} {name}")
            if not signed(self.command, self.path, {key.lower(): value for key, value in self.headers.items()}):
                bucket.refused += 1
                return self.reply(403)
            if self.command == "PUT":
                bucket.objects[name] = body
                return self.reply(200)
            if self.command == "POST" and urlsplit(self.path).query == "delete":
                keys = re.findall(r"<Key>(.*?)</Key>", body.decode())
                for key in keys:
                    bucket.objects.pop(key, None)
                told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
                return self.reply(
                    200, f'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{told}</DeleteResult>'.encode()
                )
            return self.reply(200, bucket.objects[name]) if name in bucket.objects else self.reply(404)

        def reply(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("etag", '"1"')
            self.send_header("last-modified", "Mon, 02 Nov 2026 12:00:00 GMT")
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET = do_POST = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
