"""The peers: each module is a process that waits for its turns (`benchmarks.turns`)."""
