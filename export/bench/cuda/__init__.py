"""A motion step on an NVIDIA GPU, every way to run it beside the others: ``python -m export.bench.cuda``."""
