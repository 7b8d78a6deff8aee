"""The operations that a SavedModel is made of, held to those that TensorFlow Serving links.

These are TensorFlow's own, without those that call Python, and TensorFlow Text's. TensorFlow is the
one that is installed: what is new in it since the server's version is not seen here.
"""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

# Of TensorFlow Text, those of which exports are made; each is in the server's `ops_lib`.
TEXT = {
    "FastWordpieceTokenizeWithOffsets",
    "SentencepieceOp",
    "SentencepieceTokenizeOp",
    "SentencepieceTokenizeWithOffsetsOp",
    "SentencepieceDetokenizeOp",
    "SentencepieceVocabSizeOp",
    "SentencepieceIdToStringOp",
    "SentencepieceStringToIdOp",
}
PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


class UnknownOperations(RuntimeError):
    """An export with operations that the server has not. It is a mistake of tfzoo, not a user's."""


def write_operations(folder) -> None:
    """Writes `operations.txt`, the names one a line.

    Raises:
        UnknownOperations: if the server does not have all of them.
    """
    names = operations(folder)
    unknown = sorted(name for name in names if not is_known(name))
    if unknown:
        raise UnknownOperations(f"TensorFlow Serving does not have: {', '.join(unknown)}.")
    Path(folder, "operations.txt").write_text("".join(f"{name}\n" for name in names))


def operations(folder) -> list[str]:
    """Names of the operations of a SavedModel's graph and of its functions, each once, in order."""
    content = Path(folder, "saved_model.pb").read_bytes()
    [meta_graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    graph = meta_graph.graph_def
    functions = {function.signature.name for function in graph.library.function}
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return sorted({node.op for node in nodes} - functions)


def is_known(name: str) -> bool:
    """Whether the server has an operation."""
    if name in TEXT:
        return True
    return hasattr(tf.raw_ops, name) and name not in PYTHON
