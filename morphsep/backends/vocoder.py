"""Baseline: a channel vocoder (Dudley 1939) in the STFT domain.

The source is the carrier throughout: its fine structure and phase, in bands whose levels move in dB
to the target's. It cannot make partials that the source lacks, so the last part before amount 1
fades into the target itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.backends.backend import Passage
from morphsep.backends.ends import both_contexts, exact_ends
from morphsep.dsp import Bands, FrameGrid, Signal, Spectrum, erb_bands, power
from morphsep.tones import Tone

SILENCE = np.float32(1e-6)
"""Power of a band that counts as silent, about -115 dBFS."""

MOST = np.float32(np.log(10 ** (40 / 20)))
"""Largest change of a band's level, 40 dB: the carrier's noise is not turned up further."""

NEAR_END = 0.05
"""Last part of the amount's range that fades into the end itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocoder:
    """Source excitation under band envelopes between the source's and the target's."""

    n_fft: int = 2048
    hop: int = 512
    num_bands: int = 32

    @property
    def name(self) -> str:
        return "vocoder"

    @property
    def description(self) -> str:
        return "Baseline: channel vocoder, the source under the target's band envelopes."

    @property
    def licence(self) -> str:
        return "Apache-2.0"

    def fingerprint(self) -> str:
        return f"vocoder/1 n_fft={self.n_fft} hop={self.hop} bands={self.num_bands}"

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        before, after = both_contexts(source, target)
        return before + self.n_fft, after + self.n_fft

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        return [self._morph(each) for each in passages]

    def _morph(self, passage: Passage) -> Signal:
        grid = FrameGrid(
            start=passage.start,
            num_samples=passage.amount.shape[0],
            n_fft=self.n_fft,
            hop=self.hop,
        )
        bands = erb_bands(self.n_fft, self.num_bands)
        amounts = grid.averages(passage.amount)[:, None, None]
        source, target = grid.pad(passage.source), grid.pad(passage.target)
        morphed = np.zeros_like(source)
        for block in grid.blocks():
            carrier = grid.analyse(source, block)
            step = levels(grid.analyse(target, block), bands) - levels(carrier, bands)
            gain = np.float32(0.5) * amounts[block] * step
            grid.add(morphed, carrier * np.exp(np.minimum(gain, MOST) @ bands.to_bins), block)
        return exact_ends(grid.crop(morphed), passage, near=NEAR_END)


def levels(spectrum: Spectrum, bands: Bands) -> Signal:
    """Natural logarithm of the bands' powers, ``[F, C, num_bands]``."""
    result: Signal = np.log(power(spectrum) @ bands.to_bands + SILENCE)
    return result
