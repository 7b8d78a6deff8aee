"""SentencePiece (Kudo and Richardson 2018, arXiv:1808.06226): pieces of raw text, spaces included.

Which pieces a text is cut into, a unigram language model decides by their probabilities (Kudo 2018,
arXiv:1804.10959), or BPE by the order of its merges (Sennrich et al. 2016, arXiv:1508.07909). T5
and ALBERT read pieces of the first sort.
"""

import functools
import re
from pathlib import Path

import numpy as np
import sentencepiece
from absl import logging

from tfzoo.tokenizers import folders, joining, specials
from tfzoo.tokenizers import piece_model as files
from tfzoo.tokenizers.lower_case import in_lower_case
from tfzoo.tokenizers.piece_model import Piece, PieceModel
from tfzoo.tokenizers.published.legacy import class_name
from tfzoo.tokenizers.sentence_piece_training import learn
from tfzoo.tokenizers.tokenizer import REPLACEMENT, Tokenizer, count_bytes

NUM_SENTINELS = 100  # T5's
MODEL_FILE = "spiece.model"
CONFIG_FILE = "tokenizer_config.json"

_T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
_ALBERT = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
_BERT_ROLES = {"start": "[CLS]", "separator": "[SEP]", "mask": "[MASK]"}
_SENTINEL = re.compile("\u2581?<extra_id_([0-9]+)>")
_CLASSES = (None, "T5Tokenizer", "AlbertTokenizer", "PreTrainedTokenizer")  # ids are the pieces'
_SPECIAL_KINDS = (files.CONTROL, files.USER_DEFINED)


