"""The error that a user can mend: a wrong flag, a file that is empty, a folder of another model."""


class UsageError(ValueError):
    """One clear message that names the flag (or argument) and the remedy.

    Programs print it and exit with code 2; in Python it is a `ValueError`.
    """
