"""What the configurations of families with rotary positions share."""

import dataclasses

from tfzoo.layers.rotary import RotaryScaling
from tfzoo.models.model import ModelConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotaryConfig(ModelConfig):
    """The sizes, and how far positions turn queries and keys.

    Attributes: those of `ModelConfig`, and
        rotary_base: float, of the angles of positions.
        rotary_factor: float, by which their wavelengths grow; 1: not at all.
        rotary_original_length: int, or None: only wavelengths that are long for so many tokens
            grow, as in Llama 3.1 (`layers.RotaryScaling`), between
        rotary_low_frequency_factor, rotary_high_frequency_factor: float.
    """

    rotary_base: float = 10_000.0
    rotary_factor: float = 1.0
    rotary_original_length: int | None = None
    rotary_low_frequency_factor: float = 1.0
    rotary_high_frequency_factor: float = 4.0

    @property
    def rotary_scaling(self):
        """`layers.RotaryScaling`, or None."""
        if self.rotary_factor == 1.0:
            return None
        return RotaryScaling(
            factor=self.rotary_factor,
            original_length=self.rotary_original_length,
            low_frequency_factor=self.rotary_low_frequency_factor,
            high_frequency_factor=self.rotary_high_frequency_factor,
        )
