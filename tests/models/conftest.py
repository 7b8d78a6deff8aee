"""How the weights of presets are counted."""

import pytest

from tfzoo import models


@pytest.fixture(params=["by two layers", pytest.param("whole", marks=pytest.mark.slow)])
def count(request):
    """A function of a preset's name: its parameters, none allocated.

    By two layers takes less time than by all: what the second adds, each one more adds.
    """
    return models.count_parameters if request.param == "whole" else _count_by_two_layers


def _count_by_two_layers(preset):
    num_layers = models.PRESETS[preset][1].num_layers
    one, two = (models.count_parameters(preset, num_layers=n) for n in (1, 2))
    return one + (num_layers - 1) * (two - one)
