"""Small stores, and a tokenizer with all special tokens, for tests of objectives."""

import numpy as np

from tfzoo import data, tokenizers
from tfzoo.data.examples.store import ExampleStoreWriter
from tfzoo.data.token_store import TokenStoreWriter

ROLES = ("start", "separator", "padding", "mask")
SHOWN = {"separator": "|", "start": "^", "padding": "_", "mask": "?"}


def byte_tokenizer(num_sentinels=0):
    """Bytes, a special token for each role, and sentinels if wanted."""
    tokenizer = tokenizers.train("bytes", (), 0, roles=ROLES)
    tokenizer.sentinels = list(range(260, 260 + num_sentinels))
    tokenizer.token_bytes += [b""] * num_sentinels
    return tokenizer


def shown(rows, tokenizer=None):
    """Rows of a byte tokenizer's ids as text: | separator, ^ start, _ padding, ? mask, 0 1 ..."""
    signs = {(tokenizer or byte_tokenizer()).special_ids[role]: s for role, s in SHOWN.items()}
    return ["".join(signs.get(i) or chr(i if i < 256 else i - 212) for i in row) for row in rows]


def token_store(folder, documents, tokenizer):
    """A store of the documents."""
    writer = TokenStoreWriter(str(folder), tokenizer)
    for ids in tokenizer.encode_batch(documents):
        writer.start_document()
        writer.append(np.asarray(ids), len(ids))
    writer.finish({})
    return data.TokenStore(str(folder))


def example_store(folder, task, examples):
    """A store of what the task keeps of the examples."""
    columns = task.columns()
    writer = ExampleStoreWriter(str(folder), columns)
    for example in examples:
        writer.append({name: column(example) for name, column in columns.items()}, {})
    writer.finish({"labels": task.labels})
    return data.examples.ExampleStore(str(folder))
