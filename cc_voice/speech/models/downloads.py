"""One file over HTTP, going on where an earlier try was cut.

Beside the file lies what was told about it (`<file>.json`: URL, size, the server's mark for this version), so that a later command
can ask for the rest with `Range` and `If-Range`. A server that knows no ranges, or has another version by now, sends the whole
again. Within one command a cut is followed up at once as long as every try brings something; nothing waits and tries again.

Redirects are followed by us: to http and https only, and never from https to http.
"""

import contextlib
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec

from cc_voice.speech.errors import FetchError
from cc_voice.speech.models.archives import Progress

TRIES = 20
"""Of one command, each having brought something."""
_MOST_REDIRECTS = 5
_SPARE_BYTES = 64_000_000
"""What is left free on the disk: the store and recordings live there too."""


class _Told(msgspec.Struct, frozen=True):
    """What the server said when the download began."""

    url: str
    total: int | None = None
    mark: str | None = None
    """Its ETag, where that is a strong one, else Last-Modified."""


_TOLD = msgspec.json.Decoder(_Told)


def http_client(proxy: str | None, timeout_s: float) -> httpx.Client:
    """Return a client that honours the environment's proxy, as the operator's other commands do, and the machine's authorities.

    Raises FetchError.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        return httpx.Client(proxy=proxy, verify=context, trust_env=True, follow_redirects=False, timeout=timeout_s)
    except (ValueError, ImportError) as error:
        raise FetchError("the proxy of the environment cannot be used; write HTTPS_PROXY=http://HOST:PORT") from error


def download(client: httpx.Client, url: str, part: Path, *, most_bytes: int, progress: Progress) -> None:
    """Bring `url` into the file `part`, whose earlier content is taken for the beginning where the server agrees.

    `most_bytes` is what no archive exceeds. Raises FetchError: `part` is kept where going on later makes sense. Raises OSError.
    """
    for _ in range(TRIES):
        before = _size(part)
        try:
            if _attempt(client, url, part, most_bytes, progress):
                return
        except httpx.InvalidURL as error:
            raise FetchError(f"{public(url)} is no URL: {error}") from error
        except httpx.TransportError as error:
            if _size(part) <= before:
                raise FetchError(f"{public(url)} cannot be fetched: {error or type(error).__name__}; {_kept(part)}") from error
    raise FetchError(f"{public(url)} was cut {TRIES} times; {_kept(part)}")


def read(client: httpx.Client, url: str, *, most_bytes: int) -> bytes | None:
    """Return what a small file holds; None: it is not there, or not for us. Raises FetchError."""
    data = bytearray()
    try:
        with _answer(client, url, {}) as answer:
            if answer.status_code in (401, 403, 404, 410):
                return None
            if answer.status_code != 200:
                raise FetchError(_refusal(url, answer.status_code))
            for block in answer.iter_bytes():
                data += block
                if len(data) > most_bytes:
                    raise FetchError(f"{public(url)} is larger than {most_bytes / 1e6:.0f} MB, which no such file is")
    except httpx.InvalidURL as error:
        raise FetchError(f"{public(url)} is no URL: {error}") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise FetchError(f"{public(url)} cannot be fetched: {error or type(error).__name__}") from error
    return bytes(data)


def discard(part: Path) -> None:
    """Forget what was fetched."""
    part.unlink(missing_ok=True)
    _beside(part).unlink(missing_ok=True)


def public(url: str) -> str:
    """Return a URL as it may be shown and recorded: a mirror's may carry a password, or a signature in its query."""
    try:
        return str(httpx.URL(url).copy_with(username="", password="", query=None, fragment=None))
    except (httpx.InvalidURL, TypeError):
        return "the address"


