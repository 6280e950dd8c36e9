"""Figures as ratios against a limit or a peer, each from one run: `python -m benchmarks.NAME --json`."""
