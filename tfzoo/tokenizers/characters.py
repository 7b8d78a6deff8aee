"""Characters as tokens: the code points of the training text, and one id for all others."""

import collections

import numpy as np

from tfzoo.errors import UsageError
from tfzoo.tokenizers import folders
from tfzoo.tokenizers.specials import numbered, special_tokens
from tfzoo.tokenizers.tokenizer import REPLACEMENT, Tokenizer, count_bytes

_FILE = "characters.json"
_NUM_CODE_POINTS = 0x110000


class CharactersTokenizer(Tokenizer):
    """Known characters in order of their code points, then the unknown id, then the special ids.

    Every character that is not known gets the unknown id, which is decoded as U+FFFD.

    Args:
        characters: iterable of one-character str, without surrogates.
        special: dict from role to token, or None for end-of-text alone.
    """

    kind = "characters"

    def __init__(self, characters, special=None):
        self.characters = sorted(set(characters))
        self.unknown = len(self.characters)
        known = [character.encode() for character in self.characters]
        special = special or special_tokens()
        ids = numbered(special, first=self.unknown + 1)
        spelt = [*known, REPLACEMENT] + [b""] * len(set(ids.values()))
        super().__init__(spelt, special, ids | {"unknown": self.unknown})
        self._id_of = np.full(_NUM_CODE_POINTS, self.unknown, np.int32)
        self._id_of[self._code_points()] = np.arange(self.unknown)

    @classmethod
    def train(cls, documents, vocabulary_size, progress=None, *, roles=()):
        """Takes the text's characters; the most frequent ones if there are more than fit.

        Raises:
            UsageError: if the text is empty, or `vocabulary_size` less than 3, or than what the
                roles need.
        """
        special = special_tokens(roles)
        most = vocabulary_size - 1 - len(set(special.values()))
        if most < 1:
            raise UsageError(
                f"`--vocabulary_size` must be at least {vocabulary_size - most + 1} with "
                "--tokenizer=characters: a character, unknown and the special tokens. "
                f"Received: --vocabulary_size={vocabulary_size}"
            )
        counts = collections.Counter()
        for text in count_bytes(documents, progress):
            counts.update(text)
        if not counts:
            raise UsageError("The training text has no characters. Give text to learn them from.")
        by_frequency = sorted(counts, key=lambda character: (-counts[character], character))
        return cls(by_frequency[:most], special)

    def graph(self):
        from tfzoo.tokenizers.graph import CharactersGraph  # TensorFlow only where it is needed

        return CharactersGraph(self.token_bytes, self._code_points(), self.unknown)

    def _encode(self, texts):
        codes = (np.frombuffer(text.encode("utf-32-le"), "<u4") for text in texts)
        return [self._id_of[row].tolist() for row in codes]

    def _code_points(self):
        return [ord(character) for character in self.characters]

    def _files(self):
        return {_FILE: folders.to_json(self.characters)}

    @classmethod
    def _read(cls, folder, special):
        characters = folders.read_json(folder, _FILE)
        if not _are_characters(characters):
            raise folders.broken(
                folder,
                f"has a {_FILE} that is not a list of different characters",
                "The file is damaged: copy the folder again from where it was made.",
            )
        return cls(characters, special)


def _are_characters(found) -> bool:
    return (
        isinstance(found, list)
        and len(found) > 0
        and all(isinstance(c, str) and len(c) == 1 and not "\ud800" <= c <= "\udfff" for c in found)
        and len(set(found)) == len(found)
    )
