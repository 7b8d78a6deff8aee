"""Examples: pairs, labelled texts, tagged sentences, dialogues -> stores on disk -> batches."""

from tfzoo.data.examples.batches import (
    ExampleBatch,
    bucket_lengths,
    evaluation_example_batches,
    example_batches,
    num_evaluation_example_batches,
)
from tfzoo.data.examples.build import (
    ExampleSplit,
    build_example_store,
    build_whole_example_store,
    refuse_unknown_labels,
)
from tfzoo.data.examples.open_examples import EXAMPLE_DATASETS, open_examples
from tfzoo.data.examples.source import KINDS, ExampleSource
from tfzoo.data.examples.store import ExampleStore

__all__ = [
    "EXAMPLE_DATASETS",
    "KINDS",
    "ExampleBatch",
    "ExampleSource",
    "ExampleSplit",
    "ExampleStore",
    "bucket_lengths",
    "build_example_store",
    "build_whole_example_store",
    "evaluation_example_batches",
    "example_batches",
    "num_evaluation_example_batches",
    "open_examples",
    "refuse_unknown_labels",
]
