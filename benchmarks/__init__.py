"""Each figure as a ratio against its limit or a peer, measured in one run: `python -m benchmarks.NAME --json`."""
