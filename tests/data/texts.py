"""Random text: plain words, accents, other scripts, emoji, white space."""

import random

WORDS = (
    "the of and to in a nation people's peace Congress 1789 naïve 中文 war, I've\n\n\tnot. -- 👍🏽"
)


def words(count: int, seed: int = 0) -> str:
    """Text of `count` words."""
    return " ".join(random.Random(seed).choices(WORDS.split(" "), k=count))
