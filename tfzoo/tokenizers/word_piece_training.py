"""How the pieces of WordPiece are learnt: byte pair encoding's way, from counted words.

The trainer of `tokenizers` numbers the pieces inside words in the order of a hash table, which
differs from run to run and decides between pairs that are equally frequent. So the words are
counted here first, and the trainer is told all pieces of one character, in order.
"""

import collections
import json

import tokenizers as hf
from absl import logging

from tfzoo.errors import UsageError
from tfzoo.tokenizers.pieces import pieces

_MOST_AT_ONCE = 10_000  # words in one string


def count_words(texts, normalizer, border, longest: int) -> collections.Counter:
    """The words of the texts as BERT cuts them, and how often each comes.

    Args:
        texts: iterable of str.
        normalizer: of `tokenizers`. What becomes of a text first.
        border: compiled regular expression. Where a long text may be cut.
        longest: int. Words of more characters are left out.
    """
    words = collections.Counter()
    split = hf.pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    for text in texts:
        for piece in pieces(text, border):
            found = (word for word, _ in split(normalizer.normalize_str(piece)))
            words.update(word for word in found if len(word) <= longest)
    return words


def learn(words, num_pieces: int, continued: str) -> list[str]:
    """The pieces that spell the words: characters, then what the most frequent pairs make.

    Characters take no more than half of the places, the most frequent ones first; a word with
    others teaches nothing.

    Args:
        words: `collections.Counter`.
        num_pieces: int >= 4. How many are wanted.
        continued: str. What is written before a piece inside a word.

    Raises:
        UsageError: if there are no words.
    """
    if not words:
        raise UsageError("The training text has no words. Give text to learn them from.")
    alphabet, inside = _characters(words, num_pieces // 2, continued)
    known = set(alphabet)
    words = {word: count for word, count in words.items() if known.issuperset(word)}
    engine = hf.Tokenizer(hf.models.WordPiece())
    engine.pre_tokenizer = hf.pre_tokenizers.WhitespaceSplit()
    trainer = hf.trainers.WordPieceTrainer(
        vocab_size=num_pieces,
        min_frequency=2,
        initial_alphabet=alphabet,
        special_tokens=inside,
        continuing_subword_prefix=continued,
        show_progress=False,
    )
    engine.train_from_iterator(_repeated(words), trainer)
    vocabulary = json.loads(engine.to_str())["model"]["vocab"]
    if len(vocabulary) < num_pieces:
        logging.warning(
            "The text yields %d pieces of words only, not the %d that --vocabulary_size has room "
            "for: no other pair comes twice.",
            len(vocabulary),
            num_pieces,
        )
    first = alphabet + inside
    return first + sorted(set(vocabulary) - set(first), key=vocabulary.get)


def _characters(words, room: int, continued: str):
    """The characters that get a piece of their own, and their pieces inside words, both sorted."""
    counts, inside = collections.Counter(), set()
    for word, count in words.items():
        for character in word:
            counts[character] += count
        inside.update(word[1:])
    alphabet, taken = [], 0
    for character in sorted(counts, key=lambda c: (-counts[c], c)):
        taken += 2 if character in inside else 1
        if taken > room:
            break
        alphabet.append(character)
    alphabet.sort()
    return alphabet, [continued + character for character in alphabet if character in inside]


def _repeated(words):
    for word, count in sorted(words.items()):
        for done in range(0, count, _MOST_AT_ONCE):
            yield f"{word} " * min(_MOST_AT_ONCE, count - done)
