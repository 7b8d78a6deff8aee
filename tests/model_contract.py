"""What every model family must do: one call of `check_model` holds a new one to all of it."""

import keras
import numpy as np
import tensorflow as tf

from tests.contracts import check_language_model
from tfzoo import kernels, layers, models
from tfzoo.layers.heads import ClassificationHead, TokenClassificationHead

SMALL = {
    "vocabulary_size": 61,
    "num_layers": 2,
    "num_heads": 4,
    "hidden_dim": 32,
    "max_sequence_length": 24,
}
RANDOM = np.random.default_rng(11)
IDS = RANDOM.integers(0, 61, (2, 9)).astype("int32")
TARGETS = RANDOM.integers(0, 61, (2, 9)).astype("int32")


def check_model(preset, folder, **overrides):
    """Holds a family to its contract, by a small model of a preset of it.

    Args:
        preset: str, a name in `models.PRESETS`.
        folder: path, to save things in.
        **overrides: fields of the configuration, beside those of `SMALL`.
    """
    sizes = {**SMALL, "dropout": 0.0, **overrides}
    model = stirred(models.from_preset(preset, **sizes))
    assert models.count_parameters(preset, **sizes) == model.count_params()
    _check_compiled_is_plain(model)
    LAWS[model.kind](model)
    _check_saving(model, folder)
    _check_remat(stirred(models.from_preset(preset, **{**sizes, "dropout": 0.2})))
    new = models.from_preset(preset, **sizes)
    _check_start(new)
    _check_mixed_precision(new, preset, sizes)
    _check_learning(new)


def stirred(model):
    """The model far from where it starts, so that every weight matters."""
    random = np.random.default_rng(5)
    for weight in model.trainable_weights:
        noise = random.normal(size=weight.shape).astype("float32")
        weight.assign(weight + 0.3 * noise)
    return model


def logits_of(model, token_ids=IDS, **reading):
    """float32 (b, t, v), of any kind of model. The decoder of an encoder-decoder reads the same."""
    if model.kind == "encoder_decoder":
        return model(token_ids, tf.roll(token_ids, 1, axis=1), **reading)
    outputs = model(token_ids, **reading)
    return model.logits(outputs) if model.kind == "encoder" else outputs


def assert_close(ours, expected, share=1e-4):
    """Equal up to a share of the largest number."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=share * np.abs(expected).max())


def _loss(model, **reading):
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(TARGETS, logits_of(model, **reading))
    return tf.reduce_mean(losses)


def _check_start(model):
    """No two matrices start alike: one unseeded initializer gives the same numbers each time."""
    drawn = [w for w in model.trainable_weights if w.path.endswith(("/kernel", "/embeddings"))]
    signs = {w.path: np.sign(np.asarray(w).ravel()[:64]).tobytes() for w in drawn}
    assert len(set(signs.values())) == len(drawn)


def _check_compiled_is_plain(model):
    @tf.function(autograph=False)
    def compiled(ids):
        with kernels.compiled():
            return logits_of(model, ids)

    logits = logits_of(model)
    assert logits.shape == (2, 9, 61) and logits.dtype == "float32"
    assert_close(compiled(IDS), logits)


def _check_mixed_precision(model, preset, sizes):
    narrow = models.from_preset(preset, dtype="mixed_bfloat16", **sizes)
    narrow.set_weights(model.get_weights())
    assert {weight.dtype for weight in narrow.weights} == {"float32"}
    logits = logits_of(narrow)
    assert logits.dtype == "float32" and 0 < np.abs(logits - logits_of(model)).max()
    assert_close(logits, logits_of(model), share=0.1)


def _check_saving(model, folder):
    """Configuration and weights, heads included, by our files and by Keras's."""
    hidden = {}
    if model.kind != "encoder_decoder":
        model.add_head("label", ClassificationHead(3, dropout=0.1))
        model.add_head("tag", TokenClassificationHead(5))
        hidden = {"label": [2, 32], "tag": [2, 9, 32]}
    models.save_config(model, folder / "model.json")
    again = models.load_config(folder / "model.json")
    assert again.config == model.config
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    again.set_weights(model.get_weights())

    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras")
    for other in (again, loaded):
        assert_close(logits_of(other), logits_of(model))
        assert list(other.heads) == list(hidden)
        for name, shape in hidden.items():
            assert_close(other.heads[name](np.ones(shape)), model.heads[name](np.ones(shape)))


def _check_remat(model):
    """Recomputed blocks teach every weight what kept ones do, dropout included."""

    def gradients(remat):
        model.remat = remat
        variables = model.trainable_weights
        values = [tf.convert_to_tensor(variable.value) for variable in variables]
        with layers.dropout_seed(tf.constant([5, 6, 0])), layers.in_place_of(variables, values):
            with tf.GradientTape() as tape:
                tape.watch(values)
                loss = _loss(model, training=True)
            return tape.gradient(loss, values, unconnected_gradients="zero")

    for kept, recomputed in zip(gradients(False), gradients(True), strict=True):
        np.testing.assert_allclose(recomputed, kept, atol=1e-5)


