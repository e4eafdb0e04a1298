"""Access section: who saw, played and took a call, on its page; out of the audit log itself, which is ahead of its copy."""

import asyncio
import datetime
import zoneinfo

import msgspec

from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.audit import AuditEntry
from cc_voice.web.appliance import Appliance

SHOWN = 50
"""Entries on the page of a call; the report has all."""


class AccessLine(msgspec.Struct, frozen=True):
    """An entry of the audit log as people read it."""

    at: str
    actor: str
    action: str
    object: str
    address: str
    through: str


class AccessSection(msgspec.Struct, frozen=True):
    """The newest entries about a call."""

    lines: tuple[AccessLine, ...]
    more: bool
    zone: str


async def accesses(appliance: Appliance, visitor: Visitor, call_id: str, zone: zoneinfo.ZoneInfo) -> AccessSection | None:
    """Return who saw and heard a call, None for who may not know."""
    if not visitor.may("audit"):
        return None
    await appliance.audit.flush()
    found = await asyncio.to_thread(appliance.audit.entries, call_id=call_id, newest=True, limit=SHOWN + 1)
    return AccessSection(tuple(line(entry, zone) for entry in found[:SHOWN]), len(found) > SHOWN, zone.key)


def line(entry: AuditEntry, zone: zoneinfo.ZoneInfo) -> AccessLine:
    """Return an entry as people read it."""
    at = datetime.datetime.fromtimestamp(entry.at_us / 1_000_000, zone)
    about = entry.object if entry.call_id is None else f"{entry.object} of {entry.call_id}"
    through = "command" if entry.actor.startswith("os:") else "page" if entry.token_id is None else f"token {entry.token_id}"
    return AccessLine(f"{at:%Y-%m-%d %H:%M:%S}", entry.actor, entry.action, about, entry.address, through)
