"""The check of an export: what the C++ loader answers, held to Python, and how fast it does.

It is made of the folder as it will be served, after a move, in a process without Python TensorFlow.
"""

import contextlib
import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfzoo.errors import UsageError
from tfzoo.serving import check_requests, comparison, cpp_loader

# How far numbers may be from Python's, as a share of the largest of them, or of 1 if that is more.
TOLERANCE = 1e-3
TOLERANCE_IN_HALF_PRECISION = 0.1
MOST_PERPLEXITY = 1.5  # As a multiple of float32's.
TIMED_SECONDS, TIMED_CALLS = 1.0, 20


class CheckFailed(UsageError):
    """An export that does not answer as it should, and is not put in place."""


class Latency(NamedTuple):
    """How long the signature takes that answers by default.

    Attributes:
        rows: int, of a request.
        calls: int, how many were timed.
        p50, p95: float, percentiles of their seconds.
        tokens_per_second: float, of what is written, in all rows; None: it does not write.
    """

    rows: int
    calls: int
    p50: float
    p95: float
    tokens_per_second: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """What the check of one variant has found.

    Attributes:
        variant: str.
        num_bytes: int, of all its files.
        from_python: float, the largest difference from what Python computes with the same weights.
        equal_texts: float, share of the texts that are Python's.
        from_float32: float, the largest difference from float32 in Python, of all signatures.
        perplexity: float, of the texts, a token; None: the model has none.
        perplexity_change: float, as a share of float32's in Python; or None.
        signature: str, what was timed.
        latencies: tuple of `Latency`.
    """

    variant: str
    num_bytes: int
    from_python: float
    equal_texts: float
    from_float32: float
    perplexity: float | None
    perplexity_change: float | None
    signature: str
    latencies: tuple[Latency, ...]


class Check:
    """Holds the variants of a model to what Python gives.

    Args:
        served: `ServedModel` of the variant float32.
        compute_dtype: str, the model's.
        texts: list of bytes to ask with, at least one.

    Raises:
        CheckFailed: if Python's own numbers are not finite.
    """

    def __init__(self, served, compute_dtype, texts):
        self._requests = check_requests.of_signatures(served.examples, texts)
        self._to_time = check_requests.to_time(served.examples, texts, len(self._requests))
        self._signature = check_requests.timed_signature(served.examples)
        self._tolerance = _tolerance(compute_dtype)
        self._names = [name for name, _ in self._requests]
        self._reference = self._in_python(served)
        _refuse("float32", comparison.not_finite(self._reference))

    def __call__(self, variant, served, folder) -> Checked:
        """Checks a variant.

        Args:
            variant: str.
            served: its `ServedModel`.
            folder: path of its SavedModel, another than the one it was written to.

        Raises:
            CheckFailed: if it cannot be loaded, or answers otherwise than it should.
        """
        found, latencies = self._loaded(variant, folder)
        expected = self._in_python(served) if variant != "float32" else self._reference
        _refuse(variant, comparison.not_finite(found))
        _refuse(variant, comparison.unlike(expected, found, self._tolerance))
        _refuse(variant, comparison.drifted(self._reference, found))
        perplexity, change = self._perplexity(variant, found)
        return Checked(
            variant=variant,
            num_bytes=sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()),
            from_python=comparison.largest_difference(expected, found),
            equal_texts=comparison.equal_texts(expected, found),
            from_float32=comparison.largest_difference(self._reference, found),
            perplexity=perplexity,
            perplexity_change=change,
            signature=self._signature,
            latencies=latencies,
        )

    def _in_python(self, served):
        """(signature, output) -> array, of the functions that the SavedModel was made of."""
        answers = []
        with _as_traced():
            for name, inputs in self._requests:
                given = cpp_loader.with_answers(inputs, answers).values()
                concrete = served.functions[name].get_concrete_function()
                outputs = concrete(*map(tf.constant, given))
                answers.append({key: value.numpy() for key, value in outputs.items()})
        return _by_output(self._names, answers)

    def _loaded(self, variant, folder):
        """The same of the C++ loader, and the latencies."""
        requests = [*self._requests, *self._to_time]
        timed = [
            place
            for place, (name, _) in enumerate(requests)
            if place >= len(self._requests) and name == self._signature
        ]
        try:
            answers, durations = cpp_loader.call_and_time(
                folder, requests, timed, TIMED_SECONDS, TIMED_CALLS
            )
        except RuntimeError as error:
            _refuse(variant, [f"it cannot be loaded and called ({_last_line(error)})"])
        latencies = [
            _latency(requests[place], seconds, answers[place + 1 : place + 2])
            for place, seconds in zip(timed, durations, strict=True)
        ]
        return _by_output(self._names, answers[: len(self._names)]), tuple(latencies)

    def _perplexity(self, variant, found):
        if ("score", "log_likelihood") not in found:
            return None, None
        ours, theirs = map(comparison.perplexity, (self._reference, found))
        if not theirs <= MOST_PERPLEXITY * ours:
            most = f"at most {MOST_PERPLEXITY:g} times that may be"
            _refuse(variant, [f"its perplexity is {theirs:.4g}, of float32 {ours:.4g}; {most}"])
        return theirs, theirs / ours - 1


@contextlib.contextmanager
def _as_traced():
    """Graphs run as they are: to rewrite one takes TensorFlow longer than to run it once."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        off = before.get("disable_meta_optimizer", False)
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": off})


def _tolerance(compute_dtype):
    """A GPU, where Python may compute, rounds float32 in its products; the loader has the CPU."""
    is_exact = compute_dtype == "float32" and not tf.config.list_physical_devices("GPU")
    return TOLERANCE if is_exact else TOLERANCE_IN_HALF_PRECISION


def _by_output(names, answers):
    return {
        (name, output): values
        for name, answer in zip(names, answers, strict=True)
        for output, values in answer.items()
    }


def _refuse(variant, problems):
    problems = list(problems)
    if problems:
        raise CheckFailed(f"{variant}: {'; '.join(problems)}")


def _latency(request, seconds, tokens):
    name, inputs = request
    rows = len(next(iter(inputs.values())))
    p50, p95 = (float(np.percentile(seconds, share)) for share in (50, 95))
    rate = None
    if name in check_requests.WRITES:
        written = np.minimum(tokens[0]["lengths"], inputs["max_new_tokens"]).sum()
        rate = float(written / p50)
    return Latency(rows, len(seconds), p50, p95, rate)


def _last_line(error):
    return (str(error).strip().splitlines() or ["its process was ended"])[-1]
