"""What of a conversation is read: whole turns, the latest, as many as there is room for."""

import pytest

from tfzoo import tokenizers
from tfzoo.generation.chat import history
from tfzoo.pretrained import write_tokenizer

TURNS = ["one", "three", "seven"]
END = 256


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizers.train("bytes", [], 257)


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (16, ["one", "three", "seven"]),
        (15, ["three", "seven"]),
        (12, ["three", "seven"]),
        (11, ["seven"]),
        (6, ["seven"]),
    ],
)
def test_the_oldest_turns_are_left_out_whole(tokenizer, room, kept):
    assert history(tokenizer, TURNS, room) == [i for turn in kept for i in (*turn.encode(), END)]


def test_a_last_turn_without_room_loses_its_beginning(tokenizer):
    assert history(tokenizer, TURNS, 3) == [*b"en", END]


CHAT = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('a user begins') }}{% endif %}{{ m.role[0] }}:{{ m.content }}"
    "{{ eos_token }}{% endfor %}a:"
)


@pytest.fixture(scope="module")
def templated(tokenizer, tmp_path_factory):
    """The same bytes, with a chat template."""
    folder = tmp_path_factory.mktemp("templated")
    write_tokenizer(tokenizer, folder)
    (folder / "chat_template.jinja").write_text(CHAT)
    return tokenizers.load(folder)


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (24, "u:one|a:three|u:seven|a:"),
        (23, "u:seven|a:"),
        (10, "u:seven|a:"),
        (4, "n|a:"),
    ],
)
def test_a_template_has_the_latest_turns_from_a_users_on(templated, room, kept):
    ids = [END if c == ord("|") else c for c in kept.encode()]
    assert history(templated, TURNS, room) == ids


def test_a_template_gets_no_reply_without_its_question(templated):
    assert history(templated, TURNS[1:], 99) == [*b"u:seven", END, *b"a:"]
