"""What an export is asked before it is put in place: each signature once, and the default timed."""

import numpy as np

TEXTS = tuple(
    text.encode()
    for text in (
        "It was the best of times, it was the worst of times.",
        "The ship left the harbour at dawn, and nobody waved.",
        "What is the shortest way from the station to the old mill?",
        "Water boils at one hundred degrees at the level of the sea.",
        "She opened the letter, read it twice, and put it away.",
        "In 1969 two men walked on the moon; a third stayed above.",
        "“Naïve” is a word with two dots, and 日本語 is three signs.",
        "If it rains tomorrow we stay at home and play cards.",
    )
)
MOST_BYTES = 200  # Of a text: what logits of all its tokens take stays small.
ROWS = 8
ROWS_BY_DEFAULT = 4  # Of `serving_default`, which writes as much as it may.
MOST_WRITTEN = 16
TIMED_ROWS = (1, 8, 32)
MOST_WRITTEN_TIMED = 64
TAKES_FROM = {"logits": "tokenize", "detokenize": "tokenize", "decode_step": "prefill"}
WRITES = {"generate": "completions", "chat": "replies", "translate": "translations"}


def of_signatures(examples, texts) -> list:
    """A request of several rows of each signature, as `cpp_loader.call` takes them.

    Args:
        examples: `ServedModel.examples`.
        texts: list of bytes, at least one.
    """
    names = sorted(examples, key=lambda name: name in TAKES_FROM)
    return [(name, _inputs(name, examples[name], texts, names)) for name in names]


def to_time(examples, texts, first) -> list:
    """Requests of the signature that answers by default, a number of rows each.

    Of a signature that writes, each is followed by one that tells the tokens of what is written.

    Args:
        examples, texts: as for `of_signatures`.
        first: int, how many requests are made before them.
    """
    name = timed_signature(examples)
    requests = []
    for rows in TIMED_ROWS:
        place = first + len(requests)
        requests.append((name, _filled(examples[name], texts, rows, MOST_WRITTEN_TIMED)))
        if name in WRITES:
            requests.append(("tokenize", {"texts": (place, WRITES[name])}))
    return requests


def timed_signature(examples) -> str:
    """The signature that `serving_default` answers as."""
    return list(examples)[1]


def _inputs(name, example, texts, names):
    if name == "score":
        return _filled(example, texts, len(texts))
    inputs = _filled(example, texts, ROWS_BY_DEFAULT if name == "serving_default" else ROWS)
    if name in TAKES_FROM:
        place, drawn = names.index(TAKES_FROM[name]), name == "decode_step"
        inputs |= {key: (place, key) for key in inputs if not (drawn and key == "token_ids")}
    return inputs


def _filled(example, texts, rows, most_written=MOST_WRITTEN):
    """The inputs of an example with so many rows, and texts behind its own."""
    read = {next(iter(example)), "second_texts"}  # Other strings are options.
    inputs = {key: _repeated(key, x, texts, rows, key in read) for key, x in example.items()}
    if "max_new_tokens" in inputs:
        inputs["max_new_tokens"] = np.minimum(inputs["max_new_tokens"], np.int32(most_written))
    return inputs


def _repeated(key, values, texts, rows, is_text):
    values = np.repeat(np.asarray(values), rows, axis=0)
    if values.dtype.kind != "S":
        return values
    if not is_text:
        return values.astype(object)
    first = 1 if key == "second_texts" else 0
    texts = [texts[(row + first) % len(texts)][:MOST_BYTES] for row in range(rows)]
    heads = values.reshape(-1).tolist()
    joined = [b"%s %s" % pair for pair in zip(heads, texts, strict=True)]
    return np.array(joined, object).reshape(values.shape)
