"""A TensorBoard profile of a few steps."""

from pathlib import Path

import tensorflow as tf


class Profile:
    """Records the steps from the first to the last of `--profile_steps`.

    Args:
        steps: (int, int), or empty: nothing is recorded.
        folder: path, TensorBoard's.
    """

    def __init__(self, steps, folder):
        self._begin, self._end = (steps[0] - 1, steps[1]) if steps else (-1, -1)
        self._folder = str(Path(folder))
        self._running = False

    @property
    def looks(self):
        """The numbers of steps trained after which `look` must be called."""
        return (self._begin, self._end)

    def look(self, step):
        """Begins or ends the recording, if this is the time to."""
        if step == self._begin:
            tf.profiler.experimental.start(self._folder)
            self._running = True
        if step == self._end:
            self.close()

    def close(self):
        """Ends the recording, if there is one."""
        if self._running:
            tf.profiler.experimental.stop()
            self._running = False
