"""Encoders and encoder-decoders beside transformers' own, weight for weight (extra `[parity]`)."""

import re

import numpy as np
import pytest

from tfzoo import models
from tfzoo.layers.heads import ClassificationHead, PairHead

torch = pytest.importorskip("torch", reason="needs the extra [parity]")
transformers = pytest.importorskip("transformers", reason="needs the extra [parity]")
pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0)
MASK = np.ones((2, 17), bool)
MASK[1, 12:] = False
IDS = np.where(MASK, RANDOM.integers(3, 61, (2, 17)), 1)  # RoBERTa's peer knows padding by its id.
SEGMENTS = np.repeat([[0, 1], [0, 1]], [9, 8], axis=1)
WRITTEN = RANDOM.integers(3, 61, (2, 11))
SIZES = {"vocabulary_size": 61, "num_layers": 3, "num_heads": 4, "hidden_dim": 32}
PEER_SIZES = {"vocab_size": 61, "num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 32}
BERT_SIZES = {**PEER_SIZES, "intermediate_size": 128}
T5_SIZES = {"vocab_size": 61, "num_layers": 3, "num_heads": 4, "d_model": 32, "d_ff": 48}
T5_BUCKETS = {"num_buckets": 8, "max_distance": 12}

# Our path below the model's name, as a pattern, to the peer's names; several are joined.
LAYER = "encoder.layer.{0}."
BERT_NAMES = {
    "encoder/token_embedding/embeddings": ["embeddings.word_embeddings.weight"],
    "encoder/segment_embedding/embeddings": ["embeddings.token_type_embeddings.weight"],
    "encoder/position_embedding/embeddings": ["embeddings.position_embeddings.weight"],
    "encoder/embedding_norm/(.*)": ["embeddings.LayerNorm.{0}"],
    "encoder/block_(.*)/attention/query_key_value/(.*)": [
        LAYER + f"attention.self.{part}.{{1}}" for part in ("query", "key", "value")
    ],
    "encoder/block_(.*)/attention/output/(.*)": [LAYER + "attention.output.dense.{1}"],
    "encoder/block_(.*)/attention_norm/(.*)": [LAYER + "attention.output.LayerNorm.{1}"],
    "encoder/block_(.*)/feed_forward/intermediate/(.*)": [LAYER + "intermediate.dense.{1}"],
    "encoder/block_(.*)/feed_forward/output/(.*)": [LAYER + "output.dense.{1}"],
    "encoder/block_(.*)/feed_forward_norm/(.*)": [LAYER + "output.LayerNorm.{1}"],
    "pooler/dense/(.*)": ["pooler.dense.{0}"],
    "masked_word_head/dense/(.*)": ["predictions.transform.dense.{0}"],
    "masked_word_head/norm/(.*)": ["predictions.transform.LayerNorm.{0}"],
    "masked_word_head/output_bias": ["predictions.bias"],
    "heads/pair/labels/(.*)": ["seq_relationship.{0}"],
}
ROBERTA_NAMES = {
    **BERT_NAMES,
    "masked_word_head/dense/(.*)": ["lm_head.dense.{0}"],
    "masked_word_head/norm/(.*)": ["lm_head.layer_norm.{0}"],
    "masked_word_head/output_bias": ["lm_head.bias"],
    "heads/label/hidden/(.*)": ["classifier.dense.{0}"],
    "heads/label/labels/(.*)": ["classifier.out_proj.{0}"],
}
GROUP = "encoder.albert_layer_groups.0.albert_layers.0."
ALBERT_NAMES = {
    **BERT_NAMES,
    "encoder/widening/(.*)": ["encoder.embedding_hidden_mapping_in.{0}"],
    "encoder/block/attention/query_key_value/(.*)": [
        GROUP + f"attention.{part}.{{0}}" for part in ("query", "key", "value")
    ],
    "encoder/block/attention/output/(.*)": [GROUP + "attention.dense.{0}"],
    "encoder/block/attention_norm/(.*)": [GROUP + "attention.LayerNorm.{0}"],
    "encoder/block/feed_forward/intermediate/(.*)": [GROUP + "ffn.{0}"],
    "encoder/block/feed_forward/output/(.*)": [GROUP + "ffn_output.{0}"],
    "encoder/block/feed_forward_norm/(.*)": [GROUP + "full_layer_layer_norm.{0}"],
    "pooler/dense/(.*)": ["pooler.{0}"],
    "masked_word_head/dense/(.*)": ["predictions.dense.{0}"],
    "masked_word_head/norm/(.*)": ["predictions.LayerNorm.{0}"],
    "heads/pair/labels/(.*)": ["sop_classifier.classifier.{0}"],
}
T5_LAYER = "{0}.block.{1}.layer."
T5_NAMES = {
    "token_embedding/embeddings": ["shared.weight"],
    "output_table/embeddings": ["lm_head.weight"],
    "(.*)/position_bias/embeddings": [
        "{0}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    ],
    "(.*)/final_norm/gamma": ["{0}.final_layer_norm.weight"],
    "(.*)/block_(.*)/attention/query_key_value/kernel": [
        T5_LAYER + f"0.SelfAttention.{part}.weight" for part in "qkv"
    ],
    "(.*)/block_(.*)/attention/output/kernel": [T5_LAYER + "0.SelfAttention.o.weight"],
    "(.*)/block_(.*)/attention_norm/gamma": [T5_LAYER + "0.layer_norm.weight"],
    "(.*)/block_(.*)/cross_attention/query/kernel": [T5_LAYER + "1.EncDecAttention.q.weight"],
    "(.*)/block_(.*)/cross_attention/key_value/kernel": [
        T5_LAYER + f"1.EncDecAttention.{part}.weight" for part in "kv"
    ],
    "(.*)/block_(.*)/cross_attention/output/kernel": [T5_LAYER + "1.EncDecAttention.o.weight"],
    "(.*)/block_(.*)/cross_attention_norm/gamma": [T5_LAYER + "1.layer_norm.weight"],
    **{
        f"({stack})/block_(.*)/{ours}": [T5_LAYER + f"{place}.{theirs}.weight"]
        for stack, place in (("encoder", 1), ("decoder", 2))
        for ours, theirs in {
            "feed_forward/gate/kernel": "DenseReluDense.wi_0",
            "feed_forward/intermediate/kernel": "DenseReluDense.wi(?:_1)?",
            "feed_forward/output/kernel": "DenseReluDense.wo",
            "feed_forward_norm/gamma": "layer_norm",
        }.items()
    },
}
LEAVES = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def stirred(peer):
    """The peer with weights far from where they start, so that each of them matters."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in peer.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return peer.eval()


def copy_weights(ours, peer, names, unread=()):
    """Gives ours the peer's weights; those of the peer that end so are not looked for in ours."""
    state = {name: value.detach().numpy() for name, value in peer.state_dict().items()}
    used = set()
    for weight in ours.weights:
        patterns = peer_patterns(weight.path.partition("/")[2], names)
        found = [only(name for name in state if re.fullmatch(p, name)) for p in patterns]
        value = np.concatenate([state[name] for name in found])
        weight.assign(value.T if weight.path.endswith("/kernel") else value)
        used |= set(found)
    left = {name for name in set(state) - used if not name.endswith(unread)}
    assert not left, left


def only(names):
    (name,) = names
    return name


def peer_patterns(path, names):
    """Patterns of the peer's names, below its own prefixes, of the weight at our path."""
    for pattern, found in names.items():
        if match := re.fullmatch(pattern, path):
            parts = [LEAVES.get(part, part) for part in match.groups()]
            return [r"(?:\w+\.)?" + name.format(*parts) for name in found]
    raise KeyError(path)


def assert_close(ours, expected):
    """The largest difference is at most 1e-5 of the largest number."""
    expected = expected.detach().numpy()
    assert np.abs(np.asarray(ours) - expected).max() <= 1e-5 * np.abs(expected).max()


def read(peer, **more):
    tensors = {"input_ids": torch.tensor(IDS), "attention_mask": torch.tensor(MASK).long(), **more}
    return peer(**tensors, output_hidden_states=True)


def bert():
    config = transformers.BertConfig(**BERT_SIZES, max_position_embeddings=24)
    ours = models.from_preset("bert_tiny", **SIZES, max_sequence_length=24)
    return ours, transformers.BertForPreTraining(config), BERT_NAMES


def albert():
    config = transformers.AlbertConfig(**BERT_SIZES, embedding_size=12, max_position_embeddings=24)
    sizes = {**SIZES, "embedding_dim": 12, "max_sequence_length": 24}
    ours = models.from_preset("albert_base", **sizes)
    return ours, transformers.AlbertForPreTraining(config), ALBERT_NAMES


@pytest.mark.parametrize("make", [bert, albert])
def test_states_words_and_pairs_are_those_of_transformers(make):
    ours, peer, names = make()
    head = ours.add_head("pair", PairHead())
    copy_weights(ours, stirred(peer), names, unread=("decoder.weight", "decoder.bias"))
    expected = read(peer, token_type_ids=torch.tensor(SEGMENTS))
    hidden = ours(IDS, segment_ids=SEGMENTS, padding_mask=MASK)
    assert_close(hidden[MASK], expected.hidden_states[-1][MASK])
    assert_close(ours.logits(hidden)[MASK], expected.prediction_logits[MASK])
    pairs = expected.seq_relationship_logits if make is bert else expected.sop_logits
    assert_close(head(ours.pooled(hidden, MASK)), pairs)


def roberta_config(**more):
    sizes = {**BERT_SIZES, "max_position_embeddings": 26, "type_vocab_size": 1}
    return transformers.RobertaConfig(**sizes, layer_norm_eps=1e-5, **more)


def test_robertas_words_are_those_of_transformers():
    peer = stirred(transformers.RobertaForMaskedLM(roberta_config()))
    ours = models.from_preset("roberta_base", **SIZES, max_sequence_length=24)
    copy_weights(ours, peer, ROBERTA_NAMES, unread=("decoder.weight", "decoder.bias"))
    logits = ours.logits(ours(IDS, padding_mask=MASK))
    assert_close(logits[MASK], read(peer).logits[MASK])


def test_robertas_labels_are_those_of_transformers():
    config = roberta_config(num_labels=3)
    peer = stirred(transformers.RobertaForSequenceClassification(config))
    peer.lm_head = transformers.RobertaForMaskedLM(config).lm_head  # Not read for labels.
    ours = models.from_preset("roberta_base", **SIZES, max_sequence_length=24)
    head = ours.add_head("label", ClassificationHead(3))
    copy_weights(ours, peer, ROBERTA_NAMES, unread=("decoder.weight", "decoder.bias"))
    hidden = ours(IDS, padding_mask=MASK)
    assert_close(head(ours.pooled(hidden, MASK)), read(peer).logits)


def t5(version_1_1):
    """The peer ties its tables in either version: here they part, as in the published 1.1."""
    kind = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False} if version_1_1 else {}
    buckets = {
        "relative_attention_num_buckets": T5_BUCKETS["num_buckets"],
        "relative_attention_max_distance": T5_BUCKETS["max_distance"],
    }
    config = transformers.T5Config(**T5_SIZES, d_kv=6, **buckets, **kind)
    peer = transformers.T5ForConditionalGeneration(config)
    if version_1_1:
        peer.lm_head.weight = torch.nn.Parameter(torch.randn(61, 32))
    sizes = {**SIZES, **T5_BUCKETS, "intermediate_dim": 48, "head_dim": 6}
    kind = {"gated": version_1_1, "tied_embeddings": not version_1_1}
    return models.from_preset("t5_tiny", **sizes, **kind), peer


@pytest.mark.parametrize("version_1_1", [False, True], ids=["1.0", "1.1"])
def test_t5_is_that_of_transformers(version_1_1):
    ours, peer = t5(version_1_1)
    tied = () if version_1_1 else ("lm_head.weight",)
    unread = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", *tied)
    copy_weights(ours, stirred(peer), T5_NAMES, unread)
    expected = read(peer, decoder_input_ids=torch.tensor(WRITTEN))
    assert_close(
        ours.encode(IDS, padding_mask=MASK)[MASK], expected.encoder_last_hidden_state[MASK]
    )
    assert_close(ours(IDS, WRITTEN, padding_mask=MASK), expected.logits)


def test_greedy_text_is_that_of_transformers():
    ours, peer = t5(False)
    unread = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    copy_weights(ours, stirred(peer), T5_NAMES, unread)
    tensors = {"input_ids": torch.tensor(IDS), "attention_mask": torch.tensor(MASK).long()}
    options = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": -1}
    expected = peer.generate(**tensors, decoder_start_token_id=0, pad_token_id=0, **options)
    cache = ours.new_cache(2, 12, ours.encode(IDS, padding_mask=MASK), MASK)
    tokens = [np.zeros((2, 1), "int32")]
    for _ in range(12):
        logits = ours.logits(ours.decode(tokens[-1], cache))
        tokens.append(np.argmax(logits, axis=-1).astype("int32"))
    np.testing.assert_array_equal(np.concatenate(tokens, 1), expected.numpy())


def count(peer_class, config):
    """Weights of a peer that is not allocated, tied ones once."""
    with torch.device("meta"):
        peer = peer_class(config)
    peer.tie_weights()
    return sum(weight.numel() for weight in peer.parameters())


def peer_config(config_class, config, **more):
    """The peer's record of a preset's sizes."""
    return config_class(
        vocab_size=config.vocabulary_size,
        hidden_size=config.hidden_dim,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        intermediate_size=config.intermediate_dim,
        **more,
    )


@pytest.mark.parametrize("preset", models.BERT.presets)
def test_berts_count_what_transformers_counts(preset):
    config = models.BERT.presets[preset]
    pair_head = 2 * config.hidden_dim + 2
    peer = peer_config(transformers.BertConfig, config)
    counted = count(transformers.BertForPreTraining, peer)
    assert models.count_parameters(preset) + pair_head == counted


@pytest.mark.parametrize("preset", models.RoBERTa.presets)
def test_robertas_count_what_transformers_counts(preset):
    more = {"max_position_embeddings": 514, "type_vocab_size": 1}
    peer = peer_config(transformers.RobertaConfig, models.RoBERTa.presets[preset], **more)
    assert models.count_parameters(preset) == count(transformers.RobertaForMaskedLM, peer)


@pytest.mark.parametrize("preset", models.ALBERT.presets)
def test_alberts_count_what_transformers_counts(preset):
    config = models.ALBERT.presets[preset]
    pair_head = 2 * config.hidden_dim + 2
    peer = peer_config(transformers.AlbertConfig, config, embedding_size=config.embedding_dim)
    counted = count(transformers.AlbertForPreTraining, peer)
    assert models.count_parameters(preset) + pair_head == counted


@pytest.mark.parametrize("preset", models.T5.presets)
def test_t5s_count_what_transformers_counts(preset):
    """Version 1.1 has an output table of its own, which transformers 5 ties all the same."""
    config = models.T5.presets[preset]
    peer = transformers.T5Config(
        vocab_size=config.vocabulary_size,
        d_model=config.hidden_dim,
        d_kv=config.head_dim,
        d_ff=config.intermediate_dim,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        feed_forward_proj="gated-gelu" if config.gated else "relu",
    )
    table = 0 if config.tied_embeddings else config.vocabulary_size * config.hidden_dim
    counted = count(transformers.T5ForConditionalGeneration, peer)
    assert models.count_parameters(preset) == counted + table
