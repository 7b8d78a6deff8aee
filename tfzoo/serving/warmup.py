"""Requests that TensorFlow Serving runs before it takes others, so that the first is not slow.

The file is a TFRecord of `tensorflow.serving.PredictionLog`. That protocol buffer belongs to
tensorflow-serving-api, which nothing else here needs; its few fields are written by hand.
"""

from pathlib import Path

import tensorflow as tf

# Field numbers of tensorflow_serving/apis: prediction_log.proto, predict.proto, model.proto.
_LOG_PREDICT = 6
_PREDICT_REQUEST = 1
_REQUEST_SPEC, _REQUEST_INPUTS = 1, 2
_SPEC_NAME, _SPEC_SIGNATURE = 1, 3
_MAP_KEY, _MAP_VALUE = 1, 2


def write_warmup(folder, model_name, requests):
    """Writes `assets.extra/tf_serving_warmup_requests` of a SavedModel.

    Args:
        folder: path of the SavedModel.
        model_name: str, under which it will be served.
        requests: pairs of a signature's name and a dict of input names to tensors.
    """
    path = Path(folder, "assets.extra", "tf_serving_warmup_requests")
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, inputs in requests:
            file.write(prediction_log(model_name, signature, inputs))


def prediction_log(model_name, signature, inputs) -> bytes:
    """A serialized `PredictionLog` of one request."""
    request = predict_request(model_name, signature, inputs)
    return _field(_LOG_PREDICT, _field(_PREDICT_REQUEST, request))


def predict_request(model_name, signature, inputs) -> bytes:
    """A serialized `PredictRequest`, as gRPC takes it."""
    spec = _field(_SPEC_NAME, model_name.encode()) + _field(_SPEC_SIGNATURE, signature.encode())
    entries = []
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        entry = _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, tensor)
        entries.append(_field(_REQUEST_INPUTS, entry))
    return _field(_REQUEST_SPEC, spec) + b"".join(entries)


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes in the wire format: its number and type 2, its length, its content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])
