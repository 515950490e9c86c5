"""What the study runs on: devices, hosts, signals, files and progress."""
