"""Common passwords: how much of a password is nothing but words, runs and years that everybody's list begins with.

Not a list of passwords: those of twelve characters are made of a few parts ("Password2026!", "qwertyuiop12", "admin-admin-admin").
So the parts are counted. A known part counts as one, however long; every other character counts as one, too. `Rockyou`-like lists
of millions were ruled out: they are third-party data, and their long entries are made of these parts.
"""

import re

FEWEST_PARTS = 6
"""A password with fewer is guessed from a short list of words and habits."""

_WORDS = """
password passwort passwd pass kennwort contrasena motdepasse senha parola wachtwoord geheim secret secure security login signin
admin administrator root system user guest test testing demo default changeme change letmein welcome willkommen bienvenido hello
hallo hola please master super access computer internet server office company firma support service helpdesk contact center
callcenter call agent supervisor manager customer zoom voice ccvoice phone
love iloveyou you baby angel princess sunshine flower monkey dragon tiger lion shadow batman superman pokemon starwars football
fussball baseball basketball soccer hockey summer winter spring autumn sommer herbst fruehling verano invierno monday tuesday
wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag january february march april
june july august september october november december januar februar oktober dezember london berlin paris madrid america germany
michael thomas daniel andrea jessica charlie robert jordan hunter trust trustno one two three the and my is
""".split()  # noqa: SIM905  (a list of 150 strings would fill a page)
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm")
_COLUMNS = ("1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm", "!@#$%^&*()", '!"§$%&/()=')
_LOOKALIKES = str.maketrans("@4301!57$", "aaeolists")
_YEAR = re.compile(r"(19|20)\d\d")
_SHORTEST_RUN = 3


def parts(password: str, *known: str) -> int:
    """Return how many parts a password has; `known` are more words, such as the account's name."""
    text = password.casefold()
    text, repeats = _without_repeats(text)
    words = sorted({*_WORDS, *(word.casefold() for word in known if len(word) > 2)}, key=len, reverse=True)
    at = count = 0
    while at < len(text):
        at += _known_at(text, at, words) or 1
        count += 1
    return count + repeats


def _without_repeats(text: str) -> tuple[str, int]:
    """Return the block that a text repeats, and 1 for the repeating; a text that repeats nothing as it is, and 0."""
    period = (text + text).find(text, 1)
    return (text[:period], 1) if period < len(text) else (text, 0)


def _known_at(text: str, at: int, words: list[str]) -> int:
    """Return the length of the longest known part that begins here; 0 without one."""
    rest = text[at:]
    look = rest.translate(_LOOKALIKES)
    word = next((len(word) for word in words if rest.startswith(word) or look.startswith(word)), 0)
    year = 4 if _YEAR.match(rest) else 0
    same = len(rest) - len(rest.lstrip(rest[0]))
    return max(word, year, _run(rest), same if same > 1 else 0)


def _run(text: str) -> int:
    """Return how long a text goes along a row of the alphabet, the digits or a keyboard, forwards or backwards."""
    longest = 0
    for row in (*_ROWS, *_COLUMNS):
        for line in (row, row[::-1]):
            start = line.find(text[0])
            while start >= 0:
                length = next(
                    (n for n in range(min(len(text), len(line) - start)) if text[n] != line[start + n]),
                    min(len(text), len(line) - start),
                )
                longest = max(longest, length)
                start = line.find(text[0], start + 1)
    return longest if longest >= _SHORTEST_RUN else 0
