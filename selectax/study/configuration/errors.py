"""Defines the error for an invalid configuration."""


class ConfigurationError(ValueError):
    """A configuration is invalid. The message names the flag, its value and the remedy."""
