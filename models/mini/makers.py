"""Our models in the layout of the small models of Vosk's makers: words inside Gr.fst and no words.txt, HCLr.fst with look-ahead.

    python -m models.mini.makers MODEL OUT

The same acoustic model, lexicon and bigrams, so nothing of it is committed: tests make one in less than a second. That libvosk
reads the look-ahead is seen where it is emptied: then nothing is heard. Unlike the makers' it has Gr.fst as a plain graph, not
packed as "ngram" (for millions of n-grams; `make real` has one), no marks of disambiguation, and no ivectors.
"""

import shutil
import struct
from pathlib import Path

import click

from models.mini import kaldi


def write(model: Path, out: Path) -> None:
    """Write the sibling of a model that `build.py` wrote into a folder that does not exist."""
    shutil.copytree(model, out)
    rows = (line.split() for line in (out / "graph" / "words.txt").read_text().splitlines())
    words = {word: int(number) for word, number in rows}
    (out / "graph" / "words.txt").unlink()
    bigrams, lexicon = (read((model / "graph" / name).read_bytes()) for name in ("Gr.fst", "HCLr.fst"))
    (out / "graph" / "Gr.fst").write_bytes(kaldi.fst(bigrams, "input", words))
    (out / "graph" / "HCLr.fst").write_bytes(kaldi.look_ahead_fst(lexicon))


def read(data: bytes) -> kaldi.Fst:
    """Read what `kaldi.fst` wrote without words."""
    at = data.index(b"standard") + len(b"standard")
    _, flags, _, _, states, _ = struct.unpack_from("<iiQqqq", data, at)
    if flags:
        raise AssertionError("the models that build.py writes hold no symbols")
    at += struct.calcsize("<iiQqqq")
    graph = kaldi.Fst()
    for _ in range(states):
        state = graph.add_state()
        final, arcs = struct.unpack_from("<fq", data, at)
        at += 12
        if final != float("inf"):
            graph.final_costs[state] = final
        for arc in struct.iter_unpack("<iifi", data[at : at + 16 * arcs]):
            graph.add_arc(state, kaldi.Arc(*arc))
        at += 16 * arcs
    return graph


@click.command()
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(exists=False, path_type=Path))
def main(model: Path, out: Path) -> None:
    """Write the sibling of MODEL into OUT."""
    write(model, out)


if __name__ == "__main__":
    main()
