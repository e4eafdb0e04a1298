"""OpenFst's binary files, as far as a model's check needs them: head, size, and the words among the output symbols.

No reader of graphs: arcs stay where they are, and libvosk reads them itself. Written from the format (models/mini/README.md),
against files of anybody's: whatever is not as it should be is a ModelError that says what is wrong, and no
number in a file makes this read or keep more than the file holds.

Little endian: int32 magic, the graph's type, its arcs' type, int32 version, int32 flags, uint64 properties, int64 start, int64
states, int64 arcs; then, where the flags say so, the input symbols and the output symbols, and the graph itself. A table of symbols
is int32 magic, its name, int64 next free number, int64 how many, and that many of a word and its int64 number. A text is int32
length and its bytes.

A real model has two tables of 503,352 words: hence one `unpack_from` for each, and their texts decoded together.
"""

import struct
from pathlib import Path
from typing import BinaryIO

import msgspec

from cc_voice.speech.errors import ModelError

_FST_MAGIC = 2125659606
_TABLE_MAGIC = 2125658996
_ADD_ON_MAGIC = 446681434
_INPUT_SYMBOLS, _OUTPUT_SYMBOLS = 1, 2
_WITH_ADD_ON = frozenset({"olabel_lookahead", "ilabel_lookahead", "arc_lookahead"})
_MOST_BYTES = 4096
"""Of one text. Words of real models stay below 200."""
_CHUNK = 1 << 20
_KEY_LENGTH = struct.Struct("<qi")
"""The number of one word, and the length of the next: what stands between two words."""


class Head(msgspec.Struct, frozen=True):
    """What stands first in a graph's file."""

    kind: str
    arcs_kind: str
    version: int
    flags: int
    states: int
    arcs: int


class Symbols(msgspec.Struct, frozen=True):
    """A table of words: `numbers[n]` is that of `words[n]`, in the order of the file."""

    words: tuple[str, ...]
    numbers: tuple[int, ...]


def check(path: Path) -> Symbols | None:
    """Require a graph that Vosk can read, as long as it claims to be; return the words it writes, None where its file holds none.

    What stands behind a look-ahead graph (which labels can be reached from each state) is not walked through, so a file cut in
    there passes; checksums find it. Raises ModelError, OSError.
    """
    with path.open("rb") as file:
        return _SymbolReader(file, path.stat().st_size).whole()


def output_symbols(path: Path) -> Symbols | None:
    """Return the words that a graph writes, None where its file holds none. Raises ModelError for a malformed head, OSError."""
    with path.open("rb") as file:
        return _SymbolReader(file, path.stat().st_size).symbols()[1]


class _SymbolReader:
    """Walks through a file by chunks."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self._buffer, self._at = b"", 0
        self._read = 0

    def head(self) -> Head:
        if self._numbers("<i")[0] != _FST_MAGIC:
            raise ModelError("it does not begin as OpenFst's files do")
        kind, arcs_kind = self._text(), self._text()
        version, flags, _, _, states, arcs = self._numbers("<iiQqqq")
        return Head(kind, arcs_kind, version, flags, states, arcs)

    def symbols(self) -> tuple[Head, Symbols | None]:
        head = self.head()
        if head.flags & _INPUT_SYMBOLS:
            self.table()
        return head, self.table() if head.flags & _OUTPUT_SYMBOLS else None

    def whole(self, depth: int = 0) -> Symbols | None:
        head, symbols = self.symbols()
        if head.arcs_kind != "standard":
            raise ModelError(f"it has {head.arcs_kind[:20]!r} arcs, Vosk takes standard ones")
        if head.kind in _WITH_ADD_ON:
            if depth or self._numbers("<i")[0] != _ADD_ON_MAGIC:
                raise ModelError("no graph follows its head")
            self.whole(depth + 1)
        elif self._size < (needed := self._position + self._body_bytes(head)):
            raise ModelError(f"it has {self._size} bytes of at least {needed}")
        return symbols

    def _body_bytes(self, head: Head) -> int:
        """Return how many bytes follow the head, by what OpenFst writes for each kind; the least where the head does not tell."""
        states, arcs = max(head.states, 0), max(head.arcs, 0)
        match head.kind:
            case "vector":  # final cost and count, 16 bytes an arc; the number of arcs is often not told
                return 12 * states + 16 * arcs
            case "const":
                return 20 * states + 16 * arcs  # aligned files have up to 30 bytes more
            case "ngram":
                return self._ngram_bytes()
            case other:
                raise ModelError(f"its kind is {other[:20]!r}, which no Vosk is known to read")

    def _ngram_bytes(self) -> int:
        """Return the size of a back-off model: a tree of contexts as bits, its labels, its costs."""
        states, futures, final = self._numbers("<QQQ")
        bits = sum((count + 63) // 64 for count in (2 * states + 1, futures + states + 1, states))
        return 24 + 8 * bits + 4 * (states + 1 + futures) + 4 * (states + 1 + final + futures + 1)

    @property
    def _position(self) -> int:
        """Where in the file the next byte stands."""
        return self._read - len(self._buffer) + self._at

    def table(self) -> Symbols:
        if self._numbers("<i")[0] != _TABLE_MAGIC:
            raise ModelError("its list of words does not begin as such lists do")
        self._text()
        _, count = self._numbers("<qq")
        if not 0 <= count <= (self._size - self._position) // 12:
            raise ModelError(f"it claims {count} words, more than it has room for")
        words, numbers = self._records(count)
        text = b"\n".join(words).decode(errors="replace")
        found = tuple(text.split("\n")) if words else ()
        if len(found) != count or "" in found or min(numbers, default=0) < 0:
            raise ModelError("its list has words that are none, or numbers below 0")
        return Symbols(found, tuple(numbers))

    def _records(self, count: int) -> tuple[list[bytes], list[int]]:
        words: list[bytes] = []
        numbers: list[int] = []
        if not count:
            return words, numbers
        between, (length,) = _KEY_LENGTH.unpack_from, self._numbers("<i")
        for left in range(count, 0, -1):
            if not 0 <= length <= _MOST_BYTES:
                raise ModelError("a word in its list has no sensible length")
            self._fill(length + _KEY_LENGTH.size)
            end = self._at + length
            words.append(self._buffer[self._at : end])
            if left == 1:
                self._at = end
                numbers += self._numbers("<q")
                break
            try:
                number, length = between(self._buffer, end)
            except struct.error as error:
                raise ModelError("it ends within its list of words") from error
            numbers.append(number)
            self._at = end + _KEY_LENGTH.size
        return words, numbers

    def _text(self) -> str:
        (length,) = self._numbers("<i")
        if not 0 <= length <= _MOST_BYTES:
            raise ModelError("a name in its head has no sensible length")
        self._fill(length)
        text = self._buffer[self._at : self._at + length]
        self._at += length
        return text.decode(errors="replace")

    def _numbers(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize(form)
        self._fill(size)
        try:
            found = struct.unpack_from(form, self._buffer, self._at)
        except struct.error as error:
            raise ModelError("it is cut short") from error
        self._at += size
        return found

    def _fill(self, count: int) -> None:
        """Have `count` bytes ready, fewer only at the end of the file."""
        if len(self._buffer) - self._at < count:
            more = self._file.read(_CHUNK)
            self._read += len(more)
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
