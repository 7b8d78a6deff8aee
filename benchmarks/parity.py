"""How far are our numbers from transformers' on the same weights?

    python -m benchmarks.parity --output=docs/parity.md

For each family, tiny models of random weights over the switches of their configuration: made and
saved by transformers, read by `tfzoo.pretrained`, compared in float32.
"""

import argparse
import copy
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import torch
import transformers
import triton  # noqa: F401  Of torch: loaded after TensorFlow, it ends the process.
from torch import nn

from benchmarks import report
from tfzoo.pretrained.reading import read_model
from tfzoo.tasks.padding import padded, padding_mask

_BATCH, _LENGTH, _VOCABULARY = 3, 20, 97
_GPT2 = {"vocab_size": _VOCABULARY, "n_positions": 48, "n_embd": 48, "n_layer": 3, "n_head": 4}
_LLAMA = {
    "vocab_size": _VOCABULARY,
    "max_position_embeddings": 48,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 80,
}
_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
_LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 4.0}
_BERT = {
    "vocab_size": _VOCABULARY,
    "max_position_embeddings": 48,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 80,
}
_DISTILBERT = {
    "vocab_size": _VOCABULARY,
    "max_position_embeddings": 48,
    "dim": 48,
    "n_layers": 3,
    "n_heads": 4,
    "hidden_dim": 80,
}
_ROBERTA = {**_BERT, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
_ALBERT = {**_BERT, "embedding_size": 24}
_NEOX = {**_BERT, "rotary_pct": 0.5}
_T5 = {
    "vocab_size": _VOCABULARY,
    "d_model": 48,
    "d_kv": 10,
    "d_ff": 80,
    "num_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
}
_OWN_TABLE = "own_table"  # No switch: transformers 5 parts T5's tables only if a file has both.
_FLAN = {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}

# Family -> variant -> what transformers' classes start with, what the model's ends with, switches.
VARIANTS = {
    "openai-gpt": {
        "as published": ("OpenAIGPT", "LMHeadModel", _GPT2),
        "ReLU, epsilon 1e-3": (
            "OpenAIGPT",
            "LMHeadModel",
            {**_GPT2, "afn": "relu", "layer_norm_epsilon": 1e-3},
        ),
        "SiLU, table of its own": (
            "OpenAIGPT",
            "LMHeadModel",
            {**_GPT2, "afn": "silu", "tie_word_embeddings": False},
        ),
        "sequence classification": (
            "OpenAIGPT",
            "ForSequenceClassification",
            {**_GPT2, "num_labels": 5, "pad_token_id": 0},
        ),
    },
    "gpt2": {
        "as published": ("GPT2", "LMHeadModel", _GPT2),
        "erf GELU, epsilon 1e-3": (
            "GPT2",
            "LMHeadModel",
            {**_GPT2, "activation_function": "gelu", "layer_norm_epsilon": 1e-3},
        ),
        "ReLU, feed-forward of 80, table of its own": (
            "GPT2",
            "LMHeadModel",
            {**_GPT2, "activation_function": "relu", "n_inner": 80, "tie_word_embeddings": False},
        ),
        "sequence classification": (
            "GPT2",
            "ForSequenceClassification",
            {**_GPT2, "num_labels": 5, "pad_token_id": 0},
        ),
    },
    "llama": {
        "as published, llama3 angles": (
            "Llama",
            "ForCausalLM",
            {**_LLAMA, "rope_parameters": _LLAMA3},
        ),
        "tied, linear angles, heads of 8": (
            "Llama",
            "ForCausalLM",
            {**_LLAMA, "rope_parameters": _LINEAR, "tie_word_embeddings": True, "head_dim": 8},
        ),
        "biases everywhere, a key for each head": (
            "Llama",
            "ForCausalLM",
            {**_LLAMA, "attention_bias": True, "mlp_bias": True, "num_key_value_heads": 4},
        ),
        "sequence classification": (
            "Llama",
            "ForSequenceClassification",
            {**_LLAMA, "num_labels": 5, "pad_token_id": 0},
        ),
    },
    "mistral": {
        "window of 5": ("Mistral", "ForCausalLM", {**_LLAMA, "sliding_window": 5}),
        "no window": ("Mistral", "ForCausalLM", {**_LLAMA, "sliding_window": None}),
        "tied, epsilon 1e-3": (
            "Mistral",
            "ForCausalLM",
            {**_LLAMA, "tie_word_embeddings": True, "rms_norm_eps": 1e-3},
        ),
        "one key for all heads": ("Mistral", "ForCausalLM", {**_LLAMA, "num_key_value_heads": 1}),
    },
    "qwen2": {
        "as published": ("Qwen2", "ForCausalLM", _LLAMA),
        "tied": ("Qwen2", "ForCausalLM", {**_LLAMA, "tie_word_embeddings": True}),
        "window of 5": (
            "Qwen2",
            "ForCausalLM",
            {**_LLAMA, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 0},
        ),
        "base 1e6": (
            "Qwen2",
            "ForCausalLM",
            {**_LLAMA, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
        ),
    },
    "qwen3": {
        "as published": ("Qwen3", "ForCausalLM", {**_LLAMA, "head_dim": 12}),
        "heads of 16": ("Qwen3", "ForCausalLM", {**_LLAMA, "head_dim": 16}),
        "biases": ("Qwen3", "ForCausalLM", {**_LLAMA, "head_dim": 12, "attention_bias": True}),
        "tied": ("Qwen3", "ForCausalLM", {**_LLAMA, "head_dim": 12, "tie_word_embeddings": True}),
    },
    "bert": {
        "masked words and next sentence": ("Bert", "ForPreTraining", _BERT),
        "tanh GELU, epsilon 1e-3, 3 segments": (
            "Bert",
            "ForMaskedLM",
            {**_BERT, "hidden_act": "gelu_new", "layer_norm_eps": 1e-3, "type_vocab_size": 3},
        ),
        "ReLU, table of its own": (
            "Bert",
            "ForMaskedLM",
            {**_BERT, "hidden_act": "relu", "tie_word_embeddings": False},
        ),
        "SiLU, next sentence alone": (
            "Bert",
            "ForNextSentencePrediction",
            {**_BERT, "hidden_act": "silu"},
        ),
        "sequence classification": (
            "Bert",
            "ForSequenceClassification",
            {**_BERT, "num_labels": 5},
        ),
        "token classification": ("Bert", "ForTokenClassification", {**_BERT, "num_labels": 5}),
        "states and pooler alone": ("Bert", "Model", _BERT),
    },
    "distilbert": {
        "masked words": ("DistilBert", "ForMaskedLM", _DISTILBERT),
        "ReLU, table of its own": (
            "DistilBert",
            "ForMaskedLM",
            {**_DISTILBERT, "activation": "relu", "tie_word_embeddings": False},
        ),
        "sinusoids, sequence classification": (
            "DistilBert",
            "ForSequenceClassification",
            {**_DISTILBERT, "sinusoidal_pos_embds": True, "num_labels": 5},
        ),
        "token classification": (
            "DistilBert",
            "ForTokenClassification",
            {**_DISTILBERT, "num_labels": 5},
        ),
        "states alone": ("DistilBert", "Model", _DISTILBERT),
    },
    "roberta": {
        "masked words": ("Roberta", "ForMaskedLM", _ROBERTA),
        "tanh GELU, 2 segments, padding 4": (
            "Roberta",
            "ForMaskedLM",
            {**_ROBERTA, "hidden_act": "gelu_new", "type_vocab_size": 2, "pad_token_id": 4},
        ),
        "epsilon 1e-3, table of its own": (
            "Roberta",
            "ForMaskedLM",
            {**_ROBERTA, "layer_norm_eps": 1e-3, "tie_word_embeddings": False},
        ),
        "sequence classification": (
            "Roberta",
            "ForSequenceClassification",
            {**_ROBERTA, "num_labels": 5},
        ),
        "token classification": (
            "Roberta",
            "ForTokenClassification",
            {**_ROBERTA, "num_labels": 5},
        ),
        "states and pooler alone": ("Roberta", "Model", _ROBERTA),
    },
    "albert": {
        "masked words and sentence order": ("Albert", "ForPreTraining", _ALBERT),
        "erf GELU, embeddings as wide as states": (
            "Albert",
            "ForMaskedLM",
            {**_ALBERT, "hidden_act": "gelu", "embedding_size": 48},
        ),
        "epsilon 1e-3, table of its own": (
            "Albert",
            "ForMaskedLM",
            {**_ALBERT, "layer_norm_eps": 1e-3, "tie_word_embeddings": False},
        ),
        "sequence classification": (
            "Albert",
            "ForSequenceClassification",
            {**_ALBERT, "num_labels": 5},
        ),
        "token classification": ("Albert", "ForTokenClassification", {**_ALBERT, "num_labels": 5}),
        "states and pooler alone": ("Albert", "Model", _ALBERT),
    },
    "gpt_neox": {
        "as published": ("GPTNeoX", "ForCausalLM", _NEOX),
        "one after the other, tanh GELU, epsilon 1e-3": (
            "GPTNeoX",
            "ForCausalLM",
            {
                **_NEOX,
                "use_parallel_residual": False,
                "hidden_act": "gelu_new",
                "layer_norm_eps": 1e-3,
            },
        ),
        "tied, no biases, whole heads turned from base 500": (
            "GPTNeoX",
            "ForCausalLM",
            {
                **_NEOX,
                "tie_word_embeddings": True,
                "attention_bias": False,
                "rotary_pct": 1.0,
                "rotary_emb_base": 500,
            },
        ),
        "linear angles": ("GPTNeoX", "ForCausalLM", {**_NEOX, "rope_parameters": _LINEAR}),
        "llama3 angles": ("GPTNeoX", "ForCausalLM", {**_NEOX, "rope_parameters": _LLAMA3}),
        "sequence classification": (
            "GPTNeoX",
            "ForSequenceClassification",
            {**_NEOX, "num_labels": 5, "pad_token_id": 0},
        ),
    },
    "t5": {
        "as published": ("T5", "ForConditionalGeneration", _T5),
        "1.1 and Flan": ("T5", "ForConditionalGeneration", {**_FLAN, _OWN_TABLE: True}),
        "1.1 with one table": ("T5", "ForConditionalGeneration", _FLAN),
        "gated SiLU, a decoder of 1, epsilon 1e-3": (
            "T5",
            "ForConditionalGeneration",
            {
                **_T5,
                "feed_forward_proj": "gated-silu",
                "num_decoder_layers": 1,
                "layer_norm_epsilon": 1e-3,
            },
        ),
        "erf GELU, gated": (
            "T5",
            "ForConditionalGeneration",
            {**_T5, "feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu"},
        ),
        "erf GELU, default buckets": (
            "T5",
            "ForConditionalGeneration",
            {
                **_T5,
                "feed_forward_proj": "gelu",
                "relative_attention_num_buckets": 32,
                "relative_attention_max_distance": 128,
            },
        ),
    },
}


def main():
    flags = _flags()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for family, variants in VARIANTS.items():
            for variant in variants:
                theirs = their_model(family, variant)
                theirs.save_pretrained(folder)
                rows.append((family, variant, f"{largest_difference(theirs, folder):.1e}"))
                print(*rows[-1], sep=" | ")
    lines = [f"| {' | '.join(row)} |" for row in rows]
    report.publish("\n".join([_HEAD, report.machine(), "", *_COLUMNS, *lines]), flags.output)


_COLUMNS = ("| family | variant | largest difference |", "|---|---|---|")
_HEAD = """# Parity with transformers

Random weights of a tiny model, saved by transformers and read by `tfzoo.pretrained`, in float32.
Rows of different lengths, padded on the right and on the left. The difference is
`max|a - b| / max|b|` over all logits, or states, of real tokens. `python -m benchmarks.parity
--output=docs/parity.md` printed it:
"""


def their_model(family, variant):
    """A model of transformers with random weights, norms and biases too, in evaluation mode."""
    name, purpose, switches = VARIANTS[family][variant]
    switches = copy.deepcopy(switches)  # Their classes write into it.
    has_own_table = switches.pop(_OWN_TABLE, False)
    config = getattr(transformers, f"{name}Config")(**switches)
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}{purpose}")(config).eval()
    if has_own_table:
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    for parameter in model.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, mean=float(parameter.detach().mean()), std=0.3)
        else:
            nn.init.normal_(parameter, std=0.15)
    return model


