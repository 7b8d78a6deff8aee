"""Texts longer than the context: each window is read as a prompt would be."""

import numpy as np
import pytest

from tests.generation.test_decoding import CONTEXT, END_OF_TEXT, next_logits, only, sampling
from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.generation.sliding import windows
from tfzoo.language_model import LanguageModel
from tfzoo.models import GPT2

PROMPTS = [[3, 1, 4], list(range(40)), [], list(range(20))]


def by_full_passes(model, prompt, limit):
    """Greedy, of windows whose older half is forgotten when they are full."""
    window, new = [*(prompt or [END_OF_TEXT])], []
    if len(window) >= CONTEXT:
        window = window[-(CONTEXT // 2) :]
    while len(new) < limit:
        token = int(np.argmax(next_logits(model, window)))
        if token == END_OF_TEXT:
            break
        new.append(token)
        window.append(token)
        if len(window) == CONTEXT:
            window = window[-(CONTEXT // 2) :]
    return new


@pytest.mark.parametrize("prompts", [PROMPTS[-1:], pytest.param(PROMPTS, marks=pytest.mark.slow)])
def test_windows_are_those_of_full_passes(model, decoder, prompts):
    found = decoder.generate(prompts, sampling(len(prompts), 40, temperature=0.0), slides=True)
    assert found == [by_full_passes(model, prompt, 40) for prompt in prompts]
    assert max(map(len, found)) > CONTEXT


@pytest.mark.slow
def test_a_row_slides_as_if_alone(decoder):
    options = sampling(4, [60, 50, 0, 3], seed=range(4), min_new_tokens=[60, 40, 0, 0])
    together = decoder.generate(PROMPTS, options, slides=True)
    alone = [decoder.generate([p], only(options, i), slides=True)[0] for i, p in enumerate(PROMPTS)]
    assert together == alone
    assert [len(row) for row in together][0] == 60 and len(together[1]) >= 40


def test_draws_go_on_to_be_numbered(decoder):
    """Else a window that looks like the one before it would be written again and again."""
    asked = []

    def read(prompts, part):
        asked.append((part.max_new_tokens.tolist(), part.num_drawn.tolist()))
        yield [([1] * limit, [0.0] * limit) for limit in part.max_new_tokens]

    list(windows(read, 8, [[1, 2], [3]], sampling(2, [20, 5])))
    assert asked == [([6, 5], [0, 0]), ([4], [6]), ([4], [10]), ([4], [14]), ([2], [18])]


@pytest.mark.slow
def test_what_fits_does_not_slide(decoder):
    options = sampling(4, [10, 0, 8, 3], seed=range(4))
    short = [row[:5] for row in PROMPTS]
    assert decoder.generate(short, options, slides=True) == decoder.generate(short, options)


@pytest.mark.slow
def test_a_stream_slides_too(decoder):
    options = sampling(1, 60, seed=7, min_new_tokens=60)
    [whole] = decoder.generate([[5]], options, slides=True)
    pieces = [new for [new] in decoder.stream([[5]], options, slides=True, chunk_size=7)]
    assert sum(pieces, []) == whole and len(whole) == 60 and len(pieces) > 8


@pytest.fixture(scope="module")
def trained():
    tokenizer = tokenizers.train("bytes", [], 257)
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "max_sequence_length": 16}
    return LanguageModel(GPT2.from_preset("gpt2_tiny", vocabulary_size=257, **sizes), tokenizer)


def test_an_overlong_prompt_is_refused_where_that_is_asked_for(trained):
    with pytest.raises(UsageError, match="Prompt 1 needs 20 tokens with the 8 of `max_new_tokens`"):
        trained.generate(["a", "a" * 12], max_new_tokens=8, overlong="refuse")
    with pytest.raises(UsageError, match="Prompt 0"):
        trained.stream("a" * 12, max_new_tokens=8, overlong="refuse")
    with pytest.raises(UsageError, match="cut between turns"):
        trained.reply(["a"], overlong="slide")
    with pytest.raises(UsageError, match="`overlong` must be one of cut, refuse, slide"):
        trained.generate(["a"], overlong="wrap")


@pytest.mark.slow
def test_what_just_fits_is_not_refused(trained):
    assert trained.generate(["a" * 8], max_new_tokens=8, overlong="refuse")


@pytest.mark.slow
def test_a_language_model_slides(trained):
    how = {"max_new_tokens": 40, "min_new_tokens": 40, "temperature": 1.0, "seed": 3}
    [text] = trained.generate(["abc"], **how, overlong="slide")
    assert "".join(trained.stream("abc", **how, overlong="slide")) == text
    [scored] = trained.generate_scored(["abc"], **how, overlong="slide")
    assert len(scored.token_ids) == len(scored.log_probabilities) == 40
    stop = text[25:28]
    assert trained.generate(["abc"], **how, overlong="slide", stop_strings=[stop]) == [
        text.split(stop)[0]
    ]
