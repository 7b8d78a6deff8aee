"""Benchmarks: one script a question, the peers side by side in one run."""
