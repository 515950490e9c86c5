"""The runtime of a study: devices, hosts, signals, atomic files and progress."""
