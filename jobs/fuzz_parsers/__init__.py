"""Bytes that nobody would write, through each of our own parsers: see ``__main__``."""
