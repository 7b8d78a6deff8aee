"""A browser on TensorBoard sees the run."""

import re
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOWN = [f"training/{name}" for name in ("loss", "learning_rate", "gradient_norm")]
SHOWN += ["validation/loss", "validation/bits_per_byte"]


@pytest.fixture(scope="module")
def address(calm):
    """TensorBoard serving the calm run, on a port of its own choice."""
    command = [sys.executable, "-m", "tensorboard.main", f"--logdir={calm / 'tensorboard'}"]
    process = subprocess.Popen(
        [*command, "--port=0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        lines = iter(process.stderr.readline, "")
        found = next(filter(None, (re.search(r"http://\S+:\d+/", line) for line in lines)))
        runs = f"{found.group()}data/runs"
        while urllib.request.urlopen(runs).read().strip() in (b"", b"[]"):
            time.sleep(0.2)
        yield found.group()
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")
def test_a_browser_shows_the_run(address, tmp_path):
    """Its cards of numbers."""
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    page = subprocess.run(
        [CHROMIUM, "--headless", *quiet, "--disable-component-update", "--disable-sync"]
        + [f"--user-data-dir={tmp_path}", "--window-size=1400,3000", "--virtual-time-budget=60000"]
        + ["--dump-dom", f"{address}#timeseries"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    words = re.sub(r"\s+", "", page)
    assert not [name for name in SHOWN if name not in words]
