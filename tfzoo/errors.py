"""The error that a user can mend: a wrong flag, a file that is empty, a folder of another model."""

import difflib


class UsageError(ValueError):
    """One clear message that names the flag (or argument) and the remedy.

    Programs print it and exit with code 2; in Python it is a `ValueError`.
    """


def suggestion(name: str, known) -> str:
    """What to say behind a name that is not known: the nearest that is, and all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{hint} Known: {', '.join(known)}."
