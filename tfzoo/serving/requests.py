"""`requests/` of an export: for each signature one that works as it stands, for REST and for gRPC.

curl -X POST http://localhost:8501/v1/models/NAME:predict -d @requests/generate.json
python requests/send.py requests/generate.pb
"""

import json
from pathlib import Path

import numpy as np

from tfzoo.serving.warmup import predict_request

SEND = '''\
"""Sends a request of this folder by gRPC: python send.py generate.pb [localhost:8500]

Needs the packages grpcio and tensorflow-serving-api.
"""

import pathlib
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

path, address = (*sys.argv[1:], "localhost:8500")[:2]
request = predict_pb2.PredictRequest.FromString(pathlib.Path(path).read_bytes())
stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(address))
for name, value in stub.Predict(request).outputs.items():
    print(name, tf.make_ndarray(value))
'''


def write_requests(folder, model_name, examples):
    """Writes SIGNATURE.json, the body for REST, and SIGNATURE.pb, for `send.py`, of each signature.

    Args:
        folder: path of the SavedModel.
        model_name: str, under which it will be served.
        examples: pairs of a signature's name and a dict of input names to arrays.
    """
    folder = Path(folder, "requests")
    folder.mkdir()
    (folder / "send.py").write_text(SEND)
    for signature, inputs in examples:
        body = {"signature_name": signature, "inputs": {k: _plain(x) for k, x in inputs.items()}}
        (folder / f"{signature}.json").write_text(json.dumps(body) + "\n")
        (folder / f"{signature}.pb").write_bytes(predict_request(model_name, signature, inputs))


def _plain(values):
    """What JSON has for an array; text for bytes."""
    if isinstance(values, np.ndarray | np.generic):
        values = values.tolist()
    if isinstance(values, bytes):
        return values.decode()
    return [_plain(value) for value in values] if isinstance(values, list) else values
