"""Opens a SavedModel as TensorFlow Serving does: TensorFlow's C++ loader, and no Python TensorFlow.

`call` starts this file as a program of its own. That process reaches the libraries of the installed
packages through ctypes and the C API, and imports neither tensorflow, keras nor tfzoo. Packages in
a folder that PYTHONPATH names go before them: so another version of TensorFlow opens the model.
It computes on the CPU: who calls has the other devices' memory.

    PYTHONPATH=DIR python -P tfzoo/serving/cpp_loader.py --operations   # those that are registered
"""

import contextlib
import ctypes
import importlib.metadata
import os
import pickle
import subprocess
import sys
import time
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p

import numpy as np

DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 10: np.bool_}
NUMBERS = {np.dtype(dtype): number for number, dtype in DTYPES.items()}
CORE = ("tensorflow-cpu", "tensorflow")  # Either holds the C library.
STRING, STRING_BYTES = 7, 24  # DT_STRING, and the size of a TF_TString


def call(folder, requests):
    """Loads a SavedModel once and calls its signatures, in a new process.

    Args:
        folder: path of the SavedModel.
        requests: list of (signature name, dict of input names to arrays or lists); strings are
            bytes, or str for UTF-8. A pair (i, output name) stands for what request number i, one
            before it, has given.

    Returns:
        signatures: dict of names to dicts with `inputs` and `outputs` (each name -> (dtype number,
            shape, -1 where it is open)) and `defaults` (list of input names).
        answers: list, one a request: dict of output names to arrays.

    Raises:
        RuntimeError: with what the loader or a call said, if one failed.
    """
    signatures, answers, _ = _in_new_process(folder, requests)
    return signatures, answers


def call_and_time(folder, requests, timed, seconds, most_calls):
    """As `call`, then calls some of the requests again and again.

    Args:
        folder, requests: as `call` takes them.
        timed: list of int, places in `requests`.
        seconds: float, after which no call of a request begins; one call is made in any case.
        most_calls: int, of each request.

    Returns:
        answers: as `call` returns them.
        durations: list, one a timed request: list of float, the seconds of each call.

    Raises:
        RuntimeError: as `call` does.
    """
    _, answers, durations = _in_new_process(folder, requests, timed, seconds, most_calls)
    return answers, durations


def _in_new_process(folder, requests, timed=(), seconds=0.0, most_calls=0):
    command = [sys.executable, "-P", __file__]
    given = pickle.dumps((str(folder), requests, timed, seconds, most_calls))
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, input=given, capture_output=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return pickle.loads(done.stdout)


def main():
    """Reads what `_in_new_process` gives from standard input, answers on standard output."""
    folder, requests, timed, *bounds = pickle.load(sys.stdin.buffer)
    model = LoadedModel(TensorFlow(), folder)
    answers = []
    for signature, inputs in requests:
        answers.append(model.call(signature, with_answers(inputs, answers)))
    durations = [_durations(model, requests[place], answers, *bounds) for place in timed]
    loaded = {"tensorflow", "keras", "tfzoo"} & set(sys.modules)
    if loaded:
        raise AssertionError(f"The loader is to stand alone, but imported {loaded}.")
    sys.stdout.buffer.write(pickle.dumps((model.signatures, answers, durations)))


def _durations(model, request, answers, seconds, most_calls):
    signature, inputs = request
    inputs = with_answers(inputs, answers)
    durations, end = [], time.perf_counter() + seconds
    while not durations or (len(durations) < most_calls and time.perf_counter() < end):
        begun = time.perf_counter()
        model.call(signature, inputs)
        durations.append(time.perf_counter() - begun)
    return durations


def with_answers(inputs, answers):
    """The inputs of a request, where pairs are replaced by what they stand for."""
    return {
        name: answers[value[0]][value[1]] if isinstance(value, tuple) else value
        for name, value in inputs.items()
    }


class Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = [("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p)]


class Output(ctypes.Structure):
    """TF_Output: one result of one operation."""

    _fields_ = [("operation", c_void_p), ("index", c_int)]


FUNCTIONS = {  # name: (result, arguments)
    "TF_NewStatus": (c_void_p, []),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_LoadLibrary": (c_void_p, [c_char_p, c_void_p]),
    "TF_GetAllOpList": (POINTER(Buffer), []),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_NewGraph": (c_void_p, []),
    "TF_NewBuffer": (POINTER(Buffer), []),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int]
        + [c_void_p, POINTER(Buffer), c_void_p],
    ),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_SessionRun": (
        None,
        [c_void_p, c_void_p]
        + [POINTER(Output), POINTER(c_void_p), c_int] * 2
        + [c_void_p, c_int, c_void_p, c_void_p],
    ),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorType": (c_int, [c_void_p]),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_StringInit": (None, [c_void_p]),
    "TF_StringCopy": (None, [c_void_p, c_char_p, c_size_t]),
    "TF_StringGetDataPointer": (c_void_p, [c_void_p]),
    "TF_StringGetSize": (c_size_t, [c_void_p]),
}


class TensorFlow:
    """The C API, with tensorflow-text's operations registered."""

    def __init__(self):
        libraries = _files(CORE, "libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
        for path in libraries:
            library = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("TF_"), function)
        self.status = self.NewStatus()
        for path in _operation_libraries():
            self.LoadLibrary(path.encode(), self.status)
            self.check()

    def check(self):
        """Raises RuntimeError if the last call failed."""
        if self.GetCode(self.status):
            raise RuntimeError(self.Message(self.status).decode(errors="replace"))

    def operations(self):
        """Names of the registered operations, in order, without those that no model is made of."""
        registered = self.GetAllOpList().contents
        content = ctypes.string_at(registered.data, registered.length)
        names = sorted(_value(operation, 1).decode() for operation in _values(content, 1))
        return [name for name in names if not name.startswith("_")]

    def tensor(self, array):
        """A TF_Tensor of an array; of bytes if it holds objects."""
        shape = (c_int64 * max(array.ndim, 1))(*array.shape)
        if array.dtype == object:
            tensor = self.AllocateTensor(STRING, shape, array.ndim, STRING_BYTES * array.size)
            for place, item in self._strings(tensor, array.size, array.reshape(-1)):
                self.StringInit(place)
                self.StringCopy(place, item, len(item))
            return tensor
        tensor = self.AllocateTensor(NUMBERS[array.dtype], shape, array.ndim, array.nbytes)
        content = np.ascontiguousarray(array)
        ctypes.memmove(self.TensorData(tensor), content.ctypes.data, content.nbytes)
        return tensor

    def array(self, tensor):
        """The array that a TF_Tensor holds; of bytes objects if it holds strings."""
        tensor = c_void_p(tensor)
        shape = [self.Dim(tensor, i) for i in range(self.NumDims(tensor))]
        size = int(np.prod(shape))
        if self.TensorType(tensor) == STRING:
            items = [
                ctypes.string_at(self.StringGetDataPointer(place), self.StringGetSize(place))
                for place, _ in self._strings(tensor, size, range(size))
            ]
            return np.array(items, object).reshape(shape)
        dtype = np.dtype(DTYPES[self.TensorType(tensor)])
        content = ctypes.string_at(self.TensorData(tensor), size * dtype.itemsize)
        return np.frombuffer(content, dtype).reshape(shape)

    def _strings(self, tensor, size, items):
        first = self.TensorData(tensor)
        return zip((first + STRING_BYTES * i for i in range(size)), items, strict=True)


class LoadedModel:
    """A SavedModel in a session, with its signatures."""

    def __init__(self, tensorflow, folder):
        self.tf = tensorflow
        self.graph, meta_graph = tensorflow.NewGraph(), tensorflow.NewBuffer()
        tags = (c_char_p * 1)(b"serve")
        self.session = tensorflow.LoadSessionFromSavedModel(
            tensorflow.NewSessionOptions(), None, folder.encode(), tags, 1,
            self.graph, meta_graph, tensorflow.status,
        )  # fmt: skip
        tensorflow.check()
        content = ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length)
        self._signatures = dict(_signatures(content))

    @property
    def signatures(self):
        """As `call` returns them."""
        return {name: _described(signature) for name, signature in self._signatures.items()}

    def call(self, name, inputs):
        """Runs one signature. Inputs left out take their defaults, as in a server."""
        signature = self._signatures[name]
        fed = {**signature["defaults"], **inputs}
        feeds = [self._place(signature["inputs"][key]) for key in fed]
        tensors = [
            self.tf.tensor(as_input(key, value, signature["inputs"][key]["dtype"]))
            for key, value in fed.items()
        ]
        fetches = [self._place(info) for info in signature["outputs"].values()]
        results = (c_void_p * len(fetches))()
        self.tf.SessionRun(
            self.session, None,
            (Output * len(feeds))(*feeds), (c_void_p * len(feeds))(*tensors), len(feeds),
            (Output * len(fetches))(*fetches), results, len(fetches),
            None, 0, None, self.tf.status,
        )  # fmt: skip
        self.tf.check()
        return dict(zip(signature["outputs"], map(self.tf.array, results), strict=True))

    def _place(self, info):
        operation, index = info["name"].rsplit(":", 1)
        return Output(self.tf.GraphOperationByName(self.graph, operation.encode()), int(index))


