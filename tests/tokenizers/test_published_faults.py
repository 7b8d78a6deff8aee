"""Tokenizers as transformers saves them, but broken, contradictory or unknown: each is refused."""

import pytest
from adversarial_text import strings
from published_folders import bert, change, gpt2, qwen2

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers import PublishedTokenizer


def set_step(step, **content):
    return lambda found: found.update({step: content})


FAULTS = {
    "cut short": lambda f: (f / "tokenizer.json").write_text('{"model": {"ty'),
    "no JSON object": lambda f: (f / "tokenizer.json").write_text("[]"),
    "without a model": lambda f: change(f, "tokenizer.json", lambda c: {}),
    "model type 'WordLevel'": lambda f: change(
        f, "tokenizer.json", lambda c: c["model"].update(type="WordLevel")
    ),
    "0, 1, 2, ... without holes": lambda f: change(
        f, "tokenizer.json", lambda c: c["added_tokens"][0].update(id=710)
    ),
    "lacks the special token '</end>'.*eos_token": lambda f: change(
        f, "tokenizer_config.json", lambda c: c.update(eos_token="</end>")
    ),
    "extra_special_tokens": lambda f: change(
        f, "tokenizer_config.json", lambda c: c.update(additional_special_tokens=["<new>"])
    ),
    "disagree on the id": lambda f: change(
        f, "tokenizer_config.json", lambda c: c.update(added_tokens_decoder={"3": {"content": "q"}})
    ),
    "disagree on where '<x>'": lambda f: add_twice(f),
    "normalizer that is not known here: Rot13": lambda f: change(
        f, "tokenizer.json", set_step("normalizer", type="Rot13")
    ),
    "pre_tokenizer that is not known here: Runes": lambda f: change(
        f,
        "tokenizer.json",
        set_step("pre_tokenizer", type="Sequence", pretokenizers=[{"type": "Runes"}]),
    ),
    "decoder that is not known here: CTC": lambda f: change(
        f, "tokenizer.json", set_step("decoder", type="CTC", pad_token="a")
    ),
    "decoder that is not known here: None": lambda f: change(
        f, "tokenizer.json", lambda c: c.update(decoder=None)
    ),
    "post-processor that is not known here: Frame": lambda f: change(
        f, "tokenizer.json", set_step("post_processor", type="Frame")
    ),
    "left to chance": lambda f: change(
        f, "tokenizer.json", lambda c: c["model"].update(dropout=0.1)
    ),
    "out of vocabulary": lambda f: change(
        f, "tokenizer.json", lambda c: c["model"]["merges"].append(["q", "zzzz"])
    ),
    "is a link out of the folder": lambda f: link_out(f, "tokenizer.json"),
}


def add_twice(folder):
    token = {"id": 701, "content": "<x>", "lstrip": False, "rstrip": False, "special": False}
    token |= {"single_word": False, "normalized": False}
    change(folder, "tokenizer.json", lambda found: found["added_tokens"].append(token))
    added = {"701": {"content": "<x>", "lstrip": True}}
    change(folder, "tokenizer_config.json", lambda c: c.update(added_tokens_decoder=added))


def link_out(folder, name):
    (folder / name).rename(folder.parent / name)
    (folder / name).symlink_to(folder.parent / name)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_folder_is_refused(tmp_path, fault):
    folder = gpt2(tmp_path / "gpt2")
    FAULTS[fault](folder)
    with pytest.raises(UsageError, match=f"(?s)`--tokenizer={folder}`.*{fault}"):
        tokenizers.load(folder)


def test_a_space_before_a_text_that_the_two_files_contradict_is_refused(tmp_path):
    folder = qwen2(tmp_path / "qwen2")
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    change(folder, "tokenizer.json", set_step("pre_tokenizer", **metaspace))
    change(folder, "tokenizer_config.json", lambda c: c.update(add_prefix_space=False))
    with pytest.raises(UsageError, match="contradict each other"):
        tokenizers.load(folder)


def test_words_with_spaces_in_which_special_tokens_may_stand_are_refused(tmp_path):
    folder = bert(tmp_path / "bert")
    change(folder, "tokenizer.json", lambda found: found.update(pre_tokenizer=None))
    with pytest.raises(UsageError, match="hold spaces"):
        tokenizers.load(folder)


def test_a_published_tokenizer_is_not_trained():
    with pytest.raises(UsageError, match="cannot be trained"):
        PublishedTokenizer.train([], 300)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"chat_template": "x"}, "a chat template"),
        ({"added_tokens_decoder": {"9": {"content": "q<>"}}}, "'q<>'"),
        ({"add_bos_token": True}, "add_bos_token"),
        ({"tokenizer_class": "XLMRobertaTokenizer"}, "the class XLMRobertaTokenizer"),
    ],
)
def test_what_a_model_file_does_not_hold_is_refused(tmp_path, more, named):
    tokenizers.train("sentence_piece", strings(500), 400).save(tmp_path / "t5")
    change(tmp_path / "t5", "tokenizer_config.json", lambda config: config.update(more))
    with pytest.raises(UsageError, match=f"{named}.*beside a tokenizer.json only"):
        tokenizers.load(tmp_path / "t5")
