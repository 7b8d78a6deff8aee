"""Every character, to be shown to an engine that tells what it does with each."""

import functools

LENGTH = 1 << 10  # Engines take several times longer over one long text than over blocks of it.


@functools.cache
def blocks() -> list[str]:
    """All code points but the surrogates, in order, as texts of `LENGTH` characters."""
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    return [every[start : start + LENGTH] for start in range(0, len(every), LENGTH)]
