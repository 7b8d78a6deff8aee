"""How long the devices run between two looks by the host, and the signals that it looks for."""

import signal
import threading

_SECONDS_BETWEEN_LOOKS = 0.25


class Stopped(SystemExit):
    """Training stopped on a signal, a checkpoint being saved. The exit code is 128 + its number."""

    def __init__(self, number):
        super().__init__(128 + number)
        self.signal = signal.Signals(number)


class StopSignals:
    """Keeps the first SIGTERM or SIGINT for the loop to see; a second one acts at once.

    Attributes:
        received: int, number of the signal that this process got, or 0.
        agreed: int, number of a signal that all workers know of, or 0. `Pace.report` sets it.
    """

    def __init__(self):
        self.received = 0
        self.agreed = 0
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._keep)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _keep(self, number, _):
        self.received = number
        signal.signal(number, self._before[number])


class Pace:
    """Chooses how many steps to run till the next look: about a quarter of a second's worth.

    All workers must run the same steps, so they choose by the sum of their times.

    Args:
        distribution: Distribution.
        signals: StopSignals.
    """

    def __init__(self, distribution, signals):
        self._distribution = distribution
        self._signals = signals
        self._steps = 1
        self._warm = False

    def steps(self, limit):
        """The number of steps to run now, `limit` at the most."""
        return min(self._steps, limit)

    def report(self, steps, seconds):
        """Tells how long those steps took; every worker must report at the same point."""
        received = self._signals.received
        total, stops = self._distribution.sum_over_workers([seconds, float(received > 0)])
        if stops:
            self._signals.agreed = received or signal.SIGTERM
        if self._warm:  # The first steps are slow: they compile.
            seconds_a_step = total / self._distribution.num_workers / steps
            fitting = int(_SECONDS_BETWEEN_LOOKS / max(seconds_a_step, 1e-6))
            self._steps = max(1, min(fitting, 4 * self._steps))
        self._warm = True
