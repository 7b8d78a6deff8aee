"""Small tokenizers of every sort that transformers saves, made by Hugging Face's `tokenizers`."""

import json

import tokenizers as hf
from adversarial_text import strings
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

TEXTS = [
    *strings(2000, seed=5),
    *["some words and other words, 12 of 345 they're all  read\n"] * 50,
]
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save(tokenizer, folder, **config):
    """Writes a folder as transformers does."""
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **config}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def byte_pair(split, normalizer=None, size=700):
    tokenizer = hf.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = hf.trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def by_pattern(pattern):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def words():
    return pre_tokenizers.ByteLevel(add_prefix_space=False)


def gpt2(folder):
    tokenizer = byte_pair(words())
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return save(tokenizer, folder, eos_token="<|endoftext|>", bos_token="<|endoftext|>")


def roberta(folder):
    tokenizer = byte_pair(words())
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    ends = [(token, tokenizer.token_to_id(token)) for token in ("</s>", "<s>")]
    tokenizer.post_processor = processors.RobertaProcessing(*ends)
    names = {"cls_token": "<s>", "sep_token": "</s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return save(tokenizer, folder, **names, mask_token="<mask>", unk_token="<unk>")


def neox(folder):
    tokenizer = byte_pair(words(), normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|padding|>"])
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in (6, 5, 4, 3, 2)])
    return save(tokenizer, folder, eos_token="<|endoftext|>", add_prefix_space=False)


def llama3(folder):
    tokenizer = byte_pair(by_pattern(LLAMA3))
    tokenizer.model.ignore_merges = True
    start = "<|begin_of_text|>"
    tokenizer.add_special_tokens([start, "<|end_of_text|>", "<|eot_id|>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A",
        pair=f"{start} $A {start}:1 $B:1",
        special_tokens=[(start, tokenizer.token_to_id(start))],
    )
    return save(tokenizer, folder, bos_token=start, eos_token="<|eot_id|>")


def qwen2(folder):
    tokenizer = byte_pair(by_pattern(QWEN2), normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<think>", normalized=False), "</think>"])
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "bos_token": None}
    return save(tokenizer, folder, **names, chat_template=CHAT, add_bos_token=False)


def smollm(folder):
    split = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), words()])
    tokenizer = byte_pair(split)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return save(tokenizer, folder, eos_token="<|endoftext|>")


def bert(folder, lowercase=True):
    tokenizer = hf.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = hf.trainers.WordPieceTrainer(vocab_size=900, special_tokens=BERT, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    more = {"mask_token": "[MASK]", "unk_token": "[UNK]", "do_lower_case": lowercase}
    return save(tokenizer, folder, **names, **more)


def cased(folder):
    return bert(folder, lowercase=False)


def t5(folder):
    tokenizer = hf.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = hf.trainers.UnigramTrainer(
        vocab_size=500, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([text for text in TEXTS if "<" not in text], trainer)
    tokenizer.add_special_tokens([f"<extra_id_{n}>" for n in (2, 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return save(tokenizer, folder, eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def albert(folder):
    tokenizer = hf.Tokenizer(models.Unigram())
    quotes = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    letters = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence([*quotes, *letters])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = hf.trainers.UnigramTrainer(
        vocab_size=500,
        special_tokens=["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator([text for text in TEXTS if "<" not in text], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {"bos_token": "[CLS]", "eos_token": "[SEP]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    more = {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "[MASK]"}
    return save(tokenizer, folder, **names, **more)


def llama2(folder):
    tokenizer = hf.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    space, front = decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)
    tokenizer.decoder = decoders.Sequence([space, decoders.ByteFallback(), decoders.Fuse(), front])
    special = ["<unk>", "<s>", "</s>"]
    trainer = hf.trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=[*special, *(f"<0x{n:02X}>" for n in range(256))],
        limit_alphabet=60,
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS[-50:], trainer)
    found = json.loads(tokenizer.to_str())
    found["added_tokens"] = [t for t in found["added_tokens"] if t["content"] in special]
    found["pre_tokenizer"] = None
    tokenizer = hf.Tokenizer.from_str(json.dumps(found))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return save(tokenizer, folder, **names, add_bos_token=True, add_eos_token=False)


def gpt1(folder):
    tokenizer = hf.Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = hf.trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<unk>"],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return save(tokenizer, folder, unk_token="<unk>")


EXPORTED = {make.__name__: make for make in (gpt2, roberta, smollm, bert, cased)}
OTHERS = {make.__name__: make for make in (neox, llama3, qwen2, t5, albert, llama2, gpt1)}
EVERY = EXPORTED | OTHERS


def change(folder, name, edit):
    """Edits a file of JSON: in place, or by what the edit gives."""
    content = json.loads((folder / name).read_text())
    changed = edit(content)
    (folder / name).write_text(json.dumps(content if changed is None else changed))
