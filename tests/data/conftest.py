"""Two tokenizers, and files to read."""

import pytest

from tests.data.texts import words
from tfzoo import tokenizers


@pytest.fixture(scope="session")
def byte_pair():
    return tokenizers.train("byte_pair", [words(5000)], 300)


@pytest.fixture(scope="session")
def byte_level():
    return tokenizers.train("bytes", (), 257)


@pytest.fixture
def files(tmp_path):
    """Function that writes files, given as {name: content}, and returns their folder."""

    def write(contents: dict):
        for name, content in contents.items():
            path = tmp_path / "text" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / "text"

    return write
