"""Checkpoint to bundle: ``python -m export.onnx RUN -o BUNDLE``."""
