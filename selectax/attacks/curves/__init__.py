"""Robust accuracy as a function of epsilon and of the number of steps."""
