"""What measures compute on a device: statistics of a network, and corrupted images."""
