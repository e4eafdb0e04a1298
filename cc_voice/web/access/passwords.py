"""Passwords, hashed with argon2id and compared in constant time; tokens, which are random and so need only SHA-256.

Hashes of earlier versions (scrypt) are still verified, and made anew when their owner signs in (`is_outdated`).
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode

import argon2
import msgspec

from cc_voice.web.access import common_passwords

MIN_LENGTH = 12
MAX_LENGTH = 256
"""Longer ones would let a stranger choose how much we hash."""


class HashCost(msgspec.Struct, frozen=True):
    """argon2id's parameters: passes over so much memory, in lanes."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


COST = HashCost()
"""RFC 9106, its second choice: for machines whose memory is wanted for other things. 0.16 s of a core (measured)."""


def hash_password(password: str, cost: HashCost = COST) -> str:
    """Return `$argon2id$…`: it carries its cost, so that the cost can rise later."""
    return _hasher(cost).hash(password.encode("utf-8", "surrogatepass"))


def verify_password(password: str, stored: str) -> bool:
    """Whether a password is the one that was hashed. None fits an empty hash: that account has no password."""
    if stored.startswith("scrypt$"):
        return _is_scrypt(password, stored)
    try:
        return bool(stored) and _hasher(COST).verify(stored, password.encode("utf-8", "surrogatepass"))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def is_outdated(stored: str, cost: HashCost = COST) -> bool:
    """Whether a hash should be made anew, now that its password is known."""
    return not stored.startswith("$argon2id$") or _hasher(cost).check_needs_rehash(stored)


def _hasher(cost: HashCost) -> argon2.PasswordHasher:
    return argon2.PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)


def _is_scrypt(password: str, stored: str) -> bool:
    """Verify `scrypt$n$r$p$salt$hash`, as earlier versions wrote it."""
    _, n, r, p, salt, digest = stored.split("$")
    memory = 2 * 128 * int(n) * int(r)
    text = password.encode("utf-8", "surrogatepass")
    found = hashlib.scrypt(text, salt=b64decode(salt), n=int(n), r=int(r), p=int(p), maxmem=memory, dklen=32)
    return hmac.compare_digest(found, b64decode(digest))


def objection(account: str, password: str) -> str | None:
    """Return why a new password is not accepted, or None. Length is what counts; composition rules make people write it down."""
    if len(password) < MIN_LENGTH:
        return f"A password has at least {MIN_LENGTH} characters; this one has {len(password)}."
    if len(password) > MAX_LENGTH:
        return f"A password has at most {MAX_LENGTH} characters."
    if account and account.casefold() in password.casefold():
        return "A password does not contain the account’s name."
    if len(set(password)) < 5:
        return "This password repeats too few different characters."
    if common_passwords.parts(password, account, *re.findall(r"\w+", account)) < common_passwords.FEWEST_PARTS:
        return (
            "This password is made of common words, rows of keys or years. Take four words that have nothing to do with each other."
        )
    return None


def new_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
