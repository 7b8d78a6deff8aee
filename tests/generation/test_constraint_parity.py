"""Greedy and beams under constraints beside transformers' `generate`, token for token."""

import numpy as np
import pytest

from tests.generation.test_beam import options as search_options
from tests.generation.test_beam_parity import cut
from tests.generation.test_decoding import sampling
from tfzoo.generation import Decoder, Writer

torch = pytest.importorskip("torch", reason="needs the extra [parity]")
pytest.importorskip("transformers", reason="needs the extra [parity]")
pytestmark = pytest.mark.slow

from tests.models import test_encoder_parity as encoders  # noqa: E402
from tests.models import test_parity as gpt2  # noqa: E402

NEW_TOKENS, END = 12, 7
CONSTRAINTS = [
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.7},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3, "repetition_penalty": 1.1},
    {"min_new_tokens": 9},
]


def theirs(peer, token_ids, mask, num_beams, end, **more):
    found = peer.generate(
        torch.tensor(token_ids),
        attention_mask=torch.tensor(mask).long(),
        num_beams=num_beams,
        num_return_sequences=num_beams,
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=end,
        **more,
    )
    return found.numpy()


def ours(decoder, prompts, num_beams, constraints):
    count = len(prompts)
    if num_beams == 1:
        return decoder.generate(
            prompts, sampling(count, NEW_TOKENS, temperature=0.0, **constraints)
        )
    texts, _ = decoder.search(prompts, search_options(count, NEW_TOKENS, **constraints), num_beams)
    return sum(texts, [])


@pytest.mark.parametrize("num_beams", [1, 3])
@pytest.mark.parametrize("constraints", CONSTRAINTS, ids=str)
def test_gpt2_writes_what_transformers_writes(constraints, num_beams):
    peer = gpt2.peer()
    decoder = Decoder(Writer(gpt2.with_weights_of(peer), END))
    mask = np.ones_like(gpt2.IDS)
    rows = theirs(peer, gpt2.IDS, mask, num_beams, END, pad_token_id=END, **constraints)
    expected = [cut(row[gpt2.IDS.shape[1] :], END) for row in rows]
    assert ours(decoder, gpt2.IDS.tolist(), num_beams, constraints) == expected


@pytest.mark.parametrize("num_beams", [1, 3])
@pytest.mark.parametrize("constraints", CONSTRAINTS, ids=str)
def test_t5_writes_what_transformers_writes(constraints, num_beams):
    model, peer = encoders.t5(version_1_1=False)
    unread = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    encoders.copy_weights(model, encoders.stirred(peer), encoders.T5_NAMES, unread)
    start = {"pad_token_id": 0, "decoder_start_token_id": 0}
    rows = theirs(peer, encoders.IDS, encoders.MASK, num_beams, 5, **start, **constraints)
    sources = [row[mask].tolist() for row, mask in zip(encoders.IDS, encoders.MASK, strict=True)]
    decoder = Decoder(Writer(model, 5, 0))
    assert ours(decoder, sources, num_beams, constraints) == [cut(row[1:], 5) for row in rows]
