"""Installation and removal of speech models: the one place that downloads, and only when an operator says so.

    <models>/<name>/                   a model, whole; `installed.json` inside says where it came from, and its checksums
    <models>/.incoming/<name>.zip      what was downloaded so far; kept when a download is cut
    <models>/.incoming/<name>/         being unpacked and checked; renamed to its place as the last step
    <models>/.incoming/<name>.lock     held by the command that works on this model
    <models>/.trusted/<name>.json      checksum of the archive that was first seen under this name; outlives the model

Of checksums the makers publish MD5 alone, in their list of models and so in the manifest: an archive with another is damaged or of
another edition, and refused; one with the same may still be forged. So the first archive is trusted for having come over TLS from
the address in the manifest and for passing every check, and its SHA-256 is remembered: a later one that differs is refused until
the operator says it may. Their list is read where the operator names it or a mirror has it, and then counts for more than the
manifest.
A process that ends anywhere leaves a model whole or absent. Replacing one takes two renames; ended between them, it is absent.
"""

import contextlib
import fcntl
import hashlib
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from cc_voice.speech.errors import FetchError, ModelError
from cc_voice.speech.models import archives, downloads, inventory, model_list
from cc_voice.speech.models.archives import Progress
from cc_voice.speech.models.inventory import Listed, ModelInfo, Record
from cc_voice.speech.models.model_list import NAME, Offer

TIMEOUT_S = 30.0
"""Without a single byte."""
_UNLISTED_BYTES = 4_000_000_000
"""About how large a model of unknown size may be."""
_BLOCK_BYTES = 1 << 20


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants."""

    name: str
    source: str | None = None
    """URL of an archive (ends in .zip) or of a folder of archives; a folder with the model, its archive, or many; an archive."""
    listing: str | None = None
    """URL or path of the makers' list; None: the one beside the archive, where there is one."""
    sha256: str | None = None
    """What the archive's checksum must be; the makers' MD5 is not asked for then."""
    trust_new: bool = False
    """Take an archive though an earlier one, or the makers' list, has another checksum."""
    again: bool = False
    """Also if the model is here and whole."""
    proxy: str | None = None
    """URL; None: as the environment says."""
    timeout_s: float = TIMEOUT_S


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order."""

    model: ModelInfo
    is_new: bool
    """False: it was here and whole already."""
    trusted_since: str | None = None
    """When the archive's checksum was first recorded (RFC 3339); None: now, or there was no archive."""


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """An archive that was seen under a model's name."""

    sha256: str
    size_bytes: int
    source: str
    seen_at: str


class FetchProgress:
    """What a running fetch tells whoever watches: its step, and how far that is."""

    def step(self, name: str) -> None:
        """A step begins: `download`, `unpack`, `copy` or `check`."""

    def progress(self, done: int, total: int | None) -> None:
        """So many bytes of so many, where known."""

    def warn(self, text: str) -> None:
        """Something that the operator should know, and that hinders nothing."""


_TRUSTED = msgspec.json.Decoder(Trusted)


def fetch(order: Order, models_dir: Path, now: datetime, told: FetchProgress | None = None, offer: Offer | None = None) -> Fetched:
    """Install a model from its source, checked, under its name. Raises FetchError, ModelError, OSError (disk full).

    `offer` is what `offered` has found for the same source and list; None: it is looked for here, unless the model is here already.
    """
    told = told or FetchProgress()
    _check_name(order)
    with _alone(models_dir, order.name) as incoming:
        if not order.again and (found := _whole(models_dir, order.name)) is not None:
            return Fetched(model=found, is_new=False)
        offer = offer or offered(order)
        listed = offer.find(order.name)
        if listed is None and order.source is None:
            raise FetchError(_unknown(order.name))
        _warn(order.name, offer, told)
        staged = incoming / order.name
        trusted, since, record = _stage(order, offer, models_dir, staged, now, told)
        if listed is not None and _in_manifest(order.name) is None:
            _describe(staged, listed)
        _finish(staged, record, told)
        if trusted is not None:
            _trust(models_dir, order.name, trusted)
        _put_in_place(staged, models_dir / order.name)
        downloads.discard(incoming / f"{order.name}.zip")
        installed = next(one for one in inventory.survey(models_dir).models if one.name == order.name)
        return Fetched(model=installed, is_new=True, trusted_since=since)


