"""Where a model begins and ends what it writes goes along with it, both ways."""

import json

import pytest

import tfzoo
from tests.model_contract import SMALL, stirred
from tests.pretrained.test_tokenizer_writing import trained
from tfzoo import convert, models, pretrained, tokenizers
from tfzoo.errors import UsageError
from tfzoo.layers.heads import ClassificationHead
from tfzoo.tasks import sequences

ENDS = [7, 9]


def made(preset, tokenizer, **switches):
    sizes = {**SMALL, "vocabulary_size": tokenizer.vocabulary_size, **switches}
    return stirred(models.from_preset(preset, **sizes))


def change(folder, name, **values):
    path = folder / name
    found = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(found | values))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A folder whose model ends at several ids, as generation_config.json has it."""
    folder = tmp_path_factory.mktemp("gpt2")
    tokenizer = trained("byte_pair")
    pretrained.save(folder, made("gpt2_tiny", tokenizer), tokenizer)
    change(folder, "generation_config.json", eos_token_id=ENDS, temperature=0.5)
    return folder


def ends(trained):
    end = trained._decoder.writer.end_of_text
    return [int(end), *end.others]


def test_a_model_ends_at_each_id_of_generation_config(gpt2):
    assert ends(tfzoo.load(gpt2)) == ENDS


def test_the_end_of_text_stands_for_the_others_where_it_is_one(gpt2, tmp_path):
    for path in gpt2.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    end = tokenizers.load(gpt2).end_of_text
    change(tmp_path, "generation_config.json", eos_token_id=[7, end])
    assert ends(tfzoo.load(tmp_path)) == [end, 7]
    (tmp_path / "generation_config.json").unlink()
    assert ends(tfzoo.load(tmp_path)) == [end]
    change(tmp_path, "config.json", eos_token_id=[9, 7])
    assert ends(tfzoo.load(tmp_path)) == [9, 7]


def test_it_goes_along_into_a_run_and_back(gpt2, tmp_path):
    run, back = tmp_path / "run", tmp_path / "back"
    assert convert.main([f"--from={gpt2}", f"--model_dir={run}"]) == 0
    assert ends(tfzoo.load(run)) == ENDS
    assert convert.main([f"--model_dir={run}", f"--to={back}"]) == 0
    found, told = (
        json.loads((folder / "generation_config.json").read_text()) for folder in (back, gpt2)
    )
    assert found == told
    assert ends(tfzoo.load(back)) == ENDS
    assert {path.name for path in back.iterdir()} == {path.name for path in gpt2.iterdir()}


def test_what_is_asked_of_generate_is_told(gpt2, caplog):
    pretrained.load(gpt2)
    assert "generate would go by temperature=0.5. Here" in caplog.text


@pytest.mark.parametrize("ids", [["x"], -1, [True]])
def test_what_is_no_id_is_refused(gpt2, tmp_path, ids):
    for path in gpt2.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    change(tmp_path, "generation_config.json", eos_token_id=ids)
    with pytest.raises(UsageError, match="eos_token_id=.*, no id"):
        pretrained.load(tmp_path)


def test_a_model_of_our_own_tells_its_ids(tmp_path):
    tokenizer = trained("sentence_piece")
    pretrained.save(tmp_path, made("t5_tiny", tokenizer), tokenizer)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["eos_token_id"] == sequences.end_id(tokenizer)
    assert config["decoder_start_token_id"] == sequences.start_id(tokenizer)
    assert config["pad_token_id"] == tokenizer.special("padding")


def test_a_decoder_starts_as_its_model_says(tmp_path):
    tokenizer = trained("sentence_piece")
    pretrained.save(tmp_path, made("t5_tiny", tokenizer), tokenizer)
    change(tmp_path, "config.json", decoder_start_token_id=5)
    assert tfzoo.load(tmp_path)._decoder.writer.start == 5
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer_config.json").unlink()
    tokenizer.save(tmp_path / "alone")
    (tmp_path / "spiece.model").write_bytes((tmp_path / "alone" / "spiece.model").read_bytes())
    with pytest.raises(UsageError, match="decoder_start_token_id=5"):
        pretrained.load(tmp_path)


def test_a_roberta_whose_padding_has_another_place_is_refused(tmp_path):
    tokenizer = trained("byte_pair_with_roles")
    with pytest.raises(UsageError, match="--model_overrides=first_position="):
        pretrained.save(tmp_path, made("roberta_base", tokenizer), tokenizer)
    first = tokenizer.special("padding") + 1
    pretrained.save(tmp_path, made("roberta_base", tokenizer, first_position=first), tokenizer)


@pytest.mark.slow
@pytest.mark.parametrize("written_by", ["transformers", "tfzoo"])
def test_a_decoder_s_labels_are_as_likely_as_in_transformers(tmp_path, written_by):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = trained("byte_pair")
    model = made("gpt2_tiny", tokenizer)
    model.add_head("classification", ClassificationHead(3))
    pretrained.save(tmp_path, stirred(model), tokenizer)
    if written_by == "transformers":  # Whose tokenizer of GPT-2 sets nothing behind a text.
        change(tmp_path, "tokenizer.json", post_processor=None)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    encode = transformers.AutoTokenizer.from_pretrained(tmp_path)
    texts = ["some words", "It's 12 of 345!", "the end"]
    found = tfzoo.load(tmp_path).classify(texts)
    for text, labels in zip(texts, found, strict=True):
        with torch.no_grad():
            logits = theirs(**encode(text, return_tensors="pt")).logits
        expected = torch.softmax(logits, -1)[0].tolist()
        assert list(labels.values()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_transformers_writes_from_and_to_the_same_ids(tmp_path):
    transformers = pytest.importorskip("transformers")
    tokenizer = trained("sentence_piece")
    pretrained.save(tmp_path, made("t5_tiny", tokenizer), tokenizer)
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    assert theirs.generation_config.eos_token_id == sequences.end_id(tokenizer)
    assert theirs.generation_config.decoder_start_token_id == sequences.start_id(tokenizer)
