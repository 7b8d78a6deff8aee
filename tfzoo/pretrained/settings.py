"""A published `config.json`, read so that no switch of it goes unheard."""

import math

from tfzoo.errors import UsageError

# What the numbers of a forward pass do not depend on: whose model it is, how text is made with it,
# how it was trained or stored, and what transformers returns beside the result.
_HARMLESS = frozenset(
    """
    _name_or_path _attn_implementation attn_implementation architectures model_type dtype
    torch_dtype transformers_version finetuning_task task_specific_params tokenizer_class
    bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id mask_token_id unk_token_id
    decoder_start_token_id forced_bos_token_id forced_eos_token_id prefix use_cache
    output_attentions output_hidden_states return_dict output_past gradient_checkpointing
    initializer_range initializer_factor initializer_std label2id id2label num_labels
    problem_type is_decoder_only pretraining_tp tie_encoder_decoder max_length min_length
    do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p
    typical_p repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size
    bad_words_ids num_return_sequences output_scores return_dict_in_generate suppress_tokens
    begin_suppress_tokens exponential_decay_length_penalty remove_invalid_values torchscript
    use_bfloat16 tf_legacy_loss n_special predict_special_tokens directionality language
    pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head
    pooler_type down_scale_factor gap_size net_structure_type num_memory_blocks
    inner_group_dropout summary_activation summary_first_dropout summary_proj_to_labels
    summary_type summary_use_proj sinusoidal_pos_embds seq_classif_dropout qa_dropout
    chunk_size_feed_forward classifier_dropout classifier_dropout_prob hidden_dropout
    attention_dropout attention_probs_dropout_prob attn_pdrop resid_pdrop embd_pdrop
    hidden_dropout_prob reorder_and_upcast_attn n_ctx
    """.split()
)


class Settings:
    """What a `config.json` holds; each key must be taken, or be one that changes no number.

    Args:
        values: dict.
        where: str, the file, for messages.
        same: function of two names of tensors. Whether the checkpoint has both, and with the same
            numbers.
        tensors: names of the checkpoint's tensors, where they are known.

    Attributes:
        same, tensors: as given.
    """

    def __init__(self, values: dict, where: str, tensors=(), same=lambda name, other: False):
        self._values = values
        self._where = where
        self.tensors = tensors
        self.same = same
        self._taken = set(_HARMLESS)

    def take(self, name: str, default=None):
        """The value of a key; `default` where the file leaves it out or has null.

        Raises:
            UsageError: if it is not of the default's kind.
        """
        self._taken.add(name)
        value = self._values.get(name)
        if value is None:
            return default
        if default is not None and not _is_like(value, default):
            raise UsageError(
                f"{self._where}: {name} must be a {type(default).__name__}. Received: {value!r}."
            )
        return value

    def number_or_null(self, name: str, default: int | None) -> int | None:
        """A whole number above 0, or the null that the file has; `default` where it is left out.

        Raises:
            UsageError: if it is anything else.
        """
        self._taken.add(name)
        if name not in self._values:
            return default
        return None if self._values[name] is None else self.number(name)

    def switch(self, name: str, default: bool) -> bool:
        """Whether it is on: null means no, as in transformers; `default` where it is left out.

        Raises:
            UsageError: if it is neither True, False nor null.
        """
        return bool(self.take(name, default if name not in self._values else False))

    def dropout(self, name: str, default: float) -> float:
        """The share to drop: it changes no number of a finished model, so 1 and more are cut."""
        return min(max(float(self.take(name, default)), 0.0), 0.99)

    def number(self, name: str) -> int:
        """A whole number above 0 that the file must have.

        Raises:
            UsageError: if it has none.
        """
        self._taken.add(name)
        value = self._values.get(name)
        if type(value) is not int or value < 1:
            raise UsageError(
                f"{self._where}: {name} must be a whole number above 0. Received: {value!r}."
            )
        return value

    def only(self, **known) -> None:
        """Refuses each of these keys that has another value than the one that is known here.

        A tuple holds several; the first is what it means to leave the key out.

        Raises:
            UsageError: naming the key and its value.
        """
        for name, values in known.items():
            values = values if isinstance(values, tuple) else (values,)
            value = self.take(name)
            known = ", ".join(map(repr, values))
            self.refuse_unless(value is None or value in values, name, value, known)

    def choose(self, name: str, names: dict, default: str):
        """The value of `names` that the key's value stands for.

        Raises:
            UsageError: naming the key, if it stands for none.
        """
        value = self.take(name, default)
        self.refuse_unless(value in names, name, value, ", ".join(names))
        return names[value]

    def refuse_unless(self, is_known: bool, name: str, value, known: str) -> None:
        """Raises UsageError that names a key and its value, unless it is known what it means."""
        if not is_known:
            raise UsageError(
                f"{self._where}: {name}={value!r} is not supported; known are {known}. The numbers "
                "would differ, so nothing was loaded."
            )

    def inner(self, name: str, values: dict) -> "Settings":
        """The settings that a key's own dict holds."""
        return Settings(values, f"{self._where}: {name}")

    def refuse_the_rest(self) -> None:
        """Raises UsageError for keys that nobody has taken: what they change is not known."""
        if rest := sorted(self._values.keys() - self._taken):
            raise UsageError(
                f"{self._where}: {', '.join(rest)} is not known, so it is not known what it "
                "changes. Nothing was loaded. Take it out of the file if it changes no number."
            )


def _is_like(value, default) -> bool:
    if type(default) is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is type(default)
