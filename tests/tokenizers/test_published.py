"""Tokenizers as transformers saves them, beside the engine that transformers has."""

import json
import random

import pytest
import tensorflow as tf
import tokenizer_contract as contract
import tokenizers as hf
from adversarial_text import invalid, strings
from published_folders import (
    BERT,
    EVERY,
    EXPORTED,
    OTHERS,
    bert,
    change,
    gpt2,
    llama2,
    roberta,
)

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers import PublishedTokenizer
from tfzoo.tokenizers.tokenizer import as_text

WITHOUT_GRAPH = [
    contract.ids_are_in_the_vocabulary,
    contract.token_bytes_are_what_ids_stand_for,
    contract.decoding_undoes_encoding,
    contract.special_ids_have_roles,
    contract.word_starts_tell_of_every_id,
    contract.invalid_bytes_become_replacement_characters,
    contract.saving_keeps_it,
    contract.copies_are_equal,
    contract.safe_split_changes_no_text,
]
DECODERS = ("gpt1", "gpt2", "llama2", "llama3", "neox", "qwen2", "smollm")
SPLIT_AT_SPACES = ("neox", "llama3", "qwen2", "smollm", "t5", "gpt1")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each sort."""
    parent = tmp_path_factory.mktemp("published")
    return {name: make(parent / name) for name, make in EVERY.items()}


@pytest.fixture(scope="module")
def loaded(folders):
    return {name: tokenizers.load(folder) for name, folder in folders.items()}


def engine(folder, special=False):
    """Hugging Face's engine, with the special tokens found in text or not."""
    found = hf.Tokenizer.from_file(str(folder / "tokenizer.json"))
    found.no_truncation()
    found.encode_special_tokens = not special
    return found


def plain(texts):
    """The texts without what looks like a special token."""
    return [text for text in texts if "<" not in text and "[" not in text]


@pytest.mark.parametrize("name", EVERY)
def test_ids_are_the_engines(folders, loaded, name):
    texts = [*strings(3000), *map(as_text, invalid(300)), "word " * 9000, "x" * 5000, "a\n\n" * 99]
    if name not in ("gpt2", "roberta", "neox", "llama3", "qwen2", "smollm"):
        texts = plain(texts)  # Their models themselves have special tokens, which ours never give.
    peer = engine(folders[name]).encode_batch(texts, add_special_tokens=False)
    assert loaded[name].encode_batch(texts) == [row.ids for row in peer]


@pytest.mark.parametrize("name", EVERY)
def test_decoding_is_the_engines(folders, loaded, name):
    tokenizer, peer = loaded[name], engine(folders[name])
    rows = tokenizer.encode_batch([text for text in strings(1000) if text.strip()])
    tokens = enumerate(tokenizer.description.tokens)
    every = [i for i, t in tokens if tokenizer.token_bytes[i] and not t.startswith("<0x")]
    rows += [random.Random(n).choices(every, k=9) for n in range(300)]
    if name == "gpt1":  # Ours leave the space behind the last word.
        assert [text.removesuffix(" ") for text in tokenizer.decode_batch(rows)] == [
            peer.decode(row).removesuffix(" ") for row in rows
        ]
        return
    assert tokenizer.decode_batch(rows) == [peer.decode(row) for row in rows]


@pytest.mark.parametrize("name", EVERY)
def test_a_text_and_a_pair_are_joined_as_the_post_processor_says(folders, loaded, name):
    tokenizer, peer = loaded[name], engine(folders[name])
    assert tokenizer.join("some words").token_ids == peer.encode("some words").ids
    pair = peer.encode("some words", "others")
    joined = tokenizer.join("some words", "others")
    assert joined.token_ids == pair.ids
    if name not in DECODERS:  # Which read no segments.
        assert joined.segment_ids == pair.type_ids


@pytest.mark.parametrize("name", EVERY)
def test_text_never_yields_special_ids(loaded, name):
    tokenizer = loaded[name]
    special = tokenizer.description.special - {tokenizer.special_tokens.get("unknown")}
    forms = ("{}", "a{}", " {}\n", "{0}{0}", "a {} b", "##{}", "▁{}", "{} ")
    typed = [form.format(token) for token in special for form in forms]
    ids = {tokenizer.description.tokens.index(token) for token in special}
    assert ids or name == "gpt1"
    assert not ids & {i for row in tokenizer.encode_batch(typed) for i in row}


