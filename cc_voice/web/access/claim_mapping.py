"""Claim mapping: from what a sign-in provider says of somebody to a role and rows here. Pure.

No rule, no role, no entry: there is no role that everybody has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cc_voice.config.oidc_settings import ClaimRule, OidcSettings
from cc_voice.web.access.roles import AccountAccess, Role, grantable


class MappedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Who comes in, and with what."""

    name: str
    display_name: str | None
    role: Role
    access: AccountAccess


def needed_claims(oidc: OidcSettings, rules: Sequence[ClaimRule]) -> frozenset[str]:
    """Return the claims that a sign-in is decided by."""
    return frozenset([oidc.name_claim, *([oidc.user_id_claim] if oidc.user_id_claim else []), *(rule.claim for rule in rules)])


def mapped(claims: Mapping[str, Any], oidc: OidcSettings, rules: Sequence[ClaimRule]) -> MappedAccount | None:
    """Return with what somebody comes in, None for whom no rule fits or who has no name."""
    fitting = [rule for rule in rules if _has(claims.get(rule.claim), rule.value)]
    name = claims.get(oidc.name_claim)
    if not fitting or not isinstance(name, str) or not name.strip():
        return None
    role = fitting[0].role
    same = [rule for rule in fitting if rule.role == role]
    user_id = claims.get(oidc.user_id_claim) if oidc.user_id_claim else None
    shown = claims.get("name")
    given = {grant for rule in same for grant in rule.grants}
    return MappedAccount(
        name=name.strip(),
        display_name=shown.strip()[:80] or None if isinstance(shown, str) and shown.isprintable() else None,
        role=role,
        access=AccountAccess(
            grants=frozenset(each for each in grantable(role) if each in given),
            site=any(rule.site for rule in same),
            teams=frozenset(team for rule in same for team in rule.teams),
            queues=frozenset(queue for rule in same for queue in rule.queues),
            user_id=user_id if role == "agent" and isinstance(user_id, str) and user_id else None,
        ),
    )


def _has(claim: Any, value: str) -> bool:
    """Whether a claim is a value, or a list that holds it. Text inside other text is neither: `admins` is not in `no-admins`."""
    return value in [each for each in claim if isinstance(each, str)] if isinstance(claim, list) else claim == value
