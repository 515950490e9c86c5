"""Training: the loss, a step, an epoch, a population of networks, and its input."""