class SentencePieceTokenizer(Tokenizer):
    """The pieces of a SentencePiece model.

    Text is normalized first as the model says, which most models do by Unicode's NFKC with white
    space made single spaces; `is_lossless` tells whether all of it comes back. U+2581, which
    stands for a space, comes back as one in any case. A character without a piece is unknown,
    which is decoded as U+FFFD, unless the model has pieces for bytes.

    Text never yields control pieces, nor pieces with a role, nor sentinels: whatever a model file
    says of <pad>, </s>, [CLS], [SEP], [MASK] or <extra_id_0>, they are control pieces here.

    A published model of ALBERT, which knows no capitals, is given rules that make text lower case.

    Args:
        model: bytes. The content of a model file.
        num_sentinels: int, or None. Ids to add behind the pieces, the last of them for
            <extra_id_0>, as T5 does (Raffel et al. 2020, section 3.1.4, arXiv:1910.10683). None
            adds 100 to a model with T5's first ids that has no sentinels among its pieces.

    Raises:
        ValueError: if `model` is not a model file of use here.
    """

    kind = "sentence_piece"

    def __init__(self, model: bytes, num_sentinels: int | None = None):
        parsed = _parsed(model)
        tokens = _special_tokens(parsed)
        inside = _sentinels(parsed.pieces)
        if num_sentinels is None:
            num_sentinels = 0 if inside or not _is_like_t5(parsed) else NUM_SENTINELS
        self.num_added_sentinels = num_sentinels
        size = len(parsed.pieces)
        id_of = {piece.text: place for place, piece in enumerate(parsed.pieces)}
        special_ids = {role: id_of[token] for role, token in tokens.items()}
        pieces = _with_control_pieces(parsed.pieces, {*special_ids.values(), *inside})
        self.model = model if pieces == parsed.pieces else parsed.to_bytes(pieces)
        token_bytes = [*map(_spelt, pieces), *[b""] * num_sentinels]
        first_bytes = [piece.removeprefix(b" ") for piece in token_bytes]
        super().__init__(
            token_bytes,
            special_tokens=tokens,
            special_ids=special_ids,
            sentinels=inside or range(size + num_sentinels - 1, size - 1, -1),
            first_bytes=first_bytes if parsed.adds_space else None,
        )
        self._adds_space = parsed.adds_space
        if {"start", "separator"} <= tokens.keys():
            self.layout = joining.BERT
        self.is_lossless = not (parsed.charsmap or parsed.adds_space or parsed.removes_spaces) and (
            any(piece.kind == files.BYTE for piece in parsed.pieces)
        )
        self._fast = sentencepiece.SentencePieceProcessor(model_proto=self.model)

    @classmethod
    def train(
        cls,
        documents,
        vocabulary_size,
        progress=None,
        *,
        roles=(),
        algorithm="unigram",
        byte_fallback=False,
        normalization="nmt_nfkc",
    ):
        """Learns pieces from the text.

        Without `roles` that ask for more, the ids are laid out as T5's: <pad>, </s>, <unk>, the
        pieces, and 100 sentinels. With one of start, separator or mask, as ALBERT's: <pad>, <unk>,
        [CLS], [SEP], [MASK], the pieces.

        Memory is bounded to about 1 GB: of a text of more than 2^25 characters, a sample of its
        lines is learnt from, the same one in every run. Warns when the text yields fewer pieces
        than asked for.

        Args:
            documents: iterable of str or UTF-8 bytes, read once.
            vocabulary_size: int. The number of ids wanted, special ones and sentinels included.
            progress: function, or None. Called with the bytes read so far.
            roles: iterable of keys of `specials.ADDED`.
            algorithm: "unigram" or "bpe".
            byte_fallback: bool. Whether 256 of the pieces are for bytes, which spell the characters
                that have no piece.
            normalization: "nmt_nfkc" (NFKC, spaces made one, none at the ends), "nmt_nfkc_cf" (that
                in lower case) or "identity" (all is kept; lossless with `byte_fallback`).

        Raises:
            UsageError: if `vocabulary_size` is too small for the characters, or the text empty.
        """
        specials.special_tokens(roles)  # refuses roles that there are not
        like_albert = not _BERT_ROLES.keys().isdisjoint(roles)
        num_sentinels = 0 if like_albert else NUM_SENTINELS
        model = learn(
            count_bytes(documents, progress),
            vocabulary_size,
            num_sentinels,
            algorithm=algorithm,
            byte_fallback=byte_fallback,
            normalization=normalization,
            control_symbols=tuple(_BERT_ROLES.values()) if like_albert else (),
            ids=_ALBERT if like_albert else _T5,
        )
        tokenizer = cls(model, num_sentinels)
        if tokenizer.vocabulary_size < vocabulary_size:
            logging.warning(
                "The text yields a vocabulary of %d pieces and special tokens only, less than "
                "--vocabulary_size=%d.",
                tokenizer.vocabulary_size,
                vocabulary_size,
            )
        return tokenizer

    @functools.cached_property
    def word_starts(self):
        starts = [not piece or piece.startswith(b" ") for piece in self.token_bytes]
        starts[self.special_ids["unknown"]] = True
        return np.array(starts)

    def safe_split(self, text, near):
        cut = text.rfind(b" ", 1, near + 1) if len(text) > near >= 4 else -1
        return cut if cut > 0 else super().safe_split(text, near)

    def graph(self):
        from tfzoo.tokenizers.sentence_piece_graph import SentencePieceGraph  # TensorFlow

        return SentencePieceGraph(self.token_bytes, self.model, self._adds_space)

    def _encode(self, texts):
        return self._fast.encode(texts)

    def _files(self):
        return {
            MODEL_FILE: self.model,
            CONFIG_FILE: folders.to_json(
                {"do_lower_case": False, "extra_ids": self.num_added_sentinels}
            ),
        }

    @classmethod
    def _read(cls, folder, special_tokens):
        path = _model_path(Path(folder))
        try:
            config = _config(path.parent)
            model = path.read_bytes()
            _check_unheard(path.parent, config, _parsed(model))
            if _wants_lower_case(_parsed(model), config):
                model = in_lower_case(model)
            return cls(model, config.get("extra_ids"))
        except ValueError as error:
            remedy = "Give a file that SentencePiece made, or train a tokenizer of this kind."
            raise folders.broken(folder, f"has a {path.name} of no use: {error}", remedy) from None


def _parsed(model: bytes) -> PieceModel:
    try:
        sentencepiece.SentencePieceProcessor(model_proto=model)
        parsed = PieceModel.parse(model)
    except (RuntimeError, ValueError):
        raise ValueError("`model` must be the content of a SentencePiece model file.") from None
    if not parsed.pieces:
        raise ValueError("`model` must be the content of a SentencePiece model file.")
    if parsed.space_ends_words:
        raise ValueError("`model` must have the space before a word, and has it behind.")
    return parsed


