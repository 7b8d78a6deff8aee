"""`tfzoo.load`: what a run has left becomes a model that writes and scores text."""

import json
import shutil

import keras
import numpy as np
import pytest

import tfzoo
from tfzoo import models, tokenizers
from tfzoo.errors import UsageError
from tfzoo.training.checkpoints import Checkpoints
from tfzoo.zoo import TrainedModel

PROMPTS = ["the quick", "", "日本語 👍", b"\xff\xfe", "lazy dog " * 40]


def arrays(model, group="model", plus=0.0):
    return {f"{group}/{weight.path}": weight.numpy() + plus for weight in model.weights}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run's folder with one checkpoint, and the model that was saved."""
    folder = tmp_path_factory.mktemp("run") / "model_dir"
    text = ["the quick brown fox jumps over the lazy dog. 日本語 👍 " * 20]
    tokenizer = tokenizers.train("byte_pair", text, 265)
    keras.utils.set_random_seed(1)
    model = models.GPT2.from_preset(
        "gpt2_tiny",
        vocabulary_size=tokenizer.vocabulary_size,
        hidden_dim=16,
        max_sequence_length=32,
        initializer_range=0.4,
    )
    tokenizer.save(folder / "tokenizer")
    models.save_config(model, folder / "model.json")
    Checkpoints(folder / "checkpoints").save(1, arrays(model), {})
    return folder, model


@pytest.fixture
def run(written, tmp_path):
    """A copy to change."""
    folder, model = written
    return shutil.copytree(folder, tmp_path / "model_dir"), model


@pytest.fixture(scope="module")
def trained(written):
    return tfzoo.load(written[0])


def assert_weights(model, expected):
    for weight in model.weights:
        np.testing.assert_array_equal(weight.numpy(), expected[f"model/{weight.path}"])


def test_the_model_has_the_weights_that_were_saved(trained, written):
    assert trained.model.config == written[1].config
    assert_weights(trained.model, arrays(written[1]))


def test_the_moving_average_is_preferred(run):
    folder, model = run
    saved = {**arrays(model), **arrays(model, "ema", plus=1.0)}
    Checkpoints(folder / "checkpoints").save(2, saved, {})
    assert_weights(tfzoo.load(folder).model, arrays(model, plus=1.0))


def test_a_truncated_checkpoint_falls_back_to_the_one_before(run):
    folder, model = run
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoints.save(2, arrays(model, plus=1.0), {})
    [path] = (folder / "checkpoints" / "step_00000002").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    assert_weights(tfzoo.load(folder).model, arrays(model))


@pytest.mark.slow
def test_the_precision_is_that_of_the_run(run):
    folder, _ = run
    (folder / "run.json").write_text(json.dumps({"flags": {"precision": "mixed_bfloat16"}}))
    trained = tfzoo.load(folder)
    assert trained.model.dtype_policy.name == "mixed_bfloat16"
    assert trained.generate(["the"], max_new_tokens=2, temperature=0.0)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--model_dir=.* holds no run"):
        tfzoo.load(tmp_path)


def test_a_run_without_a_checkpoint_is_refused(run):
    folder, _ = run
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(UsageError, match="--model_dir=.* has no checkpoint yet. Train "):
        tfzoo.load(folder)


def test_a_run_whose_checkpoints_are_all_damaged_is_refused_as_such(run):
    folder, model = run
    Checkpoints(folder / "checkpoints").save(2, arrays(model), {})
    for path in (folder / "checkpoints").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-100])
    told = "--model_dir=.* no whole checkpoint: .*checkpoints are damaged, of step 1, 2. Copy them"
    with pytest.raises(UsageError, match=told):
        tfzoo.load(folder)


def test_a_checkpoint_of_another_model_is_refused(run):
    folder, model = run
    saved = arrays(model)
    saved.pop("model/gpt2/decoder/final_norm/beta")
    Checkpoints(folder / "checkpoints").save(2, saved, {})
    with pytest.raises(UsageError, match="does not fit its model.json: gpt2/decoder/final_norm"):
        tfzoo.load(folder)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"seed": 5}], ids=str)
def test_a_stream_is_the_text_in_pieces(trained, options):
    num_pieces = 0
    for prompt in PROMPTS:
        [whole] = trained.generate([prompt], max_new_tokens=25, **options)
        pieces = list(trained.stream(prompt, max_new_tokens=25, **options))
        assert "".join(pieces) == whole
        assert all(pieces)
        num_pieces += len(pieces)
    assert num_pieces > len(PROMPTS)


def test_a_piece_never_ends_within_a_character(trained, monkeypatch):
    spelt = "héllo 日本語 👍!".encode()
    ids = [[trained.tokenizer.token_bytes.index(bytes([b]))] for b in spelt]
    monkeypatch.setattr(trained._decoder, "stream", lambda *_: ([token] for token in ids))
    pieces = list(trained.stream(""))
    assert pieces == list("héllo 日本語 👍!")


