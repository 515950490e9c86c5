"""Official archives: finding, checking and reading them."""
