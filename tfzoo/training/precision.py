"""The precision that this machine computes in fastest, for --precision=auto."""

import re
from pathlib import Path

import tensorflow as tf

_CPU_FEATURES = {"amx_bf16", "avx512_bf16"}
_GPU_CAPABILITY = (8, 0)  # NVIDIA's Ampere, the first with products of bfloat16.


def fastest() -> str:
    """Tells "mixed_bfloat16" if the devices that train multiply in bfloat16, else "float32"."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    if gpus:
        able = all(d.get("compute_capability", (0, 0)) >= _GPU_CAPABILITY for d in details)
    else:
        able = not _CPU_FEATURES.isdisjoint(_cpu_features())
    return "mixed_bfloat16" if able else "float32"


def _cpu_features(path="/proc/cpuinfo") -> list[str]:
    """The features of the processor that Linux tells of, none on other systems."""
    try:
        text = Path(path).read_text()
    except OSError:
        return []
    found = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return found[1].split() if found else []