def need_room(folder: Path, size_bytes: int) -> None:
    """Raise FetchError unless so much more fits on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if size_bytes + _SPARE_BYTES > free:
        needed, there = (size_bytes + _SPARE_BYTES) / 1e6, free / 1e6
        raise FetchError(f"{folder} needs {needed:.0f} MB and {there:.0f} MB are free there; make room and fetch again")


def _attempt(client: httpx.Client, url: str, part: Path, most_bytes: int, progress: Progress) -> bool:
    """Fetch what is missing, once; False: there is more. Raises FetchError, httpx errors, OSError."""
    told, have = _begun(part, url)
    if told.total is not None and have == told.total:
        progress(have, told.total)
        return True
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": told.mark} if told.mark else {})
    with _answer(client, url, headers) as answer:
        if answer.status_code not in (200, 206, 416):
            raise FetchError(_refusal(url, answer.status_code))
        if answer.status_code != 200 and not _goes_on(answer, told, have):
            if not have:
                raise FetchError(_refusal(url, answer.status_code))
            discard(part)  # what is here is the beginning of something else
            return False
        have = have if answer.status_code == 206 else 0
        total = _total(answer, have)
        _check_size(url, part, total or 0, most_bytes)
        need_room(part.parent, (total or 0) - have)
        _beside(part).write_bytes(msgspec.json.encode(_Told(public(url), total, _mark(answer))))
        _write(answer, part, have, total, most_bytes, progress)
    return total is None or _size(part) == total


def _write(answer: httpx.Response, part: Path, have: int, total: int | None, most_bytes: int, progress: Progress) -> None:
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        for block in answer.iter_raw():
            file.write(block)
            have += len(block)
            _check_size(str(answer.url), part, have, most_bytes)
            progress(have, total)


@contextlib.contextmanager
def _answer(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """Ask, following redirects. Credentials in `url` go to its own host only: httpx takes them from each URL."""
    for _ in range(_MOST_REDIRECTS):
        request = client.build_request("GET", url, headers=headers)
        try:
            answer = client.send(request, stream=True)
        except httpx.InvalidURL as error:  # httpx looks where a redirect leads, even if it is not to follow it
            raise FetchError(f"{public(url)} redirects to what is no URL") from error
        try:
            if not answer.has_redirect_location:
                yield answer
                return
            url = redirected(url, answer.headers["location"])
        finally:
            answer.close()
    raise FetchError(f"{public(url)} is one redirect too many; give the archive's own address with --from")


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads. Raises FetchError where it must not be followed."""
    try:
        target = httpx.URL(url).join(location)
    except httpx.InvalidURL as error:
        raise FetchError(f"{public(url)} redirects to what is no URL") from error
    if target.scheme not in ("http", "https") or not target.host:
        raise FetchError(f"{public(url)} redirects to {target.scheme}:, which is not followed")
    if target.scheme == "http" and httpx.URL(url).scheme == "https":
        raise FetchError(f"{public(url)} redirects to unencrypted http, which is not followed")
    return str(target)


def _begun(part: Path, url: str) -> tuple[_Told, int]:
    """Return what is known of a download that was begun, and how many bytes are here; a new one where it was of something else."""
    try:
        told = _TOLD.decode(_beside(part).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        told = None
    if told is None or told.url != public(url) or _size(part) > (told.total if told.total is not None else _size(part)):
        discard(part)
        return _Told(public(url)), 0
    return told, _size(part)


def _goes_on(answer: httpx.Response, told: _Told, have: int) -> bool:
    """Whether the answer is the rest of what is here. A server without a mark is believed if the size is the same."""
    if answer.status_code != 206 or not have:
        return False
    given, _, total = answer.headers.get("content-range", "").removeprefix("bytes ").partition("/")
    same = told.total is None or total in ("*", str(told.total))
    return same and given.startswith(f"{have}-")


def _total(answer: httpx.Response, have: int) -> int | None:
    length = answer.headers.get("content-length", "")
    return have + int(length) if length.isascii() and length.isdigit() else None


def _mark(answer: httpx.Response) -> str | None:
    tag = answer.headers.get("etag", "W/")
    return (answer.headers.get("last-modified", "") if tag.startswith("W/") else tag) or None


def _check_size(url: str, part: Path, size: int, most_bytes: int) -> None:
    if size > most_bytes:
        discard(part)
        raise FetchError(f"{public(url)} is larger than {most_bytes / 1e6:.0f} MB, which this model is not; nothing was installed")


def _refusal(url: str, status: int) -> str:
    if status in (404, 410):
        return f"{public(url)} is not there (status {status}); another place is given with --from"
    if status in (401, 403, 407):
        return f"{public(url)} may not be read (status {status}); check proxy and credentials"
    return f"{public(url)} was answered with status {status}; try later, or another place with --from"


def _kept(part: Path) -> str:
    size = _size(part)
    return f"{size / 1e6:.1f} MB are here, the same command goes on from there" if size else "nothing came"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _beside(part: Path) -> Path:
    return part.with_name(part.name + ".json")