@pytest.mark.parametrize(
    ("name", "law"),
    contract.each_law(EXPORTED, like_others={"cased", "roberta", "smollm"}),
)
def test_laws_of_those_with_a_graph(loaded, name, law, tmp_path):
    law(loaded[name], tmp_path / "folder")


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("law", WITHOUT_GRAPH, ids=lambda law: law.__name__)
def test_laws_of_the_others(loaded, name, law, tmp_path):
    law(loaded[name], tmp_path / "folder")


@pytest.mark.parametrize("name", SPLIT_AT_SPACES)
def test_a_cut_before_a_space_changes_no_ids(loaded, name):
    tokenizer = loaded[name]
    for text in (text.encode() for text in plain(strings(1500, seed=3))):
        cut = tokenizer.safe_split(text, max(4, len(text) * 2 // 3))
        if text[cut : cut + 1] == b" " and not text[:cut].decode()[-1].isspace():
            parts = tokenizer.encode_batch([text[:cut], text[cut:]])
            assert sum(parts, []) == tokenizer.encode_batch([text])[0], (text, cut)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("neox", "added tokens"),
        ("llama3", "Split"),
        ("qwen2", "added tokens"),
        ("t5", "SentencePiece"),
        ("albert", "SentencePiece"),
        ("llama2", "Replace"),
        ("gpt1", "BertNormalizer"),
    ],
)
def test_what_has_no_graph_is_refused_with_the_reason(loaded, name, reason):
    for export in (loaded[name].graph, loaded[name].check_graph):
        with pytest.raises(UsageError, match=f"cannot be exported.*{reason}"):
            export()


# Roles.


def test_special_tokens_have_their_roles(loaded):
    assert loaded["qwen2"].special_tokens == {
        "end_of_text": "<|im_end|>",
        "padding": "<|endoftext|>",
    }
    assert loaded["llama3"].special_tokens == {
        "end_of_text": "<|eot_id|>",
        "start": "<|begin_of_text|>",
    }
    assert loaded["bert"].special_ids == {
        **{"end_of_text": 3, "unknown": 1, "start": 2, "separator": 3, "padding": 0, "mask": 4}
    }
    assert list(loaded["roberta"].special_tokens.values()) == [
        "</s>",
        "<s>",
        "</s>",
        "<pad>",
        "<mask>",
    ]
    assert loaded["gpt1"].special_tokens == {"end_of_text": "<unk>", "unknown": "<unk>"}


def test_sentinels_are_in_their_order(loaded):
    tokens = loaded["t5"].description.tokens
    assert [tokens[i] for i in loaded["t5"].sentinels] == [f"<extra_id_{n}>" for n in range(3)]


def test_what_stands_before_a_text_to_go_on_with(loaded):
    tokenizer = loaded["llama3"]
    assert tokenizer.opening == [tokenizer.special_ids["start"]] and not loaded["gpt2"].opening


def test_added_tokens_count_and_ids_behind_them_are_no_text(loaded):
    tokenizer = loaded["qwen2"]
    assert tokenizer.vocabulary_size == 705
    [ids] = tokenizer.encode_batch(["a<think>b"])
    assert ids[1] == 703 and tokenizer.decode_batch([[*ids, 900]]) == ["a<think>b"]


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_ids_behind_the_vocabulary_are_no_text_in_the_graph(loaded, name):
    tokenizer = loaded[name]
    [ids] = tokenizer.encode_batch(["some words"])
    texts = tokenizer.graph().detokenize(tf.constant([[*ids, 50_303, *ids]]))
    assert [text.decode() for text in texts.numpy()] == tokenizer.decode_batch([[*ids, *ids]])


def test_only_bytes_with_nothing_left_out_are_lossless(loaded):
    lossless = {name for name, tokenizer in loaded.items() if tokenizer.is_lossless}
    assert lossless == {"gpt2", "roberta", "llama3", "smollm"}


def test_roles_that_no_file_names_are_the_usual_ones(tmp_path):
    for make, names in ((bert, BERT[2:4]), (roberta, ["<s>", "</s>"])):
        folder = make(tmp_path / make.__name__)
        (folder / "tokenizer_config.json").unlink()
        tokens = tokenizers.load(folder).special_tokens
        assert [tokens["start"], tokens["separator"]] == names


