"""Measures networks that are trained already, from a sweep or from a PyTorch file."""
