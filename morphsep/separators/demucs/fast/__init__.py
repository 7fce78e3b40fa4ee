"""Transformations that make Demucs faster and leave its result as it is, to rounding."""
