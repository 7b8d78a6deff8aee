"""Models by name."""

import keras
import pytest

from tfzoo import models


def test_what_is_counted_is_never_allocated(monkeypatch):
    drawn = []
    draw = keras.initializers.RandomNormal.__call__

    def seen(self, shape, dtype=None):
        drawn.append(shape)
        return draw(self, shape, dtype)

    monkeypatch.setattr(keras.initializers.RandomNormal, "__call__", seen)
    assert models.count_parameters("bert_tiny") == 4_433_210
    with keras.StatelessScope():  # At its end Keras allocates what it finds without a value.
        pass
    assert not drawn
    models.from_preset("bert_tiny", vocabulary_size=11)
    assert drawn


def test_counting_changes_no_names_and_raises_what_building_raises():
    class Counted(keras.layers.Layer):
        pass

    assert Counted().name == "counted"
    models.count_parameters("bert_tiny")
    assert Counted().name == "counted_1"
    with pytest.raises(ValueError, match="Received: name=bert_huge"):
        models.count_parameters("bert_huge")
