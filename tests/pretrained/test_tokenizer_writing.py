"""Tokenizers written for transformers: its engine and its AutoTokenizer encode as ours do."""

import json

import pytest
import tokenizers as hf

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.pretrained import write_tokenizer
from tfzoo.tokenizers.specials import ADDED

WORDS = ["some words and others", "It's 12 of 345!", "naïve café", "中文 字", "👍🏽 x\ny", "a\x00b"]
TEXTS = [*WORDS, " a  b ", "\t\n  \n", "", "ﬁ ① ㍿", "É e\u0301 E\u0301x", "x" * 300, "the end . ,"]
KINDS = {
    "byte_pair": {},
    "byte_pair_with_roles": {"roles": ADDED},
    "bytes": {},
    "characters": {},
    "characters_with_roles": {"roles": ADDED},
    "word_piece": {},
    "word_piece_cased": {"lowercase": False},
    "sentence_piece": {},
    "sentence_piece_bpe": {"algorithm": "bpe"},
    "sentence_piece_with_roles": {"roles": ADDED},
    "sentence_piece_lossless": {"byte_fallback": True, "normalization": "identity"},
}


def trained(name):
    kind = next(kind for kind in tokenizers.TOKENIZERS if name.startswith(kind))
    texts = [*WORDS, *["some words and other words that were read"] * 20] * 3
    return tokenizers.train(kind, texts, 420, **KINDS[name])


@pytest.fixture(scope="module", params=KINDS)
def written(request, tmp_path_factory):
    """A tokenizer of ours, and the folder where it was written."""
    folder = tmp_path_factory.mktemp(request.param)
    tokenizer = trained(request.param)
    write_tokenizer(tokenizer, folder)
    return tokenizer, folder


def test_the_engine_encodes_as_ours(written):
    tokenizer, folder = written
    peer = hf.Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = peer.encode_batch(TEXTS, add_special_tokens=False)
    assert [row.ids for row in rows] == tokenizer.encode_batch(TEXTS)
    assert peer.get_vocab_size() == tokenizer.vocabulary_size


def test_it_frames_texts_as_ours_where_ours_are_framed(written):
    tokenizer, folder = written
    peer = hf.Tokenizer.from_file(str(folder / "tokenizer.json"))
    if tokenizer.kind == "sentence_piece" or tokenizer.layout.before:
        assert peer.encode("some words").ids == tokenizer.join("some words").token_ids
        assert peer.encode("some", "words").ids == tokenizer.join("some", "words").token_ids
    else:
        assert [peer.encode("some words").ids] == tokenizer.encode_batch(["some words"])


def test_it_comes_back_as_it_went(written):
    tokenizer, folder = written
    again = tokenizers.load(folder)
    assert again.kind == "published"
    assert again.encode_batch(TEXTS) == tokenizer.encode_batch(TEXTS)
    assert again.special_ids == tokenizer.special_ids
    assert again.sentinels == tokenizer.sentinels
    if tokenizer.kind != "characters":
        unknown = tokenizer.special_ids.get("unknown")  # Of SentencePiece, ours give U+FFFD.
        rows = [row for row in tokenizer.encode_batch(TEXTS) if unknown not in row]
        assert again.decode_batch(rows) == tokenizer.decode_batch(rows)


def test_the_model_file_alone_is_sentence_pieces(written, tmp_path):
    tokenizer, folder = written
    if tokenizer.kind != "sentence_piece":
        pytest.skip("has no model file")
    for path in folder.iterdir():
        if path.name != "tokenizer.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    again = tokenizers.load(tmp_path)
    assert again.fingerprint == tokenizer.fingerprint


def test_a_decoder_with_a_head_has_its_texts_ended(tmp_path):
    tokenizer = trained("byte_pair")
    write_tokenizer(tokenizer, tmp_path, ends_texts=True)
    peer = hf.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert peer.encode("some words").ids == tokenizer.join("some words").token_ids


