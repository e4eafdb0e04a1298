"""Makers' list of speech models: `model-list.json`, beside the archives at the makers' and in a mirror of theirs.

    [{"lang": "kz", "name": "vosk-model-small-kz-0.42", "size": 59697294, "md5": "1c7d…", "type": "small", "obsolete": "false",
      "url": "https://…/vosk-model-small-kz-0.42.zip", "version": "0.42"}, …]

Where it and the manifest differ it is right: it is the newer of the two. MD5 finds a damaged or an exchanged archive, not a forged
one; against those stands the SHA-256 that `installation.py` remembers. The list is written by people: `obsolete` is a string,
`lang` is mostly but not always a language tag, and one entry (type `spk`) tells speakers apart and recognises nothing. What cannot
be used is passed over. Of licence and sampling rate it says nothing: those are the manifest's, or not stated and as the model's own
files say.
"""

import contextlib
import re

import msgspec

from cc_voice.config import languages
from cc_voice.speech.errors import FetchError
from cc_voice.speech.models.inventory import Listed

FILE = "model-list.json"
MOST_BYTES = 5_000_000
"""The makers' has some 60 kB."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What can be the name of a model, and so of a folder."""
_CODES = {"cn": "zh-CN", "kz": "kk", "ua": "uk", "vn": "vi", "gr": "el", "el-gr": "el", "tl-ph": "fil"}
"""Codes of theirs that are names of countries, or say more than the manifest does."""
_MD5 = re.compile(r"[0-9a-f]{32}")


class _Entry(msgspec.Struct, frozen=True):
    name: str
    lang: str = ""
    size: int | str | None = None
    md5: str | None = None
    type: str = ""
    obsolete: bool | int | str | None = None
    url: str | None = None


class Offer(msgspec.Struct, frozen=True):
    """The models that can be had: those of the manifest, as a list of the makers' corrects and completes them."""

    models: tuple[Listed, ...]
    source: str | None = None
    """Where the list was read; None: it is the manifest alone."""
    corrections: dict[str, str] = {}
    """By model, what the list says of it and the manifest does not, in words."""

    def find(self, name: str) -> Listed | None:
        """Return a model by its name."""
        return next((one for one in self.models if one.name == name), None)


_ENTRIES = msgspec.json.Decoder(list[msgspec.Raw])
_ENTRY = msgspec.json.Decoder(_Entry)


def offer(manifest: tuple[Listed, ...], data: bytes, source: str) -> Offer:
    """Return what there is to be had by the manifest and a list read from `source`. Raises FetchError for what is no such list."""
    given = {one.name: one for one in _read(data, source)}
    corrected = tuple(_corrected(one, given.get(one.name)) for one in manifest)
    pairs = zip(manifest, corrected, strict=True)
    corrections = {old.name: said for old, new in pairs if (said := _difference(old, new))}
    known = {one.name for one in manifest}
    return Offer((*corrected, *(one for one in given.values() if one.name not in known)), source, corrections)


def _read(data: bytes, source: str) -> list[Listed]:
    try:
        raw = _ENTRIES.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FetchError(f"{source} is no list of models: {error}") from error
    found: list[Listed] = []
    for one in raw:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, ValueError):
            entry = _ENTRY.decode(one)
            if NAME.fullmatch(entry.name) and entry.type != "spk":
                found.append(_listed(entry))
    if raw and not found:
        raise FetchError(f"{source} names no model of speech; is it the makers' {FILE}?")
    return found


def _listed(entry: _Entry) -> Listed:
    """Return an entry as one of the manifest. Raises ValueError for a language that is none."""
    md5 = (entry.md5 or "").strip().lower()
    return Listed(
        name=entry.name,
        language=languages.tag(_CODES.get(entry.lang.lower(), entry.lang)),
        url=entry.url if re.match(r"https?://", entry.url or "") else None,
        size_bytes=_size(entry.size),
        md5=md5 if _MD5.fullmatch(md5) else None,
        obsolete=str(entry.obsolete).strip().lower() in ("true", "1", "yes"),
    )


def _size(given: int | str | None) -> int | None:
    if isinstance(given, str):
        given = int(given) if given.isascii() and given.isdigit() else None
    return given if given and given > 0 else None


def _corrected(ours: Listed, theirs: Listed | None) -> Listed:
    if theirs is None:
        return ours
    return msgspec.structs.replace(
        ours,
        size_bytes=theirs.size_bytes or ours.size_bytes,
        md5=theirs.md5 or ours.md5,
        url=theirs.url or ours.url,
        obsolete=theirs.obsolete,
    )


def _difference(old: Listed, new: Listed) -> str | None:
    """Say what of a correction contradicts the manifest; what the manifest did not know is no contradiction."""
    said = [
        f"{what} {theirs} instead of {ours}"
        for what, ours, theirs in (
            ("size", old.size_bytes, new.size_bytes),
            ("MD5", old.md5, new.md5),
            ("address", old.url, new.url),
        )
        if ours is not None and ours != theirs
    ]
    if old.obsolete != new.obsolete:
        said.append("obsolete" if new.obsolete else "not obsolete")
    return ", ".join(said) or None
