"""Tiny presets of keras-hub, as it saves them, one entry a class."""

import io

import numpy as np
import sentencepiece

from tfzoo import tokenizers

TEXTS = [
    "hello world, the quick brown fox!",
    "A fox, a fox: it's the café's (and we'll see).",
    "  two  spaces\n\nand lines\n",
    "der Fluß, naïve, Ångström, 漢字 and кошка",
    "",
]
NUMBERS = ["In 2010, 12345 foxes", "(and) 3 more's"]
ROWS = 420  # of every table: more than any tokenizer here has ids, T5's sentinels among them
SIZES = {"num_layers": 2, "hidden_dim": 16, "intermediate_dim": 24}
HEADS = {**SIZES, "num_heads": 2}
PLACES = {**HEADS, "max_sequence_length": 24}
GROUPS = {**SIZES, "num_query_heads": 4, "num_key_value_heads": 2}
LLAMA3 = {
    "rope_frequency_adjustment_factor": 4.0,
    "rope_low_freq_factor": 1.0,
    "rope_high_freq_factor": 4.0,
    "rope_pretraining_sequence_length": 16,
}
# By the name that a family's classes begin with: the sizes of its backbone, and switches of it.
FAMILIES = {
    "GPT2": (PLACES, [{}, {"num_heads": 4}]),
    "GPTNeoX": (
        PLACES,
        [
            {"rotary_percentage": 0.5},
            {"rotary_percentage": 1.0, "rotary_max_wavelength": 50, "layer_norm_epsilon": 1e-3},
        ],
    ),
    "Llama": (GROUPS, [{}, {"rope_max_wavelength": 50, "layer_norm_epsilon": 1e-3}, LLAMA3]),
    "Llama3": (GROUPS, [{"rope_max_wavelength": 500_000}, LLAMA3]),
    "Mistral": (
        GROUPS,
        [
            {"sliding_window": 3},
            {"sliding_window": None, "head_dim": 6, "rope_scaling_factor": 2.0},
        ],
    ),
    "Qwen": (
        GROUPS,
        [
            {},
            {"tie_word_embeddings": False, "rope_scaling_factor": 4.0},
            {"use_sliding_window_attention": True, "sliding_window_size": 3},
        ],
    ),
    "Qwen3": (
        {**GROUPS, "head_dim": 6, "layer_norm_epsilon": 1e-5},
        [
            {},
            {"tie_word_embeddings": False, "sliding_window_size": 3},
            {"sliding_window_size": None, "rope_scaling_factor": 2.0},
        ],
    ),
    "Bert": (PLACES, [{}, {"num_segments": 3, "num_heads": 4}]),
    "DistilBert": (PLACES, [{}, {"num_heads": 4}]),
    "Roberta": (PLACES, [{}, {"num_heads": 4}]),
    "Albert": ({**PLACES, "embedding_dim": 6}, [{}, {"num_segments": 3, "num_layers": 3}]),
    "T5": (
        HEADS,
        [
            {"use_gated_activation": False},
            {"activation": "gelu", "key_value_dim": 5, "tie_embedding_weights": False},
            {"activation": "silu", "layer_norm_epsilon": 1e-3},
        ],
    ),
}
_SPECIAL = (
    "<s> <pad> </s> <mask> <|begin_of_text|> <|end_of_text|> <|start_header_id|> "
    "<|end_header_id|> <|eot_id|> <|im_end|>"
).split()


def backbone(hub, family, **switches):
    """A backbone whose weights are all random, norms and biases too."""
    sizes, _ = FAMILIES[family]
    made = getattr(hub.models, f"{family}Backbone")(vocabulary_size=ROWS, **{**sizes, **switches})
    return stirred(made)


def stirred(model):
    """The model with random weights."""
    draws = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.3 * draws.normal(size=weight.shape))
    return model


def tokenizer(hub, family, **options):
    """A tokenizer of a family's class, that learnt from `TEXTS`."""
    made = getattr(hub.tokenizers, f"{family}Tokenizer")
    if issubclass(made, hub.tokenizers.BytePairTokenizer):
        return made(*byte_pairs(), **options)
    if issubclass(made, hub.tokenizers.WordPieceTokenizer):
        return made(tokenizers.train("word_piece", TEXTS * 9, 90).tokens, **options)
    return made(_pieces(family), **options)


def byte_pairs():
    """The vocabulary and the merges of a byte-level BPE, with all families' special tokens."""
    learnt = tokenizers.train("byte_pair", (TEXTS + NUMBERS) * 9, 340)
    vocabulary = dict(learnt.vocabulary)
    for token in _SPECIAL:
        vocabulary[token] = len(vocabulary)
    return vocabulary, [" ".join(pair) for pair in learnt.merges]


def _pieces(family):
    """As T5's and ALBERT's, or with bytes and a start as Llama's."""
    if family in ("T5", "Albert"):
        roles = ("start", "separator", "mask") if family == "Albert" else ("padding",)
        return tokenizers.train("sentence_piece", TEXTS * 9, 200, roles=roles).model
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS[:4] * 9),
        model_writer=model,
        model_type="bpe",
        vocab_size=340,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    return model.getvalue()
