"""The layers under somebody else's MirroredStrategy and `fit`, in a process of its own."""

import pytest

from tests.programs import Program

PROGRAM = """
import keras, numpy as np, tensorflow as tf
from tfzoo.layers import PositionalEncoding, TokenEmbedding, TransformerBlock

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
keras.utils.set_random_seed(0)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    ids = keras.Input([6], dtype="int32")
    x = PositionalEncoding()({embedding}(ids))
    x = TransformerBlock(2, 16, causal=True, dropout=0.1)(x)
    model = keras.Model(ids, keras.layers.Dense(11)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
rows = np.random.default_rng(0).integers(0, 11, (16, 6))
losses = model.fit(rows, rows, batch_size=8, epochs=8, verbose=0).history["loss"]
assert losses[-1] < 0.9 * losses[0], losses
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "embedding", ["TokenEmbedding(11, 8)", "keras.layers.Embedding(11, 8, mask_zero=True)"]
)
def test_layers_train_under_mirrored_strategy(embedding):
    program = PROGRAM.format(embedding=embedding)
    process = Program(program)
    assert process.wait() == 0, process.written()[1]
