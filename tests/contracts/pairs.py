"""Which separators and backends contracts are tried over, and in which pairs."""

from __future__ import annotations

from itertools import product

BACKENDS = ("chain", "spectral", "crossfade", "vocoder")
SEPARATORS = ("none", "stem", "harmonic", "embedded", "demucs", "roformer", "ensemble")
HOSTED = ("roformer", "ensemble")
"""The same as demucs but for the model: tried with one backend."""
PAIRS = [
    ("none", "chain"),
    ("stem", "spectral"),
    ("harmonic", "vocoder"),
    ("embedded", "chain"),
    ("demucs", "crossfade"),
    ("roformer", "crossfade"),
    ("ensemble", "crossfade"),
]
"""A backend for each separator, and a separator for each backend: always tried."""
OTHER_PAIRS = [
    (separator, backend)
    for separator, backend in product(SEPARATORS, BACKENDS)
    if (separator, backend) not in PAIRS and separator not in HOSTED
]
"""What is left of the product: slow."""
