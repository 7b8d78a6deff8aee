"""What is timed: the model's shape and the work of a block, the same for every peer."""

import dataclasses
import importlib.util
import json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One peer's task. It reaches the peer's process as JSON.

    Attributes:
        batch_size: int, rows of a training step or prompts of a decoding.
        precision: "float32" or "bfloat16".
        compiled: bool. Whether XLA (keras-hub) or torch.compile (transformers) is on; tfzoo has
            one way.
        num_steps: int, training steps or decodings in a timed block.
        prompt_length, num_new_tokens: int, of decoding.
        top_p: float, share of the probability that decoding draws from; 0 is greedy.
    """

    num_layers: int
    num_heads: int
    hidden_dim: int
    vocabulary_size: int
    sequence_length: int = 256
    batch_size: int
    precision: str = "float32"
    compiled: bool = False
    num_steps: int
    prompt_length: int = 32
    num_new_tokens: int = 128
    top_p: float = 0.0

    @property
    def shape(self):
        """The model's, in words."""
        return (
            f"{self.num_layers} layers, {self.num_heads} heads, width {self.hidden_dim}, "
            f"vocabulary {self.vocabulary_size}"
        )

    @property
    def training_flops(self):
        """Floating-point operations of the matrix products for one training token.

        Forward and backward, 6 a weight and token, and 12 l m t for attention's two products
        (Chowdhery et al., 2022, arXiv:2204.02311, appendix B), counted as if there were no mask.
        """
        attention = 12 * self.num_layers * self.hidden_dim * self.sequence_length
        return 6 * self.num_weights + attention

    @property
    def num_weights(self):
        """Of the matrices that each token is multiplied with: those of the blocks and the head."""
        return 12 * self.num_layers * self.hidden_dim**2 + self.vocabulary_size * self.hidden_dim

    @property
    def keras_dtype(self):
        return "mixed_bfloat16" if self.precision == "bfloat16" else "float32"

    def to_json(self):
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text):
        return cls(**json.loads(text))

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


NANO = {"num_layers": 6, "num_heads": 6, "hidden_dim": 384, "vocabulary_size": 8192}
SMALL = {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "vocabulary_size": 50257}
TINY = {"num_layers": 2, "num_heads": 2, "hidden_dim": 32, "vocabulary_size": 128}

PACKAGES = {"tfzoo": "tfzoo", "keras_hub": "keras_hub", "transformers": "torch"}


def is_installed(peer):
    """Whether a peer can be timed here."""
    return all(importlib.util.find_spec(name) for name in {peer, PACKAGES[peer]})
