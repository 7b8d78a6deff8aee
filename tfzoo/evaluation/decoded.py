"""What an encoder-decoder writes for held-out sources, beside what people wrote."""

from tfzoo.evaluation.translation import score_translations
from tfzoo.training import preparation
from tfzoo.training.progress import items_bar

SOURCES_AT_ONCE = 32


def held_out(config, files=()):
    """The pairs to evaluate on, as texts: those of `files`, or those the run has held out.

    Args:
        config: TrainConfig, of a task that learns from pairs.
        files: as --text_files.

    Returns:
        list of dicts, `source` and `target`.
    """
    files = files or config.validation_files
    if files:
        return list(preparation.open_data(config, files=files).examples())
    source = preparation.open_data(config, config.dataset, config.text_files)
    return list(source.validation_examples(config.validation_fraction))


def score_decoded(write, pairs):
    """BLEU and chrF of what is written, with a progress bar; and of the sources as they are.

    Args:
        write: function of a list of sources, giving a list of texts.
        pairs: from `held_out`.

    Returns:
        dict: bleu, chrf, copied_source_bleu, the signatures of both, and how many sentences.
    """
    pairs = sorted(pairs, key=lambda pair: len(pair["source"]))  # Of similar length, side by side.
    sources, targets = ([pair[role] for pair in pairs] for role in ("source", "target"))
    found = []
    with items_bar("Translating", len(pairs)) as advance_to:
        for first in range(0, len(pairs), SOURCES_AT_ONCE):
            found += write(sources[first : first + SOURCES_AT_ONCE])
            advance_to(len(found))
    score = score_translations(found, targets)
    return {
        "bleu": score.bleu,
        "chrf": score.chrf,
        "copied_source_bleu": score_translations(sources, targets).bleu,
        "bleu_signature": score.bleu_signature,
        "chrf_signature": score.chrf_signature,
        "sentences": score.num_sentences,
    }