def largest_difference(theirs, folder) -> float:
    """max|ours - theirs| / max|theirs| over real tokens of ragged rows, padded on either side."""
    ours, _ = read_model(folder)
    found = [pair for rows in ragged_rows() for pair in _COMPARE[ours.kind](ours, theirs, *rows)]
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in found)


def ragged_rows():
    """Token ids (b, t) and a bool padding mask, padded on the right; then the same on the left."""
    draws = np.random.default_rng(0)
    token_ids = draws.integers(5, _VOCABULARY, (_BATCH, _LENGTH), dtype=np.int32)
    lengths = np.array([_LENGTH, 7, 13])[:, None]
    for mask in (np.arange(_LENGTH) < lengths, np.arange(_LENGTH)[::-1] < lengths):
        yield np.where(mask, token_ids, 0), mask


def _compared_decoder(ours, theirs, token_ids, mask):
    """Pairs of arrays, ours and theirs: logits of real tokens, or of labels."""
    places = np.maximum(np.cumsum(mask, 1) - 1, 0)
    inputs = {"input_ids": token_ids, "attention_mask": mask.astype(int), "position_ids": places}
    with torch.no_grad():
        expected = theirs(**{k: torch.tensor(x, dtype=torch.long) for k, x in inputs.items()})
    expected = expected.logits.numpy()
    if "classification" in ours.heads:
        pooled = ours.pooled(ours.hidden_states(token_ids, mask), mask)
        return [(ours.heads["classification"](pooled).numpy(), expected)]
    return [(ours(token_ids, mask).numpy()[mask], expected[mask])]