@pytest.mark.slow
def test_prompts_of_a_batch_are_continued_as_if_alone(trained):
    together = trained.generate(PROMPTS, max_new_tokens=10, seed=[1, 2, 3, 4, 5])
    alone = [
        trained.generate([prompt], max_new_tokens=10, seed=i + 1)[0]
        for i, prompt in enumerate(PROMPTS)
    ]
    assert together == alone
    assert len(set(together)) == 5


def test_scores_add_up_over_tokens(trained):
    score = trained.score(["the quick", "", b"the quick"] + ["fox"] * 40)
    assert score.log_likelihood.shape == score.num_tokens.shape == (43,)
    assert score.log_likelihood[0] == score.log_likelihood[2] < 0.0
    assert score.log_likelihood[1] == score.num_tokens[1] == 0


@pytest.fixture(scope="module")
def encoder():
    """An encoder of bytes, of which texts are read between no more than an end-of-text."""
    sizes = {"vocabulary_size": 257, "hidden_dim": 16, "max_sequence_length": 32}
    model = models.BERT.from_preset("bert_tiny", initializer_range=0.4, **sizes)
    return TrainedModel(model, tokenizers.train("bytes", [], 257))


def test_embeddings_are_directions_and_those_of_a_text_alone(encoder):
    texts = [*PROMPTS, *(f"number {i}" for i in range(40))]
    together = encoder.embed(texts)
    assert together.shape == (45, 16) and together.dtype == "float32"
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, rtol=1e-5)
    alone = np.concatenate([encoder.embed([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert encoder.embed([]).shape == (0, 16)


def test_an_embedding_is_the_mean_of_the_tokens_states(encoder):
    ids = [*encoder.tokenizer.encode_batch(["the fox"])[0], encoder.tokenizer.end_of_text]
    mean = np.mean(encoder.model(np.array([ids], "int32")), axis=1)
    np.testing.assert_allclose(encoder.embed(["the fox"]), mean / np.linalg.norm(mean), atol=1e-5)


def test_a_text_longer_than_the_context_loses_its_end(encoder):
    long, longer = encoder.embed(["lazy dog " * 5, "lazy dog " * 50])
    np.testing.assert_allclose(long, longer, atol=1e-6)
    with pytest.raises(UsageError, match="`texts` must be a list of texts"):
        encoder.embed("lazy dog")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"temperature": -1.0},
            "`temperature` must be a number, 0 or more. Received: .*=-1",
        ),
        ({"temperature": float("nan")}, "`temperature` must be"),
        ({"top_p": 0.0}, "`top_p` must be above 0 and at most 1. Received: top_p=0.0"),
        ({"top_k": -1}, "`top_k` must be from 0"),
        ({"max_new_tokens": -1}, "`max_new_tokens` must be from 0 to"),
        ({"max_new_tokens": 2**31}, "`max_new_tokens` must be from 0 to"),
        ({"seed": 2**64}, "`seed` must be an integer of 64 bits"),
        ({"temperature": "hot"}, "`temperature` must be a number, 0 or more. Received: .*='hot'"),
        ({"max_new_tokens": None}, "`max_new_tokens` must be from 0 to"),
        ({"seed": [1, 2, 3]}, "`seed` must be one number, or one for each of the 1 prompts"),
        ({"max_length": 9}, "There is no option `max_length`. Give `max_new_tokens`, which"),
        ({"heat": 1}, "There is no option `heat`. Options: max_new_tokens, temperature, top_k"),
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused(trained, options, message):
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        trained.generate(["the"], **options)


def test_one_text_is_not_a_list_of_texts(trained):
    with pytest.raises(UsageError, match="`prompts` must be a list of texts"):
        trained.generate("the quick")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (3, r"` must be a list of texts. Received: \w+=3"),
        (None, r"` must be a list of texts. Received: \w+=None"),
        ({"the": 1}, r"` must be a list of texts. Received: \w+={'the': 1}"),
        (["the", None], r"\[1\]` must be str or bytes. Received: None"),
        ([["the"]], r"\[0\]` must be str or bytes. Received: \['the'\]"),
    ],
    ids=str,
)
def test_what_is_no_text_is_refused(trained, given, told):
    with pytest.raises(UsageError, match=f"`prompts{told}"):
        trained.generate(given)
    with pytest.raises(UsageError, match=f"`texts{told}"):
        trained.score(given)
    with pytest.raises(UsageError, match=f"`turns{told}"):
        trained.reply(given)
    with pytest.raises(UsageError, match="`prompt` must be str or bytes. Received: "):
        trained.stream(given)


@pytest.mark.slow
def test_a_tuple_an_array_or_a_generator_of_texts_is_as_good_as_a_list(trained):
    expected = trained.generate(["the", "fox"], max_new_tokens=3)
    for texts in (("the", "fox"), np.array(["the", "fox"]), (x for x in ("the", b"fox"))):
        assert trained.generate(texts, max_new_tokens=3) == expected
