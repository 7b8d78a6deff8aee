"""Small SentencePiece models for tests: trained, or made of given pieces."""

import random

from tfzoo import tokenizers
from tfzoo.tokenizers import piece_model, wire
from tfzoo.tokenizers.piece_model import Piece, PieceModel

WORDS = "the quick brown fox jumps over the lazy dog while it rains in 1999 and 2000 ".split()


def plain_text(count=2000, seed=0):
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def train(documents=None, vocabulary_size=200, algorithm="bpe", **options):
    documents = [plain_text()] if documents is None else documents
    return tokenizers.train(
        "sentence_piece", documents, vocabulary_size, algorithm=algorithm, **options
    )


def assert_faces_agree(tokenizer, texts):
    assert tokenizer.graph().tokenize(texts).to_list() == tokenizer.encode_batch(texts)


def pieces_of(tokenizer):
    return PieceModel.parse(tokenizer.model).pieces


def model_of(*pieces):
    """A unigram model of <unk>, a space and pieces; a str is a normal one."""
    listed = [Piece("<unk>", kind=piece_model.UNKNOWN), Piece("\u2581", -2.0)]
    listed += [piece if isinstance(piece, Piece) else Piece(piece, -1.0) for piece in pieces]
    return PieceModel(pieces=listed, rest=end_of_text(len(listed) - 1)).to_bytes()


def end_of_text(place):
    """The field that tells the place of </s>."""
    return wire.field(2, wire.number_field(42, place))


def control(token):
    return Piece(token, kind=piece_model.CONTROL)


def user_defined(token):
    return Piece(token, kind=piece_model.USER_DEFINED)
