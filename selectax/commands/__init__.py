"""What is typed: the commands sweep, evaluate, data, corrupt and report."""
