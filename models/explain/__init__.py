"""Why a probability is what it is, in words, and what would change it."""
