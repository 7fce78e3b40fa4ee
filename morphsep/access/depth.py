"""The values that samples of an access copy can have, and how differences of such are written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morphsep.audio import OutputFormat

Exact = npt.NDArray[np.float64]
"""``[C, T]``, full scale = 1.0: every integer of 32 bits and every float32 is exact in it."""

SMALL = OutputFormat(format="FLAC", subtype="PCM_24", extension=".flac")
LARGE = OutputFormat(format="WAV", subtype="FLOAT", extension=".wav")
FINE = OutputFormat(format="WAV", subtype="DOUBLE", extension=".wav")
MOST_BITS = 24
"""Of integers whose differences fit SMALL; two of them apart by more than full scale fit LARGE,
whose steps are as small as those of 24 bits up to twice full scale."""


@dataclass(frozen=True, slots=True)
class Depth:
    """Integers of so many bits; or floats, which take any value."""

    bits: int | None
    is_float32: bool = False

    @classmethod
    def of(cls, form: OutputFormat) -> Depth:
        """That of a file."""
        return cls(form.bits, form.subtype == "FLOAT")

    def rounded(self, samples: Exact) -> Exact:
        """The nearest values, however large."""
        if self.bits is None:
            return samples.astype(np.float32).astype(np.float64) if self.is_float32 else samples
        full = 2.0 ** (self.bits - 1)
        whole: Exact = np.rint(samples * full)
        whole /= full
        return whole

    def settle(self, samples: Exact) -> Exact:
        """The nearest values that a file can hold; beyond full scale the largest."""
        if self.bits is None:
            return self.rounded(samples)
        return np.clip(self.rounded(samples), -1.0, self.largest)

    def overshoot(self, samples: Exact) -> float:
        """Above 1 where a file cannot hold these values: the largest over full scale."""
        if self.bits is None:
            return 0.0
        return max(float(samples.max(initial=0.0)) / self.largest, -float(samples.min(initial=0.0)))

    @property
    def largest(self) -> float:
        """The largest value of integers."""
        return 1.0 - 2.0 ** (1 - (self.bits or 64))

    @property
    def stored(self) -> OutputFormat:
        """A form that holds such samples."""
        kinds = {16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}
        floats = "FLOAT" if self.is_float32 else "DOUBLE"
        subtype = floats if self.bits is None else kinds[max(self.bits, 16)]
        return OutputFormat(format="WAV", subtype=subtype, extension=".wav")

    @property
    def forms(self) -> tuple[OutputFormat, ...]:
        """How differences are written: the first form that holds them."""
        return (SMALL, LARGE) if self.bits and self.bits <= MOST_BITS else (FINE,)


def holds(form: OutputFormat, samples: Exact) -> bool:
    """Whether a form can hold these differences."""
    return Depth.of(form).overshoot(samples) <= 1.0