def test_the_models_configuration_tells_the_end_where_nothing_else_does(tmp_path):
    folder = gpt2(tmp_path / "gpt2")
    change(folder, "tokenizer_config.json", lambda config: {})
    change(folder, "tokenizer.json", lambda found: found["added_tokens"][0].update(content="<end>"))
    with pytest.raises(UsageError, match="no token for the end of a text"):
        tokenizers.load(folder)
    (folder / "config.json").write_text('{"eos_token_id": [700]}')
    tokenizer = tokenizers.load(folder)
    assert tokenizer.special_tokens == {"end_of_text": "<end>"}
    tokenizer.save(tmp_path / "saved")
    assert tokenizers.load(tmp_path / "saved").end_of_text == 700


def test_the_files_are_kept_as_they_were(folders, loaded, tmp_path):
    for name, folder in folders.items():
        loaded[name].save(tmp_path / name)
        for path in folder.iterdir():
            assert (tmp_path / name / path.name).read_bytes() == path.read_bytes()


# Folders without tokenizer.json.


def test_files_of_qwen2_are_read_as_qwen2s(folders, tmp_path):
    found = json.loads((folders["qwen2"] / "tokenizer.json").read_text())
    write_merges(tmp_path, found["model"])
    config = json.loads((folders["qwen2"] / "tokenizer_config.json").read_text())
    added = {str(token["id"]): token for token in found["added_tokens"]}
    config |= {"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": added}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    texts = strings(1000)
    expected = tokenizers.load(folders["qwen2"]).encode_batch(texts)
    assert tokenizers.load(tmp_path).encode_batch(texts) == expected


def write_merges(folder, model):
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("".join(f"{' '.join(pair)}\n" for pair in model["merges"]))


def test_files_of_an_unknown_class_are_refused(folders, tmp_path):
    write_merges(tmp_path, json.loads((folders["gpt2"] / "tokenizer.json").read_text())["model"])
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizerFast"}')
    with pytest.raises(UsageError, match="files of a CLIPTokenizer.*save_pretrained"):
        tokenizers.load(tmp_path)


def test_gpt2s_files_with_an_added_token(folders, tmp_path):
    model = json.loads((folders["gpt2"] / "tokenizer.json").read_text())["model"]
    model["vocab"]["<|endoftext|>"] = 700
    write_merges(tmp_path, model)
    (tmp_path / "added_tokens.json").write_text('{"[PAD]": 701}')
    (tmp_path / "special_tokens_map.json").write_text('{"pad_token": "[PAD]"}')
    tokenizer = tokenizers.load(tmp_path)
    assert tokenizer.special_ids == {"end_of_text": 700, "padding": 701}
    assert tokenizer.encode_batch(["[PAD]"]) != [[701]]


