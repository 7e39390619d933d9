"""How the networks learn: corpus, stages, evaluation. Run from a checkout: ``python -m train.all``."""
