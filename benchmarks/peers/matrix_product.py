"""Not a peer but the measure of all: what this machine reaches in one large matrix product."""

import sys

import tensorflow as tf

from benchmarks.settings import Setting
from benchmarks.turns import take_turns

SIZE = 2048
NUM_PRODUCTS = 8


def main():
    setting = Setting.from_json(sys.argv[1])
    a, b = (tf.cast(tf.random.normal([SIZE, SIZE]), setting.precision) for _ in range(2))

    def run_block():
        for _ in range(NUM_PRODUCTS):
            product = tf.matmul(a, b)
        product.numpy()
        return NUM_PRODUCTS * 2 * SIZE**3

    take_turns(run_block)


if __name__ == "__main__":
    main()