def test_what_was_read_is_written_as_it_was(written, tmp_path):
    _, folder = written
    write_tokenizer(tokenizers.load(folder), tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_pieces_that_transformers_engine_has_not_are_refused(tmp_path):
    from tfzoo.tokenizers.piece_model import USER_DEFINED, Piece, PieceModel

    parsed = PieceModel.parse(trained("sentence_piece").model)
    pieces = [*parsed.pieces, Piece("qq", 0.0, USER_DEFINED)]
    tokenizer = tokenizers.SentencePieceTokenizer(parsed.to_bytes(pieces))
    with pytest.raises(UsageError, match="'qq' is user-defined"):
        write_tokenizer(tokenizer, tmp_path)


@pytest.mark.slow
def test_transformers_reads_it(written):
    transformers = pytest.importorskip("transformers")
    tokenizer, folder = written
    peer = transformers.AutoTokenizer.from_pretrained(folder)
    assert peer(TEXTS, add_special_tokens=False)["input_ids"] == tokenizer.encode_batch(TEXTS)
    assert len(peer) == tokenizer.vocabulary_size
    assert peer.eos_token_id == tokenizer.end_of_text
    for name, role in (("pad", "padding"), ("mask", "mask"), ("sep", "separator")):
        if role in tokenizer.special_ids:
            assert getattr(peer, f"{name}_token_id") == tokenizer.special_ids[role]


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["gpt2", "bert", "t5", "llama", "qwen3", "roberta"])
def test_transformers_reads_it_beside_a_model(tmp_path, model_type):
    transformers = pytest.importorskip("transformers")
    kinds = {"bert": "word_piece", "t5": "sentence_piece", "roberta": "byte_pair_with_roles"}
    tokenizer = trained(kinds.get(model_type, "byte_pair"))
    write_tokenizer(tokenizer, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    peer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert peer(TEXTS, add_special_tokens=False)["input_ids"] == tokenizer.encode_batch(TEXTS)


@pytest.mark.slow
def test_beside_a_qwen2_another_class_reads_it(tmp_path, caplog):
    transformers = pytest.importorskip("transformers")
    tokenizer = trained("byte_pair")
    (tmp_path / "config.json").write_text('{"model_type": "qwen2"}')
    write_tokenizer(tokenizer, tmp_path)
    assert "load it with PreTrainedTokenizerFast" in caplog.text
    peer = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert peer(TEXTS, add_special_tokens=False)["input_ids"] == tokenizer.encode_batch(TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["GPT2Tokenizer", "RobertaTokenizer", "Qwen2Tokenizer", "BertTokenizer"],
)
def test_what_transformers_writes_is_read(tmp_path, name):
    transformers = pytest.importorskip("transformers")
    write_tokenizer(trained("byte_pair_with_roles"), tmp_path)
    found = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
    vocabulary, merges = found["vocab"], [tuple(pair) for pair in found["merges"]]
    given = {"vocab": vocabulary, "merges": merges}
    if name == "BertTokenizer":
        tokens = trained("word_piece").tokens
        given = {"vocab": {token: n for n, token in enumerate(tokens)}}
    peer = getattr(transformers, name)(**given)
    peer.save_pretrained(tmp_path / "saved")
    tokenizer = tokenizers.load(tmp_path / "saved")
    texts = peer(TEXTS, add_special_tokens=False)["input_ids"]
    assert tokenizer.encode_batch(TEXTS) == texts
    assert tokenizer.vocabulary_size == len(peer)
    if tokenizer.layout.before:
        assert tokenizer.join("some", "words").token_ids == peer("some", "words")["input_ids"]


@pytest.mark.slow
def test_chats_are_transformers_chats(tmp_path):
    transformers = pytest.importorskip("transformers")
    write_tokenizer(trained("byte_pair_with_roles"), tmp_path)
    template = (
        "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content | trim }}{{ eos_token }}"
        "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    )
    (tmp_path / "chat_template.jinja").write_text(template)
    peer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    tokenizer = tokenizers.load(tmp_path)
    for text in TEXTS:
        messages = [{"role": "user", "content": text}]
        [chat] = tokenizer.chat_template.render([messages])
        expected = peer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
        assert tokenizer.encode_chat(chat) == expected
