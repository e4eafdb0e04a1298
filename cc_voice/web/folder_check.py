"""Folder check of a start: that the service may write what is in its data folder, and where its exports are to go.

A command that root ran on the folder with an earlier version left files that the service cannot open; it would find out one by one,
in the middle of calls. Files of others in the folder are nobody's business.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from cc_voice.config.settings import Settings

_FOLDERS = ("recordings", "spool", "recompute", "sql", "exports", "cache", "schedule")
_FILES = ("cc_voice.duckdb*", "inbox.sqlite*", "auth.sqlite*", "salt", "settings.json", "first-login.txt", "address")
_NAMED = 3


def problem(data_dir: Path) -> str | None:
    """Return why the service cannot work in its data folder, in words for the operator; None where it can."""
    if data_dir.exists() and not data_dir.is_dir():
        return f"{data_dir} is no folder; name the data folder with data_dir"
    wrong = list(_unwritable(data_dir)) if data_dir.exists() else []
    if not wrong:
        return None
    shown = ", ".join(f"{path} (of {_account(path)})" for path in wrong[:_NAMED])
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    me = _name(os.getuid())
    return (
        f"{me} cannot write {shown}{more}; give the folder to the service's account: chown -R {me}: {data_dir} "
        "(where it is its own already, the disk or the unit's ReadWritePaths= make it read-only)"
    )


def closed_exports(settings: Settings) -> list[str]:
    """Return the scheduled exports whose folder cannot be written, as sentences."""
    folders = [(job.name, Path(job.to).absolute()) for job in settings.exports if not job.is_remote]
    return [
        f"export {name!r} cannot write {folder}: give the folder to {_name(os.getuid())}, and name it in the unit's ReadWritePaths="
        for name, folder in folders
        if not os.access(next(each for each in chain([folder], folder.parents) if each.exists()), os.W_OK | os.X_OK)
    ]


def _unwritable(data_dir: Path) -> Iterator[Path]:
    if not _is_open(data_dir):
        yield data_dir
        return
    ours = [data_dir / name for name in _FOLDERS if (data_dir / name).is_dir()]
    closed = [folder for folder in ours if not _is_open(folder)]
    yield from closed
    files = chain.from_iterable(sorted(data_dir.glob(pattern)) for pattern in _FILES)
    inside = chain.from_iterable(folder.iterdir() for folder in ours if folder not in closed)  # a folder of each call
    yield from (path for path in chain(files, inside) if not path.is_symlink() and not _is_open(path))


def _is_open(path: Path) -> bool:
    """Whether the account may read and write a file or folder.

    One that root goes on as (`commands/folder_owner.py`) has more rights than it will have at the next start, which are not asked.
    """
    try:
        about = path.stat()
    except FileNotFoundError:
        return True  # gone meanwhile
    wanted = os.R_OK | os.W_OK | (os.X_OK if stat.S_ISDIR(about.st_mode) else 0)
    is_own = about.st_uid == os.geteuid() and about.st_mode >> 6 & wanted == wanted
    return os.access(path, wanted) or (is_own and os.access(path, wanted, effective_ids=True))


def _account(path: Path) -> str:
    try:
        return _name(path.stat().st_uid)
    except OSError:
        return "?"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
