"""Versions of models in MLflow, their aliases, and the way to those who serve."""
