"""Sign-in elsewhere: a provider of OpenID Connect, and which of its claims is which role and rows here."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

import msgspec

PLACEHOLDER = "…"


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider where people sign in. Its redirect URI is `public_url` followed by `/login/oidc/callback`."""

    issuer: str
    """The provider's address, as its discovery document says it."""
    client_id: str
    """What the provider calls this site."""
    client_secret_file: str | None = None
    """File with the client's secret, readable by the service only; None: a public client, which PKCE alone protects."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What is asked for; add the one that brings groups, where the provider wants it asked."""
    name_claim: str = "preferred_username"
    """The claim that names the account here. It is taken once: the account stays whose subject it was made for."""
    user_id_claim: str | None = None
    """The claim with Zoom's user id, for accounts of role agent."""
    label: str = "Sign in with your organisation"
    """What the button says."""
    allow_insecure: bool = False
    """Take a provider without TLS on this machine: tests and demos only."""


class ClaimRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role and rows for whoever has a claim with a value.

    The first rule that fits gives the role; rows and rights of all that give it add up. Whom no rule fits does not get in.
    """

    claim: str
    """Name of the claim, such as `groups`; a list holds the value where one of its items is it."""
    value: str
    """What it must be, exactly."""
    role: Literal["admin", "supervisor", "analyst", "agent", "auditor"]
    """The role it gives."""
    site: bool = False
    """Every row of the site."""
    teams: tuple[str, ...] = ()
    """Teams whose legs are seen."""
    queues: tuple[str, ...] = ()
    """Queues whose legs are seen."""
    grants: tuple[str, ...] = ()
    """Rights beside those of the role, where the role can have them."""


def problem(oidc: OidcSettings | None, public_url: str | None) -> str | None:
    """Return why a provider cannot be used, None where it can."""
    if oidc is None:
        return None
    if not oidc.client_id.strip() or oidc.client_id == PLACEHOLDER:
        return "client_id of [oidc] is not filled in; the provider shows it in its list of clients"
    parts = urlsplit(oidc.issuer)
    if not parts.hostname or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        return f"issuer of [oidc] is {oidc.issuer!r}, which is no URL"
    if parts.scheme == "http" and not (oidc.allow_insecure and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        return "issuer of [oidc] does not begin with https://; who signs in is decided there"
    if "openid" not in oidc.scopes:
        return "scopes of [oidc] have no `openid`, without which a provider tells nobody"
    if public_url is None:
        return "[oidc] needs public_url: the provider sends people back to it"
    return None


def rules_problem(rules: Sequence[ClaimRule]) -> str | None:
    """Return why rules cannot be used, None where they can."""
    for at, rule in enumerate(rules, 1):
        if not rule.claim.strip() or not rule.value.strip():
            return f"entry {at} of [[claims]] needs a claim and its value: an empty one would let in everybody or nobody"
        if rule.role == "agent" and (rule.site or rule.teams or rule.queues):
            return f"entry {at} of [[claims]] gives rows to role agent, which sees its own calls only; leave them out"
    return None
