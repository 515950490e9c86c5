"""Reads weights of PyTorch files into the networks of `selectax.models`."""
