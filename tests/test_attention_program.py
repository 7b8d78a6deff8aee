"""`python -m tfzoo.attention`: the weights are the model's own, and the page shows them all."""

import base64
import builtins
import html
import io
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfzoo import attention, kernels, layers, models, tokenizers
from tfzoo.evaluation.attention_maps import AttentionMaps, attention_maps, shown
from tfzoo.evaluation.attention_page import attention_page
from tfzoo.evaluation.attention_pictures import draw_attention
from tfzoo.training.checkpoints import Checkpoints

TEXT = "a <b>\n& \"c\" 'd'</script>"
BYTES = tokenizers.train("bytes", [], 257)
SIZES = {
    "vocabulary_size": 257,
    "num_layers": 3,
    "num_heads": 2,
    "hidden_dim": 16,
    "max_sequence_length": 48,
}
FAMILIES = {
    "gpt2": (models.GPT2, "gpt2_tiny", ["decoder"]),
    "llama": (models.Llama, "llama_tiny", ["decoder"]),
    "bert": (models.BERT, "bert_tiny", ["encoder"]),
    "albert": (models.ALBERT, "albert_base", ["encoder"]),
    "t5": (models.T5, "t5_tiny", ["encoder", "decoder", "cross"]),
}


def new_model(family):
    """A small model whose heads do not read evenly, as those of a new one would."""
    kind, preset, _ = FAMILIES[family]
    sizes = SIZES | ({"num_key_value_heads": 1} if family == "llama" else {})
    model = kind.from_preset(preset, **sizes)
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            weight.assign(5.0 * weight)
    return model


def maps_of(model):
    target = {"target_text": "was & <i>"} if model.kind == "encoder_decoder" else {}
    return attention_maps(model, BYTES, TEXT, **target)


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_sum_to_1_and_nobody_reads_the_future(family):
    model = new_model(family)
    maps = maps_of(model)
    assert [kind.name for kind in maps] == FAMILIES[family][2]
    for kind in maps:
        assert kind.weights.shape == (3, 2, len(kind.readers), len(kind.read))
        np.testing.assert_allclose(kind.weights.sum(-1), 1.0, rtol=1e-5)
        future = np.triu(np.ones(kind.weights.shape[2:], np.bool_), 1)
        assert np.any(kind.weights[..., future]) == (kind.name != "decoder")
        assert len({layer.tobytes() for layer in kind.weights}) == 3


