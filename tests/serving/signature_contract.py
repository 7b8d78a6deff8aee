"""What every exported model must do: one call of `check_export` holds a new one to all of it.

The C++ loader opens the SavedModel, from another folder than the one it was written to, and gives
what Python gives, for good texts and for bad ones; and the bad ones leave the others as they are.
"""

import numpy as np

from tests.model_contract import stirred
from tests.serving.signature_table import documented
from tests.serving.signature_twins import GOOD, STEPS, TEXTS, TWINS, next_logits
from tfzoo import models, serving, tokenizers
from tfzoo.language_model import LanguageModel
from tfzoo.layers.heads import ClassificationHead, TokenClassificationHead
from tfzoo.layers.sentence_embedding import SentenceEmbeddingHead
from tfzoo.reader import TrainedModel
from tfzoo.serving import cpp_loader
from tfzoo.serving.signatures import Subject, offered
from tfzoo.text_to_text import TextToText

CORPUS = ["the quick brown fox jumps over the lazy dog. 日本語 text 👍 hello. " * 20]
ROLES = ("padding", "start", "separator", "mask")
LABELS = ("good", "bad", "日本")
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "max_sequence_length": 24}
HEADS = {
    "classification": lambda: ClassificationHead(len(LABELS)),
    "regression": lambda: ClassificationHead(1),
    "sentence_embedding": SentenceEmbeddingHead,
    "token_classification": lambda: TokenClassificationHead(len(LABELS)),
}
ROWS = {"all": TEXTS, "good": GOOD, "none": []}
BORDER = (1, 3, 7)  # float32, int32, string


def tiny(preset, kind, learnt="words"):
    """A small model of a preset with a tokenizer of a kind, as `tfzoo.load` gives it."""
    roles = () if kind == "word_piece" or learnt == "dialogue" else ROLES
    tokenizer = tokenizers.train(kind, CORPUS, 290, roles=roles)
    sizes = {**SIZES, "vocabulary_size": tokenizer.vocabulary_size + 3, "dropout": 0.0}
    model = models.from_preset(preset, **sizes)
    if learnt in HEADS:
        model.add_head(learnt, HEADS[learnt]())
    stirred(model)
    labels = LABELS if learnt.endswith("classification") else ()
    if model.kind == "encoder":
        return TrainedModel(model, tokenizer, labels)
    if model.kind == "decoder":
        return LanguageModel(model, tokenizer, labels, learnt == "dialogue")
    return TextToText(model, tokenizer, "say: ")


def check_export(trained, folder):
    """Holds the export of a model to its contract.

    Args:
        trained: as `tfzoo.load` gives it.
        folder: path, to write in.
    """
    version = serving.export(trained.model, trained.tokenizer, folder / "tiny", **trained.learnt)
    moved = version.rename(folder / "moved")
    subject = Subject(model=trained.model, tokenizer=trained.tokenizer, text=None, **trained.learnt)
    names = offered(subject)
    asked = _asked(trained, names)
    signatures, answers = cpp_loader.call(moved, [request[:2] for request in asked.values()])
    answers = dict(zip(asked, answers, strict=True))
    assert set(signatures) == {"serving_default", "__saved_model_init_op", *names}
    _check_border(signatures, names, trained.model.kind)
    for key, (_, _, expected) in asked.items():
        for output, values in expected.items():
            _assert_same(answers[key][output], values, f"{key}: {output}")
        assert all(len(values) == len(ROWS[key[1]]) for values in answers[key].values()), key
    _check_bad_rows_change_nothing(asked, answers)
    for output, values in answers["serving_default", "all"].items():
        _assert_same(values, answers["defaults", "all"][output], f"serving_default: {output}")


def _asked(trained, names):
    """(what, rows) -> signature, inputs, and what Python gives of the outputs."""
    asked = {}
    for name in (name for name in names if name != "decode_step"):
        for rows in ("all", "good"):
            asked[name, rows] = (name, *TWINS[name](trained, ROWS[rows]))
        inputs = {key: values[:0] for key, values in asked[name, "all"][1].items()}
        asked[name, "none"] = (name, inputs, {})
    if "decode_step" in names:
        for rows in ROWS:
            _ask_steps(asked, trained, rows)
    text, values = next(iter(asked[names[0], "all"][1].items()))
    asked["defaults", "all"] = (names[0], {text: values}, {})
    asked["serving_default", "all"] = ("serving_default", {text: values}, {})
    return asked


def _ask_steps(asked, trained, rows):
    """Each step is given the state that the one before it has left."""
    state = ["keys", "values", "lengths"]
    if trained.model.kind == "encoder_decoder":
        state += ["memory_keys", "memory_values", "memory_lengths"]
    place, count = list(asked).index(("prefill", rows)), len(ROWS[rows])
    for number, tokens in enumerate(STEPS, 1):
        inputs = {"token_ids": np.int32(tokens[:count]), **{name: (place, name) for name in state}}
        expected = {"logits": next_logits(trained, ROWS[rows], number)} if count else {}
        place = len(asked)
        asked[f"step {number}", rows] = ("decode_step", inputs, expected)


def _check_border(signatures, names, kind):
    """Names are the README's; numbers float32 or int32; any number of rows comes in and goes out.

    Of inputs seeds are int64, and whether to stop early bool.
    """
    for name in names:
        one = signatures[name]
        assert [sorted(one["inputs"]), sorted(one["outputs"])] == documented(name, kind), name
        assert all(shape[0] == -1 for _, shape in one["inputs"].values()), name
        for key, (dtype, shape) in one["outputs"].items():
            assert dtype in BORDER and shape[0] == -1, (name, key)


def _check_bad_rows_change_nothing(asked, answers):
    """Rows of fewer columns are filled up beside longer ones; a cache is, on the other side."""
    for (name, rows), alone in answers.items():
        if rows == "good":
            beside = answers[name, "all"]
            for output in alone.keys() - {"keys", "values", "memory_keys", "memory_values"}:
                cut = tuple(slice(size) for size in alone[output].shape)
                _assert_same(beside[output][cut], alone[output], f"{name}: {output} of good rows")


def _assert_same(found, expected, what):
    expected = np.asarray(expected)
    assert found.shape == expected.shape, what
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)
