"""Frozen nouns and pure rules. Nothing here imports anything else of ours."""
