"""A run on disk: its folder, checkpoints, networks, results and curves."""
