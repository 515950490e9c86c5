"""What all commands share: parsing, error messages and the environment."""
