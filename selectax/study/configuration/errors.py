"""The error of a configuration that cannot be run."""


class ConfigurationError(ValueError):
    """A sentence that names a flag, its value and the remedy."""
