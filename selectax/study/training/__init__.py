"""Training: the loss, one step, one epoch, a population of networks, and its input."""
