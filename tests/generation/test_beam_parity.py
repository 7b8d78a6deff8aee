"""Beam search beside transformers' own, token for token, with the same weights."""

import numpy as np
import pytest

from tests.generation.test_beam import options
from tfzoo.generation import Decoder, Writer

torch = pytest.importorskip("torch", reason="needs the extra [parity]")
pytest.importorskip("transformers", reason="needs the extra [parity]")
pytestmark = pytest.mark.slow

from tests.models import test_encoder_parity as encoders  # noqa: E402
from tests.models import test_parity as gpt2  # noqa: E402

NEW_TOKENS = 10


def given(rows, length_penalty, early_stopping):
    return options(rows, NEW_TOKENS, length_penalty, early_stopping)


def theirs(peer, token_ids, mask, how, num_beams, end, **more):
    """Sequences from their first token on, and the scores."""
    found = peer.generate(
        torch.tensor(token_ids),
        attention_mask=torch.tensor(mask).long(),
        num_beams=num_beams,
        num_return_sequences=num_beams,
        length_penalty=float(how.length_penalty[0]),
        early_stopping=bool(how.early_stopping[0]),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=end,
        return_dict_in_generate=True,
        output_scores=True,
        **more,
    )
    return found.sequences, found.sequences_scores.numpy()


def cut(row, end):
    row = [int(token) for token in row]
    return row[: row.index(end)] if end in row else row


OPTIONS = [(2, 0.0, False), (3, 1.0, False), (4, 2.0, True), (4, -1.0, False), (5, 0.6, True)]


@pytest.mark.parametrize(("num_beams", "penalty", "early"), OPTIONS, ids=str)
def test_t5_finds_what_transformers_finds(num_beams, penalty, early):
    ours, peer = encoders.t5(version_1_1=False)
    unread = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    encoders.copy_weights(ours, encoders.stirred(peer), encoders.T5_NAMES, unread)
    how, end = given(2, penalty, early), 5
    rows, scores = theirs(
        peer,
        encoders.IDS,
        encoders.MASK,
        how,
        num_beams,
        end,
        pad_token_id=0,
        decoder_start_token_id=0,
    )
    sources = [row[mask].tolist() for row, mask in zip(encoders.IDS, encoders.MASK, strict=True)]
    texts, found = Decoder(Writer(ours, end, 0)).search(sources, how, num_beams)
    assert sum(texts, []) == [cut(row[1:], end) for row in rows]
    np.testing.assert_allclose(found.ravel(), scores, atol=1e-4)


@pytest.mark.parametrize(("num_beams", "penalty", "early"), OPTIONS, ids=str)
def test_gpt2_finds_what_transformers_finds(num_beams, penalty, early):
    peer = gpt2.peer()
    ours, how, end = gpt2.with_weights_of(peer), given(2, penalty, early), 7
    mask = np.ones_like(gpt2.IDS)
    rows, scores = theirs(peer, gpt2.IDS, mask, how, num_beams, end, pad_token_id=end)
    texts, found = Decoder(Writer(ours, end)).search(gpt2.IDS.tolist(), how, num_beams)
    assert sum(texts, []) == [cut(row[gpt2.IDS.shape[1] :], end) for row in rows]
    np.testing.assert_allclose(found.ravel(), scores, atol=1e-4)
