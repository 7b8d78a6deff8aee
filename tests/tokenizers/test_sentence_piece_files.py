"""SentencePiece's files: published models, saved ones, broken ones."""

import io

import pytest
import sentencepiece
from sentence_piece_models import (
    WORDS,
    model_of,
    pieces_of,
    train,
)

from tfzoo import tokenizers
from tfzoo.errors import UsageError
from tfzoo.tokenizers.sentence_piece import SentencePieceTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return train()


def test_a_published_model_gives_its_ids(published_model, tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(published_model.read_bytes())
    for path in (published_model, tmp_path):
        tokenizer = tokenizers.load(path)
        assert tokenizer.special_ids == {"unknown": 0, "start": 1, "end_of_text": 2}
        assert (tokenizer.vocabulary_size, tokenizer.sentinels) == (1000, [])
        expected = [9, 459, 11, 939, 44, 11, 4, 142, 82, 8, 28, 21, 132, 6]
        assert tokenizer.encode_batch(["I saw a girl with a telescope."]) == [expected]
        assert tokenizer.decode_batch([expected]) == ["I saw a girl with a telescope."]


@pytest.mark.parametrize(
    ("config", "num_sentinels"),
    [(None, 100), ("{}", 100), ('{"extra_ids": 0}', 0), ('{"extra_ids": 7}', 7)],
)
def test_a_model_of_t5_has_sentinels_behind_its_pieces(tokenizer, tmp_path, config, num_sentinels):
    (tmp_path / "spiece.model").write_bytes(tokenizer.model)
    if config:
        (tmp_path / "tokenizer_config.json").write_text(config)
    loaded = tokenizers.load(tmp_path)
    last = len(pieces_of(tokenizer)) + num_sentinels - 1
    assert loaded.sentinels == [last - n for n in range(num_sentinels)]
    assert loaded.vocabulary_size == last + 1


def test_the_saved_model_is_the_file_itself(tokenizer, published_model, tmp_path):
    for number, original in enumerate((tokenizer.model, published_model.read_bytes())):
        SentencePieceTokenizer(original).save(tmp_path / str(number))
        assert (tmp_path / str(number) / "spiece.model").read_bytes() == original


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


FAULTS = {
    "is cut off": (lambda f: (f / "spiece.model").write_bytes(b"\n\x0f\n\x05"), "of no use"),
    "is another file": (write("spiece.model", b"IQ== 0\nIg== 1\n"), "model file"),
    "is empty": (write("spiece.model", b""), "model file"),
    "is missing": (lambda f: (f / "spiece.model").unlink(), "one .model file.*none"),
    "has no end": (write("spiece.model", model_of("a")), "</s> or"),
    "sentinels are no number": (write("tokenizer_config.json", b'{"extra_ids": "x"}'), "extra_ids"),
    "accents are kept": (
        write("tokenizer_config.json", b'{"do_lower_case": true, "keep_accents": true}'),
        "keep_accents",
    ),
    "the config is a list": (write("tokenizer_config.json", b"[]"), "object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_folder_is_refused(tokenizer, tmp_path, fault):
    tokenizer.save(tmp_path / "saved")
    spoil, message = FAULTS[fault]
    spoil(tmp_path / "saved")
    with pytest.raises(UsageError, match=message) as error:
        tokenizers.load(tmp_path / "saved")
    assert f"`--tokenizer={tmp_path / 'saved'}`" in str(error.value)


def test_several_models_in_a_folder_are_refused(tokenizer, tmp_path):
    for name in ("source.model", "target.model"):
        (tmp_path / name).write_bytes(tokenizer.model)
    with pytest.raises(UsageError, match="source.model, target.model"):
        tokenizers.load(tmp_path)
    (tmp_path / "spiece.model").write_bytes(tokenizer.model)
    assert tokenizers.load(tmp_path).fingerprint == tokenizer.fingerprint


def test_a_model_with_spaces_behind_words_is_refused():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS * 10),
        model_writer=model,
        vocab_size=60,
        hard_vocab_limit=False,
        treat_whitespace_as_suffix=True,
        minloglevel=2,
    )
    with pytest.raises(ValueError, match="space before a word"):
        SentencePieceTokenizer(model.getvalue())


@pytest.mark.slow
def test_hugging_face_reads_what_is_saved(tmp_path, speeches):
    transformers = pytest.importorskip("transformers")
    tokenizer = train(speeches[::4], 4000, algorithm="unigram")
    tokenizer.save(tmp_path / "saved")
    peer = transformers.T5Tokenizer.from_pretrained(str(tmp_path / "saved"))
    assert len(peer) == tokenizer.vocabulary_size
    for number in (0, 1, 99):
        token = f"<extra_id_{number}>"
        assert peer.convert_tokens_to_ids(token) == tokenizer.sentinels[number]
    texts = [speech[:2000] for speech in speeches[1::8]]
    assert tokenizer.encode_batch(texts) == peer(texts, add_special_tokens=False)["input_ids"]
