"""What is measured of a sequence: sounds ``[C, T]`` in, numbers out; no files, no settings."""
