"""Builds the tiny Vosk model from nothing but synthetic speech.

    python -m models.mini.build OUT [--language es] [--utterances N] [--epochs N]

The committed models (models/mini/model of English, model-es of Spanish) are measured ones. A rebuild is no twin of either, so
measure before replacing one: tests/models/test_model.py holds the bar.
"""

import os

# Two BLAS threads on two busy cores wait for each other more than they work. Must be set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Sequence
from pathlib import Path

import click
import msgspec
import numpy as np
from numpy.typing import NDArray

from models.mini import examples, features, graph, kaldi, lexicon, training
from models.mini.english import ENGLISH
from models.mini.language import Language
from models.mini.spanish import SPANISH
from models.mini.tts import SILENCE

LANGUAGES = {language.tag: language for language in (ENGLISH, SPANISH)}

_MODEL_CONF = """\
--min-active=200
--max-active=3000
--beam=13.0
--lattice-beam=4.0
--determinize-max-delay=20
--determinize-min-chunk-size=5
--acoustic-scale=0.7
--frame-subsampling-factor=3
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
"""
"""conf/model.conf; README.md says why these values."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to train on. The defaults are those of the committed models."""

    utterances: int = 2500
    """Spoken texts; 28 % of them are word salad."""
    copies: int = 2
    """Disturbed takes of each."""
    width: int = 160
    epochs: int = 9
    batch: int = 16
    bigram_sentences: int = 8000
    workers: int = 2


class Model(msgspec.Struct, frozen=True):
    """Everything that is written down."""

    phones: graph.Phones
    hmms: kaldi.Hmms
    layers: Sequence[kaldi.Layer]
    priors: NDArray[np.float64]
    lexicon: lexicon.Lexicon
    sentences: Sequence[Sequence[str]]


def build(language: Language, plan: Plan, say: Callable[[str], None] = click.echo) -> Model:
    """Speak, find the pronunciations, train. Raises tts.EngineMissing."""
    grammar = language.grammar
    salad = plan.utterances * 28 // 100
    texts = grammar.sentences(plan.utterances - salad, seed=11) + grammar.word_salad(salad, seed=12)
    spoken = examples.make(language, texts, seed=7, copies=plan.copies, workers=plan.workers)
    takes = [take for example in spoken for take in example.takes]
    say(f"spoke {len(takes)} takes, {sum(len(take.features) for take in takes) / 360_000:.2f} h")
    heard = ((example.text, example.voice, example.phones) for example in spoken)
    words = lexicon.harvest(language, heard, grammar.vocabulary())
    used = {phone for pronunciations in words.values() for _, said in pronunciations for phone in said}
    used |= {label for take in takes for label in take.labels}
    phones = graph.Phones(sorted(used - {SILENCE}))
    say(f"found {sum(map(len, words.values()))} pronunciations of {len(words)} words in {len(phones.base)} phones")
    hmms = phones.hmms(training.stay_probabilities(takes, [SILENCE, *phones.base]))
    schedule = training.Schedule(width=plan.width, epochs=plan.epochs, batch=plan.batch)
    layers, priors = training.train(takes, phones.pdf, phones.pdf_count, schedule, say)
    sentences = [sentence.split() for sentence in grammar.sentences(plan.bigram_sentences, seed=21)]
    return Model(phones, hmms, layers, priors, words, sentences)


def write(model: Model, out: Path) -> None:
    """Write the directory that `vosk.Model` opens."""
    vocabulary = sorted(model.lexicon)
    words = graph.word_ids(vocabulary)
    hcl = graph.lexicon_transducer(model.phones, model.hmms, words, model.lexicon)
    bigrams = graph.bigram_acceptor(model.sentences, words, vocabulary)
    files = {
        "am/final.mdl": kaldi.acoustic_model(model.hmms, model.layers, features.DIMENSION, model.priors),
        "conf/mfcc.conf": features.MFCC_CONF.encode(),
        "conf/model.conf": _MODEL_CONF.encode(),
        "graph/words.txt": "".join(f"{word} {number}\n" for word, number in words.items()).encode(),
        "graph/phones.txt": model.phones.table().encode(),
        "graph/phones/word_boundary.int": model.phones.word_boundaries().encode(),
        "graph/HCLr.fst": kaldi.fst(hcl, sorted_by="output"),
        "graph/Gr.fst": kaldi.fst(bigrams, sorted_by="input"),
        "graph/disambig_tid.int": b"",  # must exist; there are no disambiguation symbols
    }
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--language", type=click.Choice(sorted(LANGUAGES)), default="en", show_default=True, help="What it shall know.")
@click.option("--utterances", default=Plan().utterances, show_default=True, help="How many texts are spoken.")
@click.option("--epochs", default=Plan().epochs, show_default=True, help="How often the network sees them all.")
def main(out: Path, language: str, utterances: int, epochs: int) -> None:
    """Build a tiny model into the directory OUT."""
    write(build(LANGUAGES[language], Plan(utterances=utterances, epochs=epochs)), out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    click.echo(f"{out}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
