"""Each family that writes finds the tokens that transformers' `generate` finds."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch  # noqa: E402

from benchmarks import parity  # noqa: E402
from tests.generation.test_beam import options  # noqa: E402
from tfzoo.generation import Decoder, Ends, Writer, checked_options, write  # noqa: E402
from tfzoo.pretrained import read_model  # noqa: E402

pytestmark = pytest.mark.slow
WRITERS = ("LMHeadModel", "ForCausalLM", "ForConditionalGeneration")
PUBLISHED = {  # The first variant of each family that writes.
    family: next(iter(variants))
    for family, variants in parity.VARIANTS.items()
    if next(iter(variants.values()))[1] in WRITERS
}
CASES = [
    *PUBLISHED.items(),  # And what decodes otherwise:
    ("mistral", "no window"),
    ("qwen2", "window of 5"),
    ("gpt_neox", "one after the other, tanh GELU, epsilon 1e-3"),
    ("t5", "1.1 and Flan"),
    ("t5", "gated SiLU, a decoder of 1, epsilon 1e-3"),
]
NEW_TOKENS = 12
NEAR = 1e-4  # What is so near to each other may change places.
DRAWS = np.random.default_rng(4)
PROMPTS = [DRAWS.integers(5, 97, length).tolist() for length in (11, 3, 7, 1)]


def made(family, variant, folder):
    """A model of theirs, a `Decoder` of ours with the same weights, and a token that ends texts."""
    theirs = parity.their_model(family, variant)
    theirs.save_pretrained(folder)
    ours, _ = read_model(folder)
    start = 0 if ours.kind == "encoder_decoder" else None
    endless = their_texts(theirs, end=-1)[0][0]
    end = max(endless, key=endless.index)  # The last one that the first text had not said before.
    return theirs, Decoder(Writer(ours, end, start)), end


def their_texts(theirs, end, **how):
    """The new tokens of all prompts in one batch, and all that `generate` tells."""
    width = max(map(len, PROMPTS))
    absent = [width - len(row) for row in PROMPTS]
    rows = [[0] * n + row for n, row in zip(absent, PROMPTS, strict=True)]
    found = theirs.generate(
        torch.tensor(rows),
        attention_mask=torch.tensor([[int(i >= n) for i in range(width)] for n in absent]),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=end,
        pad_token_id=0,
        decoder_start_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
        **how,
    )
    first = 1 if theirs.config.is_encoder_decoder else width
    return [cut(row[first:].tolist(), end) for row in found.sequences], found


def cut(row, end):
    ends = end if isinstance(end, list) else [end]
    return list(itertools.takewhile(lambda token: token not in ends, row))


def written(decoder, **how):
    given = {"max_new_tokens": NEW_TOKENS, "temperature": 0.0, **how}
    options = checked_options(given, len(PROMPTS))
    return [tokens for tokens, _ in write(decoder, PROMPTS, options, [True] * len(PROMPTS))]


@pytest.mark.parametrize(("family", "variant"), CASES)
def test_greedy(family, variant, tmp_path):
    theirs, decoder, end = made(family, variant, tmp_path)
    expected, found = their_texts(theirs, end)
    assert len({len(row) for row in expected}) > 1
    for row, (ours, text) in enumerate(zip(written(decoder), expected, strict=True)):
        if ours != text:
            ours, text = ([*x, end] for x in (ours, text))
            step = next(i for i, (a, b) in enumerate(zip(ours, text, strict=False)) if a != b)
            best = found.scores[step][row].topk(2).values
            assert best[0] - best[1] < NEAR, (ours, text)


@pytest.mark.parametrize(("num_beams", "penalty", "early"), [(4, 2.0, False), (3, 0.5, True)])
@pytest.mark.parametrize(("family", "variant"), CASES)
def test_beams(family, variant, num_beams, penalty, early, tmp_path):
    theirs, decoder, end = made(family, variant, tmp_path)
    how = {"num_beams": num_beams, "length_penalty": penalty, "early_stopping": early}
    expected, found = their_texts(theirs, end, **how)
    given = options(len(PROMPTS), NEW_TOKENS, penalty, early)
    texts, scores = decoder.search(PROMPTS, given, num_beams)
    texts = [row[0] for row in texts]
    np.testing.assert_allclose(scores[:, 0], found.sequences_scores.numpy(), atol=NEAR)
    differ = [i for i, pair in enumerate(zip(texts, expected, strict=True)) if pair[0] != pair[1]]
    assert not differ, [(texts[i], expected[i]) for i in differ]


@pytest.mark.parametrize("num_beams", [1, 2, 4])
def test_several_ends(num_beams, tmp_path):
    """Where each text under way may end in several ways, others go on beside them."""
    theirs, decoder, end = made("gpt2", "as published", tmp_path)
    endless = [token for row in their_texts(theirs, end=-1)[0] for token in row]
    others = [token for token in dict.fromkeys(endless) if token != end][:3]
    found, _ = their_texts(theirs, [end, *others], num_beams=num_beams)
    ours = Decoder(Writer(read_model(tmp_path)[0], Ends(end, others)))
    assert written(ours, num_beams=num_beams) == found
