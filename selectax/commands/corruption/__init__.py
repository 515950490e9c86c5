"""The command `corrupt`: its options, its files and what it writes."""
