"""Languages: which ones calls may be in, as a site says it, and language tags as people write them.

Tags are brought into the one spelling that everything here compares: `en`, `pt-BR`, `zh-Hant-TW`.
Of BCP-47 only language, script and region: no model and no transcript of Zoom's tells more. Two letters must be a code of
ISO 639-1, so that a slip is told before a call is heard in a language that does not exist; three are taken as they are, there are
thousands. Tagalog (`tl`) is written as Filipino (`fil`), as CLDR's aliases have it: Zoom tags the one, Vosk's makers and py3langid
say the other, and it is one language to all of them.
"""

import re

import msgspec

_ISO_639_1 = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa
ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko
kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa
pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty
ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_TWO_LETTERS = frozenset(_ISO_639_1.split())
_RENAMED = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "tl": "fil"}
"""Codes that ISO 639 has replaced, and Java, Android and Google still write; Tagalog, which Zoom calls Filipino as CLDR does."""
_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?", re.IGNORECASE | re.ASCII)


def tag(text: str) -> str:
    """Return a language tag in its usual spelling: `en_us` becomes `en-US`. Raises ValueError for what is none."""
    found = _TAG.fullmatch(text.strip())
    language = found[1].lower() if found else ""
    if found is None or (len(language) == 2 and language not in _TWO_LETTERS):
        raise ValueError(f"{text!r} is no language tag; write for example en, en-US or zh-Hant-TW")
    language = _RENAMED.get(language, language)
    script, region = (found[2] or "").title(), (found[3] or "").upper()
    return "-".join(part for part in (language, script, region) if part)


def primary(language: str) -> str:
    """Return the primary subtag of a language tag, in lower case: `es` of `es-MX` and of `ES_mx`.

    The one place where a tag is taken apart, but for `rtms` and the simulator, which import nothing of ours. The library langcodes
    was ruled out: of all that it knows we need this line, and its import takes twice the time in which `--help` has answered.
    """
    return language.replace("_", "-").partition("-")[0].lower()


class QueueLanguages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The languages of one queue (BCP-47): one is fixed, several are told apart."""

    queue: str
    """Zoom's id or its name."""
    languages: tuple[str, ...]
    """One is fixed, several are told apart."""
    default: str | None = None
    """What its calls begin in; None: the first."""


class LanguageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which languages calls may be in (BCP-47)."""

    default: str = "en"
    """What a call is expected in when nothing better is known."""
    identify: bool = True
    """Find out which language is spoken; False keeps every call in its own."""
    languages: tuple[str, ...] = ()
    """What is told apart; one is fixed. Empty: the default, those of installed models and whatever Zoom tags."""
    compare: bool = True
    """Where Zoom writes nothing, let recognisers of up to three languages hear the call and believe the surest."""
    queues: tuple[QueueLanguages, ...] = ()


def checked(given: LanguageSettings) -> LanguageSettings:
    """Return the languages in their usual spelling. Raises ValueError."""
    queues = tuple(
        msgspec.structs.replace(
            rule,
            languages=_tags(f"languages of queue {rule.queue!r}", rule.languages),
            default=_tags(f"default of queue {rule.queue!r}", (rule.default,))[0] if rule.default else None,
        )
        for rule in given.queues
    )
    for rule in queues:
        if not rule.languages:
            raise ValueError(f"queue {rule.queue!r} of language.queues has no languages; name one or more")
        if rule.default and rule.default not in rule.languages:
            raise ValueError(f"the default of queue {rule.queue!r} is {rule.default}, which is none of its languages")
    if len({rule.queue for rule in queues}) < len(queues):
        raise ValueError("two entries of language.queues name the same queue; put their languages into one")
    default = _tags("language.default", (given.default,))[0]
    return msgspec.structs.replace(given, default=default, languages=_tags("language.languages", given.languages), queues=queues)


def _tags(where: str, given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(tag(text) for text in given)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