def as_input(name, value, number):
    """The array of an input whose dtype has that number; str becomes bytes in UTF-8.

    Raises:
        TypeError: if numbers are of another kind, as fractions are where integers are asked for.
    """
    if number != STRING:
        array, dtype = np.asarray(value), np.dtype(DTYPES[number])
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise TypeError(f"The input {name} takes {dtype}, not {array.dtype}.")
        return array.astype(dtype, copy=False)
    array = np.array(value, object)
    for place, item in np.ndenumerate(array):
        array[place] = item.encode() if isinstance(item, str) else item
    return array


def _files(packages, *names):
    """Paths of files of the first package that is there, found without importing it."""
    files = _installed(packages)
    return [str(file.locate()) for name in names for file in files if file.name == name]


def _operation_libraries():
    files = _installed(["tensorflow-text"])
    return [str(f.locate()) for f in files if f.suffix == ".so" and f.parent.name == "ops"]


def _installed(packages):
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.files(package)
    raise RuntimeError(f"The loader needs {packages[-1]}, which is not installed.")


def _signatures(meta_graph):
    """(name, signature) of each SignatureDef of a serialized MetaGraphDef."""
    for entry in _values(meta_graph, 5):
        definition = _value(entry, 2)
        yield (
            _value(entry, 1).decode(),
            {
                "inputs": dict(_tensor_infos(definition, 1)),
                "outputs": dict(_tensor_infos(definition, 2)),
                "defaults": {
                    _value(default, 1).decode(): _default(_value(default, 2))
                    for default in _values(definition, 4)
                },
            },
        )


def _tensor_infos(definition, number):
    """(name, TensorInfo) of a map of SignatureDef, by name."""
    entries = {_value(entry, 1).decode(): _value(entry, 2) for entry in _values(definition, number)}
    for name, info in sorted(entries.items()):
        shape = [_signed(_value(size, 1, 0)) for size in _values(_value(info, 3, b""), 2)]
        yield name, {"name": _value(info, 1).decode(), "dtype": _value(info, 2), "shape": shape}


def _default(tensor):
    """The array of a serialized TensorProto that holds one value, packed or by its bytes."""
    shape = [_signed(_value(size, 1, 0)) for size in _values(_value(tensor, 2, b""), 2)]
    number, content = _value(tensor, 1), _value(tensor, 4, b"")
    if number == STRING:
        return np.array([_value(tensor, 8, b"")], object).reshape(shape)
    dtype = np.dtype(DTYPES[number])
    if content:
        return np.frombuffer(content, dtype).reshape(shape)
    numbers = {np.float32: 5, np.int32: 7, np.int64: 10, np.bool_: 11}[dtype.type]
    packed = _value(tensor, numbers, b"\0" * dtype.itemsize)
    if dtype.kind == "f":
        return np.frombuffer(packed, dtype).reshape(shape)
    return np.array([_signed(_varint(packed, 0)[0])]).astype(dtype).reshape(shape)


def _described(signature):
    return {
        **{
            side: {name: (info["dtype"], info["shape"]) for name, info in signature[side].items()}
            for side in ("inputs", "outputs")
        },
        "defaults": signature["defaults"],
    }


def _signed(number):
    return number - (1 << 64) if number >> 63 else number


def _value(message, number, missing=None):
    """The first value of a field of a serialized protocol buffer."""
    return next(_values(message, number), missing)


def _values(message, number):
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, place = _varint(message, place)
            value, place = message[place : place + size], place + size
        if key >> 3 == number:
            yield value


def _varint(message, place):
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


if __name__ == "__main__":
    if sys.argv[1:] == ["--operations"]:
        print("\n".join(TensorFlow().operations()))
    else:
        main()
