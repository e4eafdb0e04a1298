"""Spanish: accents, and espeak-ng's phones in the model's alphabet."""

import pytest

from models.mini import spanish, tts
from models.mini.tts import Phone, Voice

pytestmark = pytest.mark.build

CASTILIAN, LATIN = spanish.ACCENTS["castilian"], spanish.ACCENTS["latin"]


@pytest.mark.parametrize(
    ("name", "accent"), [("es", "castilian"), ("es+f4", "castilian"), ("es-419", "latin"), ("es-419+klatt", "latin")]
)
def test_a_voice_has_one_of_the_accents(name: str, accent: str) -> None:
    assert spanish.accent(Voice(engine="espeak", name=name)) == accent
    assert accent in spanish.ACCENTS


def test_every_voice_is_of_espeak_and_has_an_accent() -> None:
    assert {voice.engine for voice in spanish.VOICES} == {"espeak"}
    counts = [sum(spanish.accent(voice) == name for voice in spanish.VOICES) for name in spanish.ACCENTS]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("o l a", "o l a"),
        ("s eI s", "s e j s"),
        ("n w E B e", "n w e B e"),
        ("d i ; a", "d i j a"),
        ("s e @- *", "s e r"),
        ("k l a ** o", "k l a r o"),
    ],
)
def test_phones_of_espeak_in_the_alphabet(spoken: str, expected: str) -> None:
    marks = [Phone(number / 10, (number + 1) / 10, name) for number, name in enumerate(spoken.split())]
    assert " ".join(phone.name for phone in spanish.alphabet(marks, CASTILIAN)) == expected


@pytest.mark.parametrize(("voice", "sound"), [(CASTILIAN, "T"), (LATIN, "s")])
def test_cinco_tells_castilian_from_latin_american(engines: None, voice: Voice, sound: str) -> None:
    said = [phone.name for phone in spanish.alphabet(tts.speak("cinco", voice).phones, voice) if phone.name != tts.SILENCE]
    assert said == [sound, "i", "n", "k", "o"]


@pytest.mark.parametrize("voice", [CASTILIAN, LATIN], ids=["castilian", "latin"])
def test_no_phone_of_the_vocabulary_is_unknown_and_few_words_sound_alike(engines: None, voice: Voice) -> None:
    sounds: dict[tuple[str, ...], list[str]] = {}
    for word in spanish.SPANISH.grammar.vocabulary():
        phones = spanish.alphabet(tts.speak(word, voice).phones, voice)
        sounds.setdefault(tuple(phone.name for phone in phones if phone.name != tts.SILENCE), []).append(word)
    assert {phone for phones in sounds for phone in phones} <= set(spanish.ALPHABET)
    assert [words for words in sounds.values() if len(words) > 1] == [["esta", "está"], ["que", "qué"]]
