"""Roles: which right each has, as data. What an account may do is what its role holds plus what was granted to it one by one.

The one table behind pages, API, exports, SQL and commands. A right is a word; which route needs which is in `permissions.py`, which
rows it reaches is the account's scope (`query/scope.py`). `own` reaches the account's own calls only, whatever else was granted;
`grant` is given per account and never by the role alone. Administrators hear no calls by default.
"""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from cc_voice.query.scope import RowScope

Role = Literal["admin", "supervisor", "analyst", "agent", "auditor"]
Right = Literal[
    "numbers",
    "words",
    "play",
    "unredacted",
    "export",
    "whole_call",
    "mark",
    "write",
    "publish",
    "evaluate",
    "coach",
    "acknowledge",
    "read_evaluations",
    "appeals",
    "alerts",
    "mark_alerts",
    "administer",
    "read_administration",
    "audit",
]
Held = Literal["yes", "own", "grant", "own grant"]

ROLES: tuple[Role, ...] = get_args(Role)
RIGHTS: tuple[Right, ...] = get_args(Right)
MEANINGS: dict[Right, str] = {
    "numbers": "lists, metrics and reports",
    "words": "what was said, and is being said",
    "play": "sound",
    "unredacted": "calls that were never redacted",
    "export": "exports and SQL",
    "whole_call": "words and sound of a call beyond the legs in scope",
    "mark": "mark what a rule found as right or wrong",
    "write": "write rules and forms, backtest them",
    "publish": "publish rules and forms",
    "evaluate": "evaluate calls",
    "coach": "coach, calibrate, decide disputes",
    "acknowledge": "acknowledge, dispute and appeal evaluations of oneself",
    "read_evaluations": "read evaluations",
    "appeals": "decide appeals",
    "alerts": "acknowledge and snooze alerts",
    "mark_alerts": "mark alerts as useful or not",
    "administer": "accounts, policies, models, exports and backup",
    "read_administration": "see accounts, policies, models, exports and backup",
    "audit": "the audit log and certificates",
}

_TABLE: dict[Right, tuple[Held | None, Held | None, Held | None, Held | None, Held | None]] = {
    # right: admin, supervisor, analyst, agent, auditor
    "numbers": ("yes", "yes", "yes", "own", None),
    "words": ("grant", "yes", "yes", "own", None),
    "play": ("grant", "yes", "grant", "own grant", None),
    "unredacted": ("grant", "grant", "grant", None, None),
    "export": ("grant", "grant", "yes", None, None),
    "whole_call": (None, "yes", "yes", None, None),
    "mark": (None, "yes", "yes", None, None),
    "write": (None, None, "yes", None, None),
    "publish": ("yes", None, "grant", None, None),
    "evaluate": (None, "yes", "yes", None, None),
    "coach": (None, "yes", None, None, None),
    "acknowledge": (None, None, None, "own", None),
    "read_evaluations": (None, "yes", "yes", "own", "yes"),
    "appeals": (None, "grant", None, None, None),
    "alerts": (None, "yes", None, None, None),
    "mark_alerts": (None, "yes", "yes", None, None),
    "administer": ("yes", None, None, None, None),
    "read_administration": ("yes", None, None, None, "yes"),
    "audit": ("yes", None, None, None, "yes"),
}


class AccountAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What was given to an account beside its role: rights one by one, and rows. Nothing by default."""

    grants: frozenset[Right] = frozenset()
    site: bool = False
    """Every row of the site, those without an agent or a queue too."""
    teams: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    user_id: str | None = None
    """Zoom's id of the agent that the account is."""


ALL_OF_SITE = AccountAccess(site=True)


def held(role: Role, right: Right) -> Held | None:
    """Return how a role has a right, None where it has not and cannot be given it."""
    return _TABLE[right][ROLES.index(role)]


def grantable(role: Role) -> tuple[Right, ...]:
    """Return what can be granted to accounts of a role, one by one."""
    return tuple(right for right in RIGHTS if (held(role, right) or "").endswith("grant"))


def rights_of(role: Role, grants: Iterable[Right]) -> frozenset[Right]:
    """Return the rights of an account. A grant that its role cannot have, as after a change of role, counts for nothing."""
    given = frozenset(grants)
    ways = {right: held(role, right) for right in RIGHTS}
    return frozenset(right for right, way in ways.items() if way in ("yes", "own") or (way and right in given))


def scope_of(role: Role, access: AccountAccess) -> RowScope:
    """Return the rows that an account reaches. An agent's are their own calls, whatever else was granted."""
    rights = rights_of(role, access.grants)
    if "numbers" not in rights:
        return RowScope(audit="audit" in rights)
    rows = AccountAccess(user_id=access.user_id) if held(role, "numbers") == "own" else access
    return RowScope(
        site=rows.site,
        teams=rows.teams,
        queues=rows.queues,
        user_id=rows.user_id,
        words="words" in rights,
        unredacted="unredacted" in rights,
        audit="audit" in rights,
        whole_call="whole_call" in rights,
    )


def narrowed(scope: RowScope, limit: AccountAccess | None, rights: frozenset[Right]) -> RowScope:
    """Return the rows that a token of an account reaches: never more than its owner by now, whatever it was made with."""
    audit = scope.audit and "audit" in rights
    if "numbers" not in rights:
        return RowScope(audit=audit)
    cut = msgspec.structs.replace(
        scope,
        words=scope.words and "words" in rights,
        unredacted=scope.unredacted and "unredacted" in rights,
        audit=audit,
        whole_call=scope.whole_call and "whole_call" in rights,
    )
    if limit is None or limit.site:
        return cut
    return msgspec.structs.replace(
        cut,
        site=False,
        teams=limit.teams if scope.site else limit.teams & scope.teams,
        queues=limit.queues if scope.site else limit.queues & scope.queues,
        user_id=limit.user_id if scope.site or limit.user_id == scope.user_id else None,
    )
