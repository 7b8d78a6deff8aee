"""The articles' transformer fails each check of docs/corrections.md, and tfzoo passes it.

The code of both is taken from that page, so that the page cannot drift from what is tested.
"""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfzoo import data, tokenizers
from tfzoo.models import GPT2
from tfzoo.tasks import CausalLanguageModeling

PAGE = (Path(__file__).parents[1] / "docs" / "corrections.md").read_text()
ARTICLE, MENDED, TFZOO = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
VOCABULARY = 50


def run(*codes):
    names = {"__name__": "corrections"}
    for code in codes:
        exec(code, names)
    return names


def article():
    return run(ARTICLE)["Transformer"](VOCABULARY, max_length=VOCABULARY, width=16)


def mended_article():
    return run(ARTICLE, MENDED)["MendedTransformer"](VOCABULARY, max_length=VOCABULARY, width=16)


def gpt2():
    return run(TFZOO)["model"]


def changed(model, tokens, other):
    """bool (t,): which places' logits differ between two rows of tokens."""
    before, after = (model(tf.constant([row])).numpy()[0] for row in (tokens, other))
    return np.abs(before - after).max(-1) > 1e-5


def order_matters(model):
    return changed(model, [7, 8, 9], [8, 7, 9])[-1]


def earlier_tokens_are_read(model):
    return changed(model, [7, 8, 9], [6, 8, 9])[-1]


def later_tokens_are_not_read(model):
    return not changed(model, [7, 8, 9], [7, 8, 6])[:-1].any()


def test_1_positions_are_places_not_ids():
    assert not order_matters(article())
    assert not order_matters(mended_article())  # attention alone cannot tell the order
    one_block = GPT2.from_preset("gpt2_tiny", num_layers=1, vocabulary_size=VOCABULARY)
    assert order_matters(one_block)  # several causal blocks could tell it from what each reads


def test_2_attention_reads_other_tokens():
    assert not earlier_tokens_are_read(article())
    assert earlier_tokens_are_read(gpt2())


def test_3_the_future_is_not_read():
    assert not later_tokens_are_not_read(mended_article())
    assert later_tokens_are_not_read(gpt2())


def loss_after_training(model, steps=40):
    """Loss of one sentence, learned with the right step: only the model's output is on trial."""
    step = tf.function(run(TFZOO)["train_step"])
    sentence = tf.constant([[3, 1, 4, 15, 9, 2, 6, 5, 35, 8]])
    return float([step(model, sentence) for _ in range(steps)][-1])


def test_4_the_loss_can_reach_zero():
    floor = math.log(1 + (VOCABULARY - 1) / math.e)
    assert loss_after_training(article()) >= floor
    assert loss_after_training(gpt2()) < 0.1


ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class SureModel:
    """Puts all its trust in `guess(token_ids)` as the next token; looks like a model to a task."""

    kind = "decoder"

    def __init__(self, guess, vocabulary_size):
        self.guess, self.vocabulary_size = guess, vocabulary_size

    def __call__(self, token_ids):
        return 100.0 * tf.one_hot(self.guess(token_ids), self.vocabulary_size)

    def hidden_states(self, token_ids, training=None, **masks):
        return self(token_ids)

    def prediction_states(self, hidden):
        return hidden

    def output_weights(self):
        return tf.eye(self.vocabulary_size)

    def output_bias(self):
        return None


def copier(letters, vocabulary_size):
    """Says again what it reads."""
    return SureModel(lambda token_ids: token_ids, vocabulary_size)


def knower(letters, vocabulary_size):
    """Knows the alphabet, over and over."""
    following = np.zeros(vocabulary_size, np.int32)
    following[letters] = np.roll(letters, -1)
    return SureModel(lambda token_ids: tf.gather(following, token_ids), vocabulary_size)


def article_loss(model_kind):
    letters = list(range(26))
    inputs = tf.constant([letters])
    return float(run(ARTICLE)["loss_of"](inputs, model_kind(letters, 26)(inputs)))


@pytest.fixture
def tfzoo_loss(tmp_path):
    """The loss by the way that training text takes: a file, its token store, a batch, the task."""
    text = tmp_path / "alphabet.txt"
    text.write_text(ALPHABET * 40)
    tokenizer = tokenizers.train("bytes", [], 0)
    source = data.open_source(text_files=(str(text),))
    split = data.build_token_store(source, tokenizer, data_dir=str(tmp_path), progress=False)
    batches = data.training_batches(
        split.train, sequence_length=16, global_batch_size=4, seed=0, first_step=1, rows=(0, 4)
    )
    batch = next(iter(batches))
    letters = tokenizer.encode_batch([ALPHABET])[0]
    ends = [batch[name] == tokenizer.end_of_text for name in ("token_ids", "targets")]
    batch["weights"] = 1.0 - tf.cast(ends[0] | ends[1], tf.float32)  # the alphabet alone

    def loss(model_kind):
        model = model_kind(letters, tokenizer.vocabulary_size)
        total = CausalLanguageModeling().loss(model, batch)
        return float(total / tf.reduce_sum(batch["weights"]))

    return loss


def test_5_copying_the_input_is_not_rewarded(tfzoo_loss):
    assert article_loss(copier) < 1e-3
    assert tfzoo_loss(copier) > 50.0


def test_6_a_step_runs_and_reaches_every_variable():
    tokens = tf.constant([[7, 8, 9, 10]])
    with pytest.raises(RuntimeError, match="not supported when eager execution"):
        run(ARTICLE)["train_step"](article(), tokens)

    right = run(TFZOO)
    variables = right["model"].trainable_variables
    before = [variable.numpy() for variable in variables]
    right["train_step"](right["model"], tokens)
    still = [v.path for v, old in zip(variables, before, strict=True) if (v.numpy() == old).all()]
    assert not still


def test_7_knowing_the_next_token_is_rewarded(tfzoo_loss):
    assert article_loss(knower) > 50.0
    assert tfzoo_loss(knower) < 1e-3
