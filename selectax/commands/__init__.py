"""The commands sweep, evaluate, report, data and corrupt."""
