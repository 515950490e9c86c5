"""The command `data`: its options and its tasks."""
