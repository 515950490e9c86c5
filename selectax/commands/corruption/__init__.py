"""The command `corrupt`: its options, how it reads image files, and what it writes."""
