"""Stored events and decisions, at which streaming and serving meet."""
