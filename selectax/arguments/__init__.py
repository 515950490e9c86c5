"""Checks of the arguments of public functions, one module for each kind of argument."""