def offered(order: Order) -> Offer:
    """Return what there is to be had by the manifest, and by the makers' list where the order's source has one. Raises FetchError.

    The order's name does not matter. A list that the operator named must be there.
    """
    manifest = inventory.catalogue()
    place = order.listing or _list_beside(order.source)
    if place is None:
        return Offer(manifest)
    if re.match(r"https?://", place):
        with downloads.http_client(order.proxy, order.timeout_s) as client:
            data = downloads.read(client, place, most_bytes=model_list.MOST_BYTES)
        place = downloads.public(place)
    else:
        data = Path(place).read_bytes() if Path(place).is_file() else None
    if data is None and order.listing:
        raise FetchError(f"{place} is not there, or may not be read; --list takes the URL of a {model_list.FILE}, or the file")
    return Offer(manifest) if data is None else model_list.offer(manifest, data, place)


def remove(name: str, models_dir: Path) -> None:
    """Remove an installed model. Calls that use it keep it in memory to their end. Raises FetchError, OSError."""
    if not NAME.fullmatch(name) or not (models_dir / name).is_dir():
        ships = any(one.name == name and one.path for one in inventory.catalogue())
        reason = "ships with the product and stays" if ships else f"is not in {models_dir}"
        raise FetchError(f"the model {name} {reason}; nothing was removed")
    found = inventory.survey(models_dir)
    if name not in {one.name for one in found.models} | {one.name for one in found.problems}:
        raise FetchError(f"{models_dir / name} is no model; nothing was removed")
    with _alone(models_dir, name) as incoming:
        _take_away(models_dir / name, incoming / f"{name}.old")


def _list_beside(source: str | None) -> str | None:
    """Return where a list of the makers' would be, for a source that is a folder; None: it is none, or the makers' own."""
    if source is None or source.partition("?")[0].endswith(".zip"):
        return None
    url, mark, query = source.partition("?")
    return f"{url.rstrip('/')}/{model_list.FILE}{mark}{query}"


def _warn(name: str, offer: Offer, told: FetchProgress) -> None:
    """Tell what an operator should know of a model before it is used."""
    if name in offer.corrections:
        told.warn(f"{offer.source} says of {name}: {offer.corrections[name]} in the manifest; the list counts")
    listed = offer.find(name)
    if listed is None:
        return
    if listed.non_commercial:
        told.warn(f"{name} is not for commercial use: its licence is {listed.licence}")
    elif listed.licence == inventory.NOT_STATED:
        told.warn(f"the licence of {name} is not stated in what was read of it; ask its makers before you use it")
    if listed.obsolete:
        told.warn(f"{name} is obsolete: its makers have a better one, see `cc-voice models list --language {listed.language}`")


def _describe(staged: Path, listed: Listed) -> None:
    """Say in a model that only the makers' list knows which language it is for, as a model of a site does."""
    if not (staged / "model.toml").exists():
        small = str(listed.small).lower()
        (staged / "model.toml").write_text(f'language = "{listed.language}"\nsmall = {small}\nlicence = "{listed.licence}"\n')


def _stage(
    order: Order, offer: Offer, models_dir: Path, staged: Path, now: datetime, told: FetchProgress
) -> tuple[Trusted | None, str | None, Record]:
    """Put the model's files into `staged`; return what is to be trusted, since when it is, and the record without files."""
    at, listed = now.isoformat(timespec="seconds"), offer.find(order.name)
    source = _local(order)
    if source is not None and source.is_dir():
        _check_folder(order, offer, source.name)
        told.step("copy")
        _copy(source, staged, told.progress)
        return None, None, Record(source=str(source.resolve()), installed_at=at, files={})
    shown = str(source.resolve()) if source is not None else downloads.public(_url(order, listed))
    archive = source or _download(order, listed, models_dir / ".incoming" / f"{order.name}.zip", told)
    digest, md5 = _sums(archive)
    before = _check_trust(order, listed, models_dir, digest)
    try:
        found = archives.contents(archive)
        _check_folder(order, offer, found.folder)
        if before is None and not (order.sha256 or order.trust_new):
            _check_md5(offer, listed, md5)
        downloads.need_room(models_dir, found.size_bytes)
        told.step("unpack")
        archives.unpack(archive, found, staged, told.progress)
    except FetchError:
        if source is None:
            downloads.discard(archive)  # it will not become better by going on
        raise
    seen = before or Trusted(sha256=digest, size_bytes=archive.stat().st_size, source=shown, seen_at=at)
    record = Record(source=shown, installed_at=at, archive_sha256=digest, archive_md5=md5, files={})
    return seen, before.seen_at if before else None, record


