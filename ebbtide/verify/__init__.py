"""Proofs that an operator can run: that what is served equals what the raw events say."""
