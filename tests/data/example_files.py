"""Examples in files, for tests."""

import json

from tfzoo.data import open_examples

CORNELL = {
    "movie_lines.txt": (
        b"L1 +++$+++ u0 +++$+++ m0 +++$+++ ANN +++$+++ Hi.\n"
        b"L2 +++$+++ u1 +++$+++ m0 +++$+++ BOB +++$+++ Hello?\r\n"
        b"L3 +++$+++ u0 +++$+++ m0 +++$+++ ANN +++$+++ Caf\xe9 +++$+++ closed.\n"
        b"L4 +++$+++ u0 +++$+++ m0 +++$+++ ANN +++$+++ \n"
    ),
    "movie_conversations.txt": (
        b"u0 +++$+++ u1 +++$+++ m0 +++$+++ ['L1', 'L2', 'L3']\n"
        b"u1 +++$+++ u0 +++$+++ m0 +++$+++ ['L3', 'L2']\n"
    ),
}


def json_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def opened(kind, folder, *names, **options):
    return open_examples(kind, files=[str(folder / name) for name in names], **options)


def examples(*arguments, **options):
    return list(opened(*arguments, **options).examples())
