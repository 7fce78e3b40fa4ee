"""Some hundreds of odd files, and what becomes of each: see ``__main__``."""
