"""What TensorFlow's C++ loader answers, without Python TensorFlow, is what Python gives."""

import numpy as np
import pytest
import tensorflow as tf

from tfzoo.generation import DecodingOptions
from tfzoo.generation.requests import NUMBERS
from tfzoo.language_model import LanguageModel
from tfzoo.models import GPT2
from tfzoo.serving import cpp_loader
from tfzoo.serving.signatures import ServedModel

FLOAT, INT32, STRING, INT64 = 1, 3, 7, 9
GOOD = ["the quick", "日本語", "a lazy dog jumps over the brown fox"]
BAD = ["", b"\xff\xfe abc \xc3", "a\0b", "the lazy dog. " * 50, "👍"]
GREEDY = {"max_new_tokens": [12], "temperature": [0.0]}
TOKEN_IDS = [[1, 2, 3, 4], [5, 6, -7, 99_999], [8, 9, 10, 11], [1, 2, 3, 4]]
LENGTHS = [4, 4, 2, 0]
RANDOM = {
    "max_new_tokens": [6, 7, 8, 9, 10, 11, 12, 13],
    "temperature": [0.5, 1.0, 1.5] * 2 + [0.0, 1.0],
    "top_k": [0, 5, 0, 3] * 2,
    "top_p": [1.0, 0.9] * 4,
    "seed": list(range(8)),
}
SPOILERS = [
    {"max_new_tokens": 0},
    {"max_new_tokens": -(2**31)},
    {"max_new_tokens": 2**31 - 1},
    {"temperature": np.nan},
    {"temperature": -1.0},
    {"temperature": np.inf},
    {"top_k": -1},
    {"top_k": 2**31 - 1},
    {"top_p": np.nan},
    {"top_p": -1.0},
    {"seed": -(2**63)},
    {"min_p": np.nan},
    {"min_p": -1.0},
    {"min_p": np.inf},
    {"repetition_penalty": np.nan},
    {"repetition_penalty": -1.0},
    {"repetition_penalty": 0.0},
    {"frequency_penalty": np.nan},
    {"frequency_penalty": np.inf},
    {"no_repeat_ngram_size": -5},
    {"no_repeat_ngram_size": 2**31 - 1},
    {"min_new_tokens": -5},
    {"min_new_tokens": 2**31 - 1},
    {"stop_token_ids": [-(2**31), 2**31 - 1]},
    {"stop_strings": [b"\xff\xfe never said", b"\0"]},
    {"stop_strings": [b"x" * 1000, b""]},
]
OFF = {
    "max_new_tokens": 12,
    "temperature": 1.0,
    "top_k": 0,
    "top_p": 1.0,
    "seed": 3,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "frequency_penalty": 0.0,
    "no_repeat_ngram_size": 0,
    "min_new_tokens": 0,
    "stop_token_ids": [-1, -1],
    "stop_strings": [b"", b""],
}
HARMLESS = ("top_k", "repetition_penalty", "frequency_penalty", "stop_token_ids", "stop_strings")
DTYPES = {name: (*NUMBERS.get(name, ()), object)[0] for name in OFF} | {"stop_token_ids": np.int32}
KINDS = {np.float32: FLOAT, np.int32: INT32, np.int64: INT64, object: STRING}


def typed(options):
    return {name: np.asarray(value, DTYPES[name]) for name, value in options.items()}


def beside_each_spoiler():
    """Options of as many rows as there are spoilers, and one good row first."""
    rows = [OFF, *(OFF | spoiler for spoiler in SPOILERS)]
    return {name: [row[name] for row in rows] for name in OFF}


@pytest.fixture(scope="module")
def answers(exported, strings):
    everything = strings([*GOOD, *BAD])
    spoiled = strings(["the quick"] * (1 + len(SPOILERS)))
    requests = {
        "defaults": ("generate", {"prompts": everything}),
        "serving_default": ("serving_default", {"prompts": everything}),
        "greedy": ("generate", {"prompts": everything, **typed(GREEDY)}),
        "random": ("generate", {"prompts": everything, **typed(RANDOM)}),
        "spoiled": ("generate", {"prompts": spoiled, **typed(beside_each_spoiler())}),
        "score": ("score", {"texts": everything}),
        "logits": ("logits", {"token_ids": np.int32(TOKEN_IDS), "lengths": np.int32(LENGTHS)}),
        "empty generate": ("generate", {"prompts": strings([])}),
        "empty score": ("score", {"texts": strings([])}),
        "empty logits": (
            "logits",
            {"token_ids": np.zeros([0, 3], np.int32), "lengths": np.zeros([0], np.int32)},
        ),
    }
    long_ids = np.arange(40, dtype=np.int32)[None]
    requests["long logits"] = ("logits", {"token_ids": long_ids, "lengths": np.int32([40])})
    signatures, results = cpp_loader.call(exported, list(requests.values()))
    found = {"signatures": signatures, "long ids": long_ids}
    return {**found, **dict(zip(requests, results, strict=True))}


@pytest.fixture(scope="module")
def in_python(model, tokenizer):
    return LanguageModel(model, tokenizer)


def completions(answer):
    return [text.decode("utf-8", "strict") for text in answer["completions"]]