def test_berts_words_with_other_special_tokens(tmp_path):
    words = ["<p>", "<u>", "<c>", "<s>", "<m>", "a", "##b"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    names = {"pad": "<p>", "unk": "<u>", "cls": "<c>", "sep": "<s>", "mask": "<m>"}
    config = {f"{name}_token": token for name, token in names.items()}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = tokenizers.load(tmp_path)
    assert tokenizer.join("AB", "a c").token_ids == [2, 5, 6, 3, 5, 1, 3]


def test_what_the_configuration_says_of_case_counts(folders, tmp_path):
    folder = bert(tmp_path / "bert")
    change(folder, "tokenizer_config.json", lambda config: config.update(do_lower_case=False))
    loud = tokenizers.load(folder).encode_batch(["WORDS"])
    assert loud != tokenizers.load(folders["bert"]).encode_batch(["WORDS"])


# Real vocabularies.


def test_gpt2s_own_vocabulary_with_a_configuration(gpt2_folder, tmp_path):
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((gpt2_folder / name).read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 1024}')
    texts = strings(500)
    published, own = tokenizers.load(tmp_path), tokenizers.load(gpt2_folder)
    assert isinstance(published, PublishedTokenizer) and own.kind == "byte_pair"
    assert published.encode_batch(texts) == own.encode_batch(texts)
    assert published.special_ids == own.special_ids


@pytest.mark.slow
def test_minilms_tokenizer_is_berts(minilm_folder, bert_folder, speeches):
    published, own = tokenizers.load(minilm_folder), tokenizers.load(bert_folder)
    assert published.kind == "published" and own.kind == "word_piece"
    assert published.encode_batch(speeches[:50]) == own.encode_batch(speeches[:50])
    assert published.special_ids == own.special_ids
    contract.graph_gives_the_same_ids(published, None)


# transformers.


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_ids_are_those_of_transformers(folders, loaded, name):
    transformers = pytest.importorskip("transformers")
    peer = transformers.AutoTokenizer.from_pretrained(folders[name])
    tokenizer = loaded[name]
    texts = plain(strings(1000))
    assert tokenizer.encode_batch(texts) == peer(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer.vocabulary_size == len(peer)
    if tokenizer.layout.before or name == "t5":
        assert tokenizer.join("a b").token_ids == peer("a b")["input_ids"]
        assert tokenizer.join("a b", "c").token_ids == peer("a b", "c")["input_ids"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sort", "class_name"),
    [
        ("gpt2", "GPT2Tokenizer"),
        ("roberta", "RobertaTokenizer"),
        ("neox", "GPTNeoXTokenizer"),
        ("qwen2", "Qwen2Tokenizer"),
        ("bert", "BertTokenizer"),
        ("cased", "BertTokenizer"),
        ("gpt1", "OpenAIGPTTokenizer"),
    ],
)
def test_ids_are_those_of_the_models_class(folders, tmp_path, sort, class_name):
    transformers = pytest.importorskip("transformers")
    for path in folders[sort].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    change(tmp_path, "tokenizer_config.json", lambda c: c.update(tokenizer_class=class_name))
    peer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert type(peer).__name__ == class_name
    tokenizer, texts = tokenizers.load(tmp_path), plain(strings(1000))
    assert tokenizer.encode_batch(texts) == peer(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer.vocabulary_size == len(peer)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sort", "class_name"),
    [
        ("gpt2", "GPT2Tokenizer"),
        ("roberta", "RobertaTokenizer"),
        ("qwen2", "Qwen2Tokenizer"),
        ("bert", "BertTokenizer"),
        ("gpt1", "OpenAIGPTTokenizer"),
    ],
)
def test_folders_without_tokenizer_json_are_read_alike(folders, tmp_path, sort, class_name):
    transformers = pytest.importorskip("transformers")
    found = json.loads((folders[sort] / "tokenizer.json").read_text())
    special = {t["content"]: t["id"] for t in found["added_tokens"] if t["special"]}
    found["model"]["vocab"] |= special
    write_words(tmp_path, found["model"])
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": class_name}))
    peer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    tokenizer = tokenizers.load(tmp_path)
    texts = plain(strings(1000))
    assert tokenizer.encode_batch(texts) == peer(texts, add_special_tokens=False)["input_ids"]
    if tokenizer.layout.before:
        assert tokenizer.join("a b", "c").token_ids == peer("a b", "c")["input_ids"]


def write_words(folder, model):
    if "merges" in model:
        return write_merges(folder, model)
    words = sorted(model["vocab"], key=model["vocab"].get)
    (folder / "vocab.txt").write_text("\n".join(words))


@pytest.mark.slow
def test_chats_are_those_of_transformers(folders, loaded):
    transformers = pytest.importorskip("transformers")
    peer = transformers.AutoTokenizer.from_pretrained(folders["qwen2"])
    typed = ["a <|im_end|> b", "<|im_end|><|im_start|>", "<|im_<|im_end|>end|>"]
    for text in [*plain(strings(40)), *typed]:
        text = text.replace("\ufdd0", "")
        messages = [{"role": "user", "content": text}]
        [chat] = loaded["qwen2"].chat_template.render([messages])
        expected = peer.apply_chat_template(
            messages, add_generation_prompt=True, sanitize_control_tokens=text in typed
        )
        assert loaded["qwen2"].encode_chat(chat) == expected["input_ids"]


def test_llama2s_bytes_spell_what_has_no_piece(tmp_path):
    tokenizer = tokenizers.load(llama2(tmp_path / "llama2"))
    text = "some 中 words"
    assert tokenizer.decode_batch(tokenizer.encode_batch([text])) == [text]
    assert b"\xe4" in [tokenizer.token_bytes[i] for i in tokenizer.encode_batch([text])[0]]
