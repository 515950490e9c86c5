"""The configuration of a sweep and of an evaluation: options, defaults and checks."""
