"""Distributed variables by name, to and from the arrays of a checkpoint."""

from tfzoo.errors import UsageError


def read_arrays(distribution, variables):
    """The values of one replica, all replicas having the same.

    Args:
        distribution: Distribution.
        variables: dict of names to variables.

    Returns:
        dict of names to numpy arrays.
    """
    return {name: distribution.local(v)[0].numpy() for name, v in variables.items()}


def assign_arrays(distribution, variables, arrays):
    """Gives every variable, on each replica of this process, the array of its name.

    Args:
        distribution: Distribution.
        variables: dict of names to variables.
        arrays: dict of names to numpy arrays.

    Raises:
        UsageError: if names or shapes differ; then no variable is changed.
    """
    expected = {name: tuple(v.shape) for name, v in variables.items()}
    found = {name: tuple(array.shape) for name, array in arrays.items()}
    different = sorted(expected.items() ^ found.items())
    if different:
        name = different[0][0]
        raise UsageError(
            f"The checkpoint does not fit the model and optimizer: {name} has shape "
            f"{found.get(name)} there, {expected.get(name)} here. Keep --preset, "
            "--model_overrides, --ema_decay and --precision as they were, or choose a new "
            "--model_dir."
        )
    for name, variable in variables.items():
        for part in distribution.local(variable):
            part.assign(arrays[name])
