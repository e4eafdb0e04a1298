"""Shares: who may read what is exported. The folder says it: its files and folders may be read by whoever may read the folder.

The program writes for its own account alone (its umask), which is right for everything but this: a share that BI tools, a copy job
or another site read with accounts of their own. A folder that the export itself makes is private; one that somebody made is as open
as they made it, and `chmod` on it opens or closes what is exported next.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

_READ, _ENTER = 0o044, 0o055


def open_as(folder: Path, paths: Iterable[Path]) -> None:
    """Give files and folders inside a share the rights to read that the share itself has. Raises OSError."""
    mode = folder.stat().st_mode
    of_files = 0o600 | (mode & _READ)
    of_folders = 0o700 | (mode & (_ENTER | stat.S_ISGID))  # the share's group, where it hands it on
    for path in paths:
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode) or about.st_uid != os.geteuid():
            continue  # somebody else's, as of another site in one table
        wanted = of_folders if stat.S_ISDIR(about.st_mode) else of_files
        if stat.S_IMODE(about.st_mode) != wanted:
            path.chmod(wanted)


def is_as_open(folder: Path, file: Path) -> bool:
    """Whether a file of an earlier export has the rights that the share has now; there may be none."""
    try:
        return stat.S_IMODE(file.stat().st_mode) == 0o600 | (folder.stat().st_mode & _READ)
    except FileNotFoundError:
        return False
