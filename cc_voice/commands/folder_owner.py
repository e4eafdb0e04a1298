"""Owner of a data folder: what root's run of a command writes there belongs to the account of the service, from its first byte.

Files of root in the folder stop the service: it cannot write its own store any more. So a command that root runs on the folder of
another account goes on as that account, and keeps of root's rights only those to read and write any file: recordings to import lie
where only root may read. To hand files over (chown) afterwards lost: a service that runs reads what a command has spooled before
the command ends, and a command that is killed hands over nothing.
"""

import ctypes
import os
import pwd
import struct
import sys
from collections.abc import Callable
from pathlib import Path

_RIGHTS = (1, 3, 10)
"""Capabilities that are kept: to read and write any file, to change the mode of any, to listen on ports below 1024."""
_VERSION_3 = 0x20080522
_AMBIENT, _AMBIENT_RAISE, _AMBIENT_CLEAR = 47, 2, 4


class CannotHandOver(Exception):
    """Root's files would be nobody else's; the message is for the operator."""


def owner(data_dir: Path) -> int | None:
    """Return whose files belong into a data folder, None where nobody but root is known.

    Of one that is not there yet: whose home it is to be (as `deploy/cc-voice.sysusers` says), else who owns the folder around it.
    """
    folder = data_dir.absolute()
    if not folder.exists():
        home = next((each for each in pwd.getpwall() if each.pw_uid and Path(each.pw_dir) == folder), None)
        if home is not None:
            return home.pw_uid
        folder = next(parent for parent in folder.parents if parent.exists())
        if folder.stat().st_mode & 0o002:  # as /tmp: it belongs to everybody
            return None
    return folder.stat().st_uid or None


def name(uid: int) -> str:
    """Return an account's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def become(data_dir: Path) -> Callable[[], None] | None:
    """Go on as the owner of a data folder, where root runs this and the folder is not root's.

    Returns how to be root again, None where nothing was changed. Raises CannotHandOver, OSError.
    """
    uid = owner(data_dir) if os.geteuid() == 0 else None
    if uid is None:
        return None
    try:
        gid = data_dir.stat().st_gid
    except FileNotFoundError:
        gid = _group(uid)
    groups = os.getgroups()
    try:
        os.setgroups([gid])
        os.setresgid(gid, gid, 0)
        os.setresuid(uid, uid, 0)  # the saved id stays: it keeps the right to have rights, and does not outlive this program
        _keep_rights()
    except OSError as error:
        _be_root(groups)
        raise CannotHandOver(
            f"{data_dir} belongs to {name(uid)}, and root may not act as that account here ({error.strerror}); "
            f"run it as {name(uid)}: sudo -u {name(uid)} cc-voice …"
        ) from error
    sys.dont_write_bytecode = True  # beside the program's own files, which are root's
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    return lambda: _be_root(groups)


def _group(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def _be_root(groups: list[int]) -> None:
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    os.setgroups(groups)
    _prctl(_AMBIENT_CLEAR, 0)


def _keep_rights() -> None:
    """Have these rights in force again, for programs that this one starts too. Raises OSError."""
    kept = sum(1 << right for right in _RIGHTS)
    header = struct.pack("<Ii", _VERSION_3, 0)
    data = ctypes.create_string_buffer(24)
    _call("capget", header, data)
    _, permitted, _, _, permitted_high, _ = struct.unpack("<6I", data.raw)
    _call("capset", header, struct.pack("<6I", permitted & kept, permitted, permitted & kept, 0, permitted_high, 0))
    for right in _RIGHTS:
        if permitted >> right & 1:
            _prctl(_AMBIENT_RAISE, right)


def _prctl(what: int, right: int) -> None:
    number = ctypes.c_ulong
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(ctypes.c_int(_AMBIENT), number(what), number(right), number(0), number(0)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _call(function: str, header: bytes, data: "bytes | ctypes.Array[ctypes.c_char]") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(header, data):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
