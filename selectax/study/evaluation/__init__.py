"""Measuring networks whose weights are at hand: those of a sweep, or of a PyTorch file."""
