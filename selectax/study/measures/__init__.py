"""What is measured of one trained network, one measure a module."""
