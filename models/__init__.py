"""The networks, in PyTorch: what they are, not how they learn or ship."""
