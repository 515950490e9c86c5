"""Robust accuracy as a curve, over epsilons and over numbers of steps."""