def _compared_encoder(ours, theirs, token_ids, mask):
    """Pairs of arrays: what each of their outputs is by our heads.

    Theirs reads all rows padded on the right: its poolers take the first column whatever it holds.
    """
    rows = [row[real] for row, real in zip(token_ids, mask, strict=True)]
    right, num_segments = padding_mask(rows, _LENGTH), ours.config.num_segments
    inputs = {"input_ids": padded(rows, _LENGTH, theirs.config.pad_token_id)}
    inputs["attention_mask"] = right.astype(int)
    if num_segments > 1:
        inputs["token_type_ids"] = inputs["input_ids"] % num_segments
    with torch.no_grad():
        expected = theirs(**{k: torch.tensor(x, dtype=torch.long) for k, x in inputs.items()})
    hidden = ours.hidden_states(token_ids, token_ids % num_segments, mask)
    found = _outputs(ours, theirs, hidden, ours.pooled(hidden, mask))
    return [
        (a.numpy()[mask], b.numpy()[right]) if b.ndim == 3 else (a.numpy(), b.numpy())
        for a, b in zip(found, expected.to_tuple(), strict=True)
    ]


def _outputs(ours, theirs, hidden, pooled):
    """What theirs gives, in its order."""
    if type(theirs) is type(theirs.base_model):
        pooler = ours.heads.get("pooler", lambda x: x)
        return [hidden, pooler(pooled)][: 1 + hasattr(theirs, "pooler")]
    words = [ours.logits(hidden)] if theirs.get_output_embeddings() is not None else []
    return words + [
        head(hidden if name == "token_classification" else pooled)
        for name, head in ours.heads.items()
        if name != "pooler"
    ]


def _compared_encoder_decoder(ours, theirs, token_ids, mask):
    """Pairs of arrays: logits of real target tokens.

    They are the source backwards, so padded on the other side.
    """
    written, is_written = (np.ascontiguousarray(x[:, ::-1]) for x in (token_ids, mask))
    inputs = {
        "input_ids": token_ids,
        "attention_mask": mask,
        "decoder_input_ids": written,
        "decoder_attention_mask": is_written,
    }
    with torch.no_grad():
        expected = theirs(**{k: torch.tensor(x, dtype=torch.long) for k, x in inputs.items()})
    logits = ours(token_ids, written, padding_mask=mask, decoder_padding_mask=is_written)
    return [(logits.numpy()[is_written], expected.logits.numpy()[is_written])]


_COMPARE = {
    "decoder": _compared_decoder,
    "encoder": _compared_encoder,
    "encoder_decoder": _compared_encoder_decoder,
}


def _flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", help="file to write the table to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