def test_signatures_have_the_names_types_and_open_axes_that_are_promised(answers, model):
    signatures = answers["signatures"]
    texts = {"completions": (STRING, [-1])}
    options = {name: (KINDS[DTYPES[name]], [-1] * (1 + np.ndim(x))) for name, x in OFF.items()}
    assert signatures["serving_default"]["inputs"] == {"prompts": (STRING, [-1])}
    assert signatures["serving_default"]["outputs"] == texts
    assert signatures["generate"]["inputs"] == {"prompts": (STRING, [-1]), **options}
    assert signatures["generate"]["outputs"] == texts
    assert signatures["score"]["inputs"] == {"texts": (STRING, [-1])}
    assert signatures["score"]["outputs"] == {
        "log_likelihood": (FLOAT, [-1]),
        "num_tokens": (INT32, [-1]),
    }
    size = model.config.vocabulary_size
    assert signatures["logits"]["inputs"] == {
        "token_ids": (INT32, [-1, -1]),
        "lengths": (INT32, [-1]),
    }
    assert signatures["logits"]["outputs"] == {"logits": (FLOAT, [-1, -1, size])}


def test_options_have_defaults(answers):
    defaults = answers["signatures"]["generate"]["defaults"]
    assert {name: value.tolist() for name, value in defaults.items()} == {
        **{name: [getattr(DecodingOptions(), name)] for name in OFF},
        "min_p": [0.0],
        "stop_token_ids": [[-1]],
        "stop_strings": [[b""]],
    }
    assert completions(answers["defaults"]) == completions(answers["serving_default"])


def test_greedy_completions_are_those_of_python(answers, in_python):
    expected = in_python.generate([*GOOD, *BAD], max_new_tokens=12, temperature=0.0)
    assert completions(answers["greedy"]) == expected


def test_random_completions_are_those_of_python(answers, in_python):
    assert completions(answers["random"]) == in_python.generate([*GOOD, *BAD], **RANDOM)


def test_completions_hold_new_text_only(answers):
    for prompt, completion in zip(GOOD, completions(answers["greedy"]), strict=False):
        assert completion and not completion.startswith(prompt)


def test_bad_options_of_one_row_leave_the_others_as_they_are(answers, in_python):
    texts = completions(answers["spoiled"])
    [alone] = in_python.generate(["the quick"], max_new_tokens=12, seed=3)
    names = [next(iter(spoiler)) for spoiler in SPOILERS]
    harmless = [text for name, text in zip(names, texts[1:], strict=True) if name in HARMLESS]
    assert [texts[0], *harmless] == [alone] * (1 + sum(name in HARMLESS for name in names))
    assert texts[1] == texts[2] == ""


def test_scores_are_those_of_python(answers, in_python):
    expected = in_python.score([*GOOD, *BAD])
    np.testing.assert_allclose(
        answers["score"]["log_likelihood"], expected.log_likelihood, rtol=1e-5
    )
    np.testing.assert_array_equal(answers["score"]["num_tokens"], expected.num_tokens)


def test_logits_are_those_of_the_model_and_zero_at_padding(answers, model, tokenizer):
    logits = answers["logits"]["logits"]
    known = np.where(np.abs(TOKEN_IDS) > 50, tokenizer.end_of_text, TOKEN_IDS)
    known[1, 2] = tokenizer.end_of_text
    expected = model(known).numpy()
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(logits[row, :length], expected[row, :length], atol=1e-4)
        assert not logits[row, length:].any()


def test_no_rows_no_answers(answers, model):
    assert answers["empty generate"]["completions"].shape == (0,)
    assert answers["empty score"]["log_likelihood"].shape == (0,)
    assert answers["empty logits"]["logits"].shape == (0, 3, model.config.vocabulary_size)


def test_columns_behind_the_context_are_as_those_without_tokens(answers, model):
    token_ids, logits = answers["long ids"], answers["long logits"]["logits"]
    assert logits.shape[1] == 40
    np.testing.assert_allclose(logits[:, :32], model(token_ids[:, :32]), atol=1e-4)
    assert not logits[:, 32:].any()


@pytest.mark.slow
def test_half_precision_answers_in_float32(tokenizer):
    small = {"hidden_dim": 16, "max_sequence_length": 16, "num_layers": 1}
    size = tokenizer.vocabulary_size
    model = GPT2.from_preset("gpt2_tiny", dtype="mixed_bfloat16", vocabulary_size=size, **small)
    functions = ServedModel(model, tokenizer).functions
    logits = functions["logits"](tf.constant([[1, 2]]), tf.constant([2]))["logits"]
    likelihood = functions["score"](tf.constant(["the quick"]))["log_likelihood"]
    assert logits.dtype == likelihood.dtype == tf.float32
    assert functions["serving_default"](tf.constant(["the"]))["completions"].shape == [1]
    state = functions["prefill"](tf.constant(["the quick"]))
    state["token_ids"] = tf.argmax(state.pop("logits"), -1, tf.int32)
    stepped = functions["decode_step"](**state)
    assert {x.dtype for name, x in stepped.items() if name != "lengths"} == {tf.float32}
