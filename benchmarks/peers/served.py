"""Requests to an export in TensorFlow's C++ session, each with its time; no Python TensorFlow."""

import pickle
import runpy
import sys
import time

from benchmarks.turns import ROOT


def main():
    """Reads (folder, requests) from standard input; answers seconds: of loading, of each."""
    folder, requests = pickle.load(sys.stdin.buffer)
    loader = runpy.run_path(str(ROOT / "tfzoo" / "serving" / "cpp_loader.py"))
    tensorflow = loader["TensorFlow"]()
    start = time.perf_counter()
    model = loader["LoadedModel"](tensorflow, folder)
    seconds = [time.perf_counter() - start]
    for signature, inputs in requests:
        start = time.perf_counter()
        model.call(signature, inputs)
        seconds.append(time.perf_counter() - start)
    if "tensorflow" in sys.modules:
        raise AssertionError("The session is to be timed without Python's TensorFlow.")
    sys.stdout.buffer.write(pickle.dumps(seconds))


if __name__ == "__main__":
    main()
