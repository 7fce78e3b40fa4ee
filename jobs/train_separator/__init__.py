"""Trains ``embedded``, the separator whose weights ship with the package."""