@pytest.mark.parametrize("key_value_heads", [1, 4])
def test_weights_times_values_are_what_attention_gives(key_value_heads):
    draw = np.random.default_rng(0).standard_normal
    query, key, value = (
        tf.constant(draw((2, heads, 5, 3)), tf.float32)
        for heads in (4, key_value_heads, key_value_heads)
    )
    mask = tf.sequence_mask([5, 3], 5)[:, None, None]
    bias = tf.constant(draw((1, 4, 5, 5)), tf.float32)
    expected = kernels.attention(query, key, value, mask, scale=0.7, bias=bias)
    with kernels.attention_weights() as handed_out:
        kernels.attention(query, key, value, mask, scale=0.7, bias=bias)
    [weights] = handed_out
    read = tf.matmul(weights, tf.repeat(value, 4 // key_value_heads, axis=1))
    np.testing.assert_allclose(read, expected, atol=1e-6)


def test_weights_times_values_are_what_the_layer_gives():
    layer = layers.MultiHeadSelfAttention(2, causal=True)
    x = np.random.default_rng(0).standard_normal((1, 5, 8)).astype("float32")
    expected = layer(x)
    with kernels.attention_weights() as handed_out:
        layer(x)
    kernel, bias, output, output_bias = layer.get_weights()
    value = (x @ kernel + bias)[..., 16:].reshape(1, 5, 2, 4)
    read = np.einsum("bhts,bshd->bthd", handed_out[0], value).reshape(1, 5, 8)
    np.testing.assert_allclose(read @ output + output_bias, expected, atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_padding_is_not_read_and_the_states_are_those_of_any_pass(family):
    model = new_model(family)
    token_ids = tf.constant([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]])
    padding_mask = token_ids > 0
    expected = model.hidden_states(token_ids, padding_mask=padding_mask)
    with kernels.attention_weights() as handed_out:
        states = model.hidden_states(token_ids, padding_mask=padding_mask)
    np.testing.assert_allclose(states, expected, atol=1e-4)
    assert len(handed_out) == 3
    assert not np.any([weights[1, :, :3, 3:] for weights in handed_out])
    kernels.attention(*[tf.ones((1, 1, 2, 2))] * 3, True, scale=1.0)
    assert len(handed_out) == 3  # What comes afterwards is not handed out.


def test_the_page_holds_each_token_as_text_and_each_weight():
    weights = np.random.default_rng(0).dirichlet(np.ones(3), (2, 2, 3)).astype("float32")
    tokens = ["<b>", "</script>", "\"&'"]
    page = attention_page(
        [AttentionMaps(name="cross", readers=tokens, read=tokens[::-1], weights=weights)]
    )
    body = page.split("<section", 1)[1].split("</section>")[0]
    items = re.findall("<li>(.*?)</li>", body)
    assert items == [html.escape(token) for token in tokens + tokens[::-1]]
    assert page.count("</script>") == 1 and not re.search(r"https?://(?!www.w3.org/2000)", page)
    found = [
        np.frombuffer(base64.b64decode(data), "<u2").reshape(3, 3) / 65535
        for data in re.findall("data-weights='(.*?)'", body)
    ]
    np.testing.assert_allclose(np.reshape(found, (2, 2, 3, 3)), weights, atol=1e-5)


def places_of(weights, picture):
    """Where a picture shows each weight, in the colour of its root: (..., 2), row and column."""
    matplotlib = pytest.importorskip("matplotlib")
    image = pytest.importorskip("matplotlib.image")
    pixels = np.round(255 * image.imread(io.BytesIO(picture.png))[..., :3]).astype(int)
    colors = matplotlib.colormaps["Blues"](weights**0.5, bytes=True)[..., :3].astype(int)
    places = np.empty((*weights.shape, 2))
    for cell in np.ndindex(weights.shape):
        found = np.argwhere(np.abs(pixels - colors[cell]).max(-1) <= 1)
        assert len(found) > 100
        places[cell] = found.mean(0)
    return places


HEADS = np.array([[[0.9, 0.1], [0.3, 0.7]], [[0.6, 0.4], [0.2, 0.8]]], np.float32)


def test_each_picture_has_each_weight_in_its_place():
    weights = np.stack([HEADS, HEADS[:, ::-1, ::-1] ** 2])
    kind = AttentionMaps(name="cross", readers=["a", "b"], read=["c", "d"], weights=weights)
    pictures = draw_attention([kind])
    for layer in range(2):
        places = places_of(weights[layer], pictures[f"cross/layer_{layer:02d}"])
        assert np.all(places[0, ..., 1] < places[1, ..., 1])  # Heads from left to right,
        assert np.all(places[:, 0, :, 0] < places[:, 1, :, 0])  # readers downwards,
        assert np.all(places[:, :, 0, 1] < places[:, :, 1, 1])  # what is read to the right.


def test_pictures_name_readers_on_the_left_and_what_is_read_below():
    """Names take room: the longer those of a side, the farther it is from the picture's edge."""
    names, first = (["a", "b"], ["a longer name", "b"]), []
    for readers, read in (names, names[::-1]):
        kind = AttentionMaps(name="cross", readers=readers, read=read, weights=HEADS[None])
        first.append(places_of(HEADS, draw_attention([kind])["cross/layer_00"])[0, 0, 0])
    below, left = first
    assert left[1] > below[1] + 20 and below[0] < left[0] - 10


def test_tokens_are_shown_so_that_they_can_be_told_apart():
    ids = [BYTES.end_of_text, *BYTES.encode_batch([" a\né"])[0]]
    assert shown(BYTES, ids)[1:] == ["␣", "a", "⏎", r"\xc3", r"\xa9"]
    assert shown(BYTES, ids)[0] == BYTES.special_tokens["end_of_text"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What training leaves of a decoder, and of an encoder-decoder."""
    folder = tmp_path_factory.mktemp("runs")
    for family in ("gpt2", "t5"):
        model, run = new_model(family), folder / family
        BYTES.save(run / "tokenizer")
        models.save_config(model, run / "model.json")
        weights = {f"model/{weight.path}": weight.numpy() for weight in model.weights}
        Checkpoints(run / "checkpoints").save(7, weights, {})
    return folder


def test_the_program_writes_a_page_and_pictures(runs, capsys):
    pytest.importorskip("matplotlib")
    run = runs / "t5"
    given = [f"--model_dir={run}", f"--text={TEXT}", "--target_text=$was$ 語"]
    assert attention.main(given) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(run / "attention.html")
    page = (run / "attention.html").read_text()
    assert page.count("data-weights=") == 3 * 3 * 2
    events = EventAccumulator(str(run / "tensorboard" / "attention")).Reload()
    names = [f"{kind}/layer_{i:02d}" for kind in ("encoder", "decoder", "cross") for i in range(3)]
    assert sorted(events.Tags()["images"]) == sorted(names)
    [image] = events.Images(names[0])
    assert image.step == 7 and image.encoded_image_string.startswith(b"\x89PNG")


def test_without_matplotlib_the_page_needs_none_and_the_pictures_say_so(runs, monkeypatch, capsys):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    given = [f"--model_dir={runs}/gpt2", "--text=ab"]
    assert attention.main([*given, "--notensorboard"]) == 0
    assert attention.main(given) == 2
    error = capsys.readouterr().err
    assert "pip install 'tfzoo[pictures]'" in error and "--notensorboard" in error


@pytest.mark.parametrize(
    ("run", "given", "message"),
    [
        ("gpt2", ["--text="], "Give --text"),
        ("gpt2", ["--text=" + "a" * 48], "--text must have at most 48 tokens"),
        ("gpt2", ["--text=a", "--target_text=b"], "--target_text is for an encoder-decoder"),
        ("gpt2", ["--text=a", "--text_pair=b"], "--text_pair is for a model"),
        (
            "gpt2",
            ["--text=a", "--page=/nowhere/a.html"],
            "a.html cannot be written",
        ),
        ("t5", ["--text=a"], "Give --target_text"),
        ("t5", ["--text=a", "--target_text=" + "a" * 48], "--target_text must have at most"),
    ],
)
def test_mistakes_exit_with_2_and_one_message(runs, capsys, run, given, message):
    assert attention.main([f"--model_dir={runs}/{run}", *given]) == 2
    shown = capsys.readouterr()
    assert message in shown.err and shown.err.count("error:") == 1
    assert not shown.out


def test_more_weights_than_a_page_can_hold_are_refused(monkeypatch):
    monkeypatch.setattr("tfzoo.evaluation.attention_page.MOST_WEIGHTS", 3)
    maps = AttentionMaps(name="encoder", readers=["a"] * 2, read=["a"] * 2, weights=np.ones(4))
    with pytest.raises(attention.UsageError, match="shorter text"):
        attention_page([maps])
