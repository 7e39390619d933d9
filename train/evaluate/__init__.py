"""Judging a trained run: reconstruction, retrieval, classifiers and signal meters, as one table."""
