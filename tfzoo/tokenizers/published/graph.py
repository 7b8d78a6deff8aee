"""The graph face of a `tokenizer.json` whose steps are those of a kind of ours; of no other."""

import json

from tfzoo.errors import UsageError
from tfzoo.tokenizers.byte_pair import BytePairTokenizer
from tfzoo.tokenizers.published.decoder import step_kinds
from tfzoo.tokenizers.word_piece import CONTINUED, LONGEST_WORD, WordPieceTokenizer


def graph(tokenizer):
    """The tokenizer as TensorFlow ops, exact on every string.

    Args:
        tokenizer: `PublishedTokenizer`.

    Raises:
        UsageError: with the reason, if there are no such ops.
    """
    same = counterpart(tokenizer)
    if not _digits_apart(tokenizer.pipeline):
        return same.graph()
    from tfzoo.tokenizers.byte_pair_graph import BytePairGraph  # TensorFlow only where needed

    return BytePairGraph(same, digits_apart=True)


def counterpart(tokenizer):
    """The tokenizer of a kind of ours that does the same, but that digits may stand apart first.

    Raises:
        UsageError: with the reason, if there is none.
    """
    found = tokenizer.description
    pipeline = tokenizer.pipeline
    kept = [token["content"] for token in found.added if not token["special"]]
    if kept:
        raise _refused(f"it finds added tokens in text, such as {kept[0]!r}")
    kind = pipeline["model"]["type"]
    if kind == "Unigram":
        raise _refused(
            "the engine of its tokenizer.json reads some sequences of characters otherwise than "
            "SentencePiece, which TensorFlow has; a folder with the .model file and without "
            "tokenizer.json is read by SentencePiece, and exported"
        )
    return (_byte_pair if kind == "BPE" else _word_piece)(pipeline, found)


def _refused(reason) -> UsageError:
    return UsageError(
        f"--tokenizer: this one, of the kind published, cannot be exported as TensorFlow ops: "
        f"{reason}. Without an export (--export_dir=) all else works."
    )


def _digits_apart(pipeline):
    return "Digits" in step_kinds(pipeline.get("pre_tokenizer"))


def _byte_pair(pipeline, found):
    model, words = pipeline["model"], pipeline.get("pre_tokenizer")
    steps = [*step_kinds(pipeline.get("normalizer")), *step_kinds(words)]
    if steps not in (["ByteLevel"], ["Digits", "ByteLevel"]):
        raise _refused(f"for its steps there are none ({', '.join(steps)})")
    for name in ("continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"):
        if model.get(name):
            raise _refused(f"for its {name} there are none")
    known = json.dumps(words)
    for name in ('"add_prefix_space": true', '"use_regex": false', '"individual_digits": false'):
        if name in known:
            raise _refused(f"for its {name} there are none")
    merges = [tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]]
    vocabulary = {token: n for n, token in enumerate(found.tokens)}
    return BytePairTokenizer(vocabulary, merges, _named(found))


def _word_piece(pipeline, found):
    model, rules = pipeline["model"], pipeline.get("normalizer") or {}
    same = (
        rules.get("type") == "BertNormalizer"
        and rules["clean_text"]
        and step_kinds(pipeline.get("pre_tokenizer")) == ["BertPreTokenizer"]
        and model.get("continuing_subword_prefix", CONTINUED) == CONTINUED
        and model.get("max_input_chars_per_word", LONGEST_WORD) == LONGEST_WORD
        and pipeline["decoder"].get("type") == "WordPiece"
        and pipeline["decoder"].get("cleanup", True)
    )
    if not same:
        raise _refused("its steps are not those of BERT")
    return WordPieceTokenizer(
        found.tokens,
        lowercase=rules["lowercase"],
        strip_accents=rules["strip_accents"],
        split_chinese=rules["handle_chinese_chars"],
        special=_named(found),
    )


def _named(found):
    """Special tokens by role, and those without one by their own names."""
    return {token: token for token in found.special} | found.roles
