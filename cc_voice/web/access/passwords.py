"""Passwords, hashed with scrypt and compared in constant time; tokens, which are random and so need only SHA-256."""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode

import msgspec

from cc_voice.web.access import common_passwords

MIN_LENGTH = 12
MAX_LENGTH = 256
"""Longer ones would let a stranger choose how much we hash."""


class ScryptCost(msgspec.Struct, frozen=True):
    """scrypt's parameters: 128 · n · r bytes of memory, p times."""

    n: int = 1 << 15
    r: int = 8
    p: int = 3


COST = ScryptCost()
"""OWASP's recommendation for 32 MB."""


def hash_password(password: str, cost: ScryptCost = COST) -> str:
    """Return `scrypt$n$r$p$salt$hash`: it carries its cost, so that the cost can rise later."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, cost)
    return f"scrypt${cost.n}${cost.r}${cost.p}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether a password is the one that was hashed."""
    _, n, r, p, salt, digest = stored.split("$")
    found = _scrypt(password, b64decode(salt), ScryptCost(int(n), int(r), int(p)))
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


def _scrypt(password: str, salt: bytes, cost: ScryptCost) -> bytes:
    memory = 128 * cost.n * cost.r
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=2 * memory, dklen=32
    )
