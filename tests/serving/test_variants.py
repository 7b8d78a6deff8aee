"""Weights in half and in a quarter of their bytes: models of their own, close to the first."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tests.serving.signature_contract import tiny
from tests.serving.test_exported_families import CASES
from tfzoo import kernels, serving, tokenizers
from tfzoo.errors import UsageError
from tfzoo.models import GPT2
from tfzoo.serving import cpp_loader, variants

ALL = ("float32", "bfloat16", "int8")
TEXT = "the quick brown fox jumps over the lazy dog, and the dog sleeps on. "
SIZES = {"hidden_dim": 64, "num_layers": 2, "max_sequence_length": 32, "dropout": 0.0}


@pytest.fixture(scope="module")
def learnt():
    """A model that has learnt a sentence, and its tokenizer."""
    tokenizer = tokenizers.train("byte_pair", [TEXT * 20], 280)
    model = GPT2.from_preset("gpt2_tiny", vocabulary_size=tokenizer.vocabulary_size, **SIZES)
    [ids] = tokenizer.encode_batch([TEXT * 20])
    rows = tf.constant([ids[start : start + 33] for start in range(0, 32)])
    optimizer = keras.optimizers.Adam(3e-3)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                rows[:, 1:], model(rows[:, :-1])
            )
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
        optimizer.apply(gradients, model.trainable_weights)
        return loss

    assert min(step().numpy() for _ in range(80)) < 0.5
    return model, tokenizer


@pytest.fixture(scope="module")
def bundle(learnt, tmp_path_factory):
    """All variants, and what the check found."""
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    texts = [(TEXT * 2)[start:].encode() for start in range(8)]
    return serving.export_variants(*learnt, folder, ALL, texts=texts)


@pytest.mark.slow
def test_variants_are_models_of_their_own_and_each_tells_a_server_of_all(bundle):
    names = ["tiny", "tiny_bfloat16", "tiny_int8"]
    assert [version.parent.name for version in bundle.versions] == names
    for version in bundle.versions:
        assert {path.name for path in version.parent.iterdir()} == {"1"}
        told = (version / "models.config").read_text()
        config = text_format.Parse(told, model_server_config_pb2.ModelServerConfig())
        assert [model.name for model in config.model_config_list.config] == names
        places = [model.base_path for model in config.model_config_list.config]
        assert places == [f"/models/{name}" for name in names]


@pytest.mark.slow
def test_files_of_weights_are_a_half_and_a_quarter(bundle):
    paths = [next((v / "variables").glob("variables.data-*")) for v in bundle.versions]
    whole, half, quarter = (path.stat().st_size for path in paths)
    assert 0.5 * whole <= half < 0.53 * whole
    assert 0.25 * whole <= quarter < 0.31 * whole


@pytest.mark.slow
def test_no_graph_holds_a_weight(bundle, learnt):
    model, _ = learnt
    for version in bundle.versions:
        graph = (version / "saved_model.pb").read_bytes()
        kept = variants.kept(model.weights, dict(zip(bundle.versions, ALL, strict=True))[version])
        for weight in kept:
            value = weight.kept.numpy()
            if value.astype(np.float32).std() > 0:
                assert value.tobytes()[:64] not in graph


@pytest.mark.slow
def test_variants_of_a_model_that_has_learnt_are_close_to_it(bundle):
    whole, half, quarter = bundle.checked
    assert [one.variant for one in bundle.checked] == list(ALL)
    assert whole.perplexity < 4  # Of 280 tokens.
    assert whole.equal_texts == 1
    assert whole.from_float32 == whole.from_python < 1e-4
    assert abs(whole.perplexity_change) < 1e-5
    for one, most in ((half, 0.02), (quarter, 0.05)):
        assert one.from_python < 1e-3 < one.from_float32
        assert 0 < abs(one.perplexity_change) < most


@pytest.mark.slow
def test_they_answer_in_float32_and_differ_by_little(bundle):
    ids = {"token_ids": np.int32([[5, 6, 7, 8]]), "lengths": np.int32([4])}
    found = [cpp_loader.call(version, [("logits", ids)]) for version in bundle.versions]
    whole, half, quarter = (answers[0]["logits"] for _, answers in found)
    assert whole.dtype == half.dtype == quarter.dtype == np.float32
    spread = whole.std()
    assert 0 < np.abs(half - whole).max() < 0.1 * spread
    assert 0 < np.abs(quarter - whole).max() < 0.2 * spread
    signatures = [set(one) for one, _ in found]
    assert signatures[0] == signatures[1] == signatures[2]


@pytest.mark.slow
def test_the_default_is_timed_and_the_card_tells_it(bundle):
    for one in bundle.checked:
        assert one.signature == "generate"
        assert [latency.rows for latency in one.latencies] == [1, 8, 32]
        for latency in one.latencies:
            assert 0 < latency.p50 <= latency.p95 and latency.calls >= 1
            written = latency.tokens_per_second * latency.p50
            assert latency.rows <= round(written) <= 64 * latency.rows
    for version, variant in zip(bundle.versions, ALL, strict=True):
        card = (version / "MODEL_CARD.md").read_text()
        assert f"| weights in the file | {variant} |" in card
        check, latency = card.split("## Check")[1].split("## Latency")
        for other in ALL:
            assert check.count(f"| {other} |") == 1 and latency.count(f"| {other} |") == 3


@pytest.mark.slow
def test_the_card_tells_the_model(bundle, learnt):
    model, _ = learnt
    kept = 2 * model.config.num_layers * 32 * 64 * 4  # Keys and values, of 32 tokens, 64 wide.
    for version in bundle.versions:
        card = (version / "MODEL_CARD.md").read_text()
        assert f"| parameters | {model.count_params():,} |" in card
        assert f"| keys and values of one row | at most {kept:,} bytes |" in card


@pytest.mark.slow
def test_the_sizes_told_are_those_of_the_files(bundle):
    for version, one in zip(bundle.versions, bundle.checked, strict=True):
        files = [path for path in version.rglob("*") if path.is_file()]
        card = (version / "MODEL_CARD.md").stat().st_size
        assert one.num_bytes == sum(path.stat().st_size for path in files) - card


@pytest.mark.parametrize("given", [("float16",), (), ("int8", "int8")])
def test_variants_that_are_none_are_refused(given, tmp_path):
    with pytest.raises(UsageError, match="--variants must be some of float32,bfloat16,int8"):
        serving.export_variants(None, None, tmp_path / "m", given)
    assert not list(tmp_path.iterdir())


def test_int8_is_within_half_a_step_of_each_output_channel():
    model = GPT2.from_preset("gpt2_tiny", vocabulary_size=20, **SIZES)
    for variable in model.weights:
        weight = variants.kept([variable], "int8")[0]
        if not isinstance(weight, variants.Int8):
            assert len(variable.shape) == 1 or "position" in variable.path
            np.testing.assert_array_equal(weight.value(), variable.numpy())
            continue
        axis = 1 if variable.path.endswith("embeddings") else 0
        steps = np.abs(variable.numpy()).max(axis, keepdims=True) / 127
        assert (np.abs(weight.value() - variable.numpy()) <= 0.501 * steps).all()
        assert weight.kept.dtype == tf.int8


def test_a_channel_of_zeros_stays_zeros():
    model = GPT2.from_preset("gpt2_tiny", vocabulary_size=20, hidden_dim=16, num_layers=1)
    kernel = next(weight for weight in model.weights if weight.path.endswith("/kernel"))
    kernel.assign(kernel.numpy() * (np.arange(kernel.shape[1]) > 0))
    value = variants.kept([kernel], "int8")[0].value().numpy()
    assert not value[:, 0].any() and value[:, 1:].any(0).all()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_every_family_has_variants(case, tmp_path):
    trained = tiny(*case)
    given = (trained.model, trained.tokenizer, tmp_path / "tiny", ("int8", "bfloat16"))
    bundle = serving.export_variants(*given, **trained.learnt)
    assert [version.parent.name for version in bundle.versions] == ["tiny", "tiny_bfloat16"]
    assert all(one.from_float32 > one.from_python for one in bundle.checked)


@pytest.mark.slow
def test_half_precision_has_variants(tokenizer, tmp_path):
    small = {"hidden_dim": 16, "max_sequence_length": 16, "num_layers": 1}
    size = tokenizer.vocabulary_size
    model = GPT2.from_preset("gpt2_tiny", dtype="mixed_bfloat16", vocabulary_size=size, **small)
    bundle = serving.export_variants(model, tokenizer, tmp_path / "m", ALL)
    assert len(bundle.versions) == 3


def test_a_signature_is_traced_once_to_be_called_and_saved(tmp_path):
    traces = []
    variable = keras.Variable(3.0)

    def double(x):
        traces.append(x)
        return {"y": 2.0 * x * variable}

    specs = [tf.TensorSpec([None], tf.float32, "x")]
    module = tf.Module()
    module.weights = variants.kept([variable], "float32")
    traced = tf.function(double, input_signature=specs, autograph=False)
    function = variants.reading(traced, [variable], module.weights)
    assert function(tf.constant([1.0]))["y"].numpy() == [6.0]
    tf.saved_model.save(module, str(tmp_path / "saved"), {"double": function})
    loaded = tf.saved_model.load(str(tmp_path / "saved")).signatures["double"]
    assert loaded(tf.constant([2.0]))["y"].numpy() == [12.0]
    assert len(traces) == 1


def test_the_graph_of_a_signature_that_is_gone_is_given_back():
    graphs = []
    variable, specs = keras.Variable([[1.0], [2.0]]), [tf.TensorSpec([None], tf.int32, "ids")]

    def rows(ids):
        graphs.append(weakref.ref(ids.graph))
        return {"y": kernels.embedding_lookup(variable.value, ids)}

    function = tf.function(rows, input_signature=specs, autograph=False)
    function = variants.reading(function, [variable], variants.kept([variable], "float32"))
    function.get_concrete_function()
    del function
    gc.collect()
    assert [graph() for graph in graphs] == [None]
