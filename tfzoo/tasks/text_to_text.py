"""Labels as text: an encoder-decoder says the name of the label."""

import dataclasses
from typing import ClassVar

from tfzoo.errors import UsageError
from tfzoo.tasks.translation import Translation


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextToText(Translation):
    """Classification as a sequence to say (Raffel et al., 2020, arXiv:1910.10683, section 2.4).

    A label is right if the likeliest tokens, one after the other, are its name and then the end.

    Attributes:
        prefix: str, put before each text with a space between, for example "sentiment:".
    """

    data_kind: ClassVar = "labelled"
    says_labels: ClassVar = True

    def check_labels(self):
        said = {}
        for label in self.labels:
            ids = tuple(self.target_ids(label))
            unknown = self.tokenizer.special_ids.get("unknown")
            if unknown in ids or ids in said:
                fault = "has an unknown token" if unknown in ids else f"reads as {said[ids]!r} does"
                raise UsageError(
                    f"--tokenizer: the label {label!r} {fault}, so that the model could not say "
                    "it. Take another kind of tokenizer or one that was made of such labels, or "
                    "give the labels other names."
                )
            said[ids] = label

    def columns(self):
        return {
            "source": lambda example: self.source_ids(example["text"], example.get("text_pair")),
            "target": lambda example: self.target_ids(example["label"]),
        }

    def results(self, sums):
        found = super().results(sums)
        found["accuracy"] = found.pop("exact_match")
        return found
