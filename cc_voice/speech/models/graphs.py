"""Graphs and words of an installed model: whole, and the same words that Vosk will print.

Vosk takes a model's words from the graph that writes them (the output symbols of `HCLG.fst`, else of `Gr.fst`) and only where it
holds none from `words.txt`, which the small models of its makers do not have, and which may be that of another graph. So do we.
Not here: the acoustic model and the settings beside them (inventory.py), the format of graphs (openfst.py).
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cc_voice.speech.errors import ModelError
from cc_voice.speech.models import openfst


def at(folder: Path, part: str, name: str) -> Path:
    """Return where a file of the model lies: in its folder, or at the top as in old models."""
    return folder / part / name if (folder / part).is_dir() else folder / name


def _graphs(folder: Path) -> list[Path]:
    """Return the graphs that Vosk reads, the one that may hold the words last."""
    fixed = at(folder, "graph", "HCLG.fst")
    return [fixed] if fixed.exists() else [at(folder, "graph", file) for file in ("HCLr.fst", "Gr.fst")]


def _check_graphs(name: str, folder: Path) -> openfst.Symbols | None:
    """Return the words that the graphs hold; require whole ones, and beside HCLr.fst the list of its marks of disambiguation.

    Vosk refuses a model without disambig_tid.int and says nothing; with a shorter one it ends the process (0.3.45). How many it
    must name stands nowhere, so only a list cut within a line is found, or one that was edited.
    """
    graphs = _graphs(folder)
    for graph in graphs:
        with _damage(name, graph):
            symbols = openfst.check(graph)
    if len(graphs) == 1:
        return symbols
    path = at(folder, "graph", "disambig_tid.int")
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        raise ModelError(f"the model {name} lacks {path.relative_to(folder)}; install it again") from None
    if not all(line.isdecimal() for line in text.splitlines()) or (text and not text.endswith("\n")):
        raise ModelError(f"the model {name} has a damaged {path.name}; install it again")
    return symbols


@contextlib.contextmanager
def _damage(name: str, path: Path) -> Iterator[None]:
    """Say of which model a file is that cannot be read."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"the model {name} has a damaged {path.name}: {error}; install it again") from error


def check(name: str, folder: Path) -> None:
    """Require words with numbers of their own: a list cut short makes Vosk print wrong words in silence.

    Marks may share a number: `<s>` and `</s>` of the small Korean model do.
    """
    symbols = _check_graphs(name, folder) or _listed_words(name, folder)
    if len(set(symbols.numbers)) == len(symbols.numbers):
        return
    numbers = [number for word, number in zip(symbols.words, symbols.numbers, strict=True) if word[0] not in "<#"]
    if len(set(numbers)) != len(numbers):
        raise ModelError(f"the model {name} has two words of one number in its list of words; install it again")


def words(name: str, folder: Path) -> openfst.Symbols:
    """Return the words of a model, from where Vosk takes them. Raises ModelError, OSError."""
    graph = _graphs(folder)[-1]
    with _damage(name, graph):
        symbols = openfst.output_symbols(graph)
    return symbols or _listed_words(name, folder)


def _listed_words(name: str, folder: Path) -> openfst.Symbols:
    """Return what words.txt lists: `word number` lines."""
    path = at(folder, "graph", "words.txt")
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        missing = f"the model {name} lacks words: its graph holds none, and there is no {path.relative_to(folder)}"
        raise ModelError(f"{missing}; install it again") from None
    rows = [line.split() for line in text.splitlines()]
    if not rows or not text.endswith("\n") or not all(len(row) == 2 and row[1].isdigit() for row in rows):
        raise ModelError(f"the model {name} has a damaged words.txt; install it again")
    return openfst.Symbols(tuple(row[0] for row in rows), tuple(int(row[1]) for row in rows))
