"""The README's table of signatures: what each takes and gives, by name."""

import re
from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2

README = (Path(__file__).parents[2] / "README.md").read_text()
OTHER = " of an encoder-decoder"


def signature_table():
    """Name of the signature, with `OTHER` where that is told -> sorted inputs, sorted outputs."""
    rows = re.findall(rf"^\| `(\w+)`({OTHER})? \| (`.*?) \| (`.*?) \|$", README, re.M)
    return {name + other: [names_in(takes), names_in(gives)] for name, other, takes, gives in rows}


def signatures_in(folder):
    """Name of each signature in a SavedModel's file -> inputs, outputs: dict, name to dtype number.

    As the file has them: nothing is loaded.
    """
    content = (folder / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return {
        name: [
            {key: info.dtype for key, info in side.items()} for side in (one.inputs, one.outputs)
        ]
        for name, one in graph.signature_def.items()
        if not name.startswith("__")
    }


def names_in(cell):
    return sorted(set(re.findall(r"`(\w+)`", cell)))


def documented(name, kind):
    """What the README says of a signature of a model of a kind."""
    table = signature_table()
    return table.get(name + OTHER if kind == "encoder_decoder" else name) or table[name]
