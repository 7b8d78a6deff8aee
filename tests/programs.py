"""Programs in processes of their own, forked from one that has imported TensorFlow.

To import it takes longer than what most of them then do. Where the start itself is tested, and for
the README's first program, tests start Python anew.
"""

import contextlib
import functools
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Program:
    """`python -m module`, `python file.py` or `python -c code`, much as `subprocess.Popen` has it.

    What it writes goes to files, so that it never waits for a reader.
    """

    def __init__(self, program, arguments=(), cwd=ROOT, environment=None):
        self._folder = tempfile.TemporaryDirectory()
        self._files = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
        given = (program, [str(x) for x in arguments], cwd, environment or dict(os.environ))
        # A daemon: one that a failed test leaves behind is ended with the tests.
        self._process = _forks().Process(target=_run, args=(*given, self._files), daemon=True)
        self._process.start()

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self.returncode

    def wait(self, timeout=300):
        self._process.join(timeout)
        if self.returncode is None:
            raise TimeoutError(f"a program still runs after {timeout} seconds")
        return self.returncode

    def written(self):
        """What it has written so far, to standard output and to standard error."""
        return tuple(path.read_text() if path.exists() else "" for path in self._files)

    def communicate(self, timeout=300):
        self.wait(timeout)
        return self.written()

    def send_signal(self, number):
        """Nothing, if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


@functools.cache
def _forks():
    """Where they are forked: in a process of one thread, since others would be lost in a fork."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tfzoo.train"])
    before = dict(os.environ)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def _run(program, arguments, cwd, environment, files):
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for descriptor, path in enumerate(files, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = [program, *arguments]
    if "\n" in program:
        exec(program, {"__name__": "__main__"})
    elif program.endswith(".py"):
        sys.path.insert(0, str(Path(program).parent))
        runpy.run_path(program, run_name="__main__")
    else:
        sys.modules.pop(program, None)  # It is run anew, as the main one.
        runpy.run_module(program, run_name="__main__", alter_sys=True)
