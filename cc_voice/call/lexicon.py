"""Word lists of the metrics: backchannels, fillers, phrases that announce a wait, number words. Ours, at most 30 entries a list.

Tokens are lower case without punctuation at their ends, as `normalise` makes them. A language is matched by its primary subtag.
"""

import unicodedata


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


BACKCHANNELS: dict[str, frozenset[str]] = {
    "en": _listed(
        "yeah yes yep yup uh-huh uh huh mm-hm mm hm hmm mhm mhmm okay ok right sure alright oh ah aha really exactly "
        "absolutely indeed good great nice wow"
    ),
    "es": _listed(
        "sí si ajá aja mm mhm hm ya vale claro bueno bien okay ok ah oh eh correcto exacto exactamente entiendo perfecto "
        "cierto ahá anda verdad no"
    ),
}

FILLERS: dict[str, frozenset[str]] = {
    "en": _listed("um umm uhm uh uhh er err erm ehm"),
    "es": _listed("eh ehh em emm ehm mmm um"),
}

WAIT_PHRASES: dict[str, tuple[str, ...]] = {
    "en": (
        "one moment",
        "a moment",
        "one second",
        "a second",
        "one minute",
        "a minute",
        "two minutes",
        "bear with me",
        "hold on",
        "hang on",
        "please hold",
        "please wait",
        "just wait",
        "let me check",
        "let me look",
        "let me see",
        "let me find",
        "let me pull up",
        "let me open",
        "let me get",
        "let me verify",
        "i will check",
        "i'll check",
        "i am checking",
        "i'm checking",
        "while i check",
        "while i look",
        "on hold",
        "system is slow",
        "still looking",
    ),
    "es": (
        "un momento",
        "un momentito",
        "un segundo",
        "un minuto",
        "unos segundos",
        "unos minutos",
        "espere",
        "espéreme",
        "espera",
        "aguarde",
        "no cuelgue",
        "en línea",
        "en espera",
        "déjeme ver",
        "déjeme revisar",
        "déjeme verificar",
        "permítame",
        "voy a revisar",
        "voy a verificar",
        "voy a comprobar",
        "voy a consultar",
        "voy a buscar",
        "estoy revisando",
        "estoy verificando",
        "estoy buscando",
        "mientras reviso",
        "mientras busco",
        "deme un",
        "ahora lo miro",
        "ahora lo reviso",
    ),
}

NUMBER_WORDS: dict[str, frozenset[str]] = {
    "en": _listed(
        "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"
    ),
    "es": _listed(
        "cero uno una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
        "dieciocho diecinueve veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento"
    ),
}
"""Spoken digits and the numbers they are grouped into; used only to find numbers that are read out."""

UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my"})
"""Languages written without spaces: talk speed is characters per minute."""


def primary(language: str) -> str:
    """Return the primary subtag of a BCP-47 tag, lower case: `es` of `es-MX`."""
    return language.replace("_", "-").split("-", 1)[0].lower()


def normalise(token: str) -> str:
    """Return a token as the lists spell it: lower case, composed, apostrophes straight, no punctuation at its ends."""
    text = unicodedata.normalize("NFC", token.lower()).replace("’", "'")
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not (text[end - 1].isalnum() or unicodedata.category(text[end - 1]).startswith("M")):
        end -= 1
    return text[start:end]


def is_backchannel(word: str, language: str) -> bool:
    """Tell whether a normalised word is one that listeners say without wanting the floor."""
    return word in BACKCHANNELS.get(primary(language), frozenset())


def is_filler(word: str, language: str) -> bool:
    """Tell whether a normalised word is a hesitation, which talk speed does not count."""
    return word in FILLERS.get(primary(language), frozenset())


def digits_in(word: str, language: str) -> int:
    """Return how many digits a normalised word stands for when a number is read out: 4 for `4111`, 1 for `four`, 0 for `card`."""
    if word in NUMBER_WORDS.get(primary(language), frozenset()):
        return 1
    figures = word.replace("-", "").replace(".", "").replace(",", "")
    return len(figures) if figures.isdecimal() else 0


def announces_wait(words: list[str], language: str) -> bool | None:
    """Tell whether normalised words contain a phrase that announces a wait; None when we have no list for the language."""
    phrases = WAIT_PHRASES.get(primary(language))
    if phrases is None:
        return None
    spoken = f" {' '.join(words)} "
    return any(f" {phrase} " in spoken for phrase in phrases)
