"""Scripts: what writing a text is in, by Unicode's names, and which languages are written so. Pure.

A script often tells the language, or which ones it cannot be, when nothing else does: no Thai is English, however it is tagged and
whatever a site expects. Kana are told apart from Han, as Japanese has both and Chinese only one.
"""

import unicodedata
from collections import Counter
from types import MappingProxyType

LATIN, HAN, KANA = "LATIN", "CJK", "KANA"

_WRITTEN_IN = MappingProxyType(
    {
        "ARABIC": "ar fa ps ur",
        "ARMENIAN": "hy",
        "BENGALI": "as bn",
        "CYRILLIC": "be bg kk ky mk mn ru sr tg uk",
        "DEVANAGARI": "hi mr ne",
        "ETHIOPIC": "am ti",
        "GEORGIAN": "ka",
        "GREEK": "el",
        "GUJARATI": "gu",
        "GURMUKHI": "pa",
        "HANGUL": "ko",
        "HEBREW": "he yi",
        "KANNADA": "kn",
        "KHMER": "km",
        "LAO": "lo",
        "MALAYALAM": "ml",
        "MYANMAR": "my",
        "SINHALA": "si",
        "TAMIL": "ta",
        "TELUGU": "te",
        "THAI": "th",
        HAN: "ja yue zh",
    }
)
_SCRIPTS = MappingProxyType({language: script for script, languages in _WRITTEN_IN.items() for language in languages.split()})
_ALSO = MappingProxyType({"ja": (KANA,), "hi": (LATIN,)})
"""Hindi is typed in Latin letters as often as not."""
_SAME = MappingProxyType({"HIRAGANA": KANA, "KATAKANA": KANA, "HALFWIDTH": KANA, "IDEOGRAPHIC": HAN, "FULLWIDTH": LATIN})


def scripts_of(language: str) -> tuple[str, ...]:
    """Return the scripts that a language (primary subtag) is written in, its own first; Latin where we know no other."""
    return (_SCRIPTS.get(language, LATIN), *_ALSO.get(language, ()))


def script_of(text: str) -> str | None:
    """Return the script of most letters of a text, Kana where any is; None where there is no letter."""
    found = Counter(script for one in text if one.isalpha() and (script := _script(one)) is not None)
    if found[KANA]:
        return KANA
    return max(found, key=found.__getitem__) if found else None


def _script(letter: str) -> str | None:
    if letter.isascii():
        return LATIN
    name = unicodedata.name(letter, "").partition(" ")[0]
    return _SAME.get(name, name) or None
