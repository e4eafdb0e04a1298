"""Lists of phrases that a site waits for, by language: what the configuration holds under `[[phrases]]`."""

import re
from collections.abc import Sequence

import msgspec

from cc_voice.config.languages import primary

MOST_PHRASES = 500
"""Of a language: a recogniser's graph of them is made for every segment that is heard again."""
MOST_WORDS = 12
"""Of a phrase."""

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class PhraseList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Product names, campaigns, places. They may have only words that the language's model knows."""

    say: tuple[str, ...]
    """The phrases, of 1 to 12 words each; at most 500 in all lists together."""
    language: str | None = None
    """BCP-47; None: the site's. A list of `en` is heard in every English."""


def of_language(lists: Sequence[PhraseList], language: str, default: str) -> tuple[str, ...]:
    """Return the phrases for a language; `default` is the site's."""
    return tuple(phrase for one in lists if primary(one.language or default) == primary(language) for phrase in one.say)


def problem(lists: Sequence[PhraseList]) -> str | None:
    """Return what is wrong with lists that cannot be used."""
    for one in lists:
        if one.language is not None and not _TAG.fullmatch(one.language):
            return f"phrases: {one.language!r} is no language tag such as en or pt-BR"
        if not one.say or any(not 0 < len(phrase.split()) <= MOST_WORDS for phrase in one.say):
            return f"phrases: `say` must hold phrases of 1 to {MOST_WORDS} words"
    if sum(len(one.say) for one in lists) > MOST_PHRASES:
        return f"phrases: there are more than {MOST_PHRASES}; keep those that matter"
    return None