def _check_name(order: Order) -> None:
    listed = _in_manifest(order.name)
    if not NAME.fullmatch(order.name):
        raise FetchError(f"{order.name!r} cannot be a model's name")
    if listed is not None and listed.path:
        raise FetchError(f"the model {order.name} ships with the product")
    if listed is None and order.source is None and order.listing is None:
        raise FetchError(_unknown(order.name))


def _in_manifest(name: str) -> Listed | None:
    return next((one for one in inventory.catalogue() if one.name == name), None)


def _unknown(name: str) -> str:
    return f"there is no model {name}; `cc-voice models list` shows all, a model of your own comes with --from"


def _local(order: Order) -> Path | None:
    """Return the folder or archive on this machine that an order names; None: it is to be downloaded. Raises FetchError."""
    if order.source is None or re.match(r"https?://", order.source):
        return None
    given = Path(order.source)
    inside = [given / order.name, given / f"{order.name}.zip"]
    found = next((path for path in inside if path.exists()), given)
    if not found.exists():
        raise FetchError(f"{given} is not there; --from takes a URL, a folder or a zip archive")
    if found.is_dir() and not any((found / name).exists() for name in ("am", "conf", "final.mdl")):
        raise FetchError(f"{given} holds neither {order.name}/ nor {order.name}.zip, and is no model itself")
    return found


def _url(order: Order, listed: Listed | None) -> str:
    source = order.source or (listed.url if listed else None)
    if source is None:
        raise FetchError(f"nobody knows where the model {order.name} is; say it with --from")
    return source if source.partition("?")[0].endswith(".zip") else f"{source.rstrip('/')}/{order.name}.zip"


def _download(order: Order, listed: Listed | None, part: Path, told: FetchProgress) -> Path:
    about_bytes = (listed.archive_bytes if listed else None) or _UNLISTED_BYTES
    told.step("download")
    with downloads.http_client(order.proxy, order.timeout_s) as client:
        # Some sizes are rounded, and models are made anew
        downloads.download(client, _url(order, listed), part, most_bytes=about_bytes * 2 + 50_000_000, progress=told.progress)
    return part


def _check_trust(order: Order, listed: Listed | None, models_dir: Path, digest: str) -> Trusted | None:
    """Return the record of this very archive, None when it is seen for the first time. Raises FetchError when it is another."""
    for expected, whose in ((order.sha256, "the one given"), (listed.sha256 if listed else None, "the manifest's")):
        if expected is not None and digest != expected.strip().lower():
            raise FetchError(f"the archive of {order.name} has the SHA-256 {digest}, which is not {whose}; nothing was installed")
    try:
        known = _TRUSTED.decode((models_dir / ".trusted" / f"{order.name}.json").read_bytes())
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise FetchError(f"{models_dir / '.trusted' / order.name}.json is damaged; remove it to trust anew") from error
    if known.sha256 == digest:
        return known
    if order.trust_new or order.sha256:
        return None
    raise FetchError(
        f"the archive of {order.name} is another than the one from {known.source} on {known.seen_at}: SHA-256 {digest} instead of "
        f"{known.sha256}; if its makers have published a new one, say --trust-new"
    )


