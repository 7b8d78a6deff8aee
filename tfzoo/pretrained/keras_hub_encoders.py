"""The encoders of keras-hub: BERT, DistilBERT, RoBERTa and ALBERT."""

import numpy as np

from tfzoo.pretrained import keras_hub_heads as heads
from tfzoo.pretrained.albert import LAYER as ALBERT_LAYER
from tfzoo.pretrained.distilbert import LAYER as DISTILBERT_LAYER
from tfzoo.pretrained.encoder_parts import LAYER
from tfzoo.pretrained.keras_hub_class import BackboneClass, Head, Tensor, dense, joined, norm, table


def _sizes(backbone, activation, epsilon):
    """What all have, by BERT's names."""
    dropout = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    return {
        "vocab_size": backbone.vocabulary_size,
        "max_position_embeddings": backbone.max_sequence_length,
        "hidden_size": backbone.hidden_dim,
        "num_hidden_layers": backbone.num_layers,
        "num_attention_heads": backbone.num_heads,
        "intermediate_size": backbone.intermediate_dim,
        "hidden_act": activation,
        "layer_norm_eps": epsilon,
        "tie_word_embeddings": True,
        **dict.fromkeys(dropout, backbone.dropout),
    }


def _bert_config(backbone, tokenizer, fault):
    return {**_sizes(backbone, "gelu_new", 1e-12), "type_vocab_size": backbone.num_segments}


def _bert_tensors(backbone, tokenizer):
    found = {
        **_embeddings(backbone, backbone.token_embedding, backbone.position_embedding),
        **table("embeddings.token_type_embeddings", backbone.segment_embedding.embeddings),
        **dense("pooler.dense", backbone.pooled_dense),
    }
    for i, layer in enumerate(backbone.transformer_layers):
        found |= _layer(f"encoder.layer.{i}", layer)
    return found


def _embeddings(backbone, tokens, positions):
    return {
        **table("embeddings.word_embeddings", tokens.embeddings),
        **table("embeddings.position_embeddings", positions.position_embeddings),
        **norm("embeddings.LayerNorm", backbone.embeddings_layer_norm),
    }


def _layer(name, layer, names=LAYER):
    """One `TransformerEncoder`; `names` are as for `encoder_parts.layer`."""
    attention = layer._self_attention_layer
    inputs = (attention._query_dense, attention._key_dense, attention._value_dense)
    found = {}
    for their_name, part in zip(names["attention/query_key_value"], inputs, strict=True):
        found |= dense(f"{name}.{their_name}", part)
    return {
        **found,
        **joined(f"{name}.{names['attention/output']}", attention._output_dense),
        **norm(f"{name}.{names['attention_norm']}", layer._self_attention_layer_norm),
        **dense(
            f"{name}.{names['feed_forward/intermediate']}", layer._feedforward_intermediate_dense
        ),
        **dense(f"{name}.{names['feed_forward/output']}", layer._feedforward_output_dense),
        **norm(f"{name}.{names['feed_forward_norm']}", layer._feedforward_layer_norm),
    }


def _distilbert_config(backbone, tokenizer, fault):
    return {
        "vocab_size": backbone.vocabulary_size,
        "max_position_embeddings": backbone.max_sequence_length,
        "dim": backbone.hidden_dim,
        "n_layers": backbone.num_layers,
        "n_heads": backbone.num_heads,
        "hidden_dim": backbone.intermediate_dim,
        "activation": "gelu",
        "tie_word_embeddings": True,
        **dict.fromkeys(("dropout", "attention_dropout"), backbone.dropout),
    }


def _distilbert_tensors(backbone, tokenizer):
    tables = backbone.embeddings
    found = _embeddings(backbone, tables.token_embedding, tables.position_embedding)
    for i, layer in enumerate(backbone.transformer_layers):
        found |= _layer(f"transformer.layer.{i}", layer, DISTILBERT_LAYER)
    return found


def _roberta_config(backbone, tokenizer, fault):
    """Places begin behind rows of padding, and there is one segment, of zeros."""
    return {
        **_sizes(backbone, "gelu", 1e-5),
        "max_position_embeddings": backbone.max_sequence_length + tokenizer.pad_token_id + 1,
        "pad_token_id": tokenizer.pad_token_id,
        "type_vocab_size": 1,
    }


def _roberta_tensors(backbone, tokenizer):
    tables, padding = backbone.embeddings, ((tokenizer.pad_token_id + 1, 0), (0, 0))
    found = _embeddings(backbone, tables.token_embedding, tables.position_embedding)
    found["embeddings.position_embeddings.weight"] = Tensor(
        (tables.position_embedding.position_embeddings,), lambda x: np.pad(x, padding)
    )
    found["embeddings.token_type_embeddings.weight"] = Tensor(
        (), lambda: np.zeros((1, backbone.hidden_dim), np.float32)
    )
    for i, layer in enumerate(backbone.transformer_layers):
        found |= _layer(f"encoder.layer.{i}", layer)
    return found


def _albert_config(backbone, tokenizer, fault):
    for name in ("num_groups", "num_inner_repetitions"):
        if getattr(backbone, name) != 1:
            raise fault(
                f"has {name}={getattr(backbone, name)}, and ALBERT has one layer here, once",
                "Give an ALBERT where it is 1, as it is in all published ones",
            )
    return {
        **_sizes(backbone, "gelu_new", 1e-12),
        "type_vocab_size": backbone.num_segments,
        "embedding_size": backbone.embedding_dim,
        "num_hidden_groups": 1,
        "inner_group_num": 1,
    }


def _albert_tensors(backbone, tokenizer):
    [[layer]] = backbone.transformer_layers
    return {
        **_embeddings(backbone, backbone.token_embedding, backbone.position_embedding),
        **table("embeddings.token_type_embeddings", backbone.segment_embedding.embeddings),
        **dense("encoder.embedding_hidden_mapping_in", backbone.embeddings_projection),
        **_layer("encoder.albert_layer_groups.0.albert_layers.0", layer, ALBERT_LAYER),
        **dense("pooler", backbone.pooled_dense),
    }


def _encoder(name, labels, check=heads.check_labels, words=None, **parts):
    """A `BackboneClass` and the heads of its tasks; `name` as transformers' classes begin."""
    masked_words = {"tensors": words} if words else {"check": heads.refuse_masked_words}
    tasks = {
        f"{name}TextClassifier": Head(
            architecture=f"{name}ForSequenceClassification", tensors=labels, check=check
        ),
        f"{name}MaskedLM": Head(architecture=f"{name}ForMaskedLM", **masked_words),
    }
    return BackboneClass(
        model_type=name.lower(),
        architecture=f"{name}Model",
        prefix=f"{name.lower()}.",
        heads=tasks,
        **parts,
    )


ENCODERS = {
    "BertBackbone": _encoder("Bert", heads.labels, config=_bert_config, tensors=_bert_tensors),
    "DistilBertBackbone": _encoder(
        "DistilBert",
        heads.distilbert_labels,
        heads.check_hidden_labels,
        config=_distilbert_config,
        tensors=_distilbert_tensors,
    ),
    "RobertaBackbone": _encoder(
        "Roberta",
        heads.roberta_labels,
        heads.check_hidden_labels,
        heads.roberta_words,
        config=_roberta_config,
        tensors=_roberta_tensors,
    ),
    "AlbertBackbone": _encoder(
        "Albert", heads.labels, config=_albert_config, tensors=_albert_tensors
    ),
}
