"""Transformations that make Demucs faster, with the same result up to rounding."""
