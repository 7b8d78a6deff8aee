"""--precision=auto: what the machine computes in fastest."""

import pytest

from tfzoo.training import precision

CPUINFO = """processor	: 0
vendor_id	: GenuineIntel
flags		: fpu sse2 avx512f {}
bugs		: spectre_v1

processor	: 1
flags		: fpu
"""


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("amx_bf16 amx_tile", "mixed_bfloat16"),
        ("avx512_bf16", "mixed_bfloat16"),
        ("avx512_bf16x", "float32"),
        ("", "float32"),
    ],
)
def test_a_cpu_that_multiplies_bfloat16_is_given_it(tmp_path, monkeypatch, feature, expected):
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO.format(feature))
    features = precision._cpu_features(path)
    assert features[:3] == ["fpu", "sse2", "avx512f"]
    monkeypatch.setattr(precision, "_cpu_features", lambda: features)
    monkeypatch.setattr(precision.tf.config, "list_physical_devices", lambda kind: [])
    assert precision.fastest() == expected


def test_a_system_that_does_not_tell_is_given_float32(tmp_path):
    assert precision._cpu_features(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [([(8, 0), (9, 0)], "mixed_bfloat16"), ([(8, 0), (7, 5)], "float32"), ([None], "float32")],
)
def test_all_gpus_must_multiply_bfloat16(monkeypatch, capabilities, expected):
    def details(capability):
        return {"compute_capability": capability} if capability else {}

    config = precision.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(config.experimental, "get_device_details", details)
    assert precision.fastest() == expected
