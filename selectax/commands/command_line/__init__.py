"""Code that all commands share: parsing, error messages and the environment."""
