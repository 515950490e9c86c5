"""Training methods: how a batch becomes the images that a network is trained on."""