def _special_tokens(model: PieceModel) -> dict[str, str]:
    """Role to piece. What is a normal piece of text has no role, whatever it looks like."""
    special = {piece.text for piece in model.pieces if piece.kind in _SPECIAL_KINDS}
    tokens = {
        role: model.pieces[place].text
        for role, place in (("end_of_text", model.end), ("start", model.start))
        if 0 <= place < len(model.pieces) and model.pieces[place].text in special
    }
    tokens["unknown"] = next(p.text for p in model.pieces if p.kind == files.UNKNOWN)
    if "<pad>" in special:
        tokens["padding"] = "<pad>"
    if {"[CLS]", "[SEP]"} <= special:
        tokens |= {role: token for role, token in _BERT_ROLES.items() if token in special}
        tokens["end_of_text"] = "[SEP]"
    if "end_of_text" not in tokens:
        raise ValueError("`model` must have a piece for the end of a text, </s> or [SEP].")
    return tokens


def _sentinels(pieces: list[Piece]) -> list[int]:
    """The ids of <extra_id_0>, <extra_id_1>, ... among the pieces."""
    places = {}
    for place, piece in enumerate(pieces):
        found = _SENTINEL.fullmatch(piece.text)
        if found and piece.kind in _SPECIAL_KINDS:
            places[int(found[1])] = place
    return [places[number] for number in sorted(places)]


def _with_control_pieces(pieces: list[Piece], special_ids: set[int]) -> list[Piece]:
    """The pieces, those of special ids such that no text yields them."""
    return [
        Piece(piece.text, piece.score, files.CONTROL)
        if place in special_ids and piece.kind == files.USER_DEFINED
        else piece
        for place, piece in enumerate(pieces)
    ]


def _is_like_t5(model: PieceModel) -> bool:
    unknown = next(n for n, piece in enumerate(model.pieces) if piece.kind == files.UNKNOWN)
    return (model.padding, model.end, unknown, model.start) == tuple(_T5.values())


def _spelt(piece: Piece) -> bytes:
    if piece.kind == files.CONTROL:
        return b""
    if piece.kind == files.UNKNOWN:
        return REPLACEMENT
    if piece.kind == files.BYTE:
        return bytes([int(piece.text[1:-1], 16)])  # <0x0A>
    return piece.text.replace(files.SPACE, " ").encode()


def _model_path(folder: Path) -> Path:
    if folder.is_file():
        return folder
    found = sorted(folder.glob("*.model"))
    for name in (MODEL_FILE, "tokenizer.model"):
        if folder / name in found:
            return folder / name
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise folders.broken(
            folder, f"must hold one .model file, and holds {names}", "Leave the one of use there."
        )
    return found[0]


def _config(folder: Path) -> dict:
    """What the file beside the model says, which tfzoo and Hugging Face write."""
    if not (folder / CONFIG_FILE).exists():
        return {}
    config = folders.read_json(folder, CONFIG_FILE)
    if not isinstance(config, dict):
        raise ValueError(f"{CONFIG_FILE} must hold an object")
    num_sentinels = config.get("extra_ids")
    if num_sentinels is not None and not (type(num_sentinels) is int and num_sentinels >= 0):
        raise ValueError(f"extra_ids in {CONFIG_FILE} must be a number, 0 or more")
    if config.get("do_lower_case") and config.get("keep_accents"):
        raise ValueError(f"keep_accents in {CONFIG_FILE} must be false with do_lower_case")
    return config


def _check_unheard(folder: Path, config: dict, model: PieceModel) -> None:
    """That the files of transformers beside the model say nothing which would go unheard."""
    path = folder / "added_tokens.json"
    added = dict(folders.read_json(folder, path.name)) if path.exists() else {}
    added |= {token["content"]: n for n, token in config.get("added_tokens_decoder", {}).items()}
    known = {piece.text for piece in model.pieces}
    told = [repr(token) for token in added if token not in known and not _SENTINEL.fullmatch(token)]
    told += [name for name in ("add_bos_token", "add_eos_token") if config.get(name)]
    if "chat_template" in config or (folder / "chat_template.jinja").exists():
        told.append("a chat template")
    if (name := class_name(folder, config)) not in _CLASSES:
        told.append(f"the class {name}")
    if told:
        raise ValueError(
            f"it goes with {told[0]}, which is read beside a tokenizer.json only: transformers' "
            "save_pretrained writes one"
        )


def _wants_lower_case(model: PieceModel, config: dict) -> bool:
    """Whether text must be made lower case first: ALBERT's model does not say it of itself."""
    if config.get("do_lower_case") is not None:
        return bool(config["do_lower_case"])
    texts = {piece.text for piece in model.pieces}
    words = (piece.text for piece in model.pieces if piece.kind == files.NORMAL)
    return {"[CLS]", "[SEP]"} <= texts and not any(word != word.lower() for word in words)
