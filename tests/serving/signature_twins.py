"""For each signature a request of texts, and what Python gives for it."""

import numpy as np

from tfzoo.tasks import sequences
from tfzoo.tokenizers.masked_text import mask_token
from tfzoo.tokenizers.tokenizer import as_text

GOOD = ["the quick", "日本語 text", "a lazy\u00a0dog jumps over the brown fox"]
BAD = ["", b"\xff\xfe abc \xc3", "a\0b", "the lazy dog. " * 50, " \u3000 "]
TEXTS = [*GOOD, *BAD]
FULL = TEXTS.index(BAD[3])  # The row that fills the context.
STEPS = [[5] * len(TEXTS), [7, -3, 10**6, *[6] * len(BAD)], [9] * len(TEXTS)]
OPTIONS = {
    "max_new_tokens": np.int32([6, 7, 8, 9, 1, 5, 4, 0]),
    "temperature": np.float32([0.0, 0.7, 1.3, 1.0] * 2),
    "top_k": np.int32([0, 0, 3, 0] * 2),
    "top_p": np.float32([1.0, 0.9] * 4),
    "seed": np.arange(8),
    "min_p": np.float32([0.0, 0.0, 0.05, 0.1] * 2),
}
CONSTRAINTS = {
    "repetition_penalty": np.float32([1.0, 1.2, 1.0, 0.9] * 2),
    "frequency_penalty": np.float32([0.0, 0.0, 0.3, -0.1] * 2),
    "no_repeat_ngram_size": np.int32([0, 2, 0, 3, 1, 0, 0, 0]),
    "min_new_tokens": np.int32([0, 3, 0, 9, 0, 0, 2, 0]),
}
STOPS = {
    "stop_token_ids": [[], [7], [8, 9, 11], [], [3], [], [], [4]],
    "stop_strings": [["e"], [" "], [], ["a", "o", "th"], [], ["."], ["\u65e5", "x"], []],
}
SEARCH = {
    "max_new_tokens": OPTIONS["max_new_tokens"],
    "length_penalty": np.float32([1.0, 0.5, 2.0, 0.0] * 2),
    "early_stopping": np.array([True, False] * 4),
}


def strings(texts):
    return np.array([t if isinstance(t, bytes) else t.encode() for t in texts], object)


def first(count, options):
    return {name: values[:count] for name, values in options.items()}


def filled(rows, fill):
    """Lists of different lengths as one array."""
    width = max(map(len, rows), default=0)
    return np.array([[*row, *[fill] * (width - len(row))] for row in rows], np.asarray(fill).dtype)


def asked(count, options):
    """Options of the first rows: as a request has them, and as Python does."""
    numbers, stops = first(count, {**options, **CONSTRAINTS}), first(count, STOPS)
    ids = filled([[*row, -1] for row in stops["stop_token_ids"]], np.int32(-1))
    width = max(map(len, stops["stop_strings"]), default=0) + 1
    texts = [text for row in stops["stop_strings"] for text in (row + [""] * width)[:width]]
    texts = strings(texts).reshape(count, width)
    sent = {**numbers, "stop_token_ids": ids, "stop_strings": texts}
    return sent, {**numbers, **stops}


def generate(trained, texts):
    sent, options = asked(len(texts), OPTIONS)
    expected = trained.generate(texts, **options)
    return {"prompts": strings(texts), **sent}, {"completions": strings(expected)}


def generate_scored(trained, texts):
    sent, options = asked(len(texts), OPTIONS)
    found = trained.generate_scored(texts, **options)
    end = np.int32(trained.tokenizer.end_of_text)
    return {"prompts": strings(texts), **sent}, {
        "completions": strings([row.text for row in found]),
        "token_ids": filled([row.token_ids for row in found], end),
        "log_probabilities": filled([row.log_probabilities for row in found], 0.0),
        "lengths": [len(row.token_ids) for row in found],
    }


