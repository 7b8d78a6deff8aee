"""Which machines multiply in bfloat16, and what the others do instead."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.kernels import bfloat16, compiled, cpu

CPUINFO = """processor	: 0
vendor_id	: {vendor}
flags		: fpu sse2 avx512f {}
bugs		: spectre_v1

processor	: 1
flags		: fpu
"""


@pytest.mark.parametrize(
    ("vendor", "feature", "expected"),
    [
        ("GenuineIntel", "avx512_bf16 amx_bf16 amx_tile", True),
        ("GenuineIntel", "avx512_bf16", False),
        ("AuthenticAMD", "avx512_bf16", True),
        ("AuthenticAMD", "avx512_bf16x", False),
        ("AuthenticAMD", "", False),
    ],
)
def test_a_cpu_that_is_fast_in_bfloat16_is_given_it(
    tmp_path, monkeypatch, vendor, feature, expected
):
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO.format(feature, vendor=vendor))
    features = cpu.features(path)
    assert cpu.vendor(path) == vendor
    monkeypatch.setattr(cpu, "vendor", lambda: vendor)
    assert features[:3] == ["fpu", "sse2", "avx512f"]
    monkeypatch.setattr(cpu, "features", lambda: features)
    monkeypatch.setattr(bfloat16.tf.config, "list_physical_devices", lambda kind: [])
    assert bfloat16.multiplies_bfloat16.__wrapped__() == expected


def test_a_system_that_does_not_tell_is_given_float32(tmp_path):
    assert (cpu.features(tmp_path / "none"), cpu.vendor(tmp_path / "none")) == ([], "")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [([(8, 0), (9, 0)], True), ([(8, 0), (7, 5)], False), ([None], False)],
)
def test_all_gpus_must_multiply_bfloat16(monkeypatch, capabilities, expected):
    def details(capability):
        return {"compute_capability": capability} if capability else {}

    config = bfloat16.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(config.experimental, "get_device_details", details)
    assert bfloat16.multiplies_bfloat16.__wrapped__() == expected


@pytest.mark.skipif(tf.config.list_physical_devices("GPU"), reason="of XLA on a CPU")
@pytest.mark.parametrize(("whole", "expected"), [(True, tf.float32), (False, tf.bfloat16)])
def test_one_program_computes_in_float32_on_a_cpu(monkeypatch, whole, expected):
    monkeypatch.setattr(bfloat16, "multiplies_bfloat16", lambda: True)
    with compiled(whole=whole):
        assert bfloat16.product_dtype("bfloat16") == expected
    assert bfloat16.product_dtype("bfloat16") == tf.bfloat16


def test_what_is_saved_for_another_machine_computes_in_its_own_dtype(monkeypatch):
    monkeypatch.setattr(bfloat16, "multiplies_bfloat16", lambda: False)
    for how in ({"enabled": True}, {"enabled": False, "here": True}):
        with compiled(**how):
            assert bfloat16.product_dtype("bfloat16") == tf.float32
    with compiled(False):
        assert bfloat16.product_dtype("bfloat16") == tf.bfloat16


@pytest.mark.parametrize("transposed", [{}, {"transpose_a": True}, {"transpose_b": True}])
def test_products_without_bfloat16_are_rounded_once(monkeypatch, transposed):
    monkeypatch.setattr(bfloat16, "multiplies_bfloat16", lambda: False)
    draws = np.random.default_rng(0)
    a, b = (tf.cast(draws.normal(size=(3, 64, 64)), tf.bfloat16) for _ in range(2))

    @tf.function
    def with_gradients(a, b):
        with compiled(), tf.GradientTape() as tape:
            tape.watch([a, b])
            y = bfloat16.matmul(a, b, **transposed)
        return y, *tape.gradient(y, [a, b])

    exact = tf.matmul(tf.cast(a, tf.float64), tf.cast(b, tf.float64), **transposed)
    y, *gradients = with_gradients(a, b)
    np.testing.assert_allclose(tf.cast(y, tf.float64), exact, rtol=2**-8, atol=1e-5)
    assert {x.dtype for x in (y, *gradients)} == {tf.bfloat16}
    operations = with_gradients.get_concrete_function(a, b).graph.get_operations()
    products = [op for op in operations if op.type == "BatchMatMulV2"]
    assert len(products) == 3
    assert all(op.inputs[0].dtype == tf.float32 for op in products)
