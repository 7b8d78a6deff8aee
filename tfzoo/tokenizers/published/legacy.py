"""The pipeline that a class of transformers makes of vocab.json and merges.txt, or of vocab.txt."""

from pathlib import Path

from tfzoo.tokenizers import folders, merges, pipelines

# By the class's name, without "Fast"; by the model's type where no class is named.
_OF_MERGES = {
    "GPT2Tokenizer": "gpt2",
    "RobertaTokenizer": "gpt2",
    "Qwen2Tokenizer": "qwen2",
    "OpenAIGPTTokenizer": "gpt1",
}
_OF_WORDS = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
_CLASSES = {
    "gpt2": "GPT2Tokenizer",
    "roberta": "RobertaTokenizer",
    "qwen2": "Qwen2Tokenizer",
    "qwen3": "Qwen2Tokenizer",
    "openai-gpt": "OpenAIGPTTokenizer",
    "bert": "BertTokenizer",
    "distilbert": "BertTokenizer",
    "t5": "T5Tokenizer",
    "albert": "AlbertTokenizer",
}
_REMEDY = (
    'Where transformers is installed, AutoTokenizer.from_pretrained("FOLDER").save_pretrained('
    '"FOLDER") writes a tokenizer.json, which is read.'
)


def pipeline_of_files(folder, config: dict) -> dict:
    """The content of the `tokenizer.json` that a folder without one would have.

    Args:
        folder: path.
        config: dict, the content of `tokenizer_config.json`.

    Raises:
        UsageError: if it is not known what is made of the files, or one is missing or broken.
    """
    folder = Path(folder)
    usual = "GPT2Tokenizer" if (folder / merges.VOCABULARY_FILE).exists() else "BertTokenizer"
    name = class_name(folder, config) or usual
    if name in _OF_MERGES and (folder / merges.VOCABULARY_FILE).exists():
        return _of_merges(folder, name, config)
    if name in _OF_WORDS and (folder / "vocab.txt").exists():
        return _of_words(folder, config)
    known = ", ".join((*_OF_MERGES, *_OF_WORDS))
    raise folders.broken(
        folder,
        f"has no tokenizer.json, and other files of a {name}; what is made of such files is known "
        f"of {known}",
        _REMEDY,
    )


def class_name(folder, config: dict) -> str | None:
    """The class of transformers that reads the folder, as its files say; None: they do not."""
    name = config.get("tokenizer_class")
    path = Path(folder) / "config.json"
    if name is None and path.exists():
        model = folders.read_json(folder, path.name)
        kind = model.get("model_type") if isinstance(model, dict) else None
        name = _CLASSES.get(kind, kind)
    return None if name is None else str(name).removesuffix("Fast")


def _of_merges(folder, name, config):
    vocabulary = folders.read_json(folder, merges.VOCABULARY_FILE)
    lines = folders.read_text(folder, merges.MERGES_FILE).splitlines()
    start = 1 if lines and lines[0].startswith("#version") else 0
    pairs = [line.split(" ") for line in lines[start:] if line]
    if not isinstance(vocabulary, dict) or not all(len(pair) == 2 for pair in pairs):
        raise ValueError("has a vocab.json or merges.txt that is broken")
    if name == "OpenAIGPTTokenizer":
        return pipelines.gpt1(vocabulary, pairs)
    make = getattr(pipelines, _OF_MERGES[name])
    made = make(vocabulary, pairs, add_prefix_space=bool(config.get("add_prefix_space")))
    if name == "RobertaTokenizer":
        made["post_processor"] = {
            "type": "RobertaProcessing",
            "sep": ["</s>", vocabulary.get("</s>")],
            "cls": ["<s>", vocabulary.get("<s>")],
            "trim_offsets": True,
            "add_prefix_space": False,
        }
    return made | {"added_tokens": _usual_special(name, vocabulary)}


def _of_words(folder, config):
    lines = folders.read_text(folder, "vocab.txt").removesuffix("\n").split("\n")
    vocabulary = {token.removesuffix("\r"): n for n, token in enumerate(lines)}
    made = pipelines.word_piece(
        vocabulary,
        _named(config, "unk_token", "[UNK]"),
        lowercase=config.get("do_lower_case", True),
        strip_accents=config.get("strip_accents"),
        split_chinese=config.get("tokenize_chinese_chars", True),
    )
    made["post_processor"] = {"type": "BertProcessing"}
    for name, usual in (("sep", "[SEP]"), ("cls", "[CLS]")):
        token = _named(config, f"{name}_token", usual)
        made["post_processor"][name] = [token, vocabulary.get(token)]
    return made | {"added_tokens": _usual_special("BertTokenizer", vocabulary)}


def _named(config, name, usual):
    token = config.get(name) or usual
    return token["content"] if isinstance(token, dict) else token


def _usual_special(name, vocabulary):
    """The special tokens that a class has without being told."""
    usual = {
        "RobertaTokenizer": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
        "BertTokenizer": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        "OpenAIGPTTokenizer": ("<unk>",),
    }.get(name, ("<|endoftext|>",))
    return [
        pipelines.special_token(token, vocabulary[token]) for token in usual if token in vocabulary
    ]
