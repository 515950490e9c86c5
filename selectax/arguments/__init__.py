"""What arguments of public functions may be, one module a kind."""