def _check_learning(model):
    """A few steps against the signs of gradients lower the loss, which depends on every weight."""
    variables = model.trainable_weights
    losses = []
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = _loss(model, training=True)
        gradients = tape.gradient(loss, [v.value for v in variables], unconnected_gradients="zero")
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(0.01 * tf.sign(tf.convert_to_tensor(gradient)))
        losses.append(float(loss))
    still = [
        v.path
        for v, g in zip(variables, gradients, strict=True)
        if not np.any(tf.convert_to_tensor(g))
    ]
    assert not [path for path in still if "pooler" not in path], still
    assert losses[-1] < losses[0]


def _check_decoder(model):
    check_language_model(model)
    _check_documents(model)


def _check_encoder(model):
    full = model(IDS)
    assert full.shape == (2, 9, 32)
    _check_padding_of_an_encoder(model, full)
    _check_documents(model)
    other = IDS.copy()
    other[:, -1] = (other[:, -1] + 1) % 61
    assert np.abs(model(other) - full).max(axis=(0, 2)).min() > 1e-3  # All read the last token.
    second = model(IDS, segment_ids=np.ones_like(IDS))
    assert np.allclose(second, full) == (model.config.num_segments == 1)


def _check_padding_of_an_encoder(model, full):
    for left, right in [(3, 0), (0, 3)]:
        padded, mask = _padded(IDS, left, right)
        hidden = model(padded, padding_mask=mask)
        assert_close(hidden[:, left : left + 9], full)
        assert_close(model.pooled(hidden, mask), model.pooled(full))


def _padded(token_ids, left, right):
    mask = np.pad(np.ones(token_ids.shape, bool), [(0, 0), (left, right)])
    return np.pad(token_ids, [(0, 0), (left, right)], constant_values=1), mask


def _check_documents(model):
    """Two packed rows are two rows of their own, padding behind them or not."""
    packed = np.concatenate([IDS[0], IDS[1, :6], [1, 1]])[None]
    document_ids = np.repeat([[4, 2, 0]], [9, 6, 2], axis=1).astype("int32")
    for mask in (None, document_ids > 0):
        states = model.hidden_states(packed, padding_mask=mask, document_ids=document_ids)
        assert_close(states[:, :9], model.hidden_states(IDS[:1]))
        assert_close(states[:, 9:15], model.hidden_states(IDS[1:, :6]))


def _check_encoder_decoder(model):
    written = np.roll(IDS, 1, axis=1)[:, :7]
    full = model(IDS, written)
    _check_writing_is_causal(model, written, full)
    _check_padding_of_either_text(model, written, full)
    _check_writing_with_a_cache(model, written, full)


def _check_writing_is_causal(model, written, full):
    other = written.copy()
    other[:, 4:] = (other[:, 4:] + 1) % 61
    changed = model(IDS, other)
    assert_close(changed[:, :4], full[:, :4])
    assert not np.allclose(changed[:, 4:], full[:, 4:], atol=1e-3)
    read = IDS.copy()
    read[:, -1] = (read[:, -1] + 1) % 61
    assert np.abs(model(read, written) - full).max(axis=(0, 2)).min() > 1e-3


def _check_padding_of_either_text(model, written, full):
    for left, right in [(3, 0), (0, 3)]:
        padded, mask = _padded(IDS, left, right)
        assert_close(model(padded, written, padding_mask=mask), full)
        padded, mask = _padded(written, left, right)
        logits = model(IDS, padded, decoder_padding_mask=mask)
        assert_close(logits[:, left : left + 7], full)


def _check_writing_with_a_cache(model, written, full):
    """The second row of either text is padded on the left; the memory is projected once."""
    read, mask = IDS.copy(), np.ones(IDS.shape, bool)
    read[1], mask[1, :2] = np.roll(IDS[1], 2), False
    tokens, columns = written.copy(), np.ones((2, 12), bool)
    tokens[1], columns[1, :2] = np.roll(written[1], 2), False
    expected = model(read, tokens, padding_mask=mask, decoder_padding_mask=columns[:, :7])

    cache = model.new_cache(2, 12, model.encode(read, padding_mask=mask), mask)
    weights = model.get_weights()
    for block in model.decoder.blocks:  # It is not to be read any more.
        kernel = block.cross_attention.key_value.kernel
        kernel.assign(kernel * np.nan)
    pieces = [model.decode(tokens[:, :3], cache, columns)]
    pieces += [model.decode(tokens[:, t : t + 1], cache, columns) for t in range(3, 7)]
    logits = model.logits(tf.concat(pieces, 1))
    model.set_weights(weights)
    assert int(cache.index) == 7
    assert_close(logits[0], expected[0])
    assert_close(logits[1, 2:], expected[1, 2:])


LAWS = {
    "decoder": _check_decoder,
    "encoder": _check_encoder,
    "encoder_decoder": _check_encoder_decoder,
}
