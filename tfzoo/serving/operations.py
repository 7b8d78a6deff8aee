"""The operations that a SavedModel is made of, held to those that TensorFlow Serving 2.20 links.

The server is built of all of TensorFlow's operations and of all of TensorFlow Text's (`ops_lib`):
https://github.com/tensorflow/serving/blob/master/tensorflow_serving/model_servers/BUILD.
`server_operations.txt` has their names, as the libraries of TensorFlow 2.20.0 and TensorFlow Text
2.20.1 register them; `tests/serving/test_tensorflow_2_20.py` holds the file to these libraries.
"""

import functools
from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2

PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
XLA = "Xla"  # Whether these are linked, the server's build does not tell.


class UnknownOperations(RuntimeError):
    """An export with operations that the server has not. It is a mistake of tfzoo, not a user's."""


def write_operations(folder) -> None:
    """Writes `operations.txt`, the names one a line.

    Raises:
        UnknownOperations: if the server does not have all of them.
    """
    names = operations(folder)
    unknown = sorted(set(names) - server_operations())
    if unknown:
        raise UnknownOperations(f"TensorFlow Serving 2.20 does not have: {', '.join(unknown)}.")
    Path(folder, "operations.txt").write_text("".join(f"{name}\n" for name in names))


def operations(folder) -> list[str]:
    """Names of the operations of a SavedModel's graph and of its functions, each once, in order."""
    content = Path(folder, "saved_model.pb").read_bytes()
    [meta_graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    graph = meta_graph.graph_def
    functions = {function.signature.name for function in graph.library.function}
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return sorted({node.op for node in nodes} - functions)


@functools.cache
def server_operations() -> frozenset[str]:
    """Names of the operations that the server can run."""
    registered = Path(__file__).with_name("server_operations.txt").read_text().split()
    return frozenset(name for name in registered if not name.startswith(XLA)) - PYTHON
