"""Training: one loop for one device, several and several machines, with exact resumption.

Importing it brings the configuration only: `tfzoo.training.loop` has the trainer, with TensorFlow.
"""

from tfzoo.training.config import TrainConfig

__all__ = ["TrainConfig"]
