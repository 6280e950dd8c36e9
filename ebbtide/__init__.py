"""Ebbtide: notices customers drifting away while there is still time, and answers what to do next."""

__version__ = "0.1.0"
