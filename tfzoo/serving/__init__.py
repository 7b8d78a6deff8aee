"""Models for TensorFlow Serving: signatures, versions and variants, checks, warmup requests."""

from tfzoo.serving.check_report import show
from tfzoo.serving.saved_model import export, export_variants

__all__ = ["export", "export_variants", "show"]
