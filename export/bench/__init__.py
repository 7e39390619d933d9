"""This project beside its peers, interleaved, on the same random weights: ``python -m export.bench``.

Nothing is imported here: the peers' worker runs in an environment that has neither PyTorch 2.13 nor
``clutch_rt``.
"""
