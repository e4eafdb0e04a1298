"""What the builder must know of a language to make a model of it. The languages are `english.py` and `spanish.py`."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from models.mini.phrases import Grammar
from models.mini.tts import Phone, Voice

ESPEAK_VARIANTS = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5",
    "klatt", "klatt2", "klatt4", "Alex", "Andy", "Annie", "Michael", "Mike", "linda", "steph", "belinda", "adam", "ed",
    "shelby", "zac", "travis",
)  # fmt: skip
"""Timbres in which any of espeak-ng's voices can speak, as `voice+variant`."""


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """A language of the tiny models."""

    tag: str
    """BCP-47."""
    grammar: Grammar
    voices: Sequence[Voice]
    """Who speaks the training material, each as often as it shall be drawn."""
    accents: Mapping[str, Voice]
    """One voice for each way in which the engines transcribe the language."""
    accent: Callable[[Voice], str]
    """Which of the accents a voice speaks."""
    phones: Callable[[Iterable[Phone], Voice], tuple[Phone, ...]]
    """What an engine's phones are called in the model's alphabet. Raises KeyError for one it does not expect."""
