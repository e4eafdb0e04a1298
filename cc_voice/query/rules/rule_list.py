"""Rule list: the rules there are, their files, and what is published of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from cc_voice.query.rules.rule_folder import RuleFile


class ListedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as lists show it."""

    id: str
    title: str
    folder: str
    kind: str
    state: str
    """Of the version that acts; of its file where none was published."""
    alert: bool
    origin: str
    """`shipped` or `site`."""
    file_version: int
    digest: str
    """SHA-256 of the file, as it has to be when it is published."""
    is_edited: bool
    """The file finds something else than what is published."""
    published_version: int | None
    """The rules that ship count as published."""
    author: str | None = None
    published_ts: datetime | None = None
    note: str | None = None
    is_unmarked: bool | None = None


def listed(files: Mapping[str, RuleFile], versions: Sequence[Mapping[str, Any]]) -> list[ListedRule]:
    """Return the rules in order of their ids."""
    rows: list[ListedRule] = []
    for rule_id in sorted(files):
        file = files[rule_id]
        own = [row for row in versions if row["id"] == rule_id and row["origin"] == "site" and row["valid_to"] is None]
        last = own[-1] if own else None
        ships = file.origin == "shipped"
        rows.append(
            ListedRule(
                id=rule_id,
                title=file.rule.title,
                folder=file.rule.folder,
                kind=file.rule.kind,
                state=last["state"] if last else file.rule.state,
                alert=file.rule.alert,
                origin="shipped" if ships else "site",
                file_version=file.rule.version,
                digest=file.digest,
                is_edited=(last["sha256"] if last else None) != file.meaning and not (ships and last is None),
                published_version=last["version"] if last else file.rule.version if ships else None,
                author=last["author"] if last else "cc-voice" if ships else None,
                published_ts=_instant(last["valid_from"]) if last else None,
                note=last["note"] if last else None,
                is_unmarked=last["is_unmarked"] if last else None,
            )
        )
    return rows


def _instant(value: datetime | str) -> datetime:
    """Instants come through the service's socket as text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
