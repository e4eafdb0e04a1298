"""Failed tries: how long the next try of a password has to wait. Functions on a connection inside a transaction.

Nobody is locked: whoever guesses is slowed down, and only where they guess. A lock of the account (five wrong passwords, a quarter
of an hour) was what this replaces: any stranger could keep the only administrator out for ever. Three counts, each with tries that
are free; after them the wait doubles with each failure up to `LONGEST_WAIT_S`. A try that comes too early is not looked at and
does not count, so a stranger who goes on trying prolongs nothing.

- the account from this address: a person who mistypes, or a guesser;
- the address, whatever the account: one guesser with many names;
- the account from anywhere: many addresses that guess one name. Addresses from which its owner signed in lately are exempt.

An IPv6 address counts as its /64, which is what one line has.
"""

import ipaddress
import math
import sqlite3

import msgspec

WINDOW_S = 15 * 60
"""How long a failure counts."""
LONGEST_WAIT_S = 60.0
KNOWN_S = 30 * 86_400
"""How long an address is known after a sign-in."""
FREE_HERE = 5
FREE_ADDRESS = 30
"""A site's supervisors may share one address."""
FREE_ACCOUNT = 50


class Counted(msgspec.Struct, frozen=True):
    """What a failure counts for, and how many are free."""

    subject: str
    free: int


def place(address: str) -> str:
    """Return what of an address counts: an IPv4 address, the /64 of an IPv6 address, else the text as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)


def of_sign_in(con: sqlite3.Connection, name: str, address: str, now_s: float) -> tuple[Counted, ...]:
    """Return what a failed sign-in counts for."""
    here = place(address)
    counted = (Counted(f"here:{here} {name[:256]}", FREE_HERE), Counted(f"address:{here}", FREE_ADDRESS))
    known = con.execute(
        "select 1 from known_address where account = ? and address = ? and seen_s > ?", [name, here, now_s - KNOWN_S]
    ).fetchone()
    return counted if known else (*counted, Counted(f"account:{name[:256]}", FREE_ACCOUNT))


def of_change(name: str) -> tuple[Counted, ...]:
    """Return what a wrong current password counts for, where a password is changed: whoever does it is signed in already."""
    return (Counted(f"change:{name}", FREE_HERE),)


def wait_s(con: sqlite3.Connection, counted: tuple[Counted, ...], now_s: float) -> float:
    """Return how long the next try has to wait; 0 when it may come now. Forgets what no longer counts."""
    con.execute("delete from failure where at_s < ?", [now_s - WINDOW_S])
    return max(_wait_s(con, each, now_s) for each in counted)


def _wait_s(con: sqlite3.Connection, counted: Counted, now_s: float) -> float:
    number, last_s = con.execute("select count(*), max(at_s) from failure where subject = ?", [counted.subject]).fetchone()
    if number < counted.free:
        return 0.0
    wait = min(LONGEST_WAIT_S, math.ldexp(1.0, min(number - counted.free, 16)))
    return max(0.0, min(float(last_s), now_s) + wait - now_s)


def count(con: sqlite3.Connection, counted: tuple[Counted, ...], now_s: float) -> None:
    """Note a failure."""
    con.executemany("insert into failure values (?, ?)", [(each.subject, now_s) for each in counted])


def take_back(con: sqlite3.Connection, counted: tuple[Counted, ...], now_s: float) -> None:
    """Take back a failure that was counted before the password was looked at and found right."""
    con.executemany("delete from failure where subject = ? and at_s = ?", [(each.subject, now_s) for each in counted])
    con.execute("delete from failure where subject = ?", [counted[0].subject])


def remember(con: sqlite3.Connection, name: str, address: str, now_s: float) -> None:
    """Know the address from which an account signed in."""
    con.execute("delete from known_address where seen_s < ?", [now_s - KNOWN_S])
    con.execute("insert or replace into known_address values (?, ?, ?)", [name, place(address), now_s])


def forgive(con: sqlite3.Connection, name: str) -> None:
    """Forget the failures of an account, from wherever; those of addresses, which may be the same people's, too."""
    con.execute(
        "delete from failure where subject in (?, ?) or substr(subject, 1, 8) = 'address:' "
        "or (substr(subject, 1, 5) = 'here:' and substr(subject, instr(subject, ' ') + 1) = ?)",
        [f"account:{name[:256]}", f"change:{name}", name[:256]],
    )
