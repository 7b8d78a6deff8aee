"""Everything that decides a training run, in one frozen record: a flag of each field."""

import dataclasses
from dataclasses import field

from tfzoo.tasks import TASKS

_WITHOUT_ORIGIN = {"preset": "gpt2_mini", "tokenizer": "byte_pair", "vocabulary_size": 8192}


def _flag(default, help, choices=None):
    return field(default=default, metadata={"help": help, "choices": choices})


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The flags of `python -m tfzoo.train`, with their defaults, help texts and choices.

    A field is a flag of the same name. A field whose default is a tuple is a list flag, and one
    whose annotation admits None may be left unset.
    """

    # Where the run lives.
    model_dir: str = _flag(
        "", "Folder of the run: flags, tokenizer, checkpoints, metrics, TensorBoard."
    )
    export_dir: str | None = _flag(
        None,
        "Folder that gets the SavedModel's next version when training ends; unset: "
        "saved_models/NAME, with NAME the last part of --model_dir; empty: no export.",
    )
    data_dir: str = _flag("~/.cache/tfzoo", "Folder of downloads and token stores.")

    # The model.
    init_from: str | None = _flag(
        None,
        "Folder of a trained run, or one as transformers saves it, whose architecture, tokenizer "
        "and weights this one begins with; unset: new weights.",
    )
    preset: str | None = _flag(
        None,
        "Architecture and size to train, for example gpt2_small; unset: gpt2_mini, or that of "
        "--init_from.",
    )
    model_overrides: tuple[str, ...] = _flag(
        (), "Changes to the preset: name=value,... for example num_layers=2,hidden_dim=64."
    )
    dropout: float | None = _flag(
        None, "Share of activations to drop, in [0, 1); unset: the preset's own."
    )
    sequence_length: int | None = _flag(
        None, "Tokens a row, and the model's max_sequence_length; unset: the preset's own."
    )

    # The text.
    task: str = _flag("causal_lm", "What the model learns to do.", tuple(TASKS))
    dataset: str | None = _flag(
        None,
        "sotu for text, libreoffice_help_en_de for pairs, rotten_reviews for labelled text, "
        "chatterbot for dialogues; or tfds:NAME for any tensorflow-datasets name.",
    )
    text_files: tuple[str, ...] = _flag(
        (),
        "Files, globs or folders: UTF-8 text (.txt, .jsonl); for tasks on examples pairs (.tsv, or "
        "two aligned files), labelled rows (.csv, .tsv, .jsonl), tagged words (CoNLL), dialogues "
        "(.jsonl, or Cornell's two files). All may be .gz.",
    )
    text_field: str = _flag("text", "Name of the field that holds the text in rows and TFDS.")
    text_pair_field: str | None = _flag(None, "Field of the second text; unset: there is none.")
    label_field: str | None = _flag(
        None, "Field of the label, or of the number to predict; unset: label."
    )
    source_field: str | None = _flag(
        None, "Field of the text to translate; unset: source, or the dataset's own."
    )
    target_field: str | None = _flag(
        None, "Field of the translation; unset: target, or the dataset's own."
    )
    words_field: str | None = _flag(
        None, "Field, or CoNLL column, of the words to tag; unset: words."
    )
    tags_field: str | None = _flag(None, "Field, or CoNLL column, of the tags; unset: tags.")
    turns_field: str | None = _flag(None, "Field of a dialogue's turns; unset: turns.")
    on_bad_rows: str = _flag(
        "fail", "What to do where rows are no examples, which are all named.", ("fail", "skip")
    )
    validation_files: tuple[str, ...] = _flag(
        (), "Files to validate on, as in --text_files; unset: a share of the training text."
    )
    validation_fraction: float = _flag(
        0.1,
        "Share of the text kept for validation, in (0, 1): whole documents when there are at "
        "least 20, else the tail of each.",
    )
    tokenizer: str | None = _flag(
        None,
        "byte_pair, word_piece, sentence_piece, bytes or characters, made from the text; or a "
        "tokenizer's folder, or its vocab.txt, vocab.json or .model file; unset: byte_pair, or "
        "that of --init_from.",
    )
    vocabulary_size: int | None = _flag(
        None,
        "Tokens in the vocabulary to train; for characters, at most; unset: 8192. With "
        "--init_from: rows of the model's tables, no fewer than there, new ones being the mean of "
        "the old; unset: as many as the tokenizer needs.",
    )

    # The objective; a flag that the task does not have is left unset.
    mask_documents: bool | None = _flag(
        None, "Whether tokens read their own document only (causal_lm, masked_lm)."
    )
    mask_probability: float | None = _flag(
        None, "Share of the tokens to predict (masked_lm, bert, albert); unset: 0.15."
    )
    whole_word_masking: bool | None = _flag(
        None, "Whether words are masked whole (masked_lm, bert, albert)."
    )
    noise_density: float | None = _flag(
        None, "Share of the tokens to leave out (span_corruption); unset: 0.15."
    )
    mean_span_length: float | None = _flag(
        None, "Tokens that are left out together, on average (span_corruption); unset: 3."
    )
    prefix: str | None = _flag(
        None, "Text put before each source, such as 'sentiment:' (translation, text_to_text)."
    )
    head_dropout: float | None = _flag(
        None, "Dropout of the new head (classification and its kin), in [0, 1); unset: 0.1."
    )

    # What of the model is trained.
    freeze: tuple[str, ...] = _flag(
        (),
        "Weights to leave as they are: regular expressions that are found in their paths, for "
        "example embedding,block_[0-3]/.",
    )
    layer_decay: float = _flag(
        1.0,
        "Factor of the learning rate from each block to the one below it, and to the embeddings, "
        "in (0, 1]; heads have the whole rate.",
    )
    lora_rank: int = _flag(
        0, "Rank of low-rank adapters, which with heads are all that is trained; 0: none."
    )
    lora_alpha: float | None = _flag(
        None, "Adapters are scaled by this over their rank; unset: twice the rank."
    )
    lora_targets: tuple[str, ...] = _flag(
        (),
        "Products that have adapters, by the ends of their paths, as regular expressions: "
        "query_key_value (or query, key, value, each by itself), attention/output, intermediate, "
        "...; unset: all of the blocks.",
    )
    lora_dropout: float = _flag(0.0, "Share of what adapters read to drop, in [0, 1).")

    # The optimization.
    global_batch_size: int = _flag(8, "Rows a step, over all replicas and microbatches.")
    num_microbatches: int = _flag(1, "Parts into which each step's rows are cut, to save memory.")
    train_steps: int = _flag(1000, "Steps to train in all.")
    learning_rate: float = _flag(6e-4, "Peak learning rate, reached after the warmup.")
    min_learning_rate: float = _flag(
        0.0, "Learning rate that the cosine or the line falls to, one step after the last."
    )
    schedule: str = _flag(
        "cosine",
        "How the learning rate falls after the warmup.",
        ("cosine", "linear", "inverse_sqrt", "constant"),
    )
    warmup_steps: int = _flag(100, "Steps over which the learning rate rises from 0.")
    weight_decay: float = _flag(0.1, "Decoupled decay of the weight matrices (never of vectors).")
    adam_beta2: float = _flag(
        0.95, "Decay of Adam's average of squared gradients, in [0, 1); slower for small batches."
    )
    multiply_by_parameter_scale: bool = _flag(
        False,
        "Make the learning rate relative to the root mean square of each variable, as T5's "
        "Adafactor does; 1e-2 is then a usual rate.",
    )
    clip_norm: float = _flag(1.0, "Largest global norm of the gradient; 0: no clipping.")
    label_smoothing: float = _flag(0.0, "Share of each target spread over the vocabulary, [0, 1).")
    ema_decay: float = _flag(
        0.0, "Decay of the moving average of the weights, in [0, 1); 0: none kept."
    )
    seed: int = _flag(0, "Seed of the weights, the order of the text and dropout.")

    # The machine.
    precision: str = _flag(
        "float32",
        "Precision of the computation; auto: mixed_bfloat16 on one machine that is faster in it, "
        "else float32.",
        ("float32", "mixed_bfloat16", "mixed_float16", "auto"),
    )
    jit: str = _flag(
        "auto",
        "auto: small compiled clusters between the matrix products; true: the whole step compiled "
        "by XLA (one device); false: plain TensorFlow.",
        ("auto", "true", "false"),
    )
    remat: bool = _flag(False, "Recompute each block in the backward pass, to save memory.")
    strategy: str = _flag(
        "auto",
        "auto: multi_worker when TF_CONFIG names several workers, mirrored when there are several "
        "devices, else none.",
        ("auto", "none", "mirrored", "multi_worker"),
    )
    num_virtual_devices: int = _flag(1, "Logical CPU devices to train on; 1: the machine as it is.")

    # What is written, and when.
    log_every_steps: int = _flag(10, "Steps between two rows of metrics.")
    eval_every_steps: int = _flag(200, "Steps between two evaluations; 0: only at the end.")
    checkpoint_every_steps: int = _flag(200, "Steps between two checkpoints; 0: only at the end.")
    keep_checkpoints: int = _flag(3, "Newest checkpoints kept, beside the best.")
    profile_steps: tuple[int, ...] = _flag(
        (), "First and last step of a TensorBoard profile, for example 20,25."
    )

    def __post_init__(self):
        for name, default in _WITHOUT_ORIGIN.items():
            if getattr(self, name) is None and not self.init_from:
                object.__setattr__(self, name, default)
        if self.prefix is not None:  # A flagfile keeps no space at a line's end.
            object.__setattr__(self, "prefix", self.prefix.strip())
