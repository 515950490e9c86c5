"""Batches, their order, augmentation and streaming."""
