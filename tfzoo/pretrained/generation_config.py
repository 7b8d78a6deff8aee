"""What transformers' `generate` takes of a folder: the ids of ends and starts, and what it asks."""

from absl import logging

from tfzoo.tokenizers import specials

FILE = "generation_config.json"
_IDS = ("eos_token_id", "decoder_start_token_id")
# What changes which tokens are written, and where it does not.
_ASKED = {
    "bad_words_ids": None,
    "begin_suppress_tokens": None,
    "do_sample": False,
    "diversity_penalty": 0.0,
    "early_stopping": False,
    "encoder_no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "exponential_decay_length_penalty": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "guidance_scale": None,
    "length_penalty": 1.0,
    "max_length": 20,
    "max_new_tokens": None,
    "min_length": 0,
    "min_new_tokens": None,
    "min_p": None,
    "no_repeat_ngram_size": 0,
    "num_beams": 1,
    "num_return_sequences": 1,
    "penalty_alpha": None,
    "remove_invalid_values": False,
    "renormalize_logits": False,
    "repetition_penalty": 1.0,
    "sequence_bias": None,
    "stop_strings": None,
    "suppress_tokens": None,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
}


def tell(published, where: str) -> None:
    """Warns of what a folder asks of transformers' `generate`: ours does what its arguments say."""
    values = published.generation or published.config
    asked = {name: x for name, x in values.items() if name in _ASKED and x not in (None, [])}
    asked = {name: x for name, x in asked.items() if x != _ASKED[name]}
    if asked:
        logging.warning(
            "%s: transformers' generate would go by %s. Here `generate` does what its arguments "
            "say: give those that are among them.",
            where,
            ", ".join(f"{name}={x!r}" for name, x in sorted(asked.items())),
        )


def differing_ids(published, tokenizer) -> list[str]:
    """The ids of ends and starts that the tokenizer has otherwise, as "name=value"."""
    told = [(name, x.get(name)) for x in (published.config, published.generation) for name in _IDS]
    told = {name: ids for name, ids in told if ids is not None}
    end, start = (told.get(name) for name in _IDS)
    ours = dict.fromkeys(tokenizer.model_ends or (specials.end_of_writing(tokenizer),))
    ends = end if isinstance(end, list) else [end]
    found = [] if end is None or set(ends) == set(ours) else [f"{_IDS[0]}={end}"]
    if start not in (None, specials.start_of_writing(tokenizer)):
        found.append(f"{_IDS[1]}={start}")
    return found


def ids_of(tokenizer, kind: str) -> dict:
    """The keys of `config.json` that tell transformers the ids by which ours writes.

    Args:
        tokenizer: a `tfzoo.tokenizers` tokenizer.
        kind: str, that of the model.
    """
    ids, ends = tokenizer.special_ids, list(tokenizer.model_ends)
    found = {
        "bos_token_id": ids.get("start", tokenizer.end_of_text),
        "eos_token_id": tokenizer.end_of_text if not ends else ends if len(ends) > 1 else ends[0],
        "pad_token_id": ids.get("padding"),
    }
    if kind == "encoder_decoder":
        found |= {
            "eos_token_id": ends or specials.end_of_writing(tokenizer),
            "pad_token_id": ids.get("padding", tokenizer.end_of_text),
            "decoder_start_token_id": specials.start_of_writing(tokenizer),
        }
    return found
