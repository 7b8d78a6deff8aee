"""Answers of signatures, held to others: dicts of (signature, output) to arrays."""

import numpy as np

LEAST_EQUAL_TEXTS = 0.5  # Of what is written: two tokens that are all but equally likely may swap.
# How far a variant may be from float32: the root of the mean square, as a share of float32's own.
MOST_DRIFT = 0.5
WITHOUT_WEIGHTS = ("tokenize", "detokenize")
WRITTEN = ("_beams", "_scored")  # Their numbers are of the texts that they have found.


def unlike(expected, found, tolerance):
    """What a loaded SavedModel gives that is not what Python gives, one sentence each."""
    for (name, output), ours in expected.items():
        theirs = found[name, output]
        if (
            name.endswith(WRITTEN)
            and ours.dtype != object
            and not _same_texts(name, expected, found)
        ):
            continue
        if ours.shape != theirs.shape:
            yield f"`{name}` gives {output} of shape {theirs.shape}, in Python {ours.shape}"
        elif ours.dtype.kind == "f":
            most = tolerance * max(1.0, _largest(ours))
            if (difference := _largest(ours - theirs)) > most:
                yield (
                    f"`{name}` gives {output} that are up to {difference:.2g} from "
                    f"Python's; at most {most:.2g} may be"
                )
        elif ours.dtype == object and name not in WITHOUT_WEIGHTS:
            if np.size(ours) and np.mean(ours == theirs) < LEAST_EQUAL_TEXTS:
                yield f"`{name}` gives other {output} than Python"
        elif not np.array_equal(ours, theirs):
            yield f"`{name}` gives other {output} than Python"


def _same_texts(name, expected, found):
    texts = [key for key, x in expected.items() if key[0] == name and x.dtype == object]
    return all(np.array_equal(expected[key], found[key]) for key in texts)


def not_finite(found):
    for (name, output), values in found.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            yield f"`{name}` gives {output} that are not finite"


def drifted(reference, found):
    """What a variant gives that has little to do with what float32 gives."""
    for (name, output), ours in _numbers(reference, found):
        scale = max(_root_mean_square(ours), 1.0 if output == "values" else 0.0)
        drift = _root_mean_square(found[name, output] - ours)
        if not name.endswith(WRITTEN) and drift > MOST_DRIFT * scale:
            yield (
                f"`{name}` gives {output} that are {drift:.2g} from float32's in the mean; "
                f"at most {MOST_DRIFT * scale:.2g} may be"
            )


def _numbers(expected, found):
    for key, ours in expected.items():
        if ours.dtype.kind == "f" and ours.size and ours.shape == found[key].shape:
            yield key, ours


def largest_difference(expected, found):
    return max((_largest(found[key] - ours) for key, ours in _numbers(expected, found)), default=0)


def equal_texts(expected, found):
    texts = [(ours, found[key]) for key, ours in expected.items() if ours.dtype == object]
    equal = np.concatenate([np.ravel(ours == theirs) for ours, theirs in texts])
    return float(np.mean(equal))


def _largest(values):
    return float(np.max(np.abs(values), initial=0.0))


def _root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def perplexity(answers):
    nats, tokens = (answers["score", key].sum() for key in ("log_likelihood", "num_tokens"))
    return float(np.exp(-nats / max(tokens, 1)))
