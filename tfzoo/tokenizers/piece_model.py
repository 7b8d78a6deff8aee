"""SentencePiece's model file: its pieces, how it was trained, how it normalizes text.

The fields and their numbers are those of sentencepiece_model.proto.
"""

import dataclasses
import struct

from tfzoo.tokenizers import wire

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
UNIGRAM, BPE = 1, 2
SPACE = "\u2581"  # how pieces write a space
_PIECE, _TRAINER, _NORMALIZER = 1, 2, 3
_RULES_NAME, _CHARSMAP = 1, 2  # of the normalizer


@dataclasses.dataclass(frozen=True)
class Piece:
    """A piece of text, with its place in the list for an id.

    Attributes:
        text: str, with U+2581 for a space.
        score: float. Natural logarithm of its probability (unigram); minus its rank (BPE).
        kind: int, NORMAL to BYTE. Text never yields a CONTROL piece.
    """

    text: str
    score: float = 0.0
    kind: int = NORMAL

    @classmethod
    def parse(cls, message: bytes) -> "Piece":
        found = {number: value for number, value, _ in wire.fields(message)}
        [score] = struct.unpack("<f", found.get(2, bytes(4)))
        return cls(found[1].decode(), score, found.get(3, NORMAL))

    def to_field(self) -> bytes:
        """The piece as a field of a model."""
        score = b"\x15" + struct.pack("<f", self.score)
        return wire.field(
            _PIECE, wire.field(1, self.text.encode()) + score + wire.number_field(3, self.kind)
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PieceModel:
    """What a model file holds.

    Attributes:
        pieces: list of Piece, one an id.
        algorithm: int. UNIGRAM, BPE or another.
        space_ends_words: bool. Whether a piece has its space behind and not before it.
        padding, end, start: int. Ids of padding, end and start of text; -1 where there is none.
        charsmap: bytes. The compiled rules that rewrite characters; b"" for none.
        adds_space: bool. Whether a space is set before the text.
        removes_spaces: bool. Whether spaces at the ends, and all but one in a row, are dropped.
        rest: bytes. All fields but the pieces, as the file has them.
    """

    pieces: list[Piece]
    algorithm: int = UNIGRAM
    space_ends_words: bool = False
    padding: int = -1
    end: int = 2
    start: int = 1
    charsmap: bytes = b""
    adds_space: bool = True
    removes_spaces: bool = True
    rest: bytes = b""

    @classmethod
    def parse(cls, model: bytes) -> "PieceModel":
        """Reads the content of a model file.

        Raises:
            ValueError: if it is none.
        """
        pieces, rest, parts = [], [], {_TRAINER: {}, _NORMALIZER: {}}
        for number, value, raw in wire.fields(model):
            if number == _PIECE:
                pieces.append(Piece.parse(value))
                continue
            rest.append(raw)
            if number in parts:
                parts[number] = {number: value for number, value, _ in wire.fields(value)}
        found = {
            name: parts[part][number]
            for name, (part, number) in _NUMBERS.items()
            if number in parts[part]
        }
        found |= {
            name: _signed(found[name]) for name in ("padding", "end", "start") if name in found
        }
        return cls(pieces=pieces, rest=b"".join(rest), **found)

    def to_bytes(self, pieces: list[Piece] | None = None) -> bytes:
        """The content of a model file: other pieces if given, all else as it was read."""
        pieces = self.pieces if pieces is None else pieces
        return b"".join([*(piece.to_field() for piece in pieces), self.rest])

    def with_charsmap(self, charsmap: bytes) -> "PieceModel":
        """The model with other rules that rewrite characters."""
        normalizer = b"".join(
            raw
            for number, value, _ in wire.fields(self.rest)
            if number == _NORMALIZER
            for part, _, raw in wire.fields(value)
            if part not in (_RULES_NAME, _CHARSMAP)
        )
        normalizer = wire.field(_NORMALIZER, normalizer + wire.field(_CHARSMAP, charsmap))
        rest = [raw for number, _, raw in wire.fields(self.rest) if number != _NORMALIZER]
        return dataclasses.replace(self, charsmap=charsmap, rest=b"".join([*rest, normalizer]))


_NUMBERS = {
    "algorithm": (_TRAINER, 3),
    "space_ends_words": (_TRAINER, 24),
    "start": (_TRAINER, 41),
    "end": (_TRAINER, 42),
    "padding": (_TRAINER, 43),
    "charsmap": (_NORMALIZER, _CHARSMAP),
    "adds_space": (_NORMALIZER, 3),
    "removes_spaces": (_NORMALIZER, 4),
}


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
