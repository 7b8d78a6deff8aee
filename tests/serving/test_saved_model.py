"""A version of a served model is written whole, once, and holds each weight once."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfzoo import serving
from tfzoo.errors import UsageError
from tfzoo.serving import cpp_loader, saved_model


@pytest.fixture
def write_nothing(monkeypatch):
    """Versions without content, for tests of their numbers."""
    monkeypatch.setattr(saved_model, "_write", lambda *_, **__: None)


def test_each_weight_is_in_the_file_once(exported, model):
    weights = sum(weight.numpy().nbytes for weight in model.weights)
    [data] = (exported / "variables").glob("variables.data-*")
    assert weights <= data.stat().st_size < 1.02 * weights + 20_000
    graph = (exported / "saved_model.pb").read_bytes()
    for weight in model.weights:
        value = weight.numpy()
        if value.std() > 0:
            assert value.tobytes()[:64] not in graph


def test_the_file_names_no_folder_of_the_machine_that_wrote_it(exported):
    graph = (exported / "saved_model.pb").read_bytes()
    assert str(exported.parent).encode() not in graph
    assert __file__.rsplit("/tests/")[0].encode() not in graph


def test_versions_count_up_from_the_highest(write_nothing, tmp_path):
    names = [serving.export(None, None, tmp_path / "m").name for _ in range(2)]
    (tmp_path / "m" / "10").mkdir()
    (tmp_path / "m" / "notes").mkdir()
    names.append(serving.export(None, None, tmp_path / "m").name)
    assert names == ["1", "2", "11"]
    assert {p.name for p in (tmp_path / "m").iterdir()} == {"1", "2", "10", "11", "notes"}


def test_a_failed_export_leaves_nothing(monkeypatch, tmp_path):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved_model, "_write", fail)
    with pytest.raises(UsageError, match="--export_dir=.*Make room"):
        serving.export(None, None, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--export_dir=.*cannot be written"):
        serving.export(None, None, tmp_path / "file")


@pytest.mark.slow
def test_warmup_requests_run(exported):
    path = exported / "assets.extra" / "tf_serving_warmup_requests"
    requests = []
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        assert request.model_spec.name == "tiny"
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        requests.append((request.model_spec.signature_name, inputs))
    signatures, answers = cpp_loader.call(exported, requests)
    asked = {name: set(inputs) for name, inputs in requests}
    del signatures["__saved_model_init_op"]
    assert asked == {name: set(one["inputs"]) for name, one in signatures.items()}
    assert all(np.shape(value)[0] == 1 for answer in answers for value in answer.values())


def test_inputs_may_be_lists():
    texts = cpp_loader.as_input("texts", ["é\0", b"\xff\0"], cpp_loader.STRING)
    assert (texts.dtype, texts.tolist()) == (object, ["é\0".encode(), b"\xff\0"])
    numbers = cpp_loader.as_input("seed", [[20, -1]], cpp_loader.NUMBERS[np.dtype("int32")])
    assert (numbers.dtype, numbers.tolist()) == (np.int32, [[20, -1]])
    with pytest.raises(TypeError, match="seed takes int32, not float64"):
        cpp_loader.as_input("seed", [0.5], cpp_loader.NUMBERS[np.dtype("int32")])
