"""Models for TensorFlow Serving: signatures, versions, warmup requests."""

from tfzoo.serving.export import export

__all__ = ["export"]
