"""How long does a request to an export take, and the first one?

    python -m benchmarks.serving --output=benchmarks/results/serving.md

The session is that of TensorFlow's C++ loader, as in TensorFlow Serving, in a process without
Python's TensorFlow; the server's own network and queue are not in the time. The weights are random,
which changes no operation. Texts are longer than the context and are cut to it, so that each row
reads as many tokens as the title says.
"""

import argparse
import itertools
import pickle
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from benchmarks import report
from benchmarks.settings import NANO, TINY, Setting
from benchmarks.turns import ROOT
from tfzoo import serving, tokenizers
from tfzoo.generation import Decoder, Writer, as_sampling, checked_options
from tfzoo.layers.heads import ClassificationHead
from tfzoo.models import BERT, GPT2

SETTING = Setting(**NANO, batch_size=1, num_steps=1)
READER = Setting(
    num_layers=4,
    num_heads=8,
    hidden_dim=512,
    vocabulary_size=8192,
    sequence_length=128,
    batch_size=1,
    num_steps=1,
)
SMALLEST = {**TINY, "vocabulary_size": 320, "batch_size": 1, "num_steps": 1}
QUICK = Setting(**SMALLEST, prompt_length=4, num_new_tokens=8)
QUICK_READER = Setting(**SMALLEST, sequence_length=16)
UNTIMED = 2


def main():
    flags = _flags()
    keras.utils.set_random_seed(0)
    writer, reader = (QUICK, QUICK_READER) if flags.quick else (SETTING, READER)
    parts = ["## Requests to an export", "", report.machine(), ""]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        generate = _export_writer(writer, folder / "writer", max(flags.batch_sizes))
        title = (
            f"`generate`, greedy: {writer.shape}, {writer.prompt_length} tokens read, "
            f"{writer.num_new_tokens} new"
        )
        parts += _section(title, folder / "writer" / "1", generate, writer.num_new_tokens, flags)
        classify = _export_reader(reader, folder / "reader")
        title = f"`classify`: {reader.shape}, {reader.sequence_length} tokens read"
        parts += _section(title, folder / "reader" / "1", classify, reader.sequence_length, flags)
    report.publish("\n".join(parts), flags.output)


def _export_writer(setting, folder, most_rows):
    """Exports a GPT-2; gives a function from a number of rows to a request."""
    tokenizer = tokenizers.train("byte_pair", [_text(20_000)], setting.vocabulary_size)
    model = _model(GPT2, "gpt2_nano", setting, setting.prompt_length + setting.num_new_tokens)
    prompts = [_text(setting.prompt_length, seed) for seed in range(1, most_rows + 1)]
    _check_that_no_row_ends_early(model, tokenizer, prompts, setting)
    serving.export(model, tokenizer, folder)
    options = {
        "max_new_tokens": np.int32([setting.num_new_tokens]),
        "temperature": np.float32([0.0]),
    }
    return lambda size: ("generate", {"prompts": _strings(prompts[:size]), **options})


def _check_that_no_row_ends_early(model, tokenizer, prompts, setting):
    read = [ids[-setting.prompt_length :] for ids in tokenizer.encode_batch(prompts)]
    how = {"max_new_tokens": setting.num_new_tokens, "temperature": 0.0}
    greedy = as_sampling(checked_options(how, len(read)), [True] * len(read))
    rows = Decoder(Writer(model, tokenizer.end_of_text)).generate(read, greedy)
    if {len(row) for row in read} != {setting.prompt_length}:
        raise AssertionError("A prompt is too short.")
    if {len(row) for row in rows} != {setting.num_new_tokens}:
        raise AssertionError("A row ended early: its tokens cannot be counted as all.")


def _export_reader(setting, folder):
    """Exports a BERT that classifies; gives a function from a number of rows to a request."""
    tokenizer = tokenizers.train("word_piece", [_text(20_000)], setting.vocabulary_size)
    model = _model(BERT, "bert_small", setting, setting.sequence_length)
    model.add_head("classification", ClassificationHead(2))
    serving.export(model, tokenizer, folder, labels=("good", "bad"))

    def request(size):
        texts = [_text(setting.sequence_length, seed) for seed in range(1, size + 1)]
        return "classify", {"texts": _strings(texts)}

    return request


def _model(family, preset, setting, max_sequence_length):
    return family.from_preset(
        preset,
        num_layers=setting.num_layers,
        num_heads=setting.num_heads,
        hidden_dim=setting.hidden_dim,
        vocabulary_size=setting.vocabulary_size,
        max_sequence_length=max_sequence_length,
    )


def _text(num_words, seed=0):
    """Words of six letters out of 6,000, which a vocabulary can have whole."""
    words = np.random.default_rng(0).integers(97, 123, (6000, 6), dtype=np.uint8)
    drawn = np.random.default_rng([seed, 1]).integers(0, len(words), num_words)
    return " ".join(words[i].tobytes().decode() for i in drawn)


def _strings(texts):
    return np.array([text.encode() for text in texts], object)


def _section(title, export, request, num_tokens, flags):
    """Latencies by batch size, then those of the first request, as markdown lines.

    In new processes, in turn: the first request at once, and behind those of the warmup; then in
    the latter the requests of each size.
    """
    warmup, one = _warmup_requests(export), [request(1)]
    sizes = [[request(size)] * (UNTIMED + flags.num_requests) for size in flags.batch_sizes]
    without, behind = [], []
    for _ in range(flags.rounds):
        without.append(_seconds(export, [one]))
        behind.append(_seconds(export, [warmup, one, *sizes]))
    _, first = zip(*without, strict=True)
    loading, warming, later, *by_size = zip(*behind, strict=True)
    rows = []
    for size, blocks in zip(flags.batch_sizes, by_size, strict=True):
        p50, p95 = np.percentile([block[UNTIMED:] for block in blocks], [50, 95])
        rate = size * num_tokens / p50
        rows.append(f"| {size} | {1e3 * p50:,.1f} ms | {1e3 * p95:,.1f} ms | {rate:,.0f} |")
    return [
        f"### {title}",
        "",
        "| batch | p50 | p95 | tokens/s |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
        f"The first request, batch 1: {1e3 * _median(first):,.1f} ms without warmup, "
        f"{1e3 * _median(later):,.1f} ms behind the {len(warmup)} requests of the warmup, which "
        f"take {_median(warming):.2f} s; to load takes {_median(loading):.2f} s. {flags.rounds} "
        f"processes each; of every size {flags.num_requests} requests in each of them, behind "
        f"{UNTIMED} not counted.",
        "",
    ]


def _median(blocks):
    return statistics.median(map(sum, blocks))


def _warmup_requests(export):
    """What the server runs before it takes requests."""
    found = []
    path = export / "assets.extra" / "tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        found.append((request.model_spec.signature_name, inputs))
    return found


def _seconds(export, blocks):
    """Seconds in a process of its own: [of loading], then of the requests of each block."""
    command = [sys.executable, "-m", "benchmarks.peers.served"]
    given = pickle.dumps((str(export), sum(blocks, [])))
    done = subprocess.run(command, input=given, capture_output=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    seconds = iter(pickle.loads(done.stdout))
    return [[*itertools.islice(seconds, size)] for size in (1, *map(len, blocks))]


def _flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch_sizes", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--num_requests", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each kind")
    parser.add_argument("--output", help="file to write the tables to")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to see that it runs")
    flags = parser.parse_args()
    if flags.quick:
        flags.batch_sizes, flags.num_requests, flags.rounds = [1, 2], 3, 1
    return flags


if __name__ == "__main__":
    main()