def generate_beams(trained, texts):
    sent, options = asked(len(texts), SEARCH)
    expected = trained.generate(texts, num_beams=4, num_return_sequences=4, **options)
    completions = strings(expected).reshape(-1, 4)
    return {"prompts": strings(texts), **sent}, {"completions": completions}


def chat(trained, texts):
    """Turn by turn: the first text, the first two, three, ..., empty ones being none."""
    sent, options = asked(len(texts), OPTIONS)
    conversations = [texts[max(0, i - 2) : i + 1] for i in range(len(texts))]
    replies = []
    for i, turns in enumerate(conversations):
        turns = [turn for turn in turns if as_text(turn).strip()] or [""]
        own = {name: values[i] for name, values in options.items()}
        replies += trained.chat([turns], **own)
    turns = np.array([[*strings(row), *[b""] * (3 - len(row))] for row in conversations], object)
    return {"turns": turns.reshape(-1, 3), **sent}, {"replies": strings(replies)}


def score(trained, texts):
    return {"texts": strings(texts)}, trained.score(texts)._asdict()


def logits(trained, texts):
    model = trained.model
    context = model.config.max_sequence_length
    ids = np.random.default_rng(3).integers(0, 80, [8, context + 6]).astype(np.int32)
    ids[1, :2] = -7, 99_999
    ids, lengths = ids[: len(texts)], np.int32([9, 4, context + 6, 0, 1, 2, 3, 4])[: len(texts)]
    is_known = (ids >= 0) & (ids < model.config.vocabulary_size)
    known = np.where(is_known, ids, trained.tokenizer.end_of_text)[:, :context]
    mask = np.arange(context) < lengths[:, None]
    expected = model.logits(model.hidden_states(known, padding_mask=mask)).numpy()
    expected = np.pad(expected * mask[..., None], [(0, 0), (0, 6), (0, 0)])
    return {"token_ids": ids, "lengths": lengths}, {"logits": expected}


def embed(trained, texts):
    return {"texts": strings(texts)}, {"embeddings": trained.embed(texts)}


def fill_mask(trained, texts):
    """Rows of no, one and two masks."""
    mask = mask_token(trained.tokenizer).encode()
    texts = [[mask + b" ", mask, b""][i % 3] + text for i, text in enumerate(strings(texts))]
    texts = [text + b" " + mask if i % 2 else text for i, text in enumerate(texts)]
    answers = trained.fill_mask(texts, top_k=4)
    assert any(answers) or not texts
    most = max(map(len, answers), default=0)
    padded = [row + [[("", 0.0)] * 4] * (most - len(row)) for row in answers]
    shape = (len(texts), most, 4)
    pairs = [pair for row in padded for mask in row for pair in mask]
    return {"texts": strings(texts), "top_k": np.int32([4])}, {
        "tokens": strings([token for token, _ in pairs]).reshape(shape),
        "probabilities": np.array([x for _, x in pairs], np.float32).reshape(shape),
    }


def classify(trained, texts, *second):
    found = trained.classify(texts, *second)
    names = strings(found[0])
    likely = np.array([list(row.values()) for row in found])
    return {"texts": strings(texts)}, {
        "labels": np.tile(names, [len(texts), 1]),
        "probabilities": likely,
        "label": names[likely.argmax(-1)],
    }


def regress(trained, texts, *second):
    return {"texts": strings(texts)}, {"values": trained.regress(texts, *second)}


def of_pairs(twin):
    def pairs(trained, texts):
        second = [TEXTS[(i + 2) % len(TEXTS)] for i in range(len(texts))]
        inputs, expected = twin(trained, texts, second)
        return {**inputs, "second_texts": strings(second)}, expected

    return pairs


def tag(trained, texts):
    rows = trained.tag(texts)
    return {"texts": strings(texts)}, {
        "words": filled([strings([x.word for x in row]) for row in rows], np.array(b"", object)),
        "tags": filled([strings([x.tag for x in row]) for row in rows], np.array(b"", object)),
        "probabilities": filled([[x.probability for x in row] for row in rows], 0.0),
    }