def _sums(archive: Path) -> tuple[str, str]:
    """Return SHA-256 and MD5 of a file, read once."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with archive.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()


def _check_md5(offer: Offer, listed: Listed | None, md5: str) -> None:
    """Raise FetchError where the makers say another checksum."""
    if listed is None or listed.md5 is None or listed.md5 == md5:
        return
    whose = offer.source or "the manifest"
    newer = "" if offer.source else f"if its makers have published a new one, say --list {_folder_of(listed)}{model_list.FILE}, or "
    raise FetchError(
        f"the archive of {listed.name} has the MD5 {md5}, and {whose} says {listed.md5}: it is damaged or of another edition, "
        f"and was not installed; fetch it again, or {newer}take it as it is with --trust-new"
    )


def _folder_of(listed: Listed) -> str:
    return (listed.url or "").rpartition("/")[0] + "/" if listed.url else ""


def _check_folder(order: Order, offer: Offer, folder: str | None) -> None:
    """Refuse one known model under the name of another: it would be heard in the wrong language."""
    if folder not in (None, order.name) and folder is not None and offer.find(folder) is not None:
        raise FetchError(f"what was to be {order.name} is {folder}; nothing was installed")


def _copy(source: Path, staged: Path, progress: Progress) -> None:
    """Copy a model's folder. Links and devices in it are refused, as in archives."""
    paths = [path for path in sorted(source.rglob("*")) if not path.is_dir() or path.is_symlink()]
    if len(paths) > archives.MOST_FILES:
        raise FetchError(f"{source} holds {len(paths)} files, which no model does")
    if odd := [path for path in paths if path.is_symlink() or not path.is_file()]:
        raise FetchError(f"{odd[0]} is a link or a device; nothing was installed")
    total, done = sum(path.stat().st_size for path in paths), 0
    downloads.need_room(staged.parent, total)
    for path in paths:
        target = staged / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as original, target.open("xb") as file:
            while block := original.read(_BLOCK_BYTES):
                file.write(block)
                done += len(block)
                progress(done, total)


def _finish(staged: Path, record: Record, told: FetchProgress) -> None:
    """Check a staged model as one that is installed, and write its record into it. Raises ModelError."""
    told.step("check")
    (staged / inventory.RECORD).unlink(missing_ok=True)
    files = {}
    for path in sorted(staged.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                files[path.relative_to(staged).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    (staged / inventory.RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(record, files=files))))
    found = inventory.survey(staged.parent)
    if problem := next((one for one in found.problems if one.name == staged.name), None):
        raise ModelError(problem.reason)
    info = next((one for one in found.models if one.path == staged), None)
    if info is None:
        raise ModelError(f"{staged.name} is not listed and holds no model.toml that says its language; nothing was installed")
    inventory.check(info, sums=False)  # they were computed just now


def _whole(models_dir: Path, name: str) -> ModelInfo | None:
    found = next((one for one in inventory.survey(models_dir).models if one.name == name), None)
    try:
        if found is not None:
            inventory.check(found)
    except ModelError:
        return None
    return found


def _put_in_place(staged: Path, place: Path) -> None:
    if place.is_dir():
        _take_away(place, staged.with_name(f"{staged.name}.old"))
    staged.rename(place)


def _take_away(place: Path, old: Path) -> None:
    """Move a model out of sight; `_alone` deletes it. A link is removed, not what it leads to."""
    if place.is_symlink():
        place.unlink()
    else:
        place.rename(old)


def _trust(models_dir: Path, name: str, trusted: Trusted) -> None:
    folder = models_dir / ".trusted"
    folder.mkdir(exist_ok=True)
    beside = folder / f"{name}.json.new"
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(trusted)))
    beside.replace(folder / f"{name}.json")


@contextlib.contextmanager
def _alone(models_dir: Path, name: str) -> Iterator[Path]:
    """Work on a model while no other command does; yields the folder for what is on its way. Raises FetchError."""
    incoming = models_dir / ".incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    with (incoming / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FetchError(f"another command works on the model {name}; wait for it") from error
        leftovers = (incoming / name, incoming / f"{name}.old")
        try:
            for path in leftovers:
                shutil.rmtree(path, ignore_errors=True)  # of a process that was killed
            yield incoming
        finally:
            for path in leftovers:
                shutil.rmtree(path, ignore_errors=True)
