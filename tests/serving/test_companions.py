"""What stands beside a SavedModel works as it stands."""

import json

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.config import model_server_config_pb2

from tests.serving.signature_table import signatures_in
from tfzoo.serving import cpp_loader, operations

REST = {1: np.float32, 3: np.int32, 7: object, 9: np.int64, 10: np.bool_}


def as_input(values, dtype):
    array = np.array(values, REST[dtype])
    return np.vectorize(str.encode, [object])(array) if dtype == 7 else array


@pytest.fixture(scope="module")
def signatures(exported):
    return signatures_in(exported)


def rest_requests(exported, signatures):
    """The inputs of each signature, as its example has them."""
    for name, (dtypes, _) in signatures.items():
        body = json.loads((exported / "requests" / f"{name}.json").read_text())
        assert body["signature_name"] == name and body["inputs"].keys() == dtypes.keys()
        yield name, {k: as_input(x, dtypes[k]) for k, x in body["inputs"].items()}


def test_rest_examples_have_one_row_of_each_input(exported, signatures):
    requests = dict(rest_requests(exported, signatures))
    assert requests.keys() == signatures.keys()
    assert all(len(x) == 1 for inputs in requests.values() for x in inputs.values())


@pytest.mark.slow
def test_rest_examples_are_answered(exported, signatures):
    """The first answer of each signature takes seconds."""
    _, answers = cpp_loader.call(exported, list(rest_requests(exported, signatures)))
    assert len(answers) == len(signatures)
    assert all(len(values) == 1 for answer in answers for values in answer.values())


def test_grpc_examples_are_requests_of_each_signature(exported, signatures):
    for name, (inputs, _) in signatures.items():
        content = (exported / "requests" / f"{name}.pb").read_bytes()
        request = predict_pb2.PredictRequest.FromString(content)
        assert request.model_spec.name == "tiny" and request.model_spec.signature_name == name
        assert set(request.inputs) == set(inputs)
    compile((exported / "requests" / "send.py").read_text(), "send.py", "exec")


def test_the_server_reads_the_configuration(exported):
    told = (exported / "models.config").read_text()
    config = text_format.Parse(told, model_server_config_pb2.ModelServerConfig())
    [model] = config.model_config_list.config
    assert (model.name, model.base_path) == ("tiny", "/models/tiny")
    assert "max_batch_size { value: 32 }" in (exported / "batching_parameters.txt").read_text()


def test_operations_are_listed_and_those_that_the_server_has_not_are_refused(
    exported, monkeypatch, tmp_path
):
    names = (exported / "operations.txt").read_text().split()
    assert "MatMul" in names
    assert set(names) <= operations.server_operations()
    # One of the server's; calls Python; compiles; unknown; new in TensorFlow 2.21.
    given = ["MatMul", "PyFunc", "XlaDot", "Custom>Op", "DecodeJxl"]
    monkeypatch.setattr(operations, "operations", lambda folder: given)
    told = "2.20 does not have: Custom>Op, DecodeJxl, PyFunc, XlaDot"
    with pytest.raises(operations.UnknownOperations, match=told):
        operations.write_operations(tmp_path)
    assert not list(tmp_path.iterdir())
