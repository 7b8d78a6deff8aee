"""Decoding by tfzoo: the decoder that `tfzoo.load(...).generate` keeps."""

import sys

from benchmarks.peers.batches import prompts
from benchmarks.settings import Setting
from benchmarks.turns import take_turns
from tfzoo.generation import Decoder, Writer, as_sampling, checked_options
from tfzoo.models import GPT2


def main():
    setting = Setting.from_json(sys.argv[1])
    model = GPT2.from_preset(
        "gpt2_small",
        dtype=setting.keras_dtype,
        num_layers=setting.num_layers,
        num_heads=setting.num_heads,
        hidden_dim=setting.hidden_dim,
        vocabulary_size=setting.vocabulary_size,
        max_sequence_length=setting.sequence_length,
    )
    decoder = Decoder(Writer(model, end_of_text=setting.vocabulary_size - 1))
    token_ids = prompts(setting).tolist()
    size = setting.batch_size
    how = {"max_new_tokens": setting.num_new_tokens, "temperature": 0.0}
    if setting.top_p:
        how |= {"temperature": 1.0, "top_p": setting.top_p, "seed": 1}
    sampling = as_sampling(checked_options(how, size), [True] * size)

    def run_block():
        for _ in range(setting.num_steps):
            rows = decoder.generate(token_ids, sampling)
        lengths = [len(row) for row in rows]
        longest = setting.num_new_tokens  # Only a draw may end a row before.
        assert max(lengths) == longest and (setting.top_p or min(lengths) == longest)
        return setting.num_steps * sum(lengths)

    take_turns(run_block)


if __name__ == "__main__":
    main()
