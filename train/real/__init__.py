"""Real recordings of hands: read, fitted to our parameters, and measured through SHIFT. Never trained on."""
