"""A tokenizer's folder as transformers saves it: what its files say, and what they make of text."""
