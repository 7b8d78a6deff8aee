"""Times peers in turn - A B C A B C ... - so that whatever the machine does falls on all alike.

Each peer is a process of its own. It makes itself ready, says READY, then waits; at each GO it runs
one block and answers with what it measured. Only one of them works at a time.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
READY, GO = "READY", "GO"


def take_turns(run_block):
    """In a peer's process: runs one block at each GO until the input ends.

    Args:
        run_block: function without arguments that gives the units of work it did, say tokens.
    """
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # Whatever libraries print must not be taken for an answer.
        start = time.perf_counter()
        run_block()
        print(READY, f"{time.perf_counter() - start:.1f}", file=answers, flush=True)
        for line in sys.stdin:
            if line.strip() != GO:
                raise ValueError(f"A turn begins with {GO}. Received: {line!r}")
            print(json.dumps(_rate(run_block)), file=answers, flush=True)


def _rate(run_block):
    start = time.perf_counter()
    work = run_block()
    return work / (time.perf_counter() - start)


class Peer:
    """One process: `python -m benchmarks.peers.MODULE SETTING`."""

    def __init__(self, name, module, setting):
        self.name = name
        self.setting = setting
        self.rates = []
        self.failure = None
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.peers.{module}", setting.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"},
        )
        answer = self._answer()
        if answer is not None:
            _log(f"{name}: ready, first block {answer.split()[1]} s")

    @property
    def process_id(self):
        return self._process.pid

    def run_block(self, keep=True):
        """One turn; its rate is kept unless it is a warm-up."""
        if self.failure is not None:
            return
        with contextlib.suppress(BrokenPipeError):  # It has ended: the answer tells.
            print(GO, file=self._process.stdin, flush=True)
        answer = self._answer()
        if keep and answer is not None:
            self.rates.append(float(json.loads(answer)))

    def close(self):
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _answer(self):
        line = self._process.stdout.readline()
        if line:
            return line
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines() or [f"exit code {code}"]
        self.failure = f"ended by {signal.Signals(-code).name}" if code < 0 else lines[-1]
        _log(f"{self.name}: FAILED: {self.failure}")
        return None


def time_in_turn(peers, num_rounds):
    """Starts the peers one after the other, then times them in turn.

    Args:
        peers: dict of name -> (module of `benchmarks.peers`, Setting).
        num_rounds: int, timed blocks of each peer.

    Returns:
        dict of name -> list of rates, one a round; empty for a peer that failed.
    """
    running = []
    try:
        for name, (module, setting) in peers.items():
            running.append(Peer(name, module, setting))
        for number in range(num_rounds + 1):
            for peer in running:
                peer.run_block(keep=number > 0)
            _log(f"round {number} of {num_rounds}" + (" (warm-up)" if number == 0 else ""))
    finally:
        for peer in running:
            peer.close()
    return {peer.name: peer.rates for peer in running}


def _log(text):
    print(text, file=sys.stderr, flush=True)
