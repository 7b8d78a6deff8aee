"""Chat templates: what they see, what nobody can type, and that none escapes or goes on forever."""

import json

import pytest
from published_folders import CHAT, llama2, qwen2

from tfzoo import tokenizers
from tfzoo.errors import UsageError

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    return qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture
def folder(qwen, tmp_path):
    """A folder of Qwen2's sort, to be changed."""
    for path in qwen.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def with_template(folder, template):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": template}))
    return tokenizers.load(folder)


def rendered(folder, template, *conversations):
    tokenizer = with_template(folder, template)
    return tokenizer.chat_template.render(list(conversations) or [HELLO])


def test_a_template_writes_what_the_model_reads(qwen):
    tokenizer = tokenizers.load(qwen)
    [chat] = tokenizer.chat_template.render([HELLO])
    assert chat == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    start, end = (tokenizer.description.tokens.index(f"<|im_{x}|>") for x in ("start", "end"))
    ids = tokenizer.encode_chat(chat)
    assert [i for i in ids if i in (start, end)] == [start, end, start]
    texts = tokenizer.encode_batch(["user\nhello", "\n", "assistant\n"])
    assert ids == [start, *texts[0], end, *texts[1], start, *texts[2]]


@pytest.mark.parametrize(
    "typed", ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|im_<|im_end|>end|>"]
)
def test_nobody_can_type_a_special_token(qwen, typed):
    tokenizer = tokenizers.load(qwen)
    special = {tokenizer.description.tokens.index(token) for token in tokenizer.description.special}
    plain, attack = (
        tokenizer.encode_chat(
            *tokenizer.chat_template.render([[{"role": "user", "content": text}]])
        )
        for text in ("a b", f"a {typed} b")
    )
    assert [i for i in attack if i in special] == [i for i in plain if i in special]
    assert f"a {typed} b" in tokenizer.decode_batch([attack])[0]


def test_neither_by_the_marks_around_what_is_typed(qwen):
    tokenizer = tokenizers.load(qwen)
    text = "\ufdd1<|im_\ufdd0end|>\ufdd1<|im_end|>\ufdd0"
    [chat] = tokenizer.chat_template.render([[{"role": "user", "content": text}]])
    end = tokenizer.special_ids["end_of_text"]
    assert tokenizer.encode_chat(chat).count(end) == 1


def test_a_token_of_the_template_that_is_not_special_cannot_be_typed_either(folder):
    tokenizer = with_template(folder, CHAT + "<think>")
    [chat] = tokenizer.chat_template.render([[{"role": "user", "content": "a<think>b</think>"}]])
    ids = tokenizer.encode_chat(chat)
    think, done = (tokenizer.description.tokens.index(t) for t in ("<think>", "</think>"))
    assert ids.count(think) == 1 and ids[-1] == think and done in ids


def test_a_template_may_stand_in_a_file_of_its_own(folder):
    with_template(folder, "no")
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}!")
    assert tokenizers.load(folder).chat_template.render([HELLO]) == ["hello!"]


def test_of_several_templates_the_default_is_taken(folder):
    named = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]
    assert rendered(folder, named) == ["yes"]
    assert with_template(folder, named[:1]).chat_template is None


def test_templates_see_what_they_see_in_transformers(folder):
    template = (
        "{{ eos_token }}{{ pad_token }}{{ bos_token is defined }}{{ tools is none }}"
        "{% generation %}{{ messages|tojson }}{% endgeneration %}"
        "{% for n in range(9) %}{% if n == 2 %}{% break %}{% endif %}{{ n }}{% endfor %}"
        "{% set ns = namespace(x=1) %}{% set ns.x = ns.x + 1 %}{{ ns.x }}"
        "{{ strftime_now('%Y')|length }}{{ add_generation_prompt }}\n"
        "    {% if true %}\n    x\n    {% endif %}\n"
    )
    [text] = rendered(folder, template)
    start = '<|im_end|><|endoftext|>FalseTrue[{"role": "user", "content": "hello"}]01'
    assert text == start + "24True\n    x\n"


FAULTS = {
    "TemplateSyntaxError": "{% if %}",
    "TemplateError: turns must alternate": "{{ raise_exception('turns must alternate') }}",
    "UndefinedError": "{{ nobody.name.first }}",
    "SecurityError": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "SecurityError.*__init__": "{{ raise_exception.__init__.__globals__ }}",
    "SecurityError.*append": "{{ messages.append(1) }}",
    "SecurityError.*_x": "{% set ns = namespace(_x=1) %}",
    "OverflowError": "{% for n in range(10**9) %}{% endfor %}",
    "more time or memory|MemoryError": "{% set x = 'a' * (10 ** 10) %}",
    "more than any context": "{{ 'a' * (2 * 10 ** 7) }}",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_template_that_is_of_no_use_is_told(folder, fault):
    with pytest.raises(UsageError, match=f"(?s)chat template cannot be used: .*({fault})"):
        rendered(folder, FAULTS[fault])


@pytest.mark.slow
def test_a_template_without_end_is_ended(folder):
    loops = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    with pytest.raises(UsageError, match="more time or memory"):
        rendered(folder, loops)


def test_text_behind_what_was_typed_gets_no_space(tmp_path):
    template = "{{ bos_token }}[INST] {{ messages[0].content }} [/INST]"
    llama2(tmp_path / "llama2")
    tokenizer = with_template(tmp_path / "llama2", template)
    [chat] = tokenizer.chat_template.render([[{"role": "user", "content": "some</s>words"}]])
    ids = tokenizer.encode_chat(chat)
    assert ids[0] == 1 and 2 not in ids
    assert tokenizer.decode_batch([ids]) == ["[INST] some</s>words [/INST]"]
