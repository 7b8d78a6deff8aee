"""Not a peer but a limit: how fast this machine's memory is read, by all cores."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.settings import Setting
from benchmarks.turns import take_turns

BYTES, NUM_PARTS = 2**30, 2


def main():
    Setting.from_json(sys.argv[1])
    parts = [np.ones(BYTES // NUM_PARTS // 8) for _ in range(NUM_PARTS)]
    pool = ThreadPoolExecutor(NUM_PARTS)  # numpy lets other threads run while it sums.

    def run_block():
        list(pool.map(np.sum, parts))
        return BYTES

    take_turns(run_block)


if __name__ == "__main__":
    main()
