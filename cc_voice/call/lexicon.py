"""Word lists of the metrics: backchannels, fillers, phrases that announce a wait. Ours, at most 30 entries a list.

Tokens are lower case without punctuation at their ends, as `normalise` makes them. A language is matched by its primary subtag.
"""

import functools
import unicodedata

from cc_voice.call import number_words, tokeniser
from cc_voice.config.languages import primary


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

REPEAT_PHRASES: dict[str, tuple[str, ...]] = {
    "en": (
        "can you repeat",
        "could you repeat",
        "please repeat",
        "repeat that",
        "repeat it",
        "say that again",
        "say it again",
        "come again",
        "i can't hear",
        "i cannot hear",
        "can't hear you",
        "cannot hear you",
        "could not hear",
        "couldn't hear",
        "didn't hear",
        "did not hear",
        "can you hear me",
        "didn't catch",
        "did not catch",
        "didn't get that",
        "pardon",
        "speak up",
        "a bit louder",
        "a little louder",
        "breaking up",
        "cutting out",
        "bad line",
        "what did you say",
        "are you still there",
        "say again",
    ),
    "es": (
        "puede repetir",
        "podría repetir",
        "puedes repetir",
        "me repite",
        "me lo repite",
        "repita por favor",
        "repítame",
        "otra vez por favor",
        "no le escucho",
        "no la escucho",
        "no lo escucho",
        "no te escucho",
        "no se escucha",
        "no le oigo",
        "no la oigo",
        "no te oigo",
        "no escuché",
        "no escuche bien",
        "no entendí",
        "no le entendí",
        "cómo dijo",
        "cómo dice",
        "qué dijo",
        "me escucha",
        "me oye",
        "más fuerte",
        "más alto",
        "se corta",
        "se entrecorta",
        "mande",
    ),
}

QUESTION_WORDS: dict[str, frozenset[str]] = {
    "en": _listed("what what's where where's when when's why who who's whose which how how's"),
    "es": _listed("qué cuál cuáles quién quiénes cómo cuándo cuánto cuánta cuántos cuántas dónde adónde"),
}
"""With them a question begins, perhaps behind `BEFORE_QUESTIONS`."""

BEFORE_QUESTIONS: dict[str, frozenset[str]] = {
    "en": _listed("and so but or okay ok well now then alright yes yeah no oh ah um uh great sorry to at in on for with from by"),
    "es": _listed("y o pero entonces bueno vale ya sí no ah eh oh por para a en de con desde hasta perdón disculpe"),
}
"""What may stand before a question word: connectives and prepositions."""

INVERTED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "en": (
        _listed(
            "do does did is are was were am can could will would shall should may might have has had don't doesn't didn't isn't "
            "aren't can't couldn't won't"
        ),
        _listed("you i we he she it they there that this your the anyone anybody anything someone my these those"),
    ),
    "es": (
        _listed("puede podría tiene quiere desea quisiera necesita sabe recuerda está hay conoce prefiere tendría puedo"),
        _listed("usted ustedes algo alguien decirme darme confirmarme indicarme ayudarle servirle repetir esperar un una el la su"),
    ),
}
"""A verb and what follows it where a question turns them round; Spanish, which seldom does, has a contact center's usual ones."""

TAGS: dict[str, tuple[str, ...]] = {
    "en": ("isn't it", "aren't you", "don't you", "doesn't it", "didn't you", "is that right", "is that correct", "right"),
    "es": ("verdad", "no es así", "es correcto", "cierto", "está bien", "de acuerdo"),
}
"""With them a statement becomes a question; they do not count alone, as an answer."""

UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my"})
"""Languages written without spaces: talk speed is characters per minute."""


def normalise(token: str) -> str:
    """Return a token as the lists spell it: lower case, composed, apostrophes straight, no punctuation at its ends."""
    if token.startswith("[") and tokeniser.CHIP.match(token):
        return tokeniser.CHIP_TERM  # else a chip would be the words of its name to whoever looks for phrases
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
    folded = tokeniser.words(word)
    if folded and all(number_words.spoken(term, primary(language)) for term in folded):
        return 1
    figures = word.replace("-", "").replace(".", "").replace(",", "")
    return len(figures) if figures.isdecimal() else 0


def announces_wait(words: list[str], language: str) -> bool | None:
    """Tell whether normalised words contain a phrase that announces a wait; None when we have no list for the language."""
    return _says(words, WAIT_PHRASES.get(primary(language)))


def asks_to_repeat(words: list[str], language: str) -> bool | None:
    """Tell whether normalised words say that something was not heard; None when we have no list for the language."""
    return _says(words, REPEAT_PHRASES.get(primary(language)))


def _says(words: list[str], phrases: tuple[str, ...] | None) -> bool | None:
    if phrases is None:
        return None
    spoken = _folded(" ".join(words))
    return any(phrase in spoken for phrase in _all_folded(phrases))


@functools.cache
def _all_folded(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_folded, phrases))


def _folded(text: str) -> str:
    """Return the words of a text as search compares them, a space around each: a phrase was said if search finds it."""
    return f" {' '.join(tokeniser.words(text))} "


def asks(words: list[str], language: str) -> bool | None:
    """Tell whether normalised words are a question by their order; None when we have no lists for the language.

    A question word first, behind connectives and prepositions at most; a verb before its subject; or a tag behind a statement.
    """
    subtag = primary(language)
    if subtag not in QUESTION_WORDS:
        return None
    start = 0
    while start < len(words) and words[start] in BEFORE_QUESTIONS[subtag]:
        start += 1
    rest = words[start:]
    verbs, subjects = INVERTED[subtag]
    opens = bool(rest) and (rest[0] in QUESTION_WORDS[subtag] or (len(rest) > 1 and rest[0] in verbs and rest[1] in subjects))
    said = f" {' '.join(rest)}"
    return opens or any(said.endswith(f" {tag}") and len(rest) > len(tag.split()) + 1 for tag in TAGS[subtag])
