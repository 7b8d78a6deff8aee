"""Small token stores, and tokenizers with all special tokens, for tests of objectives."""

import numpy as np

from tfzoo import data, tokenizers
from tfzoo.data.token_store import TokenStoreWriter

ROLES = ("start", "separator", "padding", "mask")


def byte_tokenizer():
    """Bytes, and a special token for each role."""
    return tokenizers.train("bytes", (), 0, roles=ROLES)


def token_store(folder, documents, tokenizer):
    """A store of the documents, each a str or a list of ids."""
    writer = TokenStoreWriter(str(folder), tokenizer)
    for document in documents:
        ids = tokenizer.encode_batch([document])[0] if isinstance(document, str) else document
        writer.start_document()
        writer.append(np.asarray(ids), len(ids))
    writer.finish({})
    writer.close()
    return data.TokenStore(str(folder))
