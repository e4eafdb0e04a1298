"""Language tags as people write them, brought into the one spelling that everything here compares: `en`, `pt-BR`, `zh-Hant-TW`.

Of BCP-47 only language, script and region: no model and no transcript of Zoom's tells more. Two letters must be a code of
ISO 639-1, so that a slip is told before a call is heard in a language that does not exist; three are taken as they are, there are
thousands.
"""

import re

_ISO_639_1 = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa
ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko
kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa
pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty
ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_TWO_LETTERS = frozenset(_ISO_639_1.split())
_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?", re.IGNORECASE | re.ASCII)


def tag(text: str) -> str:
    """Return a language tag in its usual spelling: `en_us` becomes `en-US`. Raises ValueError for what is none."""
    found = _TAG.fullmatch(text.strip())
    language = found[1].lower() if found else ""
    if found is None or (len(language) == 2 and language not in _TWO_LETTERS):
        raise ValueError(f"{text!r} is no language tag; write for example en, en-US or zh-Hant-TW")
    script, region = (found[2] or "").title(), (found[3] or "").upper()
    return "-".join(part for part in (language, script, region) if part)
