"""Text in, batches out: sources -> token store on disk -> windows as a function of (seed, step).

Text that comes in pairs, with labels, tags or turns has stores of its own: see `data.examples`.
"""

from tfzoo.data import examples
from tfzoo.data.build import TokenSplit, build_token_store, build_whole_store
from tfzoo.data.documents import Document
from tfzoo.data.examples import (
    build_example_store,
    evaluation_example_batches,
    example_batches,
    num_evaluation_example_batches,
    open_examples,
)
from tfzoo.data.open_source import DATASETS, DEFAULT_DATA_DIR, open_source
from tfzoo.data.source import Source
from tfzoo.data.split import training_documents
from tfzoo.data.token_store import TokenStore
from tfzoo.data.windows import (
    evaluation_batches,
    num_evaluation_batches,
    num_windows,
    training_batches,
)

__all__ = [
    "DATASETS",
    "DEFAULT_DATA_DIR",
    "Document",
    "Source",
    "TokenSplit",
    "TokenStore",
    "build_example_store",
    "build_token_store",
    "build_whole_store",
    "evaluation_batches",
    "evaluation_example_batches",
    "example_batches",
    "examples",
    "num_evaluation_batches",
    "num_evaluation_example_batches",
    "num_windows",
    "open_examples",
    "open_source",
    "training_batches",
    "training_documents",
]