def translate(trained, texts):
    sent, options = asked(len(texts), OPTIONS)
    expected = trained.generate([*map(as_text, texts)], **options)
    return {"sources": strings(texts), **sent}, {"translations": strings(expected)}


def translate_beams(trained, texts):
    sent, options = asked(len(texts), SEARCH)
    sources = [*map(as_text, texts)]
    expected = trained.generate(sources, num_beams=4, num_return_sequences=4, **options)
    return {"sources": strings(texts), **sent}, {"translations": strings(expected).reshape(-1, 4)}


def tokenize(trained, texts):
    rows = trained.tokenizer.encode_batch(texts)
    padding = trained.tokenizer.special_ids.get("padding", trained.tokenizer.end_of_text)
    return {"texts": strings(texts)}, {
        "token_ids": filled(rows, np.int32(padding)),
        "lengths": [len(row) for row in rows],
    }


def detokenize(trained, texts):
    ids = np.random.default_rng(4).integers(-20, 400, [len(texts), 12]).astype(np.int32)
    ids[0, :2] = -(2**31), 2**31 - 1
    lengths = np.int32([12, 0, 5, -3, 10**6, 2, 3, 4])[: len(texts)]
    rows = [row[: max(n, 0)] for row, n in zip(ids.tolist(), lengths, strict=True)]
    expected = trained.tokenizer.decode_batch([[i for i in row if i >= 0] for row in rows])
    return {"token_ids": ids, "lengths": lengths}, {"texts": strings(expected)}


def prefill(trained, texts):
    inputs = {_text_name(trained): strings(texts)}
    if trained.model.kind == "decoder":
        inputs["max_new_tokens"] = _room(len(texts))
    return inputs, {"logits": next_logits(trained, texts, 0)}


def next_logits(trained, texts, num_steps):
    """float32 (b, v), of the token behind each text and so many of `STEPS`, row by row."""
    context, size = trained.model.config.max_sequence_length, trained.model.config.vocabulary_size
    end, rows = trained.tokenizer.end_of_text, []
    if trained.model.kind == "encoder_decoder":
        end = sequences.end_id(trained.tokenizer)
    for i, (source, written) in enumerate(_read(trained, texts)):
        added = [tokens[i] for tokens in STEPS[:num_steps]]
        written = [
            *written,
            *(x if 0 <= x < size else trained.tokenizer.end_of_text for x in added),
        ]
        if len(written) > context:
            rows.append(np.where(np.arange(size) == end, 0.0, -1e9))
        else:
            read = [np.int32([ids]) for ids in (*source, written)]
            rows.append(trained.model(*read)[0, -1].numpy())
    return np.array(rows)


def _read(trained, texts):
    """What an encoder and what the decoder reads of each text before the first step."""
    if trained.model.kind == "encoder_decoder":
        start = sequences.start_id(trained.tokenizer)
        return [([trained.source_ids(as_text(text))], [start]) for text in texts]
    tokenizer, context = trained.tokenizer, trained.model.config.max_sequence_length
    rows = [
        [*tokenizer.opening, *ids] or [tokenizer.end_of_text]
        for ids in tokenizer.encode_batch(texts)
    ]
    return [([], row[n - context :]) for row, n in zip(rows, _room(len(rows)), strict=True)]


def _room(count):
    """The row that fills the context has it full after two steps."""
    return np.where(np.arange(count) == FULL, 2, 8).astype(np.int32)


def _text_name(trained):
    return "prompts" if trained.model.kind == "decoder" else "sources"


TWINS = {
    "generate": generate,
    "generate_scored": generate_scored,
    "generate_beams": generate_beams,
    "chat": chat,
    "score": score,
    "logits": logits,
    "prefill": prefill,
    "embed": embed,
    "fill_mask": fill_mask,
    "classify": classify,
    "classify_pairs": of_pairs(classify),
    "regress": regress,
    "regress_pairs": of_pairs(regress),
    "tag": tag,
    "translate": translate,
    "translate_beams": translate_beams,
    "tokenize": tokenize,
    "detokenize": detokenize,
}
