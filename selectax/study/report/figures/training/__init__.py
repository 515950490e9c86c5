"""Figures of networks that were trained for robustness."""
