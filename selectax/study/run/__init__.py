"""Files of a run: its folder, checkpoints, networks, results and curves."""
