"""Models for TensorFlow Serving: signatures, versions, warmup requests."""

from tfzoo.serving.saved_model import export

__all__ = ["export"]
