"""BERT, DistilBERT, RoBERTa and ALBERT: their sizes, and what is each one's own."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.model_contract import IDS, SMALL, assert_close, check_model, stirred
from tfzoo import models
from tfzoo.layers import Dropout, dropout_seed
from tfzoo.layers.heads import ClassificationHead, PairHead


def small(preset, **overrides):
    return stirred(models.from_preset(preset, **{**SMALL, **overrides}))


FAMILIES = ("bert_tiny", "distilbert_base_uncased", "roberta_base", "albert_base")


@pytest.mark.parametrize(
    "preset",
    [pytest.param(p, marks=pytest.mark.slow if p.startswith("distil") else ()) for p in FAMILIES],
)
def test_contract(preset, tmp_path):
    check_model(preset, tmp_path)


@pytest.mark.slow
def test_contract_of_one_with_a_table_of_its_own(tmp_path):
    check_model("albert_base", tmp_path, tied_embeddings=False, embedding_dim=16)


@pytest.mark.parametrize("preset", FAMILIES)
def test_words_may_be_read_with_a_table_of_their_own(preset):
    model = small(preset, tied_embeddings=False)
    hidden = model(IDS)
    expected = model.prediction_states(hidden) @ np.transpose(model.output_table.embeddings)
    assert_close(model.logits(hidden), expected + model.output_bias())


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("bert_tiny", 4_433_210),
        ("bert_mini", 11_267_386),
        ("bert_small", 29_057_850),
        ("bert_medium", 41_667_386),
        ("bert_base_cased", 108_931_396),
        ("bert_base_uncased", 110_104_890),
        ("bert_large_cased", 334_659_908),
        ("bert_large_uncased", 336_224_058),
        ("distilbert_base_cased", 65_812_036),
        ("distilbert_base_uncased", 66_985_530),
        ("roberta_base", 124_697_433),
        ("roberta_large", 355_412_057),
        ("albert_base", 11_812_272),
        ("albert_large", 17_845_424),
        ("albert_xlarge", 59_017_392),
        ("albert_xxlarge", 223_150_256),
    ],
)
def test_presets_have_the_published_parameters(preset, parameters, count):
    assert count(preset) == parameters


def test_a_pair_head_makes_bert_what_was_pretrained():
    model = small("bert_tiny")
    alone = model.count_params()
    head = model.add_head("next_sentence", PairHead())
    assert model.count_params() - alone == 2 * 32 + 2
    assert {w.path.rpartition("/labels/")[0] for w in head.weights} == {"bert/heads/next_sentence"}
    assert head(model.pooled(model(IDS))).shape == (2, 2)


def test_places_of_roberta_are_counted_from_2():
    model = small("roberta_base")
    table = model.encoder.position_embedding.embeddings
    assert table.shape == (26, 32)
    mask = np.array([[0, 1, 1, 1, 1, 1, 1, 1, 0]] * 2, bool)
    before = model(IDS, padding_mask=mask).numpy()[mask]
    rows = table.numpy()
    rows[[0, 1, 9, 10]] *= -5.0  # Seven tokens are read, at 2 to 8.
    table.assign(rows)
    np.testing.assert_allclose(model(IDS, padding_mask=mask).numpy()[mask], before, atol=1e-5)
    rows[8] *= -5.0
    table.assign(rows)
    assert not np.allclose(model(IDS, padding_mask=mask).numpy()[mask], before, atol=1e-2)


@pytest.mark.parametrize(
    ("preset", "activation", "epsilon"),
    [
        ("bert_tiny", "gelu_erf", 1e-12),
        ("distilbert_base_uncased", "gelu_erf", 1e-12),
        ("roberta_base", "gelu_erf", 1e-5),
        ("albert_base", "gelu_tanh", 1e-12),
    ],
)
def test_activations_and_epsilons_are_the_published_ones(preset, activation, epsilon):
    model = small(preset)
    block, head = model.encoder.blocks[0], model.masked_word_head
    assert block.feed_forward.activation == head.activation == activation
    norms = (model.encoder.embedding_norm, block.attention_norm, block.feed_forward_norm, head.norm)
    assert {norm.epsilon for norm in norms} == {epsilon}


def test_a_full_row_has_places_to_the_last():
    for preset in ("bert_tiny", "roberta_base"):
        assert small(preset)(np.ones((1, 24), "int32")).shape == (1, 24, 32)


@pytest.mark.parametrize(
    ("preset", "activation"), [("roberta_base", "tanh"), ("distilbert_base_uncased", "relu")]
)
def test_what_is_not_pooled_a_classification_head_has_a_layer_for(preset, activation):
    model = small(preset)
    assert model.pooler is None
    np.testing.assert_array_equal(model.pooled(model(IDS)), model(IDS)[:, 0])
    head = model.add_head("label", ClassificationHead(3))
    assert head.hidden.kernel.shape == (32, 32) and head.hidden_activation == activation
    assert not small("bert_tiny").add_head("label", ClassificationHead(3)).hidden_layer


def test_distilbert_has_no_segments():
    assert not [w.path for w in small("distilbert_base_uncased").weights if "segment" in w.path]


def test_robertas_head_for_words_has_an_erf_gelu_whatever_its_blocks_have():
    model = small("roberta_base", activation="relu", norm_epsilon=1e-3)
    assert model.encoder.blocks[0].feed_forward.activation == "relu"
    assert model.masked_word_head.activation == "gelu_erf"
    assert model.masked_word_head.norm.epsilon == model.encoder.embedding_norm.epsilon == 1e-3


@pytest.mark.parametrize("preset", FAMILIES)
def test_a_record_from_before_the_switches_is_the_same_model(preset):
    config = models.PRESETS[preset][1]
    new = ("activation", "norm_epsilon", "tied_embeddings", "first_position")
    old = {k: v for k, v in dataclasses.asdict(config).items() if k not in new}
    assert type(config)(**old) == config


def test_albert_applies_one_block_to_embeddings_of_another_width():
    once, thrice = (small("albert_base", num_layers=n, embedding_dim=16) for n in (1, 3))
    assert [w.shape for w in once.weights] == [w.shape for w in thrice.weights]
    assert once.output_weights().shape == (61, 16)
    x = once.encoder.widening(_embedded(once))
    for _ in range(3):
        x = once.encoder.blocks[0](x)
    thrice.set_weights(once.get_weights())
    assert_close(thrice(IDS), x)


def _embedded(model):
    encoder = model.encoder
    sums = encoder.token_embedding(IDS) + encoder.segment_embedding(np.zeros_like(IDS))
    return encoder.embedding_norm(encoder.position_embedding(sums))


def test_words_are_read_with_the_embedding_table_and_a_bias():
    model = small("bert_tiny")
    hidden = model(IDS)
    states = model.prediction_states(hidden)
    expected = states @ np.transpose(model.output_weights()) + model.output_bias()
    assert_close(model.logits(hidden), expected)
    assert_close(model.logits(hidden[:, 3]), expected[:, 3])


def test_albert_drops_something_else_in_each_layer(monkeypatch):
    model, draw, drawn = small("albert_base", num_layers=3, dropout=0.5), Dropout.new_seed, []

    def noted(layer):
        drawn.append(tuple(draw(layer).numpy()))
        return tf.constant(drawn[-1])

    monkeypatch.setattr(Dropout, "new_seed", noted)
    for _ in range(2):
        with dropout_seed(tf.constant([1, 2, 0])):
            model(IDS, training=True)
    once = drawn[: len(drawn) // 2]
    assert len(set(once)) == len(once) > 6
    assert drawn[len(once) :] == once


def test_albert_drops_the_same_where_it_is_recomputed():
    model = small("albert_base", num_layers=3, dropout=0.5)

    def gradient(remat):
        model.remat = remat
        with dropout_seed(tf.constant([1, 2, 0])), tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(IDS, training=True)[..., 0])
            kernel = model.encoder.blocks[0].feed_forward.output_projection.kernel
            return tape.gradient(loss, kernel.value)

    assert_close(gradient(True), gradient(False))
