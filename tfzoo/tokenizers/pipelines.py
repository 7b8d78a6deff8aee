"""What a `tokenizer.json` holds: each step from text to ids, as Hugging Face writes it."""

import base64

from tfzoo.tokenizers import piece_model as pieces
from tfzoo.tokenizers.merges import BYTE_CHARACTERS

LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_WORDS = LLAMA3_WORDS.replace("{1,3}", "")
_FLAGS = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)


def pipeline(model: dict, *, normalizer=None, pre_tokenizer=None, decoder=None) -> dict:
    """The content of a `tokenizer.json` without special tokens; the steps are dicts, or None."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": decoder,
        "model": model,
    }


def special_token(content: str, token_id: int) -> dict:
    """A special token as `added_tokens` has it."""
    return {"id": token_id, "content": content, **_FLAGS, "special": True}


def bpe(vocabulary: dict[str, int], merges, **options) -> dict:
    """A model of byte pair encoding; the options are those of its place in `tokenizer.json`."""
    defaults = {
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
    }
    merges = [list(merge) for merge in merges]
    return {"type": "BPE", **defaults, **options, "vocab": vocabulary, "merges": merges}


def byte_level(add_prefix_space=False, use_regex=True) -> dict:
    """Bytes as GPT-2's byte characters, of words (`use_regex`) or of all that comes."""
    return {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def gpt2(vocabulary, merges, add_prefix_space=False) -> dict:
    """GPT-2's, and RoBERTa's."""
    return pipeline(
        bpe(vocabulary, merges),
        pre_tokenizer=byte_level(add_prefix_space),
        decoder=byte_level(),
    )


def by_pattern(vocabulary, merges, pattern: str, add_prefix_space=False, normalizer=None) -> dict:
    """Bytes of the words that a regular expression finds."""
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    bytes_ = byte_level(add_prefix_space, use_regex=False)
    return pipeline(
        bpe(vocabulary, merges),
        normalizer=normalizer,
        pre_tokenizer={"type": "Sequence", "pretokenizers": [split, bytes_]},
        decoder=byte_level(),
    )


def llama3(vocabulary, merges, add_prefix_space=False) -> dict:
    """Llama 3's: three digits at the most are a word."""
    return by_pattern(vocabulary, merges, LLAMA3_WORDS, add_prefix_space)


def qwen2(vocabulary, merges, add_prefix_space=False) -> dict:
    """Qwen2's and Qwen3's: each digit is a word."""
    return by_pattern(vocabulary, merges, QWEN2_WORDS, add_prefix_space, {"type": "NFC"})


def gpt1(vocabulary, merges) -> dict:
    """GPT-1's: characters of words in lower case, the last of each word marked."""
    return pipeline(
        bpe(vocabulary, merges, unk_token="<unk>", end_of_word_suffix="</w>"),
        normalizer=_bert_normalizer(),
        pre_tokenizer={"type": "BertPreTokenizer"},
        decoder={"type": "BPEDecoder", "suffix": "</w>"},
    )


def word_piece(vocabulary, unknown, lowercase=True, strip_accents=None, split_chinese=True) -> dict:
    """BERT's."""
    model = {
        "type": "WordPiece",
        "unk_token": unknown,
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocabulary,
    }
    return pipeline(
        model,
        normalizer=_bert_normalizer(lowercase, strip_accents, split_chinese),
        pre_tokenizer={"type": "BertPreTokenizer"},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )


def _bert_normalizer(lowercase=True, strip_accents=None, split_chinese=True):
    return {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": split_chinese,
        "strip_accents": strip_accents,
        "lowercase": lowercase,
    }


def single_bytes() -> dict:
    """A token for each byte, by its value."""
    vocabulary = {character: n for n, character in enumerate(BYTE_CHARACTERS)}
    return pipeline(
        bpe(vocabulary, []),
        pre_tokenizer=byte_level(use_regex=False),
        decoder=byte_level(),
    )


def characters(known: list[str], unknown: str) -> dict:
    """A token for each known character, in order; `unknown`, which comes next, for the others."""
    vocabulary = {character: n for n, character in enumerate([*known, unknown])}
    return pipeline(bpe(vocabulary, [], unk_token=unknown), decoder={"type": "Fuse"})


def sentence_piece(model: pieces.PieceModel, texts: list[str]) -> dict:
    """SentencePiece's steps, as transformers' own conversion (`SpmConverter`) has them.

    Args:
        model: `piece_model.PieceModel`.
        texts: list of str. The tokens by id: the pieces, and what was added behind them.
    """
    steps = _space_rules(model)
    if model.charsmap:
        charsmap = base64.b64encode(model.charsmap).decode()
        steps.insert(0, {"type": "Precompiled", "precompiled_charsmap": charsmap})
    decoder = [_replace({"String": pieces.SPACE}, " "), {"type": "ByteFallback"}, {"type": "Fuse"}]
    if model.adds_space:
        decoder.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return pipeline(
        _piece_model(model, texts),
        normalizer={"type": "Sequence", "normalizers": steps},
        pre_tokenizer=_metaspace() if model.adds_space else None,
        decoder={"type": "Sequence", "decoders": decoder},
    )


def _space_rules(model):
    rules = []
    if model.removes_spaces:
        rules += [_replace({"Regex": r"\A +| +\z"}, ""), _replace({"Regex": " {2,}"}, " ")]
    rules.append(_replace({"String": " "}, pieces.SPACE))
    if model.adds_space:  # Metaspace would leave out the space before a space.
        rules.append(_replace({"Regex": rf"\A{pieces.SPACE}"}, 2 * pieces.SPACE))
    return rules


def _replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def _metaspace():
    return {
        "type": "Metaspace",
        "replacement": pieces.SPACE,
        "prepend_scheme": "always",
        "split": False,
    }


def _piece_model(model, texts):
    unknown = next(n for n, piece in enumerate(model.pieces) if piece.kind == pieces.UNKNOWN)
    has_bytes = any(piece.kind == pieces.BYTE for piece in model.pieces)
    if model.algorithm == pieces.UNIGRAM:
        scores = [piece.score for piece in model.pieces]
        scores += [0.0] * (len(texts) - len(scores))
        vocabulary = [[text, score] for text, score in zip(texts, scores, strict=True)]
        return {
            "type": "Unigram",
            "unk_id": unknown,
            "vocab": vocabulary,
            "byte_fallback": has_bytes,
        }
    return bpe(
        {text: n for n, text in enumerate(texts)},
        _merges_of(model),
        unk_token=texts[unknown],
        fuse_unk=True,
        byte_fallback=has_bytes,
    )


def _merges_of(model):
    """All pairs of pieces that make a piece, the pairs of the likeliest piece first."""
    ranks = {
        piece.text: (-piece.score, n)
        for n, piece in enumerate(model.pieces)
        if piece.kind == pieces.NORMAL
    }
    splits = (
        (rank, text[:cut], text[cut:])
        for text, rank in ranks.items()
        for cut in range(1, len(text))
        if text[:cut] in ranks and text[cut:] in ranks
    )
    return [(left, right) for _, left, right in sorted(splits)]
