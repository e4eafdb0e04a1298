"""Policies as people and commands see and change them: the one function that publishes, and what there is.

A text is published in one transaction of the store's only writer: the working copy is compared with what the person saw
(compare-and-swap on its SHA-256), the row is added, both files are written, and then the transaction ends. A crash before its end
leaves files that no row knows; the next start takes them back (`restore`), and no call of that moment outlived the crash either.
The audit entry is its caller's, before this is called: who may ask differs, a session or a user of this machine.
"""

import difflib
import re
import time
from datetime import datetime
from pathlib import Path

import msgspec

from cc_voice.config import policies
from cc_voice.config.policies import DEFAULT, KINDS, PINNED, PolicyError, PolicyKind
from cc_voice.config.settings import Settings
from cc_voice.config.webhook_settings import hidden
from cc_voice.media.files import write_atomically
from cc_voice.store import policy_versions
from cc_voice.store.database import Connection, Database
from cc_voice.store.policy_versions import PolicyVersion


class PolicyPinned(PolicyError):
    """The configuration holds this policy itself."""


class PolicyConflict(PolicyError):
    """The working copy is not what the person saw. `difference` is from what they saw, or what is in force, to what is there."""

    def __init__(self, message: str, difference: str, digest: str) -> None:
        super().__init__(message)
        self.difference = difference
        self.digest = digest
        """Of what is there now."""


class PolicyState(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as it is now."""

    kind: PolicyKind
    title: str
    source: str
    """`pinned` by the configuration, `default`, or the number of the version in force."""
    since: datetime | None
    actor: str | None
    in_force: str
    """The text of what is in force."""
    working: str
    """The text of the working copy; what is in force where there is none."""
    digest: str
    """SHA-256 of the working copy, as it has to be when the next text is published."""
    is_edited: bool
    """The working copy says something else than what is in force."""


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True):
    """A text to be published, and the working copy that it replaces."""

    kind: PolicyKind
    text: str
    seen: str | None
    """SHA-256 of the working copy that was read before; None: the working copy must be what is in force."""
    actor: str


def state(database: Database, settings: Settings, kind: PolicyKind) -> PolicyState:
    """Return a policy as it is now. For a thread. Raises PolicyError, StoreError."""
    version = database.read_now(lambda con: policy_versions.newest(con, kind))
    copy = policies.text_of(policies.working_copy(settings.data_dir, kind))
    pinned = policies.is_pinned(settings, kind)
    if pinned:
        text = policies.example(kind, settings)
    else:
        text = version.after_text if version else policies.example(kind, policies.in_force(settings))
    return PolicyState(
        kind=kind,
        title=policies.TITLES[kind],
        source=PINNED if pinned else str(version.version) if version else DEFAULT,
        since=version.at_ts if version and not pinned else None,
        actor=version.actor if version and not pinned else None,
        in_force=text,
        working=hidden(copy) or text,
        digest=policies.digest(copy),
        is_edited=bool(copy) and copy != text,
    )


def states(database: Database, settings: Settings) -> list[PolicyState]:
    """Return every policy as it is now. For a thread."""
    return [state(database, settings, kind) for kind in KINDS]


def history(database: Database, kind: PolicyKind) -> list[PolicyVersion]:
    """Return the versions of a policy, the newest first. For a thread."""
    return database.read_now(lambda con: policy_versions.history(con, kind))


def publish(database: Database, settings: Settings, change: PolicyChange) -> PolicyVersion:
    """Put a text in force for calls that begin from now on. For a thread.

    Raises PolicyPinned, PolicyConflict, PolicyError for a text that cannot be used, StoreError, OSError.
    """
    if policies.is_pinned(settings, change.kind):
        raise PolicyPinned(
            f"policy {change.kind} is pinned: cc-voice.toml holds its table. Take the table out there and restart the service first"
        )
    text = change.text.replace("\r\n", "\n")
    text = text if text.endswith("\n") else f"{text}\n"
    if len(text.encode()) > policies.MOST_BYTES:
        raise PolicyError(f"a policy has at most {policies.MOST_BYTES} bytes")
    policies.read(change.kind, text)
    return database.write_now(lambda con: _publish(con, settings.data_dir, change, text))


def _publish(con: Connection, data_dir: Path, change: PolicyChange, text: str) -> PolicyVersion:
    kind, path = change.kind, policies.working_copy(data_dir, change.kind)
    there, last = policies.text_of(path), policy_versions.newest(con, change.kind)
    in_force = last.after_text if last else ""
    seen = policies.digest(in_force) if change.seen is None else change.seen
    if policies.digest(there) != seen:
        raise PolicyConflict(
            f"{path} was changed since it was read; look at what is there, and try again",
            hidden(_difference(in_force, there, "in force", path.name)),
            policies.digest(there),
        )
    if last is not None and text == in_force:
        raise PolicyError(f"this is what is in force: version {last.version} of policy {kind}")
    made = policy_versions.append(con, kind=kind, at_unix_ms=time.time_ns() // 1_000_000, actor=change.actor, text=text)
    _write(policies.version_file(data_dir, kind, made.version), text)
    _write(path, text)
    return made


def difference(before: str, after: str) -> str:
    """Return what a version changed, line by line."""
    return _difference(before, after, "before", "after")


def _difference(before: str, after: str, a: str, b: str) -> str:
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), a, b, n=1, lineterm=""))


def restore(database: Database, settings: Settings) -> None:
    """Bring the files of versions back to what the store knows: after a crash, or a backup of one of them. At the start.

    Raises OSError, StoreError.
    """
    known = {
        policies.version_file(settings.data_dir, policies.kind_of(each.kind), each.version): each.after_text
        for each in database.read_now(policy_versions.history)
        if each.kind in KINDS
    }
    folder = settings.data_dir / "policies" / "versions"
    for path in folder.glob("*.toml") if folder.is_dir() else ():
        if path not in known and re.sub(r"-\d+$", "", path.stem) in KINDS:
            path.unlink()
    for path, text in known.items():
        if not path.is_file() or path.read_bytes() != text.encode():
            _write(path, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, text.encode())
