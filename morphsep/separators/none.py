"""``none``: the input already is a guitar, so the stem is the mix."""

from __future__ import annotations

from morphsep.dsp import Signal
from morphsep.separators.separator import Mix


class NoSeparation:
    """Gives the mix back as the stem; the backing is silence."""

    name = "none"
    description = "the input already is a guitar: stem = input"
    licence = "Apache-2.0"
    weights_hash: str | None = None
    exact = True

    def fingerprint(self) -> str:
        """Constant: the stem depends on the mix alone."""
        return "none/1"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The mix's samples [start, stop) at 44.1 kHz, ``[C, stop - start]``."""
        return mix.read(start, stop - start)
